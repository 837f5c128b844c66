//! The bookkeeping that makes every write happen exactly once.
//!
//! A write is planned as a numbered batch, with what goes into it, before anything is written. Its number is in the commit
//! (Delta's application transaction), so after a crash the table itself says whether the batch is in:
//!
//! ```text
//! plan batch n -> write files -> commit with (job, n) -> record batch n as done
//!              ^ crash: not in the table, done again     ^ crash: in the table, only recorded
//! ```

use polder_lake::{AppTransaction, WriteOptions};
use polder_model::job::WriteMode;
use polder_store::{Batch, FileSeen, PlannedBatch};

use super::sink::Sink;
use super::{Done, JobContext};
use crate::error::{Doing, Error, ErrorKind};

/// A batch that an earlier run planned and did not live to record.
pub(super) enum Earlier {
    /// There is none.
    None,
    /// Its commit is in the table: it is recorded as done now.
    Committed(Batch),
    /// Its commit is not in the table.
    Lost(Batch),
}

impl JobContext<'_> {
    /// Looks for a batch that was cut short, and records it when the table has it.
    pub(super) async fn earlier(&self, sink: &Sink<'_>) -> Result<Earlier, Error> {
        let platform = self.platform;
        let open = platform.store.open_batch(&platform.environment.name, &self.job.id).await;
        let Some(batch) = open.doing(ErrorKind::Unavailable, "cannot read the batches")? else { return Ok(Earlier::None) };
        if self.written(sink).await? >= batch.number {
            self.record(&batch).await?;
            return Ok(Earlier::Committed(batch));
        }
        Ok(Earlier::Lost(batch))
    }

    /// The number of the last batch that the table has; 0 when it has none.
    pub(super) async fn written(&self, sink: &Sink<'_>) -> Result<u64, Error> {
        let written = sink.handle.transaction_version(&self.app_id()).await;
        let written = written.doing(ErrorKind::Unavailable, format!("cannot read the log of {}", sink.table.name))?;
        Ok(written.and_then(|version| u64::try_from(version).ok()).unwrap_or(0))
    }

    /// Whether the tables have batches that the state does not know of: it was lost or put back from a copy, or another state
    /// writes to the same tables. What was in those batches nobody knows, so a job that adds rows could lose or double some.
    pub(super) async fn is_behind(&self, written: u64) -> Result<bool, Error> {
        let platform = self.platform;
        let last = platform.store.last_batch(&platform.environment.name, &self.job.id).await;
        Ok(written > last.doing(ErrorKind::Unavailable, "cannot read the batches")?)
    }

    /// Refuses to add rows where some may be in already.
    pub(super) fn behind(&self, sink: &Sink<'_>) -> Error {
        let message = format!(
            "{} has rows of {} that the state does not know of: it was lost or put back from a copy, or another state writes there too",
            sink.table.name,
            self.name()
        );
        let hint = match &self.copies {
            Some(_) => "name the files that are not in the table with FILES, and COPY_OPTIONS ('force' = 'true')".to_owned(),
            None => format!(
                "when all that the job would read now is in the table, say so: `polder run {} --adopt`; else mend the table first",
                self.job.id
            ),
        };
        Error::new(ErrorKind::Conflict, message).with_hint(hint)
    }

    /// Takes what the job would read now as read: the batch is the last one that the tables have.
    pub(super) async fn adopt(
        &self,
        sink: &Sink<'_>,
        contents: Vec<FileSeen>,
        written: u64,
        done: &mut Done,
    ) -> Result<Batch, Error> {
        if self.written(sink).await? < written {
            self.mark(sink, written, done).await?;
        }
        self.plan_batch(contents, written.saturating_sub(1)).await
    }

    /// Writes a batch's number into the sink's log, and no row: where the quarantine table is ahead, what is taken as read would
    /// else be in a batch that the sink does not have.
    async fn mark(&self, sink: &Sink<'_>, number: u64, done: &mut Done) -> Result<(), Error> {
        let writing = || format!("cannot write {}", sink.table.name);
        let options = WriteOptions { mode: WriteMode::Append, ..self.write_options(Some(self.transaction(number))) };
        let writer = sink.handle.append(options).doing(ErrorKind::Unavailable, writing())?;
        let nothing = writer.finish().await.doing(ErrorKind::Failed, writing())?;
        if self.commit(sink, nothing, done).await? { Ok(()) } else { Err(self.outpaced(sink)) }
    }

    /// Plans a batch, numbered after those that the tables have. There is no open one: [`Self::earlier`] comes first, and the job's
    /// lease keeps others out.
    pub(super) async fn plan_batch(&self, contents: Vec<FileSeen>, written: u64) -> Result<Batch, Error> {
        let platform = self.platform;
        let planned = platform.store.plan_batch(&platform.environment.name, &self.job.id, contents, written, self.now).await;
        polder_model::fault::point("run.planned");
        match planned.doing(ErrorKind::Unavailable, "cannot record what is about to be written")? {
            PlannedBatch::Planned(batch) => Ok(batch),
            PlannedBatch::Open(batch) => {
                let message = format!("batch {} of {} was planned by another run meanwhile", batch.number, self.name());
                Err(Error::new(ErrorKind::Conflict, message).with_hint("run it again"))
            }
        }
    }

    /// Records that a batch is in the table.
    pub(super) async fn record(&self, batch: &Batch) -> Result<(), Error> {
        let platform = self.platform;
        let done = platform.store.batch_done(&platform.environment.name, &self.job.id, batch.number, self.now).await;
        done.doing(ErrorKind::Unavailable, "cannot record what was written")
    }

    /// Records that a batch will never be in the table.
    pub(super) async fn give_up(&self, batch: &Batch) -> Result<(), Error> {
        let platform = self.platform;
        let given_up = platform.store.batch_given_up(&platform.environment.name, &self.job.id, batch.number, self.now).await;
        given_up.doing(ErrorKind::Unavailable, "cannot record that a batch is given up")
    }

    /// The transaction under which the batch of this number is committed.
    pub(super) fn transaction(&self, number: u64) -> AppTransaction {
        AppTransaction { app_id: self.app_id(), version: i64::try_from(number).unwrap_or(i64::MAX) }
    }

    /// Who writes, in a table's log.
    pub(super) fn app_id(&self) -> String {
        format!("polder/{}/{}", self.platform.environment.name, self.job.id)
    }
}
