//! The sink of a job: opened for writing, checked before it changes, committed once.

use polder_access::{Action, Permit};
use polder_api::{CheckReport, RunEvent};
use polder_lake::{AppTransaction, AsOf, Committed, Staged, TableHandle, WriteOptions};
use polder_model::resource::Table;
use polder_model::{Resource, Securable, TableName};

use super::verify::Checking;
use super::{Done, JobContext};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;
use crate::statement::{Turn, notes};

/// How often a write is staged again when others write to the same table.
pub(super) const WRITE_ATTEMPTS: u32 = 10;

/// A table that a job writes.
pub(super) struct Sink<'a> {
    pub(super) table: &'a Table,
    pub(super) permit: Permit,
    pub(super) handle: TableHandle,
}

impl JobContext<'_> {
    /// Opens the job's sink for writing.
    pub(super) async fn sink(&self) -> Result<Sink<'_>, Error> {
        let sink = self
            .job
            .sink
            .as_ref()
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("job {} has no sink to write to", self.job.id)))?;
        self.writable(&sink.table).await
    }

    /// Opens a table for writing.
    pub(super) async fn writable(&self, name: &TableName) -> Result<Sink<'_>, Error> {
        let securable = Securable::Table(name.clone());
        let permit = Platform::permit(&self.metastore, &self.trail, &self.caller, Action::Write, &securable)?;
        let Some(Resource::Table(table)) = self.metastore.table_or_view(name) else {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no table {name}")));
        };
        let opened = self.platform.lake.open(&permit, table, AsOf::Latest).await;
        let handle = opened.doing(ErrorKind::Unavailable, format!("cannot open {name} for writing"))?;
        Ok(Sink { table, permit, handle })
    }

    /// How a write of this job is committed: with its number, so that the table itself knows whether it is done.
    pub(super) fn write_options(&self, transaction: Option<AppTransaction>) -> WriteOptions {
        let mut commit_info = notes(&self.caller);
        if self.copies.is_none() {
            commit_info.insert("polder.job".to_owned(), self.job.id.to_string());
        }
        WriteOptions { mode: self.job.write.clone(), transaction, commit_info }
    }

    /// Rereads the sink after somebody else's write came first, in a turn that this job has among the process's writers from then on.
    pub(super) async fn after_others(&self, sink: &Sink<'_>, turn: &mut Option<Turn>) -> Result<(), Error> {
        let name = &sink.table.name;
        if turn.is_none() {
            *turn = Some(self.platform.queues.turn(name).await);
        }
        sink.handle.refresh().await.doing(ErrorKind::Unavailable, format!("cannot reread {name}"))
    }

    /// Others were always faster.
    pub(super) fn outpaced(&self, sink: &Sink<'_>) -> Error {
        let message = format!("other writers came first {WRITE_ATTEMPTS} times at {}", sink.table.name);
        Error::new(ErrorKind::Conflict, message).with_hint("run it again when they have ended")
    }

    pub(super) fn phase(&self, phase: &'static str) {
        (self.observer)(RunEvent::Phase { job: self.job.id.clone(), phase: phase.to_owned() });
    }

    /// Whether the sink's checks hold of a staged write.
    pub(super) async fn check(&self, sink: &Sink<'_>, staged: &Staged, done: &mut Done) -> Result<bool, Error> {
        self.phase("checking");
        let checking = Checking { engine: &self.platform.engine, table: sink.table, permit: &sink.permit, now: self.now };
        done.checks = checking.verify(staged).await?;
        let holds = done.checks.iter().all(|check| check.passed);
        if !holds {
            done.failed = Some(failed_checks(&sink.table.name, &done.checks));
        }
        Ok(holds)
    }

    /// Commits a staged write whose checks hold. When another writer came first it is not visible, and has to be staged again.
    pub(super) async fn commit(&self, sink: &Sink<'_>, staged: Staged, done: &mut Done) -> Result<bool, Error> {
        let name = &sink.table.name;
        let (rows, bytes) = (staged.rows(), staged.bytes());
        self.phase("committing");
        self.platform.record(&self.trail).await?;
        polder_model::fault::point("run.commit");
        // What checks have seen must be what becomes visible, so a checked write does not slide behind another one.
        let committed = if sink.table.checks.is_empty() { staged.commit().await } else { staged.commit_if_unchanged().await };
        let committed = committed.doing(ErrorKind::Unavailable, format!("cannot commit to {name}"))?;
        self.platform.hot.note_change();
        polder_model::fault::point("run.committed");
        match committed {
            Committed::Committed { version, .. } | Committed::AlreadyDone { version } => {
                done.output_version = Some(version);
                done.rows += rows;
                done.bytes += bytes;
                Ok(true)
            }
            Committed::Conflict { .. } => Ok(false),
        }
    }
}

pub(crate) fn failed_checks(name: &TableName, checks: &[CheckReport]) -> String {
    let failed: Vec<String> =
        checks.iter().filter(|c| !c.passed).map(|c| format!("{} ({} found)", c.name, c.failing_rows)).collect();
    format!("checks on {name} do not hold, so the table is as it was: {}", failed.join(", "))
}
