//! A job that is a query: reads its sources at one version each, masked as its principal may see them, and writes its sink.

use std::sync::Arc;
use std::time::Instant;

use polder_engine::AliasedTables;
use polder_lake::Write;
use polder_model::job::WriteMode;
use polder_schedule::{Freshness, LastRun, unchanged};
use polder_store::{Batch, DatasetVersion, FileSeen, RunRecord};
use sha2::{Digest, Sha256};

use super::batch::Earlier;
use super::sink::{Sink, WRITE_ATTEMPTS, Written};
use super::{Done, JobContext};
use crate::error::{Doing, Error, ErrorKind};
use crate::governed::GovernedTables;

/// The name under which a batch keeps the job's own fingerprint, beside the versions of its sources.
const JOB_ITSELF: &str = "job";

/// The sources of a run, opened.
struct Sources {
    tables: AliasedTables,
    inputs: Vec<DatasetVersion>,
    /// The tables' own ids, in the order of their names.
    ids: Vec<String>,
}

impl JobContext<'_> {
    /// Runs the job's query, unless nothing that it depends on has changed.
    pub(super) async fn transform(&self, sql: &str) -> Result<Done, Error> {
        let sources = self.sources().await?;
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
        if !self.force
            && let Freshness::Unchanged { reason } = self.freshness(&sources, &fingerprint, last.as_ref(), &sink)
        {
            done.skipped = Some(reason);
            return Ok(done);
        }
        let batch = self.plan_batch(contents).await?;
        self.write(sql, &sources, &sink, &batch, &mut done).await?;
        Ok(done)
    }

    async fn write(&self, sql: &str, sources: &Sources, sink: &Sink<'_>, batch: &Batch, done: &mut Done) -> Result<(), Error> {
        let started = Instant::now();
        for _ in 0..WRITE_ATTEMPTS {
            match self.write_once(sql, sources, sink, batch, done).await? {
                Written::Again => {}
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
        let result = self.platform.engine.query(sql, Arc::new(sources.tables.clone())).await;
        let rows = result.doing(ErrorKind::Invalid, format!("cannot run the query of job {}", self.job.id))?.stream;
        let options = self.write_options(Some(self.transaction(batch)));
        let write = Write { mode: options.mode, rows, transaction: options.transaction, commit_info: options.commit_info };
        let staged = sink.handle.stage(write).await;
        let staged = staged.doing(ErrorKind::Failed, format!("cannot write {}", sink.table.name))?;
        polder_model::fault::point("run.staged");
        if !self.check(sink, &staged, done).await? {
            staged.discard().await;
            return Ok(Written::Refused);
        }
        self.commit(sink, staged, done).await
    }

    async fn sources(&self) -> Result<Sources, Error> {
        let governed =
            GovernedTables::new(self.metastore.clone(), self.platform.lake.clone(), self.caller.clone(), self.trail.clone());
        let mut tables = AliasedTables::default();
        for source in &self.job.sources {
            let opened = governed.open(&source.table, None).await;
            let resolved = opened.map_err(|error| {
                Error::new(ErrorKind::Denied, format!("{} cannot read source {}", self.caller.principal, source.dataset))
                    .with_source(error)
                    .with_hint(format!("grant it to a group that {} is in, in access/", self.caller.principal.name))
            })?;
            tables = tables.with(&source.alias, resolved);
        }
        let opened = governed.opened();
        let version = |source: &polder_model::job::DatasetRef| {
            Some(DatasetVersion { dataset: source.dataset.clone(), version: opened.get(&source.table)?.version })
        };
        let inputs = self.job.sources.iter().filter_map(version).collect();
        let ids = opened.into_values().filter_map(|table| table.id).collect();
        Ok(Sources { tables, inputs, ids })
    }

    fn freshness(&self, sources: &Sources, fingerprint: &str, last: Option<&RunRecord>, sink: &Sink<'_>) -> Freshness {
        let pairs = |inputs: &[DatasetVersion]| inputs.iter().map(|i| (i.dataset.to_string(), i.version)).collect::<Vec<_>>();
        let then = last.and_then(|run| run.output_version);
        let now = Some(sink.handle.version());
        // Rows that were added stay, whoever else writes or tidies up: adding them again would double them.
        let output = if self.job.write == WriteMode::Append && now >= then { then } else { now };
        let last = last.map(|run| LastRun {
            inputs: pairs(&run.inputs),
            fingerprint: run.fingerprint.clone(),
            output_version: run.output_version,
        });
        unchanged(&pairs(&sources.inputs), fingerprint, last.as_ref(), output)
    }

    async fn last_success(&self) -> Result<Option<RunRecord>, Error> {
        let read = self.platform.store.last_success(&self.platform.environment.name, &self.job.id).await;
        read.doing(ErrorKind::Unavailable, "cannot read the runs")
    }

    /// The job, its query and which tables it reads in one hash: with the same one and the same versions it makes the same. A
    /// table that was made anew counts its versions from the beginning.
    fn fingerprint(&self, sql: &str, sources: &Sources) -> String {
        let job = serde_json::to_string(self.job).unwrap_or_default();
        let hash = Sha256::new().chain_update(job).chain_update([0]).chain_update(sql);
        hex::encode(sources.ids.iter().fold(hash, |hash, id| hash.chain_update([0]).chain_update(id)).finalize())
    }
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
