//! Running jobs: in the order of what they read and write, independent ones side by side, each once.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use futures::stream::{FuturesUnordered, StreamExt};
use polder_access::{Action, Caller};
use polder_api::{CheckReport, RunEvent, RunOutcome, RunReport, RunStatus};
use polder_catalog::Metastore;
use polder_model::job::{Job, Work};
use polder_model::text::with_causes;
use polder_model::{JobId, Resource, Securable, TableName};
use polder_schedule::{JobGraph, Outcome, Schedule};
use polder_store::{Batch, DatasetVersion, NewRun, RunDetails, RunEnd, RunId, Store};

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::lease_guard::LeaseGuard;
use crate::platform::Platform;
use crate::{process, views};

mod batch;
mod checks;
pub(crate) mod copy;
mod ingest;
pub(crate) mod sink;
mod sql;
pub(crate) mod verify;

/// Which jobs to run.
#[derive(Debug, Clone)]
pub enum Selection {
    /// This one, whatever it reads.
    One(JobId),
    /// Every job that polder itself runs.
    All,
}

/// How to run them.
#[derive(Debug, Clone, Copy)]
pub struct RunOptions {
    /// Runs jobs whose inputs are unchanged, too.
    pub force: bool,
    /// Takes what a job would read as read where its sink has more of the job than the state knows of, and writes nothing there.
    pub adopt: bool,
    /// Runs the caller's personal copies of jobs.
    pub personal: bool,
    /// How many jobs may be at work at once.
    pub parallel: usize,
}

/// The lease that a job's run holds, so that it is at work once.
pub(crate) fn job_lease(environment: &polder_model::EnvironmentName, job: &JobId) -> String {
    format!("run {environment} {job}")
}

/// Told of every event.
pub type RunObserver<'a> = &'a (dyn Fn(RunEvent) + Send + Sync);

/// What a job's run works with.
pub(crate) struct JobContext<'a> {
    pub(crate) platform: &'a Platform,
    pub(crate) metastore: Arc<Metastore>,
    pub(crate) trail: Arc<AuditTrail>,
    pub(crate) job: &'a Job,
    /// The service principal that the job runs as.
    pub(crate) caller: Caller,
    pub(crate) force: bool,
    pub(crate) adopt: bool,
    pub(crate) now: DateTime<Utc>,
    pub(crate) observer: RunObserver<'a>,
    /// What it is that runs where it is no job that is declared, but a statement that loads files.
    pub(crate) copies: Option<copy::Rules>,
}

/// What a job's run came to, whether it wrote or not.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) skipped: Option<String>,
    pub(crate) failed: Option<String>,
    /// Whether it failed for being at work elsewhere.
    pub(crate) busy: bool,
    pub(crate) inputs: Vec<DatasetVersion>,
    pub(crate) output_version: Option<u64>,
    /// How many files were loaded.
    pub(crate) files: usize,
    pub(crate) rows: u64,
    pub(crate) rejected: u64,
    pub(crate) bytes: u64,
    pub(crate) checks: Vec<CheckReport>,
    pub(crate) warnings: Vec<String>,
    pub(crate) durations_millis: BTreeMap<String, u64>,
    pub(crate) fingerprint: String,
    /// The batch that is in the sink, to be recorded as done once the run is.
    pub(crate) batch: Option<Batch>,
}

impl Done {
    /// Notes how long a part took.
    fn took(&mut self, part: &str, since: Instant) {
        let millis = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        *self.durations_millis.entry(part.to_owned()).or_default() += millis;
    }
}

impl Platform {
    /// Runs jobs. What one job comes to is in its report; an error means that none was started.
    ///
    /// # Errors
    /// When a job is not there, cannot be run by polder, or may not be started by the caller.
    pub async fn run(
        &self,
        selection: Selection,
        options: RunOptions,
        observer: RunObserver<'_>,
    ) -> Result<Vec<RunReport>, Error> {
        let trail = Arc::new(self.trail("run"));
        let reports = self.run_audited(selection, options, observer, &trail).await;
        self.record(&trail).await?;
        reports
    }

