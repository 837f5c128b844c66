//! A job that is a query: reads its sources at one version each, masked as its principal may see them, and writes its sink.

use std::sync::Arc;
use std::time::Instant;

use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt;
use polder_engine::{AliasedTables, QueryError, QueryResult, ResolveError};
use polder_lake::Write;
use polder_model::job::{DatasetRef, WriteMode};
use polder_model::resource::View;
use polder_model::{Resource, TableName};
use polder_schedule::{Freshness, LastRun, unchanged};
use polder_store::{Batch, DatasetVersion, FileSeen, RunRecord};
use sha2::{Digest, Sha256};

use super::batch::Earlier;
use super::sink::{Sink, WRITE_ATTEMPTS};
use super::{Done, JobContext};
use crate::error::{Doing, Error, ErrorKind};
use crate::governed::GovernedTables;
use crate::views;

/// The name under which a batch keeps the job's own fingerprint, beside the versions of its sources.
const JOB_ITSELF: &str = "job";

/// What became of a staged write.
enum Written {
    /// It is visible.
    Committed,
    /// Checks do not hold; nothing changed.
    Refused,
    /// Another writer came first; stage again.
    Again,
}

/// The sources of a run, opened.
struct Sources {
    tables: AliasedTables,
    /// The tables, those under views included, each with the version that the run reads.
    inputs: Vec<DatasetVersion>,
    /// The tables' own ids, in the order of their names.
    ids: Vec<String>,
    /// The queries of the views that are read.
    views: Vec<String>,
    /// Whether some of them read another database, of which nobody knows whether it has changed.
    foreign: bool,
}

