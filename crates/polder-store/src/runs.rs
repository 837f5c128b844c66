//! The runs of jobs: started, ended, found again.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, JobId};

use crate::error::{Result, StoreError};
use crate::journal::id_at;
use crate::lease::IsDead;
use crate::run::{NewRun, RunEnd, RunId, RunRecord, RunStatus};
use crate::store::Store;
use crate::work::{Work, as_bigint, time_text};

/// Which runs. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Only this job's.
    pub job: Option<JobId>,
    /// Only those whose status has this word.
    pub status: Option<&'static str>,
    /// Only those that began then or later.
    pub since: Option<DateTime<Utc>>,
}

impl Store {
    /// Records that a run begins.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn start_run(&self, new: NewRun) -> Result<RunRecord> {
        let run = RunRecord::start(RunId(id_at(new.started)), new);
        let mut work = self.write("recording that a run begins").await?;
        let sql = sqlx::query("insert into runs (id, environment, job, status, started, record) values ($1, $2, $3, $4, $5, $6)");
        let sql = sql.bind(run.id.to_string()).bind(run.environment.to_string()).bind(run.job.to_string());
        let sql = sql.bind(run.status.as_str()).bind(time_text(run.started)).bind(text(&work, &run)?);
        work.run(sql).await?;
        work.commit().await?;
        Ok(run)
    }

    /// Records what came of a run.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when no run of this id is running: it has ended, or was found interrupted.
    pub async fn finish_run(&self, id: RunId, end: RunEnd) -> Result<RunRecord> {
        let mut work = self.write("recording what came of a run").await?;
        let sql = sqlx::query("select record from runs where id = $1 and status = 'running'").bind(id.to_string());
        let row = work.row(sql).await?;
        let row =
            row.ok_or_else(|| StoreError::Missing { place: work.place.to_string(), what: format!("run {id} that is running") })?;
        let run: RunRecord = row.json("record")?;
        let run = run.end(end);
        update(&mut work, &run).await?;
        work.commit().await?;
        Ok(run)
    }

    /// Marks the runs of dead processes as interrupted, and returns them.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn interrupt_dead_runs(
        &self,
        environment: &EnvironmentName,
        now: DateTime<Utc>,
        is_dead: IsDead<'_>,
    ) -> Result<Vec<RunRecord>> {
        // Seldom is there one: the writers are not kept waiting to find that out.
        if self.runs(environment, &RunFilter { status: Some("running"), ..RunFilter::default() }, 1).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut work = self.write("marking interrupted runs").await?;
        let sql = sqlx::query("select record from runs where environment = $1 and status = 'running' order by started");
        let mut interrupted = Vec::new();
        for row in work.rows(sql.bind(environment.to_string())).await? {
            let run: RunRecord = row.json("record")?;
            if is_dead(&run.holder) {
                let run = RunRecord { status: RunStatus::Interrupted, finished: Some(now), ..run };
                update(&mut work, &run).await?;
                interrupted.push(run);
            }
        }
        work.commit().await?;
        Ok(interrupted)
    }

    /// Returns a job's latest run that succeeded.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn last_success(&self, environment: &EnvironmentName, job: &JobId) -> Result<Option<RunRecord>> {
        let filter = RunFilter { job: Some(job.clone()), status: Some("succeeded"), since: None };
        Ok(self.runs(environment, &filter, 1).await?.pop())
    }

    /// Returns the latest runs that a filter lets through, newest first.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn runs(&self, environment: &EnvironmentName, filter: &RunFilter, limit: u32) -> Result<Vec<RunRecord>> {
        let mut work = self.read("reading the runs").await?;
        let sql = sqlx::query(
            "select record from runs where environment = $1 and ($2 = '' or job = $2) and ($3 = '' or status = $3) \
             and started >= $4 order by started desc, id desc limit $5",
        );
        let sql = sql.bind(environment.to_string()).bind(filter.job.as_ref().map(ToString::to_string).unwrap_or_default());
        let sql = sql.bind(filter.status.unwrap_or_default()).bind(filter.since.map(time_text).unwrap_or_default());
        let rows = work.rows(sql.bind(as_bigint(limit.into()))).await?;
        rows.iter().map(|row| row.json("record")).collect()
    }
}

async fn update(work: &mut Work, run: &RunRecord) -> Result<()> {
    let sql = sqlx::query("update runs set status = $2, record = $3 where id = $1");
    let sql = sql.bind(run.id.to_string()).bind(run.status.as_str()).bind(text(work, run)?);
    work.run(sql).await?;
    Ok(())
}

fn text(work: &Work, run: &RunRecord) -> Result<String> {
    serde_json::to_string(run).map_err(|e| StoreError::unreadable(&work.place, format!("run {}", run.id), e))
}
