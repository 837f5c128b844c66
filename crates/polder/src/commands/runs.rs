//! `polder runs`: what ran, when, as whom, and what came of it.

use crate::context::Context;
use crate::failure::Exit;
use crate::render::listing::Listing;
use crate::render::{self, Form, units};

/// List the runs of jobs, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder runs
  polder runs --limit 5 --output json")]
pub(crate) struct Args {
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u32,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let runs = context.block_on(async { Ok(context.open().await?.runs(self.limit).await?) })?;
        if self.output == Form::Json {
            render::json(&runs)?;
            return Ok(Exit::Ok);
        }
        let mut listing = Listing::new(["started", "job", "outcome", "as", "rows>", "quarantined>", "seconds>", "version>"]);
        for run in &runs {
            let seconds = run.finished.map(|finished| (finished - run.started).as_seconds_f64());
            listing.row([
                super::time(run.started),
                run.job.to_string(),
                run.status.as_str().to_owned(),
                run.principal.name.to_string(),
                units::count(run.rows),
                units::count(run.quarantined_rows),
                seconds.map(|seconds| format!("{seconds:.2}")).unwrap_or_default(),
                run.output_version.map(|version| version.to_string()).unwrap_or_default(),
            ]);
        }
        render::text(&listing.text())?;
        Ok(Exit::Ok)
    }
}
