//! An open table: read at the version it was opened at, and written commit after commit without being opened again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use deltalake_core::DeltaTable;
use futures::StreamExt;
use polder_access::Action;
use polder_model::job::WriteMode;
use polder_model::{TableName, fault};
use serde_json::Value;

use crate::background::Background;
use crate::commit::Staged;
use crate::encode::{Encoder, Target};
use crate::error::{Error, Result, Source};
use crate::place::Place;
use crate::provider::FileTable;
use crate::snapshot::{Facts, Snapshot};
use crate::write::{AppendWriter, Write, WriteOptions};
use crate::{log, protocol};

/// Which version of a table to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOf {
    /// The newest.
    #[default]
    Latest,
    /// The one with this number.
    Version(u64),
    /// The newest that is not newer than this time.
    Timestamp(DateTime<Utc>),
}

/// How large a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSize {
    /// Its rows; `None` when a file does not say.
    pub rows: Option<u64>,
    /// The bytes of its files, without those of older versions.
    pub bytes: u64,
    /// Its files.
    pub files: u64,
}

/// One commit of a table's history.
#[derive(Debug, Clone, PartialEq)]
pub struct CommitInfo {
    /// The version it made.
    pub version: u64,
    /// When, if it says so.
    pub timestamp: Option<DateTime<Utc>>,
    /// What was done: `WRITE`, `MERGE`, `OPTIMIZE`, ...
    pub operation: String,
    /// All that was noted about it, the above included.
    pub info: BTreeMap<String, Value>,
}

/// An open table. Clones are the same handle: a commit through one moves all of them on.
#[derive(Clone)]
pub struct TableHandle {
    pub(crate) shared: Arc<Shared>,
}

/// What the clones of a handle, and what is staged through them, have in common.
pub(crate) struct Shared {
    pub(crate) table: TableName,
    pub(crate) place: Place,
    pub(crate) action: Action,
    /// Whether it was opened at the newest version, so that it may be written.
    pub(crate) is_latest: bool,
    /// The table as the Delta library has it, at the version at which it was opened; `None` for a folder of Parquet files.
    pub(crate) delta: Option<DeltaTable>,
    pub(crate) background: Background,
    current: Mutex<Arc<Snapshot>>,
    /// Application transactions as of the version at which the table was opened.
    recorded: Mutex<HashMap<String, Option<i64>>>,
}

impl Shared {
    pub(crate) fn new(
        table: TableName,
        place: Place,
        action: Action,
        is_latest: bool,
        background: Background,
        opened: (Snapshot, Option<DeltaTable>),
    ) -> Self {
        let (snapshot, delta) = opened;
        let current = Mutex::new(Arc::new(snapshot));
        Self { table, place, action, is_latest, delta, background, current, recorded: Mutex::default() }
    }

    pub(crate) fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Moves on to a newer snapshot, never back to an older one.
    pub(crate) fn advance(&self, to: &Arc<Snapshot>) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_latest && to.version > current.version {
            *current = Arc::clone(to);
        }
    }

    /// The newest of an application's transactions up to a snapshot.
    pub(crate) async fn transaction_version(&self, at: &Snapshot, app_id: &str) -> Result<Option<i64>> {
        if let Some(version) = at.transactions.get(app_id) {
            return Ok(Some(*version));
        }
        let recorded = || self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(version) = recorded().get(app_id).copied() {
            return Ok(version);
        }
        let Some(delta) = &self.delta else {
            return Ok(None);
        };
        let find = async { delta.snapshot()?.transaction_version(delta.log_store().as_ref(), app_id).await };
        let version = find.await.map_err(|e| self.log_error(e))?;
        recorded().insert(app_id.to_owned(), version);
        Ok(version)
    }

    pub(crate) fn log_error(&self, source: impl Into<Source>) -> Error {
        Error::log(&self.table, &self.place, source)
    }

    /// Refuses what the permit was not for.
    pub(crate) fn demand(&self, needed: Action) -> Result<()> {
        if self.action == needed {
            return Ok(());
        }
        let securable = polder_model::Securable::Table(self.table.clone());
        Err(Error::Permit { table: self.table.clone(), needed, given: self.action, securable })
    }

    /// Refuses tables that cannot be written, and writes that a table does not take.
    pub(crate) fn demand_writable(&self, base: &Snapshot, mode: &WriteMode) -> Result<Arc<Facts>> {
        let refuse = |why: String| Error::not_writable(&self.table, why);
        if !self.is_latest {
            return Err(refuse(format!("it was opened at version {}: open the newest", base.version)));
        }
        let Some(facts) = &base.facts else {
            return Err(refuse("its format is parquet, which polder only reads: declare format delta".to_owned()));
        };
        if let Some(why) = protocol::why_not_writable(&facts.metadata, &facts.protocol) {
            return Err(refuse(why));
        }
        if protocol::is_append_only(&facts.metadata) && *mode != WriteMode::Append {
            return Err(refuse(format!("delta.appendOnly is set, which forbids to {}", mode.as_str())));
        }
        if !base.is_plain() {
            return Err(refuse("some of its files have deletion vectors: write it with the engine that made them".to_owned()));
        }
        Ok(Arc::clone(facts))
    }
}

