//! A staged write: its files are on the disk, and no reader sees them until one entry of the log names them all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use datafusion::catalog::TableProvider;
use deltalake_core::kernel::{Action, Add, AddCDCFile, CommitInfo, Remove, Transaction};
use polder_model::fault;
use polder_model::job::WriteMode;
use serde_json::Value;

use crate::encode::delete_files;
use crate::error::{Error, Result};
use crate::handle::Shared;
use crate::log::{self, Published};
use crate::maintain;
use crate::provider::FileTable;
use crate::snapshot::{DataFile, Snapshot};
use crate::write::WriteOptions;

/// The key in `commitInfo` of a text that no other commit has.
const COMMIT_ID: &str = "txnId";

/// What became of a commit.
#[must_use = "a conflict or a write that was done before changes what the caller does next"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// The rows are in the table.
    Committed {
        /// The version that has them.
        version: u64,
        /// Rows written.
        rows: u64,
        /// Bytes written.
        bytes: u64,
        /// Files written.
        files: u64,
    },
    /// The application's write is in the table already: nothing was written.
    AlreadyDone {
        /// A version that has it.
        version: u64,
    },
    /// Another writer was faster, in a way that this write does not fit behind. Nothing was written: stage again.
    Conflict {
        /// The other writer's version.
        version: u64,
    },
}

/// A write that waits for its commit.
pub struct Staged {
    shared: Arc<Shared>,
    base: Arc<Snapshot>,
    files: StagedFiles,
    options: WriteOptions,
    /// What is done, where that is not what the mode says.
    operation: Option<&'static str>,
}

/// The files of a write.
#[derive(Debug, Default)]
pub(crate) struct StagedFiles {
    /// Files of the rows that were given.
    pub(crate) fresh: Vec<Arc<DataFile>>,
    /// Files of rows that were there and stay.
    pub(crate) kept: Vec<Arc<DataFile>>,
    /// Files that go.
    pub(crate) removed: Vec<Arc<DataFile>>,
    /// Files of an older version that come back. They were written long ago, and stay when this write is taken back.
    pub(crate) restored: Vec<Arc<DataFile>>,
    /// Files of row-level changes.
    pub(crate) changes: Vec<DataFile>,
}

impl StagedFiles {
    /// The paths of the files that were written.
    pub(crate) fn written(&self) -> impl Iterator<Item = String> {
        let data = self.fresh.iter().chain(&self.kept).map(|file| file.add.path.clone());
        data.chain(self.changes.iter().map(|file| file.add.path.clone()))
    }
}

impl Staged {
    pub(crate) fn new(shared: Arc<Shared>, base: Arc<Snapshot>, files: StagedFiles, options: WriteOptions) -> Self {
        fault::point("lake.stage.done");
        Self { shared, base, files, options, operation: None }
    }

    /// The same, with what is done in the words of the table's history.
    pub(crate) fn of(self, operation: &'static str) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// The table as it would be after the commit.
    #[must_use]
    pub fn provider(&self) -> Arc<dyn TableProvider> {
        let after = self.after();
        Arc::new(FileTable::new(self.shared.place.clone(), after.shape, after.files))
    }

    /// Only the rows that were given.
    #[must_use]
    pub fn added_provider(&self) -> Arc<dyn TableProvider> {
        let files = Arc::new(self.files.fresh.clone());
        Arc::new(FileTable::new(self.shared.place.clone(), Arc::clone(&self.base.shape), files))
    }

    /// How many rows were given.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.fresh.iter().filter_map(|file| file.rows(&self.base.shape)).sum()
    }

