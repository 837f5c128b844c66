//! `polder vacuum`: removes files that no version within the retention needs.

use std::time::Duration;

use crate::context::Context;
use crate::failure::Exit;
use crate::render;

/// Remove files of a table that no version within the retention needs
///
/// Time travel to versions older than the retention ends with it. A retention shorter than a week is refused, for a query or a
/// write that runs meanwhile may still need the files, unless `--allow-short` says otherwise.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder vacuum ecommerce.bronze.orders_v2 --dry-run
  polder vacuum ecommerce.bronze.orders_v2 --retain-hours 336")]
pub(crate) struct Args {
    /// The table: catalog.schema.table, or domain/dataset/version
    dataset: String,

    /// How long files are kept after the version that last needed them
    #[arg(long, value_name = "N", default_value_t = 168)]
    retain_hours: u64,

    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,

    /// Allow a retention shorter than a week
    #[arg(long)]
    allow_short: bool,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Self { dataset, retain_hours, dry_run, allow_short } = self;
        let retain = Duration::from_secs(retain_hours.saturating_mul(3600));
        let report =
            context.block_on(async { Ok(context.open().await?.vacuum(&dataset, retain, dry_run, allow_short).await?) })?;
        let mut text = String::new();
        if context.verbose || report.dry_run {
            text.extend(report.files.iter().map(|file| format!("{file}\n")));
        }
        let plural = if report.files.len() == 1 { "" } else { "s" };
        let done = if report.dry_run { "would be removed" } else { "removed" };
        render::text(&format!("{text}{} file{plural} {done}\n", report.files.len()))?;
        Ok(Exit::Ok)
    }
}
