//! `polder vacuum`: removes files that no version within the retention needs.

use std::time::Duration;

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::render::{self, plain};

/// A retention shorter than this is refused unless that is allowed.
const WEEK_HOURS: u64 = 7 * 24;

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
    #[arg(long, value_name = "N", default_value_t = WEEK_HOURS)]
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
        if retain_hours < WEEK_HOURS && !allow_short {
            let message = format!("a retention of {retain_hours} hours is shorter than a week, which is {WEEK_HOURS}");
            let hint = "readers and writers at work may still need the files; add `--allow-short` when there are none";
            return Err(Failure::new(Exit::Invalid, message, hint).into());
        }
        let retain = Duration::from_secs(retain_hours.saturating_mul(3600));
        let report = context.block_on(async { context.client().await?.vacuum(&dataset, retain, dry_run, allow_short).await })?;
        let mut text = String::new();
        if context.verbose || report.dry_run {
            text.extend(report.files.iter().map(|file| format!("{}\n", plain::line(file))));
        }
        let plural = if report.files.len() == 1 { "" } else { "s" };
        let done = if report.dry_run { "would be removed" } else { "removed" };
        render::text(&format!("{text}{} file{plural} {done}\n", report.files.len()))?;
        Ok(Exit::Ok)
    }
}