    /// Whoever may write a job's sink may start it. A job whose sink is hidden is answered as one that is not there.
    fn may_start(&self, metastore: &Metastore, trail: &AuditTrail, caller: &Caller, job: &Job) -> Result<(), Error> {
        let Some(sink) = &job.sink else { return Ok(()) };
        match Self::permit(metastore, trail, caller, Action::Write, &Securable::Table(sink.table.clone())) {
            Err(error) if error.kind() == ErrorKind::NotFound => Err(no_such_job(&job.id, &self.environment.name)),
            other => other.map(drop),
        }
    }

    /// The caller's copies of jobs, and of what is selected. A job may be named as its original is.
    async fn own_copies(&self, caller: &Caller, selection: Selection) -> Result<(Vec<Cow<'static, Job>>, Selection), Error> {
        let (jobs, prefix) = self.personal_jobs(&caller.principal.name).await?;
        let selection = match selection {
            Selection::All => Selection::All,
            Selection::One(id) => {
                let copy = prefix.job(&id).filter(|copy| jobs.iter().any(|job| job.id == *copy));
                let is_copy = jobs.iter().any(|job| job.id == id);
                let none = || {
                    Error::new(ErrorKind::NotFound, format!("there is no personal copy of a job {id}")).with_hint(
                        "`polder apply --personal` makes one of a job that the files change, or that fills what they change",
                    )
                };
                Selection::One(copy.or_else(|| is_copy.then_some(id.clone())).ok_or_else(none)?)
            }
        };
        Ok((jobs.into_iter().map(Cow::Owned).collect(), selection))
    }

    async fn run_audited(
        &self,
        selection: Selection,
        options: RunOptions,
        observer: RunObserver<'_>,
        trail: &Arc<AuditTrail>,
    ) -> Result<Vec<RunReport>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        if let Some(hint) = self.hint_if_empty(&metastore) {
            return Err(Error::new(ErrorKind::NotFound, "there are no jobs").with_hint(hint));
        }
        let interrupted = self.store.interrupt_dead_runs(&self.environment.name, Utc::now(), &process::is_dead).await;
        interrupted.doing(ErrorKind::Unavailable, "cannot read the runs")?;
        let (jobs, selection) = match options.personal {
            true => self.own_copies(&caller, selection).await?,
            false => (applied_jobs(&metastore), selection),
        };
        let jobs: Vec<&Job> = jobs.iter().map(AsRef::as_ref).collect();
        let selected = select(&jobs, &selection, &self.environment.name)?;
        let selected = startable(&selection, selected, |job| self.may_start(&metastore, trail, &caller, job))?;
        self.record(trail).await?;
        let lookup = |name: &TableName| metastore.table_or_view(name);
        let seen_through: Vec<Cow<'_, Job>> = jobs.iter().map(|job| views::seen_through(job, &lookup)).collect();
        let all =
            JobGraph::new(seen_through.iter().map(AsRef::as_ref)).doing(ErrorKind::Invalid, "the jobs cannot be put in order")?;
        let mut schedule = Schedule::new(&all, selected.iter().map(|job| job.id.clone()), options.parallel.max(1));
        let by_id: BTreeMap<&JobId, &Job> = selected.iter().map(|job| (&job.id, *job)).collect();
        let mut at_work = FuturesUnordered::new();
        let mut reports = Vec::new();
        loop {
            for id in schedule.ready() {
                let Some(job) = by_id.get(&id) else { continue };
                let caller = run_as(&metastore, job, &caller)?;
                let (metastore, trail) = (metastore.clone(), trail.clone());
                at_work.push(async move {
                    let context = JobContext {
                        platform: self,
                        metastore,
                        trail,
                        job,
                        caller,
                        force: options.force,
                        adopt: options.adopt,
                        now: Utc::now(),
                        observer,
                        copies: None,
                    };
                    context.run().await
                });
            }
            let Some(report) = at_work.next().await else { break };
            schedule.finished(&report.job, outcome(&report.outcome));
            observer(RunEvent::Finished(report.clone()));
            reports.push(report);
        }
        for (job, by) in schedule.blocked() {
            let report = blocked(job, by);
            observer(RunEvent::Finished(report.clone()));
            reports.push(report);
        }
        let wrote = |report: &&RunReport| report.outcome == RunOutcome::Succeeded;
        let sinks = reports.iter().filter(wrote).filter_map(|report| by_id.get(&report.job)?.sink.as_ref());
        drop(self.keep_copies(&metastore, &sinks.map(|sink| sink.table.clone()).collect()).await);
        Ok(reports)
    }
}

