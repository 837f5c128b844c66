//! `polder optimize`: fewer, larger files, the same rows.

use crate::context::Context;
use crate::failure::Exit;
use crate::render;

/// Rewrite a table's small files into larger ones; the rows stay the same
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder optimize ecommerce.bronze.orders_v2")]
pub(crate) struct Args {
    /// The table: catalog.schema.table, or domain/dataset/version
    dataset: String,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let report = context.block_on(async { context.client().await?.optimize(&self.dataset).await })?;
        render::text(&match report.files_removed {
            0 => format!("{} has no small files to put together\n", self.dataset),
            removed => format!("{removed} files became {}, in version {}\n", report.files_added, report.version),
        })?;
        Ok(Exit::Ok)
    }
}
