//! `polder run`: runs jobs and shows what came of each.

use polder_model::JobId;
use polder_platform::{RunOptions, RunOutcome, RunReport, Selection};

use crate::context::Context;
use crate::failure::Exit;
use crate::render::{self, Form, progress};

mod report;

pub(crate) use report::text;

/// Run a job, or all of them in the order of their dependencies
///
/// Jobs that do not depend on one another run side by side. A job whose inputs have not changed since it last succeeded is
/// skipped, and said so. The checks of a dataset run before its commit becomes visible: when one fails the table stays as it was.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  polder run finance/load_customer
  polder run --all
  polder run marketing/most_spending_customers --force
  polder run --all --output json")]
pub(crate) struct Args {
    /// The job, as <domain>/<job>
    #[arg(value_name = "DOMAIN/JOB", required_unless_present = "all")]
    job: Option<JobId>,

    /// Every job of the mesh
    #[arg(long, conflicts_with = "job")]
    all: bool,

    /// Run even if no input has changed
    #[arg(long)]
    force: bool,

    /// How many jobs may run side by side
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let selection = self.job.map_or(Selection::All, Selection::One);
        let options = RunOptions { force: self.force, parallel: usize::from(self.parallel) };
        let jobs = progress::Jobs::new();
        let reports = context.block_on(async {
            let platform = context.open().await?;
            Ok(platform.run(selection, options, &|event| jobs.show(event)).await?)
        })?;
        match self.output {
            Form::Text => render::text(&text(&reports))?,
            Form::Json => render::json(&reports)?,
        }
        Ok(if reports.iter().all(RunReport::is_well) { Exit::Ok } else { Exit::Failed })
    }
}

/// Whether a run ended as it should.
trait Well {
    fn is_well(&self) -> bool;
}

impl Well for RunReport {
    fn is_well(&self) -> bool {
        matches!(self.outcome, RunOutcome::Succeeded | RunOutcome::Skipped { .. })
    }
}
