//! `polder history`: the versions of a table.

use crate::context::Context;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form};

/// List the versions of a table, newest first
///
/// `select ... from TABLE version as of N` reads the table as it was.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder history finance.bronze.customer_v1
  polder history finance/customer/v1 --limit 3 --output json")]
pub(crate) struct Args {
    /// The table: catalog.schema.table, or domain/dataset/version
    dataset: String,

    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let commits = context.block_on(async { Ok(context.open().await?.history(&self.dataset, self.limit).await?) })?;
        if self.output == Form::Json {
            render::json(&commits.iter().map(|commit| &commit.info).collect::<Vec<_>>())?;
            return Ok(Exit::Ok);
        }
        let mut listing = Listing::new(["version>", "time", "operation"]);
        for commit in &commits {
            let time = commit.timestamp.map(super::time).unwrap_or_default();
            listing.row([commit.version.to_string(), time, commit.operation.clone()]);
        }
        render::text(&listing.text())?;
        Ok(Exit::Ok)
    }
}
