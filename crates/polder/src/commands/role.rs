//! `polder role`: who administers.

use http::Method;
use polder_api::RoleSummary;
use polder_model::{PrincipalName, Role};

use crate::context::{Context, say};
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form};

/// Grant, list and take away the admin roles
///
/// account administers who there is, workspace what runs, metastore what there is. None of them sees data by itself. Account admins
/// alone change who has which.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder role grant platform-admins account
  polder role list
  polder role revoke ana@contoso.com metastore")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Grant(Grant),
    Revoke(Revoke),
    List(List),
}

/// Grant a role to a user, a service principal or a group
#[derive(Debug, clap::Args)]
struct Grant {
    /// Who
    principal: PrincipalName,
    /// account, workspace or metastore
    role: Role,
}

/// Take a role away
#[derive(Debug, clap::Args)]
struct Revoke {
    /// From whom
    principal: PrincipalName,
    /// account, workspace or metastore
    role: Role,
}

/// List who has which role
#[derive(Debug, clap::Args)]
struct List {
    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        context.block_on(async {
            let client = context.client().await?;
            match self.what {
                What::Grant(Grant { principal, role }) => {
                    client.change(Method::PUT, &["roles", principal.as_str(), role.as_str()]).await?;
                    say(format_args!("{principal} has the role {role}"));
                }
                What::Revoke(Revoke { principal, role }) => {
                    client.change(Method::DELETE, &["roles", principal.as_str(), role.as_str()]).await?;
                    say(format_args!("{principal} no longer has the role {role}"));
                }
                What::List(List { output }) => show(&client.get::<Vec<RoleSummary>>("/api/v1/roles").await?, output)?,
            }
            Ok(Exit::Ok)
        })
    }
}

fn show(roles: &[RoleSummary], output: Form) -> anyhow::Result<()> {
    if output == Form::Json {
        return render::json(&roles);
    }
    let mut listing = Listing::new(["principal", "role", "granted", "by"]);
    for role in roles {
        listing.row([role.principal.to_string(), role.role.to_string(), super::time(role.granted), role.granted_by.clone()]);
    }
    render::text(&listing.text())
}
