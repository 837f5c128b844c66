//! `UPDATE`, `DELETE` and `MERGE`: the queries of a change over the table that changes, and the commit of what they make.
//!
//! Rows are written anew as they are, so that only whoever sees the table whole and in clear changes rows of it: a mask would be written
//! into the table, a row that is hidden would be lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::{DataType as Arrow, Int64Type, UInt32Type};
use async_trait::async_trait;
use datafusion::catalog::TableProvider;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use polder_access::{Action, Permit};
use polder_engine::command::{Change, TARGET};
use polder_engine::{AsOf, QueryError, ResolveError, Resolved, ScalarValue, TableParts, Tables, VisibleTable};
use polder_lake::{FILE_COLUMN, Revised, Revision, WriteOptions};
use polder_model::job::WriteMode;
use polder_model::{Column, Securable, TableName};

use super::rows::{Target, check_types, unwritten};
use super::turns::Tries;
use super::{Answer, Done, answer, table_name};
use crate::error::{Error, ErrorKind};
use crate::governed::GovernedTables;
use crate::platform::Platform;
use crate::query::query_error;

/// The tables of a change: the one that changes, under a name of its own, and whatever else the statement names.
#[derive(Clone)]
struct ChangeTables {
    others: GovernedTables,
    permit: Permit,
    columns: Vec<Column>,
    target: Arc<dyn TableProvider>,
}

#[async_trait]
impl Tables for ChangeTables {
    async fn resolve(&self, name: &TableParts, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        if as_of.is_none() && name.parts() == [TARGET] {
            let (permit, columns) = (self.permit.clone(), self.columns.clone());
            return Ok(Resolved::Table { permit, columns, provider: Arc::clone(&self.target) });
        }
        self.others.resolve(name, as_of).await
    }

    fn list(&self) -> Vec<VisibleTable> {
        self.others.list()
    }
}

/// What a change came to.
enum Outcome {
    Done(Answer),
    Conflict,
}

impl Platform {
    /// Which values a change takes.
    pub(super) async fn change_takes(&self, change: &Change) -> Result<Vec<Option<Arrow>>, Error> {
        let target = self.target(&table_name(&change.table)?, "prepare").await?;
        let tables = self.tables_of(&target, &revision_of(&target)?).await?;
        self.checked_probe(change, &target, &tables).await
    }

    /// Changes rows.
    pub(super) async fn change_rows(&self, change: &Change, values: &[ScalarValue], sql: &str) -> Result<Answer, Error> {
        let name = table_name(&change.table)?;
        let mut tries = self.tries(&name, sql);
        loop {
            if let Outcome::Done(answer) = self.changed_once(change, values, &name, &mut tries).await? {
                return Ok(answer);
            }
        }
    }

    async fn changed_once(
        &self,
        change: &Change,
        values: &[ScalarValue],
        name: &TableName,
        tries: &mut Tries<'_>,
    ) -> Result<Outcome, Error> {
        let target = tries.next(|_| true).await?;
        let mut revision = revision_of(&target)?;
        let whole = self.tables_of(&target, &revision).await?;
        let taken = self.checked_probe(change, &target, &whole).await?.len();
        if taken != values.len() {
            let message = format!("the statement has {taken} parameters, and {} values came with it", values.len());
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("give a value for each of $1, $2, ..."));
        }
        let columns = &target.table.columns;
        let work = Work { platform: self, values, name };
        let mut affected = 0;
        let mut rows = Vec::new();
        let mut touched = whole.clone();
        if change.rewrites() {
            let (numbers, counted) = work.touched(&change.touched(FILE_COLUMN), &whole).await?;
            revision.touch(numbers.iter().copied());
            touched.target = revision.touched();
            affected = counted;
            if let Some(ambiguous) = change.ambiguous()
                && let count @ 1.. = work.count(&ambiguous, &touched).await?
            {
                let message = format!("{count} rows of {name} match more than one row of what is merged into it");
                return Err(
                    Error::new(ErrorKind::Invalid, message).with_hint("choose one row of the source for each, as by GROUP BY")
                );
            }
            if let Some(count) = change.affected() {
                affected = work.count(&count, &touched).await?;
            }
            if affected > 0 {
                let rewritten = change.rewritten(columns).map_err(query_error)?;
                rows.push(work.stream(&rewritten, &touched).await?);
            } else {
                // No row of the files that match changes: they stay.
                revision.touch([]);
            }
        }
        let inserted = change.inserted(columns).map_err(query_error)?;
        let added = Arc::new(AtomicU64::new(0));
        if let Some(inserted) = &inserted {
            // Files that match hold every row that does, and nothing of the others matters.
            let over = if change.rewrites() { &touched } else { &whole };
            rows.push(counting(work.stream(inserted, over).await?, &added));
        }
        if rows.is_empty() {
            return Ok(Outcome::Done(told(change, 0, target.handle.version())?));
        }
        let feed = match revision.keeps_changes() {
            true => Some(
                work.stream(&change.feed(columns).map_err(query_error)?, if change.rewrites() { &touched } else { &whole })
                    .await?,
            ),
            false => None,
        };
        self.record(&target.trail).await?;
        let options = WriteOptions { commit_info: target.notes(), ..WriteOptions::new(WriteMode::Overwrite) };
        let revised = Revised { operation: change.verb(), rows, feed, options };
        let staged = revision.stage(revised).await.map_err(|error| unwritten(name, error))?;
        let count = affected + added.load(Ordering::Relaxed);
        if count == 0 {
            staged.discard().await;
            return Ok(Outcome::Done(told(change, 0, target.handle.version())?));
        }
        Ok(match tries.commit(&target, staged).await? {
            Some(version) => Outcome::Done(told(change, count, version)?),
            None => Outcome::Conflict,
        })
    }

    /// The table that changes, whole, to whoever sees all of it, and the others.
    async fn tables_of(&self, target: &Target, revision: &Revision) -> Result<ChangeTables, Error> {
        let permit = self.sees_all(target).await?;
        let others = self.readable(target.metastore.clone(), target.caller.clone(), target.trail.clone());
        Ok(ChangeTables { others, permit, columns: target.table.columns.clone(), target: revision.whole() })
    }

    /// Sees that a caller who takes rows out of a table sees all of it in clear: else what is hidden would be lost unseen.
    pub(super) async fn sees_all(&self, target: &Target) -> Result<Permit, Error> {
        let name = &target.table.name;
        let securable = Securable::Table(name.clone());
        let permit = Self::permit(&target.metastore, &target.trail, &target.caller, Action::Read, &securable);
        self.record(&target.trail).await?;
        let permit = permit?;
        if permit.is_whole() {
            return Ok(permit);
        }
        let message =
            format!("rows of {name} are changed by those who see all of it in clear: some of it is masked or hidden for you");
        Err(Error::new(ErrorKind::Denied, message).with_hint("INSERT INTO adds rows without seeing others; or ask its owner"))
    }

    /// Sees that the values of a change fit their columns, and says which it takes.
    async fn checked_probe(&self, change: &Change, target: &Target, tables: &ChangeTables) -> Result<Vec<Option<Arrow>>, Error> {
        let probe = change.probe(&target.table.columns).map_err(query_error)?;
        let prepared = self.engine.prepare(&probe.sql, Arc::new(tables.clone())).await;
        self.record(&target.trail).await?;
        let prepared = prepared.map_err(query_error)?;
        check_types(&probe, &prepared.schema)?;
        Ok(prepared.parameters)
    }
}