    /// How many bytes the files that were written have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.fresh.iter().chain(&self.files.kept).map(|file| file.size()).sum()
    }

    /// How many files were written.
    #[must_use]
    pub fn files(&self) -> u64 {
        (self.files.fresh.len() + self.files.kept.len()) as u64
    }

    /// The version on which the write was staged.
    #[must_use]
    pub fn base_version(&self) -> u64 {
        self.base.version
    }

    /// Makes the write visible, in one entry of the log. An append fits behind other writers' commits, unless they changed the
    /// columns; an overwrite or merge does not.
    ///
    /// # Errors
    /// When the store fails. The files stay then, as the entry may have been written all the same; vacuum finds them if it was not.
    pub async fn commit(self) -> Result<Committed> {
        let may_move = matches!(self.options.mode, WriteMode::Append);
        self.publish(may_move).await
    }

    /// Makes the write visible if nobody else has written since it was staged: for checks that looked at the whole table.
    ///
    /// # Errors
    /// As [`Staged::commit`].
    pub async fn commit_if_unchanged(self) -> Result<Committed> {
        self.publish(false).await
    }

    /// Takes the write back: its files are deleted.
    pub async fn discard(self) {
        delete_files(&self.shared.place, self.files.written()).await;
    }

    async fn publish(mut self, may_move: bool) -> Result<Committed> {
        fault::point("lake.commit.begin");
        if let Some(conflict) = self.catch_up(may_move) {
            return self.give_up(conflict).await;
        }
        let commit_id = uuid::Uuid::new_v4().to_string();
        loop {
            if self.is_done_already().await? {
                let version = self.base.version;
                return self.give_up(Committed::AlreadyDone { version }).await;
            }
            let version = self.base.version + 1;
            let entry = self.entry(&commit_id)?;
            match log::publish(&self.shared.place, version, entry, &commit_id).await {
                Ok(Published::Done) => return Ok(self.done(version)),
                Ok(Published::Taken(theirs)) => {
                    if let Some(conflict) = self.move_behind(version, &theirs, may_move).await? {
                        return self.give_up(conflict).await;
                    }
                }
                Err(e) if log::is_damage(&e) => return Err(self.shared.log_error(e)),
                Err(e) => return Err(Error::store("commit to", &self.shared.place, e)),
            }
        }
    }

    /// Goes on from what is known of the table by now, which saves finding it out from the store.
    fn catch_up(&mut self, may_move: bool) -> Option<Committed> {
        let current = self.shared.current();
        if current.version <= self.base.version {
            return None;
        }
        let is_same_table = match (&current.facts, &self.base.facts) {
            (Some(now), Some(then)) => Arc::ptr_eq(now, then),
            _ => false,
        };
        if may_move && is_same_table {
            self.base = current;
            return None;
        }
        Some(Committed::Conflict { version: current.version })
    }

    async fn is_done_already(&self) -> Result<bool> {
        let Some(transaction) = &self.options.transaction else {
            return Ok(false);
        };
        let done = self.shared.transaction_version(&self.base, &transaction.app_id).await?;
        Ok(done.is_some_and(|version| version >= transaction.version))
    }

    /// Moves on to another writer's version; says what to give up with when this write does not fit behind it.
    async fn move_behind(&mut self, version: u64, theirs: &Bytes, may_move: bool) -> Result<Option<Committed>> {
        let table = |e| self.shared.log_error(e);
        let actions = log::decode(version, theirs).map_err(table)?;
        let next = Arc::new(self.base.after(version, &actions).map_err(table)?);
        self.shared.advance(&next);
        let changes_table = actions.iter().any(|action| matches!(action, Action::Metadata(_) | Action::Protocol(_)));
        self.base = next;
        if self.is_done_already().await? {
            return Ok(Some(Committed::AlreadyDone { version }));
        }
        let fits = may_move && !changes_table;
        Ok((!fits).then_some(Committed::Conflict { version }))
    }

    async fn give_up(self, outcome: Committed) -> Result<Committed> {
        self.discard().await;
        Ok(outcome)
    }

    fn done(&self, version: u64) -> Committed {
        let mut next = self.after();
        next.version = version;
        if let Some(transaction) = &self.options.transaction {
            next.transactions.insert(transaction.app_id.clone(), transaction.version);
        }
        self.shared.advance(&Arc::new(next));
        fault::point("lake.commit.done");
        maintain::checkpoint_if_due(&self.shared, version);
        Committed::Committed { version, rows: self.rows(), bytes: self.bytes(), files: self.files() }
    }

    fn after(&self) -> Snapshot {
        let mut after = self.base.as_ref().clone();
        let removed: HashSet<&str> = self.files.removed.iter().map(|file| file.add.path.as_str()).collect();
        let added = self.files.fresh.iter().chain(&self.files.kept).chain(&self.files.restored).cloned().collect();
        after.change_files(&removed, added);
        after
    }

    /// The log entry. Information about the commit comes first, as readers expect it.
    fn entry(&self, commit_id: &str) -> Result<Bytes> {
        let now = chrono::Utc::now().timestamp_millis();
        let mut actions = vec![Action::CommitInfo(self.commit_info(commit_id, now))];
        if let Some(transaction) = &self.options.transaction {
            let transaction = Transaction::new_with_last_update(&transaction.app_id, transaction.version, Some(now));
            actions.push(Action::Txn(transaction));
        }
        actions.extend(self.files.removed.iter().map(|file| Action::Remove(to_remove(file, now))));
        let added = self.files.fresh.iter().chain(&self.files.kept).chain(&self.files.restored);
        actions.extend(added.map(|file| Action::Add(Add { data_change: true, ..file.add.clone() })));
        actions.extend(self.files.changes.iter().map(|file| Action::Cdc(to_change(file))));
        log::encode(&actions).map_err(|e| Error::data("commit to", &self.shared.table, e))
    }

    fn commit_info(&self, commit_id: &str, now: i64) -> CommitInfo {
        let (operation, parameters) = match &self.options.mode {
            WriteMode::Append => ("WRITE", HashMap::from([("mode".to_owned(), Value::from("Append"))])),
            WriteMode::Overwrite => ("WRITE", HashMap::from([("mode".to_owned(), Value::from("Overwrite"))])),
            WriteMode::Merge { keys } => ("MERGE", HashMap::from([("keys".to_owned(), Value::from(keys.join(",")))])),
        };
        let (operation, parameters) = match self.operation {
            Some(operation) => (operation, HashMap::new()),
            None => (operation, parameters),
        };
        let metrics = serde_json::json!({
            "numFiles": self.files.fresh.len() + self.files.kept.len(),
            "numOutputRows": self.rows(),
            "numOutputBytes": self.bytes(),
            "numRemovedFiles": self.files.removed.len(),
        });
        let notes: BTreeMap<String, Value> =
            self.options.commit_info.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
        let mut info: HashMap<String, Value> = notes.into_iter().collect();
        info.insert(COMMIT_ID.to_owned(), commit_id.into());
        info.insert("operationMetrics".to_owned(), metrics);
        CommitInfo {
            timestamp: Some(now),
            operation: Some(operation.to_owned()),
            operation_parameters: Some(parameters),
            read_version: Some(self.base.version),
            is_blind_append: Some(self.operation.is_none() && matches!(self.options.mode, WriteMode::Append)),
            engine_info: Some(engine_info()),
            info,
            ..CommitInfo::default()
        }
    }
}

/// Polder's name in a table's history.
pub(crate) fn engine_info() -> String {
    concat!("polder/", env!("CARGO_PKG_VERSION")).to_owned()
}

fn to_remove(file: &DataFile, now: i64) -> Remove {
    Remove {
        path: file.add.path.clone(),
        data_change: true,
        deletion_timestamp: Some(now),
        extended_file_metadata: Some(true),
        partition_values: Some(file.add.partition_values.clone()),
        size: Some(file.add.size),
        ..Remove::default()
    }
}

fn to_change(file: &DataFile) -> AddCDCFile {
    AddCDCFile {
        path: file.add.path.clone(),
        size: file.add.size,
        partition_values: file.add.partition_values.clone(),
        data_change: false,
        tags: None,
    }
}
