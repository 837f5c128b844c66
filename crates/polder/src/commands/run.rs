//! `polder run`: runs jobs and shows what came of each.

use polder_api::{RunOutcome, RunReport, RunRequest};
use polder_model::JobId;

use crate::context::Context;
use crate::failure::{Exit, Failure};
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
  polder run --all -e dev --personal
  polder run marketing/most_spending_customers --force
  polder run --all --output json")]
pub(crate) struct Args {
    /// The job, by its domain and its name
    #[arg(value_name = "DOMAIN/JOB", required_unless_present = "all")]
    job: Option<String>,

    /// Every job of the mesh
    #[arg(long, conflicts_with = "job")]
    all: bool,

    /// Run even if no input has changed
    #[arg(long)]
    force: bool,

    /// After polder's state was lost or put back from a copy: take what the job would read now as read, and write nothing
    #[arg(long, requires = "job", conflicts_with = "force")]
    adopt: bool,

    /// Run your personal copies of jobs, as you; `polder apply --personal` makes them
    #[arg(long, conflicts_with = "adopt")]
    personal: bool,

    /// How many jobs may run side by side
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,

    /// The form of the result
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let job = self.job.as_deref().map(|job| named(job, context)).transpose()?.map(|job| job.to_string());
        let request =
            RunRequest { job, force: self.force, adopt: self.adopt, personal: self.personal, parallel: Some(self.parallel) };
        let jobs = progress::Jobs::new();
        let reports = context.block_on(async {
            let client = context.client().await?;
            client.run(&request, |event| jobs.show(event)).await
        })?;
        match self.output {
            Form::Text => render::text(&text(&reports))?,
            Form::Json => render::json(&reports)?,
        }
        Ok(exit(&reports))
    }
}

/// The job of this name. A text that is no job's name is answered with the jobs of the mesh that it may mean.
fn named(text: &str, context: &Context) -> anyhow::Result<JobId> {
    let wrong = match text.parse() {
        Ok(id) => return Ok(id),
        Err(wrong) => wrong,
    };
    let like: Vec<String> = jobs_like(text, context).iter().map(|id| format!("`polder run {id}`")).collect();
    let hint = if like.is_empty() {
        "`polder run --all` runs every job that you may start".to_owned()
    } else {
        format!("did you mean {}?", like.join(" or "))
    };
    let failure =
        Failure::new(Exit::Invalid, format!("{text:?} names no job: write its domain and its name, as domain/job"), hint);
    Err(if text.contains('/') { failure.because(wrong) } else { failure }.into())
}

/// The jobs that the mesh's files have under such a name; none where the files cannot be read.
fn jobs_like(text: &str, context: &Context) -> Vec<JobId> {
    let files = context.root().ok().and_then(|root| polder_platform::read_files(&root).ok());
    let name = text.rsplit('/').next().unwrap_or(text);
    files.map_or_else(Vec::new, |(files, _)| polder_descriptor::parse(files).0.jobs_like(name))
}

/// How the command ends: a job that failed counts for more than one that is running already, and what either keeps back for nothing.
fn exit(reports: &[RunReport]) -> Exit {
    let any = |is: fn(&RunOutcome) -> bool| reports.iter().any(|report| is(&report.outcome));
    if any(|outcome| matches!(outcome, RunOutcome::Failed { .. })) {
        Exit::Failed
    } else if any(|outcome| matches!(outcome, RunOutcome::Busy { .. })) {
        Exit::Conflict
    } else {
        Exit::Ok
    }
}