const fn outcome(outcome: &RunOutcome) -> Outcome {
    match outcome {
        RunOutcome::Succeeded => Outcome::Succeeded,
        RunOutcome::Skipped { .. } => Outcome::Skipped,
        RunOutcome::Failed { .. } | RunOutcome::Busy { .. } | RunOutcome::Blocked { .. } => Outcome::Failed,
    }
}

fn applied_jobs(metastore: &Metastore) -> Vec<Cow<'_, Job>> {
    let jobs = metastore.resources().values().filter_map(|resource| match &**resource {
        Resource::Job(job) => Some(Cow::Borrowed(job.as_ref())),
        _ => None,
    });
    jobs.collect()
}

fn select<'j>(
    jobs: &[&'j Job],
    selection: &Selection,
    environment: &polder_model::EnvironmentName,
) -> Result<Vec<&'j Job>, Error> {
    match selection {
        Selection::All => Ok(jobs.iter().copied().filter(|job| !matches!(job.work, Work::External { .. })).collect()),
        Selection::One(id) => {
            let job = jobs.iter().copied().find(|job| job.id == *id).ok_or_else(|| no_such_job(id, environment))?;
            if let Work::External { kind, .. } = &job.work {
                let message = format!("job {id} is of framework {kind}, which polder plans and does not run");
                return Err(Error::new(ErrorKind::Invalid, message).with_hint("run it where its framework runs"));
            }
            Ok(vec![job])
        }
    }
}

/// The jobs that the caller may start: the one that was named, or of all those that it may. When it may start none, it is told why.
fn startable<'j>(
    selection: &Selection,
    jobs: Vec<&'j Job>,
    may_start: impl Fn(&Job) -> Result<(), Error>,
) -> Result<Vec<&'j Job>, Error> {
    let mut refusals = Vec::new();
    let startable: Vec<&Job> =
        jobs.into_iter().filter(|job| may_start(job).map_err(|error| refusals.push(error)).is_ok()).collect();
    if !startable.is_empty() || refusals.is_empty() {
        return Ok(startable);
    }
    let told = refusals.iter().position(|error| error.kind() == ErrorKind::Denied);
    match (selection, told) {
        (Selection::All, None) => Err(Error::new(ErrorKind::NotFound, "there is no job that you may start")
            .with_hint("whoever may write a job's sink may start it")),
        (_, told) => Err(refusals.swap_remove(told.unwrap_or_default())),
    }
}

fn no_such_job(id: &JobId, environment: &polder_model::EnvironmentName) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no job {id} in environment {environment}, or you may not know of it"))
        .with_hint("a job is there once it is applied: `polder apply`; `polder run --all` runs every one that you may start")
}

fn run_as(metastore: &Metastore, job: &Job, starter: &Caller) -> Result<Caller, Error> {
    let Some(name) = &job.run_as else { return Ok(starter.clone()) };
    let principal = metastore.authorizer().principal(name).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("job {} runs as {name}, and there is no such principal", job.id))
    })?;
    Ok(Caller::new(principal))
}

fn blocked(job: JobId, by: JobId) -> RunReport {
    RunReport {
        job,
        outcome: RunOutcome::Blocked { by },
        inputs: Vec::new(),
        output: None,
        rows: 0,
        rejected: 0,
        bytes: 0,
        seconds: 0.0,
        checks: Vec::new(),
        warnings: Vec::new(),
    }
}

