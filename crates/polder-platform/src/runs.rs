//! The runs of jobs, as one caller may know of them.

use chrono::Utc;
use polder_access::{Action, Caller, Decision};
use polder_api::{Input, RunStatus, RunSummary, Wrote};
use polder_catalog::Metastore;
use polder_model::{Address, Kind, Resource, Securable};
use polder_store::{RunFilter, RunRecord};

use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;
use crate::process;

impl Platform {
    /// The latest runs, newest first, of the sinks that the caller may know of.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunSummary>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let interrupted = self.store.interrupt_dead_runs(&self.environment.name, Utc::now(), &process::is_dead).await;
        interrupted.doing(ErrorKind::Unavailable, "cannot read the runs")?;
        let read = self.store.runs(&self.environment.name, &RunFilter::default(), limit).await;
        let runs = read.doing(ErrorKind::Unavailable, "cannot read the runs")?;
        Ok(runs.into_iter().filter_map(|run| summary(&metastore, &caller, run)).collect())
    }
}

/// A run as the caller may know of it; `None` when it may not know of its sink.
fn summary(metastore: &Metastore, caller: &Caller, run: RunRecord) -> Option<RunSummary> {
    let sink = match metastore.resources().get(&Address::new(Kind::Job, &run.job)).map(AsRef::as_ref) {
        Some(Resource::Job(job)) => job.sink.as_ref().map(|sink| Securable::Table(sink.table.clone())),
        _ => None,
    };
    let Some(sink) = sink else { return caller.local_admin.then(|| whole(run)) };
    let authorizer = metastore.authorizer();
    let may = |action| authorizer.authorize(caller, action, &sink).is_allowed();
    let mut summary = authorizer.visible(caller, &sink).then(|| whole(run))?;
    if may(Action::Maintain) || may(Action::Inspect) {
        return Some(summary);
    }
    // What a check or an error says of rows is left for those who may write them, and how many there are for those who see all.
    summary.checks = serde_json::Value::Null;
    if let RunStatus::Failed { error } = &mut summary.status {
        *error = "the reason is shown to those who may write its sink".to_owned();
    }
    let sees_all = matches!(authorizer.authorize(caller, Action::Read, &sink), Decision::Allowed(permit) if permit.row_conditions().is_none());
    summary.wrote = summary.wrote.filter(|_| sees_all);
    Some(summary)
}

fn whole(run: RunRecord) -> RunSummary {
    let details = run.details;
    let wrote = Wrote { rows: details.rows, quarantined_rows: details.quarantined_rows, bytes: details.bytes };
    RunSummary {
        id: run.id.to_string(),
        job: run.job,
        principal: run.principal.name,
        started: run.started,
        finished: run.finished,
        status: run.status,
        inputs: details.inputs.into_iter().map(|input| Input { dataset: input.dataset, version: input.version }).collect(),
        output_version: details.output_version,
        wrote: Some(wrote),
        durations_millis: details.durations_millis,
        checks: details.checks,
    }
}
