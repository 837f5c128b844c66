//! `polder token`: tokens for programs and scripts.

use chrono::{DateTime, Utc};
use polder_api::{NewToken, Page, TokenMade, TokenSummary};
use polder_model::PrincipalName;

use crate::client::Client;
use crate::context::{Context, say};
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form};

/// Make, list and revoke tokens
///
/// A token stands for you, or for a service principal, and is good for no more than its scopes. It is shown once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder token create --label 'notebook' --scope read,query
  polder token create --label 'nightly load' --scope read,query,write --principal loader --days 30
  polder token create --label 'Entra ID' --scope scim
  polder token list
  polder token revoke 0123456789abcdef")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Make a token; it alone is written to stdout
#[derive(Debug, clap::Args)]
struct Create {
    /// What it is for
    #[arg(long, value_name = "WORDS")]
    label: String,

    /// What it is good for: read, query, write, apply, admin; or scim alone
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',', required = true)]
    scopes: Vec<String>,

    /// For how many days [default: 90]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: Option<u32>,

    /// The service principal that it stands for; account admins name one [default: you]
    #[arg(long, value_name = "PRINCIPAL")]
    principal: Option<PrincipalName>,
}

/// List tokens, those that have ended too
#[derive(Debug, clap::Args)]
struct List {
    /// Everybody's; for account admins
    #[arg(long)]
    all: bool,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

/// Revoke a token, for ever
#[derive(Debug, clap::Args)]
struct Revoke {
    /// Its id: the part after polder_pat_ or polder_svc_, as `polder token list` shows it
    id: String,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        context.block_on(async {
            let client = context.client().await?;
            match self.what {
                What::Create(args) => args.run(&client).await,
                What::List(args) => args.run(&client).await,
                What::Revoke(args) => args.run(&client).await,
            }
        })
    }
}

impl Create {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let Self { label, scopes, days, principal } = self;
        let made: TokenMade = client.post("/api/v1/tokens", &NewToken { label, scopes, days, principal }).await?;
        let TokenSummary { principal, scopes, expires, id, .. } = made.summary;
        let until = expires.map_or_else(String::new, |end| format!(", until {}", super::time(end)));
        say(format_args!("token {id} of {principal} for {}{until}; it is shown this once:", scopes.join(", ")));
        render::exact(&format!("{}\n", made.token))?;
        Ok(Exit::Ok)
    }
}

impl List {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        let mut tokens: Vec<TokenSummary> = Vec::new();
        let mut cursor = String::new();
        loop {
            let page: Page<TokenSummary> = client.get(&format!("/api/v1/tokens?all={}&limit=1000{cursor}", self.all)).await?;
            tokens.extend(page.items);
            match page.next_cursor {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        match self.output {
            Form::Json => render::json(&tokens)?,
            Form::Text => {
                let mut listing = Listing::new(["id", "principal", "label", "scopes", "until", "used"]);
                let now = Utc::now();
                for token in &tokens {
                    listing.row([
                        token.id.clone(),
                        token.principal.to_string(),
                        token.label.clone(),
                        token.scopes.join(" "),
                        until(token, now),
                        token.used.map_or_else(|| "never".to_owned(), super::time),
                    ]);
                }
                render::text(&listing.text())?;
            }
        }
        Ok(Exit::Ok)
    }
}

fn until(token: &TokenSummary, now: DateTime<Utc>) -> String {
    match (token.revoked, token.expires) {
        (Some(_), _) => "revoked".to_owned(),
        (None, None) => "it is revoked".to_owned(),
        (None, Some(end)) if end <= now => "expired".to_owned(),
        (None, Some(end)) => super::time(end),
    }
}

impl Revoke {
    async fn run(self, client: &Client) -> anyhow::Result<Exit> {
        client.change(http::Method::DELETE, &["tokens", &self.id]).await?;
        say(format_args!("token {} is revoked", self.id));
        Ok(Exit::Ok)
    }
}