impl JobContext<'_> {
    /// Runs the job and records the run, whatever comes of it.
    async fn run(&self) -> RunReport {
        let started = Instant::now();
        (self.observer)(RunEvent::Started { job: self.job.id.clone() });
        let done = match self.recorded().await {
            Ok(done) => done,
            Err(error) => {
                let busy = error.kind() == ErrorKind::Conflict;
                Done { failed: Some(self.explain(&error)), busy, ..Done::default() }
            }
        };
        self.report(done, started.elapsed().as_secs_f64())
    }

    /// What it is called.
    fn name(&self) -> String {
        match (&self.copies, &self.job.sink) {
            (Some(_), Some(sink)) => format!("COPY INTO {}", sink.table),
            _ => format!("job {}", self.job.id),
        }
    }

    fn explain(&self, error: &Error) -> String {
        let hint = error.hint().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
        format!("{}{hint}", with_causes(error))
    }

    async fn recorded(&self) -> Result<Done, Error> {
        let platform = self.platform;
        let environment = &platform.environment.name;
        let _guard = self.alone().await?;
        let new = NewRun {
            environment: environment.clone(),
            job: self.job.id.clone(),
            principal: self.caller.principal.clone(),
            holder: process::holder(),
            started: self.now,
        };
        let unrecorded = "cannot record the run";
        let run = platform.store.start_run(new).await.doing(ErrorKind::Unavailable, unrecorded)?;
        let given_up = GivenUp { store: platform.store.clone(), run: Some(run.id) };
        let done = match self.work().await {
            Ok(done) => done,
            Err(error) => Done { failed: Some(self.explain(&error)), ..Done::default() },
        };
        given_up.it_was_not();
        polder_model::fault::point("run.finish");
        let end = end_of(&done);
        platform.store.finish_run(run.id, end).await.doing(ErrorKind::Unavailable, unrecorded)?;
        polder_model::fault::point("run.finished");
        // In this order: a batch that is done and whose run is not recorded would be written again by the next run.
        if let Some(batch) = &done.batch {
            self.record(batch).await?;
        }
        Ok(done)
    }

    async fn work(&self) -> Result<Done, Error> {
        match &self.job.work {
            Work::Ingest(source) => self.ingest(source).await,
            Work::Sql { text, .. } => self.transform(text).await,
            Work::External { kind, .. } => Err(Error::new(ErrorKind::Invalid, format!("polder does not run framework {kind}"))),
        }
    }

    /// Keeps a second run of the same job out until the guard is dropped.
    async fn alone(&self) -> Result<LeaseGuard, Error> {
        let name = job_lease(&self.platform.environment.name, &self.job.id);
        LeaseGuard::take(&self.platform.store, &name, &format!("{} is already running", self.name())).await
    }

    fn report(&self, done: Done, seconds: f64) -> RunReport {
        let outcome = match (done.failed, done.skipped) {
            (Some(error), _) if done.busy => RunOutcome::Busy { error },
            (Some(error), _) => RunOutcome::Failed { error },
            (None, Some(why)) => RunOutcome::Skipped { why },
            (None, None) => RunOutcome::Succeeded,
        };
        let table = self.job.sink.as_ref().map(|sink| sink.table.to_string());
        RunReport {
            job: self.job.id.clone(),
            outcome,
            inputs: done.inputs.into_iter().map(|input| (input.dataset.to_string(), input.version)).collect(),
            output: table.zip(done.output_version),
            rows: done.rows,
            rejected: done.rejected,
            bytes: done.bytes,
            seconds,
            checks: done.checks,
            warnings: done.warnings,
        }
    }
}

/// Says of a run whose work is dropped, as that of a cancelled operation is, that it was interrupted.
struct GivenUp {
    store: Store,
    run: Option<RunId>,
}

impl GivenUp {
    fn it_was_not(mut self) {
        self.run = None;
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        let Some(run) = self.run else { return };
        let store = self.store.clone();
        let end = RunEnd { status: RunStatus::Interrupted, finished: Utc::now(), details: RunDetails::default() };
        // Where nothing runs any more, as at the end of the process, the next look finds it dead.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = store.finish_run(run, end).await {
                    tracing::warn!(%error, "a run that was given up could not be marked");
                }
            });
        }
    }
}

fn end_of(done: &Done) -> RunEnd {
    let status = match (&done.failed, &done.skipped) {
        (Some(error), _) => RunStatus::Failed { error: error.clone() },
        (None, Some(why)) => RunStatus::Skipped { why: why.clone() },
        (None, None) => RunStatus::Succeeded,
    };
    RunEnd {
        status,
        finished: Utc::now(),
        details: RunDetails {
            inputs: done.inputs.clone(),
            output_version: done.output_version,
            rows: done.rows,
            quarantined_rows: done.rejected,
            bytes: done.bytes,
            durations_millis: done.durations_millis.clone(),
            checks: serde_json::to_value(&done.checks).unwrap_or_default(),
            fingerprint: done.fingerprint.clone(),
        },
    }
}
