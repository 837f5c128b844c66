//! Hot storage of an environment: what this server holds of tables that declare it, which version that is of, and whether the table has
//! gone on since.
//!
//! **Invariant:** rows are answered from here only while they are of the table's newest version. That version is what this process has
//! written itself, at once; what others wrote is looked for when the last look is older than [`STALENESS`].

mod keep;
mod look_up;
mod status;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use chrono::{DateTime, Utc};
use polder_catalog::Metastore;
use polder_hot::{HotFolder, HotIndex};
use polder_lake::{AsOf, TableHandle};
use polder_model::TableName;
use polder_model::resource::{HotStorage, Table};
use tokio::sync::Notify;

use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

pub use look_up::{HotData, LookedUp};

/// How old the last look at a table's version may be that an answer rests on, as far as others may have written.
const STALENESS: Duration = Duration::from_secs(1);

/// How old a look is when the next is begun beside the answers that still rest on it, so that none of them waits for it.
const LOOK_AHEAD: Duration = Duration::from_millis(500);

/// What is held of an environment's tables.
pub(crate) struct HotTables {
    /// Where their files are, a folder each.
    folder: PathBuf,
    /// Counts what this process may have changed of any table: a look from before is none.
    changes: AtomicU64,
    /// Tells whoever keeps tables that something changed.
    changed: Notify,
    /// Held by whoever keeps them.
    keeping: tokio::sync::Mutex<()>,
    tables: Mutex<BTreeMap<TableName, Arc<HotTable>>>,
    /// The metastore's version at which no table was hot.
    none_at: Mutex<Option<u64>>,
}

/// What is held of a table.
#[derive(Default)]
struct HotTable {
    held: RwLock<Held>,
    /// Held by whoever looks for the newest version, so that of many who wait one looks.
    looking: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
struct Held {
    kept: Option<Arc<Kept>>,
    seen: Option<Seen>,
    /// When the table was first seen to be newer than what is kept.
    behind_since: Option<DateTime<Utc>>,
    /// Why the newest version is not kept.
    refusal: Option<Refusal>,
    is_building: bool,
}

/// The rows of a table at one version, and what they were made of.
struct Kept {
    index: HotIndex,
    /// What tells the table from another that had its name before.
    table_id: Option<String>,
    declared: HotStorage,
    /// The columns as queries answer them.
    answered_as: SchemaRef,
    built: Built,
}

/// How something came to be kept.
#[derive(Debug, Clone, Copy)]
struct Built {
    at: DateTime<Utc>,
    took: Duration,
    /// How many parts of the table were read anew, rather than held already or on the local disk.
    parts_read: usize,
}

/// Why a version is not kept.
#[derive(Debug, Clone)]
struct Refusal {
    version: Option<u64>,
    declared: HotStorage,
    why: Why,
    at: Instant,
}

#[derive(Debug, Clone)]
enum Why {
    /// It takes more than is declared.
    TooLarge,
    /// It was tried and failed.
    Failed(String),
}

/// A look at a table's newest version.
#[derive(Clone)]
struct Seen {
    handle: TableHandle,
    id: Option<String>,
    version: u64,
    at: Instant,
    /// The versions of the metastore and of what this process changed, when it was looked at.
    metastore: u64,
    changes: u64,
}

impl HotTables {
    /// Those of an environment, with a tenant's folder.
    pub(crate) fn new(home: &Path, environment: &str) -> Self {
        Self {
            folder: home.join("hot").join(environment),
            changes: AtomicU64::new(0),
            changed: Notify::new(),
            keeping: tokio::sync::Mutex::default(),
            tables: Mutex::default(),
            none_at: Mutex::default(),
        }
    }

    /// Notes that this process may have made a new version of some table.
    pub(crate) fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        self.changed.notify_one();
    }

    fn folder_of(&self, table: &TableName) -> HotFolder {
        HotFolder::new(table.clone(), self.folder.join(table.to_string()))
    }

    fn table(&self, name: &TableName) -> Option<Arc<HotTable>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }
}

