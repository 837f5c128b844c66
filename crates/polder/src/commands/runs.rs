//! `polder runs`: what ran, when, as whom, and what came of it.

use super::latest::Latest;
use crate::context::Context;
use crate::failure::Exit;
use crate::render::units;

/// List the runs of jobs, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder runs
  polder runs --limit 5 --output json")]
pub(crate) struct Args {
    #[command(flatten)]
    latest: Latest,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let runs = context.block_on(async { context.client().await?.runs(self.latest.limit).await })?;
        let headings = ["started", "job", "outcome", "as", "rows>", "quarantined>", "seconds>", "version>"];
        self.latest.show(
            &runs,
            |run| run,
            headings,
            |run| {
                let seconds = run.finished.map(|finished| (finished - run.started).as_seconds_f64());
                [
                    super::time(run.started),
                    run.job.to_string(),
                    run.status.as_str().to_owned(),
                    run.principal.to_string(),
                    run.wrote.map(|wrote| units::count(wrote.rows)).unwrap_or_default(),
                    run.wrote.map(|wrote| units::count(wrote.quarantined_rows)).unwrap_or_default(),
                    seconds.map(|seconds| format!("{seconds:.2}")).unwrap_or_default(),
                    run.output_version.map(|version| version.to_string()).unwrap_or_default(),
                ]
            },
        )
    }
}