impl TableHandle {
    /// The version that is read now.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.shared.current().version
    }

    /// What tells this table from another one that was at the same place before; `None` for a folder of Parquet files.
    #[must_use]
    pub fn id(&self) -> Option<String> {
        self.shared.current().facts.as_ref().map(|facts| facts.metadata.id().to_owned())
    }

    /// The table's rows, for the query engine. It stays at this version when the handle moves on.
    #[must_use]
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        let snapshot = self.shared.current();
        match &snapshot.library {
            Some(library) => Arc::clone(library),
            None => {
                let (shape, files) = (Arc::clone(&snapshot.shape), Arc::clone(&snapshot.files));
                Arc::new(FileTable::new(self.shared.place.clone(), shape, files))
            }
        }
    }

    /// The table's columns, in order. Text is `Utf8`; the provider reads it as views.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shared.current().shape.schema)
    }

    /// How large the table is, from its log.
    #[must_use]
    pub fn size(&self) -> TableSize {
        let snapshot = self.shared.current();
        TableSize {
            rows: snapshot.files.iter().map(|file| file.rows(&snapshot.shape)).sum(),
            bytes: snapshot.files.iter().map(|file| file.size()).sum(),
            files: snapshot.files.len() as u64,
        }
    }

    /// The newest commits up to this version, newest first, as far back as the log is kept.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn history(&self, limit: usize) -> Result<Vec<CommitInfo>> {
        let mut commits = Vec::new();
        for version in (0..=self.version()).rev().take(limit) {
            if self.shared.delta.is_none() {
                break;
            }
            match log::read(&self.shared.place, version).await.map_err(|e| self.shared.log_error(e))? {
                Some(entry) => commits.push(to_commit_info(version, &entry)),
                None => break,
            }
        }
        Ok(commits)
    }

    /// The newest of an application's transactions; `None` when it has none.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn transaction_version(&self, app_id: &str) -> Result<Option<i64>> {
        let snapshot = self.shared.current();
        self.shared.transaction_version(&snapshot, app_id).await
    }

    /// Moves on to the newest version, one log entry at a time. A handle of an older version stays where it is.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn refresh(&self) -> Result<()> {
        if !self.shared.is_latest || self.shared.delta.is_none() {
            return Ok(());
        }
        let failed = |e| self.shared.log_error(e);
        let place = &self.shared.place;
        let mut snapshot = self.shared.current();
        while let Some(entry) = log::read(place, snapshot.version + 1).await.map_err(failed)? {
            let version = snapshot.version + 1;
            let actions = log::decode(version, &entry).map_err(failed)?;
            snapshot = Arc::new(snapshot.after(version, &actions).map_err(failed)?);
        }
        if !snapshot.is_plain() {
            let (mut loaded, _) = Snapshot::load(place, Some(snapshot.version)).await.map_err(failed)?;
            loaded.transactions.clone_from(&snapshot.transactions);
            snapshot = Arc::new(loaded);
        }
        self.shared.advance(&snapshot);
        Ok(())
    }

    /// Begins a write whose rows are made batch by batch. In spite of its name it overwrites and merges too, as the options say.
    ///
    /// # Errors
    /// When the permit is not for writing, or the table cannot be written in this way.
    pub fn append(&self, options: WriteOptions) -> Result<AppendWriter> {
        let shared = Arc::clone(&self.shared);
        shared.demand(Action::Write)?;
        let base = shared.current();
        shared.demand_writable(&base, &options.mode)?;
        fault::point("lake.stage.begin");
        let target = Target {
            place: shared.place.clone(),
            shape: Arc::clone(&base.shape),
            schema: Arc::clone(&base.shape.schema),
            folder: "",
        };
        Ok(AppendWriter::new(shared, base, Encoder::start(target), options))
    }

    /// Writes rows to the disk and says how the table would be with them. They are not visible yet.
    ///
    /// # Errors
    /// When the permit is not for writing, rows do not fit the table, making them fails, or the store does.
    pub async fn stage(&self, write: Write) -> Result<Staged> {
        let Write { mode, mut rows, transaction, commit_info } = write;
        let mut writer = self.append(WriteOptions { mode, transaction, commit_info })?;
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|e| Error::data("produce rows for", &self.shared.table, e))?;
            writer.write(&batch).await?;
        }
        writer.finish().await
    }
}

fn to_commit_info(version: u64, entry: &[u8]) -> CommitInfo {
    let info: BTreeMap<String, Value> = log::commit_info(entry).unwrap_or_default().into_iter().collect();
    let operation = info.get("operation").and_then(Value::as_str).unwrap_or("UNKNOWN").to_owned();
    let timestamp = info.get("timestamp").and_then(Value::as_i64).and_then(DateTime::from_timestamp_millis);
    CommitInfo { version, timestamp, operation, info }
}