impl HotTable {
    fn read<T>(&self, read: impl FnOnce(&Held) -> T) -> T {
        read(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change(&self, change: impl FnOnce(&mut Held)) {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The last look, if it is recent enough.
    fn seen(&self, metastore: u64, changes: u64) -> Option<Seen> {
        let is_recent = |seen: &&Seen| seen.metastore == metastore && seen.changes == changes && seen.at.elapsed() < STALENESS;
        self.read(|held| held.seen.as_ref().filter(is_recent).cloned())
    }
}

impl Platform {
    /// Waits until this process may have changed a table that hot storage is kept of.
    pub async fn hot_storage_lags(&self) {
        self.hot.changed.notified().await;
    }

    /// The table's newest version, no older than [`STALENESS`].
    async fn hot_seen(&self, metastore: &Metastore, table: &Table, hot: &HotTable) -> Result<Seen, Error> {
        let version = metastore.version();
        if let Some(seen) = hot.seen(version, self.hot.changes()) {
            return Ok(seen);
        }
        let _looking = hot.looking.lock().await;
        match hot.seen(version, self.hot.changes()) {
            Some(seen) => Ok(seen),
            None => self.look_for_newest(metastore, table, hot).await,
        }
    }

    /// Looks for the table's newest version in a task of its own, if nobody does.
    fn look_ahead(&self, metastore: &Arc<Metastore>, table: &Table, hot: &Arc<HotTable>) {
        let Ok(looking) = Arc::clone(&hot.looking).try_lock_owned() else { return };
        let (platform, metastore, table, hot) = (self.clone(), Arc::clone(metastore), table.clone(), Arc::clone(hot));
        tokio::spawn(async move {
            let _looking = looking;
            // Whoever asks next looks again, and is told.
            drop(platform.look_for_newest(&metastore, &table, &hot).await);
        });
    }

    async fn look_for_newest(&self, metastore: &Metastore, table: &Table, hot: &HotTable) -> Result<Seen, Error> {
        let version = metastore.version();
        // Counted before the look, so that what is changed during it is looked for again.
        let changes = self.hot.changes();
        let at = Instant::now();
        let failed = || format!("cannot look for the newest version of {}", table.name);
        // An apply may have put another table in its place, which only opening it tells.
        let before = hot.read(|held| held.seen.clone()).filter(|seen| seen.metastore == version);
        let handle = match before {
            Some(seen) => {
                seen.handle.refresh().await.doing(ErrorKind::Unavailable, failed())?;
                seen.handle
            }
            None => {
                let permit = metastore.authorizer().permit_to_keep_hot(table);
                let permit = permit.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("{} is not hot", table.name)))?;
                self.lake.open(&permit, table, AsOf::Latest).await.doing(ErrorKind::Unavailable, failed())?
            }
        };
        let seen = Seen { id: handle.id(), version: handle.version(), handle, at, metastore: version, changes };
        hot.change(|held| {
            let is_kept = held.kept.as_ref().is_some_and(|kept| kept.is_of(&seen));
            held.behind_since = if is_kept { None } else { held.behind_since.or_else(|| Some(Utc::now())) };
            held.seen = Some(seen.clone());
        });
        Ok(seen)
    }

    /// What is kept of a table, if it is of its newest version and as the table declares it.
    async fn hot_now(&self, metastore: &Arc<Metastore>, table: &Table) -> Option<Arc<Kept>> {
        let declared = table.hot_storage.as_ref()?;
        let hot = self.hot.table(&table.name)?;
        let seen = self.hot_seen(metastore, table, &hot).await.ok()?;
        if seen.at.elapsed() > LOOK_AHEAD {
            self.look_ahead(metastore, table, &hot);
        }
        let kept = hot.read(|held| held.kept.clone())?;
        (kept.is_of(&seen) && kept.declared.key_columns == declared.key_columns).then_some(kept)
    }
}

impl Kept {
    fn is_of(&self, seen: &Seen) -> bool {
        self.index.version() == seen.version && self.table_id == seen.id
    }
}