fn revision_of(target: &Target) -> Result<Revision, Error> {
    target.handle.revise().map_err(|error| unwritten(&target.table.name, error))
}

fn told(change: &Change, count: u64, version: u64) -> Result<Answer, Error> {
    Ok(Answer::Done(Done { tag: change.verb(), rows: Some(count), told: answer::changed(count, version)? }))
}

/// The queries of one change.
struct Work<'a> {
    platform: &'a Platform,
    values: &'a [ScalarValue],
    name: &'a TableName,
}

impl Work<'_> {
    async fn stream(&self, sql: &str, tables: &ChangeTables) -> Result<SendableRecordBatchStream, Error> {
        let result = self.platform.engine.query_sharing(sql, self.values, Arc::new(tables.clone())).await;
        Ok(result.map_err(query_error)?.stream)
    }

    async fn collect(&self, sql: &str, tables: &ChangeTables) -> Result<Vec<arrow::array::RecordBatch>, Error> {
        let collected: Result<Vec<_>, _> = self.stream(sql, tables).await?.try_collect().await;
        collected.map_err(|error| query_error(QueryError::from(error)))
    }

    async fn count(&self, sql: &str, tables: &ChangeTables) -> Result<u64, Error> {
        let batches = self.collect(sql, tables).await?;
        let first =
            batches.iter().find(|batch| batch.num_rows() > 0).and_then(|batch| batch.column(0).as_primitive_opt::<Int64Type>());
        Ok(first.map_or(0, |counts| u64::try_from(counts.value(0)).unwrap_or_default()))
    }

    /// The numbers of the files that hold rows that change, and how many those are.
    async fn touched(&self, sql: &str, tables: &ChangeTables) -> Result<(Vec<u32>, u64), Error> {
        let (mut numbers, mut rows) = (Vec::new(), 0);
        for batch in self.collect(sql, tables).await? {
            let of = batch.column(0).as_primitive_opt::<UInt32Type>().map(|of| of.values().to_vec());
            let counts = batch.column(1).as_primitive_opt::<Int64Type>().map(|counts| counts.values().to_vec());
            let (Some(of), Some(counts)) = (of, counts) else {
                return Err(Error::new(ErrorKind::Failed, format!("cannot tell which files of {} change", self.name)));
            };
            numbers.extend(of);
            rows += counts.iter().map(|count| u64::try_from(*count).unwrap_or_default()).sum::<u64>();
        }
        Ok((numbers, rows))
    }
}

/// The same rows, counted as they pass.
fn counting(rows: SendableRecordBatchStream, count: &Arc<AtomicU64>) -> SendableRecordBatchStream {
    let (schema, count) = (rows.schema(), Arc::clone(count));
    let counted = rows.inspect(move |batch| {
        if let Ok(batch) = batch {
            count.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, counted))
}