impl JobContext<'_> {
    /// Runs the job's query, unless nothing that it depends on has changed.
    pub(super) async fn transform(&self, sql: &str) -> Result<Done, Error> {
        let sources = self.sources(sql).await?;
        let sink = self.sink().await?;
        let fingerprint = self.fingerprint(sql, &sources);
        let mut done = Done { inputs: sources.inputs.clone(), fingerprint: fingerprint.clone(), ..Done::default() };
        let contents = contents(&sources, &fingerprint);
        let last = self.last_success().await?;
        match self.earlier(&sink).await? {
            Earlier::Committed(batch) if batch.files == contents && !is_recorded(&batch, last.as_ref()) => {
                done.output_version = Some(sink.handle.version());
                done.warnings.push("an earlier run was cut short after its commit; its output is in place".to_owned());
                return Ok(done);
            }
            Earlier::Lost(batch) => self.give_up(&batch).await?,
            Earlier::Committed(_) | Earlier::None => {}
        }
        let written = self.written(&sink).await?;
        let behind = self.is_behind(written).await?;
        if behind && self.adopt {
            let batch = self.adopt(&sink, contents, written, &mut done).await?;
            done.output_version = Some(sink.handle.version());
            done.warnings.push("nothing was written: its sources as they are now count as read".to_owned());
            done.batch = Some(batch);
            return Ok(done);
        }
        if behind && self.job.write == WriteMode::Append && !self.force {
            return Err(self.behind(&sink));
        }
        if !self.force
            && !sources.foreign
            && let Freshness::Unchanged { reason } = self.freshness(&sources, &fingerprint, last.as_ref(), &sink)
        {
            done.skipped = Some(reason);
            return Ok(done);
        }
        let batch = self.plan_batch(contents, written).await?;
        self.write(sql, &sources, &sink, &batch, &mut done).await?;
        Ok(done)
    }

    async fn write(&self, sql: &str, sources: &Sources, sink: &Sink<'_>, batch: &Batch, done: &mut Done) -> Result<(), Error> {
        let started = Instant::now();
        let mut turn = None;
        for _ in 0..WRITE_ATTEMPTS {
            match self.write_once(sql, sources, sink, batch, done).await? {
                Written::Again => self.after_others(sink, &mut turn).await?,
                Written::Committed => {
                    done.batch = Some(batch.clone());
                    done.took("write", started);
                    return Ok(());
                }
                Written::Refused => return self.give_up(batch).await,
            }
        }
        Err(self.outpaced(sink))
    }

    async fn write_once(
        &self,
        sql: &str,
        sources: &Sources,
        sink: &Sink<'_>,
        batch: &Batch,
        done: &mut Done,
    ) -> Result<Written, Error> {
        self.phase("reading");
        let rows = without_values(self.query(sql, &sources.tables).await?.stream);
        let options = self.write_options(Some(self.transaction(batch.number)));
        let write = Write { mode: options.mode, rows, transaction: options.transaction, commit_info: options.commit_info };
        let staged = sink.handle.stage(write).await;
        let staged = staged.doing(ErrorKind::Failed, format!("cannot write {}", sink.table.name))?;
        polder_model::fault::point("run.staged");
        match self.check(sink, &staged, done).await {
            Ok(true) => {}
            Ok(false) => {
                staged.discard().await;
                return Ok(Written::Refused);
            }
            Err(error) => {
                staged.discard().await;
                self.give_up(batch).await?;
                return Err(error);
            }
        }
        Ok(if self.commit(sink, staged, done).await? { Written::Committed } else { Written::Again })
    }

    async fn query(&self, sql: &str, tables: &AliasedTables) -> Result<QueryResult, Error> {
        let result = self.platform.engine.query(sql, Arc::new(tables.clone())).await;
        result.doing(ErrorKind::Invalid, format!("cannot run the query of job {}", self.job.id))
    }

    async fn sources(&self, sql: &str) -> Result<Sources, Error> {
        let governed = GovernedTables::new(self.platform, self.metastore.clone(), self.caller.clone(), self.trail.clone());
        let mut tables = AliasedTables::default();
        for source in &self.job.sources {
            let opened = governed.open(&source.table, None).await;
            let resolved = opened.map_err(|error| {
                let message = format!("{} cannot read source {} ({})", self.caller.principal, source.dataset, source.table);
                match error {
                    ResolveError::NotFound | ResolveError::Denied { .. } => Error::new(ErrorKind::Denied, message)
                        .with_source(error)
                        .with_hint(format!("grant it to a group that {} is in, in access/", self.caller.principal.name)),
                    other => Error::new(ErrorKind::Unavailable, message).with_source(other),
                }
            })?;
            tables = tables.with(&source.alias, resolved);
        }
        // Planning the query opens the tables under its views, at the version that it will read.
        drop(self.query(sql, &tables).await?);
        let (mut inputs, mut ids) = (Vec::new(), Vec::new());
        for (name, opened) in governed.opened() {
            if let Some(Resource::Table(table)) = self.metastore.table_or_view(&name) {
                inputs.push(DatasetVersion { dataset: table.dataset.clone(), version: opened.version() });
            }
            ids.extend(opened.id());
        }
        let views = self.views();
        let lookup = |name: &TableName| self.metastore.table_or_view(name);
        let is_foreign = |source: &DatasetRef| matches!(lookup(&source.table), Some(Resource::ForeignTable(_)));
        let foreign = self.job.sources.iter().any(is_foreign) || views.iter().any(|view| views::reads_foreign(view, &lookup));
        let views = views.into_iter().map(|view| view.sql.clone()).collect();
        Ok(Sources { tables, inputs, ids, views, foreign })
    }

    /// The views among the sources, and the views below those.
    fn views(&self) -> Vec<&View> {
        let lookup = |name: &TableName| self.metastore.table_or_view(name);
        let sources = self.job.sources.iter().filter_map(|source| match lookup(&source.table) {
            Some(Resource::View(view)) => Some(view),
            _ => None,
        });
        let with_those_below = |view| views::below(view, &lookup).views.into_iter().chain([view]);
        sources.flat_map(with_those_below).collect()
    }

    fn freshness(&self, sources: &Sources, fingerprint: &str, last: Option<&RunRecord>, sink: &Sink<'_>) -> Freshness {
        let pairs = |inputs: &[DatasetVersion]| inputs.iter().map(|i| (i.dataset.to_string(), i.version)).collect::<Vec<_>>();
        let then = last.and_then(|run| run.details.output_version);
        let now = Some(sink.handle.version());
        // Rows that were added stay, whoever else writes or tidies up: adding them again would double them.
        let output = if self.job.write == WriteMode::Append && now >= then { then } else { now };
        let last = last.map(|run| LastRun {
            inputs: pairs(&run.details.inputs),
            fingerprint: run.details.fingerprint.clone(),
            output_version: run.details.output_version,
        });
        unchanged(&pairs(&sources.inputs), fingerprint, last.as_ref(), output)
    }

    async fn last_success(&self) -> Result<Option<RunRecord>, Error> {
        let read = self.platform.store.last_success(&self.platform.environment.name, &self.job.id).await;
        read.doing(ErrorKind::Unavailable, "cannot read the runs")
    }

    /// The job, its query and which tables it reads through which views in one hash: with the same one and the same versions it
    /// makes the same. A table that was made anew counts its versions from the beginning.
    fn fingerprint(&self, sql: &str, sources: &Sources) -> String {
        let job = serde_json::to_string(self.job).unwrap_or_default();
        let hash = Sha256::new().chain_update(job).chain_update([0]).chain_update(sql);
        let parts = sources.ids.iter().chain(&sources.views);
        hex::encode(parts.fold(hash, |hash, part| hash.chain_update([0]).chain_update(part)).finalize())
    }
}

/// The same rows, whose errors quote none of them: what a run comes to is read by people who may not see its sources.
fn without_values(rows: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let quiet = |error| DataFusionError::External(Box::new(QueryError::from(error).without_values()));
    Box::pin(RecordBatchStreamAdapter::new(rows.schema(), rows.map_err(quiet)))
}

/// What goes into a batch: each source at its version, and the job itself; sorted as the store keeps them.
fn contents(sources: &Sources, fingerprint: &str) -> Vec<FileSeen> {
    let seen = |path: String, fingerprint: String| FileSeen { path, fingerprint, size_bytes: 0, modified: None };
    let mut contents: Vec<FileSeen> =
        sources.inputs.iter().map(|input| seen(input.dataset.to_string(), input.version.to_string())).collect();
    contents.push(seen(JOB_ITSELF.to_owned(), fingerprint.to_owned()));
    contents.sort_by(|a, b| (&a.path, &a.fingerprint).cmp(&(&b.path, &b.fingerprint)));
    contents
}

/// Whether the run that wrote a batch is recorded as a success: then it died between that record and the batch's own.
fn is_recorded(batch: &Batch, last: Option<&RunRecord>) -> bool {
    last.and_then(|run| run.finished).is_some_and(|finished| finished >= batch.planned)
}
