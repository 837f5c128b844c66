//! `polder explain`: why something is allowed or refused.

use polder_model::PrincipalName;

use crate::context::Context;
use crate::failure::Exit;
use crate::render::{self, Form};

/// Say why something is allowed or refused
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder explain access ana finance.bronze.customer_v1
  polder explain access otto finance/customer/v1 --output json")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    Access(AccessArgs),
}

/// Say whether a principal may read a dataset, through which group and grant, and what it sees masked
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder explain access ana finance.bronze.customer_v1
  polder explain access analysts marketing.gold.most_spending_customers_v1")]
struct AccessArgs {
    /// A user, service principal or group
    principal: PrincipalName,

    /// The dataset: catalog.schema.table, or domain/dataset/version
    dataset: String,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let What::Access(AccessArgs { principal, dataset, output }) = self.what;
        let explanation = context.block_on(async { context.client().await?.explain_access(&principal, &dataset).await })?;
        match output {
            Form::Text => render::text(&format!("{explanation}\n"))?,
            Form::Json => render::json(&explanation)?,
        }
        Ok(Exit::Ok)
    }
}
