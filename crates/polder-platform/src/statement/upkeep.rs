//! `OPTIMIZE`, `VACUUM`, `DESCRIBE HISTORY` and `RESTORE`.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use polder_engine::{AsOf, TableParts};
use polder_lake::{MIN_RETENTION, WriteOptions};
use polder_model::job::WriteMode;

use super::{Answer, Done, answer, table_name};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// How many commits a history has that is not asked for more.
const HISTORY: usize = 1_000;

impl Platform {
    pub(super) async fn optimize_named(&self, table: &TableParts) -> Result<RecordBatch, Error> {
        let done = self.optimize(&table_name(table)?.to_string()).await?;
        let columns = [done.version, done.files_added, done.files_removed].map(|number| answer::numbers([number]));
        answer::rows(answer::optimized(), columns.to_vec())
    }

    /// Short retentions are the command line's, which asks twice.
    pub(super) async fn vacuum_named(&self, table: &TableParts, hours: Option<u64>, dry_run: bool) -> Result<RecordBatch, Error> {
        let retain = hours.map_or(MIN_RETENTION, |hours| Duration::from_secs(hours.saturating_mul(3_600)));
        let done = self.vacuum(&table_name(table)?.to_string(), retain, dry_run, false).await?;
        answer::rows(answer::vacuumed(), vec![answer::texts(done.files)])
    }

    pub(super) async fn history_named(&self, table: &TableParts, limit: Option<u64>) -> Result<RecordBatch, Error> {
        let limit = limit.map_or(HISTORY, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let commits = self.history(&table_name(table)?.to_string(), limit).await?;
        let times: TimestampMicrosecondArray =
            commits.iter().map(|commit| commit.timestamp.map(|at| at.timestamp_micros())).collect();
        let info = |info| serde_json::to_string(info).unwrap_or_default();
        let columns: Vec<ArrayRef> = vec![
            answer::numbers(commits.iter().map(|commit| commit.version)),
            Arc::new(times.with_timezone("UTC")),
            answer::texts(commits.iter().map(|commit| commit.operation.clone())),
            answer::texts(commits.iter().map(|commit| info(&commit.info))),
        ];
        answer::rows(answer::history(), columns)
    }

    /// Brings an older version of a table back, in a commit of its own.
    pub(super) async fn restore_table(&self, table: &TableParts, to: AsOf, sql: &str) -> Result<Answer, Error> {
        let name = table_name(table)?;
        let at = match to {
            AsOf::Version(version) => polder_lake::AsOf::Version(version),
            AsOf::Timestamp(time) => polder_lake::AsOf::Timestamp(time),
        };
        let mut tries = self.tries(&name, sql);
        loop {
            let target = tries.next(|_| true).await?;
            self.sees_all(&target).await?;
            let older = self.lake.open(&target.permit, &target.table, at).await;
            let older = older
                .doing(ErrorKind::NotFound, format!("{name} has no such state"))
                .map_err(|error| error.with_hint(format!("`DESCRIBE HISTORY {name}` lists its versions")))?;
            let options = WriteOptions { commit_info: target.notes(), ..WriteOptions::new(WriteMode::Overwrite) };
            let staged = target.handle.restore(&older, options).doing(ErrorKind::Invalid, format!("cannot restore {name}"))?;
            if let Some(version) = tries.commit(&target, staged).await? {
                let told = answer::told(format!("restored version {} as version {version}", older.version()))?;
                return Ok(Answer::Done(Done { tag: "RESTORE", rows: None, told }));
            }
        }
    }
}
