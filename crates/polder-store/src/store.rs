//! The store itself: opening, closing, and beginning transactions. What it holds is in the other files, one kind each.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use polder_model::EnvironmentName;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::audit::Writer;
use crate::error::{Result, StoreError};
use crate::joined::Joined;
use crate::place::{self, Place};
use crate::standing::TokenStanding;
use crate::work::{Cells, Sql, Work};
use crate::{keys, migrations, private};

/// The control plane's database, open. Cheap to clone; clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    /// What writes. On a server there is one pool for all.
    writers: AnyPool,
    dialect: Dialect,
    place: Arc<str>,
    key_folder: Option<Arc<Path>>,
    /// Whose turn to write it is in this process. Waiting here is fair and holds no connection.
    turn: Arc<Semaphore>,
    pub(crate) audit_writer: Arc<Writer>,
    pub(crate) joined: JoinedReads,
}

/// What every request asks for, read for many at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct JoinedReads {
    pub(crate) standings: Joined<String, TokenStanding>,
    pub(crate) versions: Joined<EnvironmentName, (u64, u64)>,
}

/// How a store uses its database.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// How many connections to PostgreSQL this process has at most. Calls beyond that wait for one.
    pub max_connections: u32,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { max_connections: 10 }
    }
}

/// What differs between databases, beyond what sqlx hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

const OPENING: &str = "opening the state database";

/// How long a write waits for another process's: sqlx's own default for SQLite.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks whether that is over.
const LOOK: Duration = Duration::from_millis(10);

const SQLITE_WRITE: &str = "begin immediate";

/// Begins a transaction that writes on PostgreSQL. A server that stops in the middle of one (a machine that is gone, its connection not yet)
/// keeps the others waiting for a minute and no longer.
const POSTGRES_WRITE: &str = "begin isolation level read committed, read write; set local lock_timeout = '30s'; \
                              set local idle_in_transaction_session_timeout = '60s'";
const POSTGRES_READ: &str = "begin isolation level repeatable read, read only";

/// Makes writers on PostgreSQL take turns, as those on SQLite do: what a transaction has read stays true until it has committed,
/// nothing that writes is refused for another's sake, and no two wait for each other. The number says "polder".
const POSTGRES_TURN: &str = "select 1 as one from pg_advisory_xact_lock(123614009812338)";

impl Store {
    /// Opens the database at a path or URL, making it or bringing it up to date first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::ReadOnly`], [`StoreError::CannotOpen`], [`StoreError::Full`] and
    /// [`StoreError::Newer`] say what is wrong with it; a damaged file is not changed. [`StoreError::Unavailable`] and
    /// [`StoreError::Refused`] say that of a server.
    pub async fn open(url_or_path: &str) -> Result<Self> {
        Self::open_with(url_or_path, StoreOptions::default()).await
    }

    /// Opens the database as [`Store::open`] does.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_with(url_or_path: &str, options: StoreOptions) -> Result<Self> {
        let place = Place::read(url_or_path)?;
        if let Some(file) = &place.file {
            place::look(file, OPENING)?;
            // SQLite would make it for all to read; to the files beside it, it gives the mode of this one. Where nothing can be
            // made, or it is there already, SQLite has the word.
            drop(private::write_new(file, b""));
        }
        let store = Self::connect(&place, options)?;
        store.greet(&place).await?;
        store.keep_a_write_ahead_log().await?;
        let started = Instant::now();
        loop {
            match migrations::bring_up_to_date(&store).await {
                // Another who opens the same new file.
                Err(StoreError::Locked { .. }) if started.elapsed() < PATIENCE => tokio::time::sleep(LOOK).await,
                other => return other.map(|()| store),
            }
        }
    }

    /// Keeps the tenant's keys in this folder; beside a file it is `keys` without saying so. Every server of a platform needs the
    /// same keys.
    #[must_use]
    pub fn with_key_folder(self, folder: PathBuf) -> Self {
        Self { key_folder: Some(folder.into()), ..self }
    }

    /// Where it is, for people: never with a password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Finishes what is under way and closes.
    pub async fn close(self) {
        self.pool.close().await;
        self.writers.close().await;
    }

    /// The tenant's key of this name: 32 random bytes as 64 hexadecimal digits, made at the first call and the same ever after.
    ///
    /// # Errors
    /// [`StoreError::Key`] when its file cannot be made, is not whole, or can be read by others.
    pub fn tenant_key(&self, name: &str) -> Result<polder_model::secret::Secret> {
        keys::key(self.key_folder.as_deref(), name)
    }

    /// The tenant's key of this name, which something was made with: it is not made anew.
    pub(crate) fn kept_tenant_key(&self, name: &str) -> Result<polder_model::secret::Secret> {
        keys::kept_key(self.key_folder.as_deref(), name)
    }

    fn connect(place: &Place, options: StoreOptions) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect = if place.file.is_some() { Dialect::Sqlite } else { Dialect::Postgres };
        let (pool, writers) = match dialect {
            // One connection writes, as one may at a time: what it wrote it knows, and what another writes each has to read again.
            Dialect::Sqlite => (connections(place, dialect, 4)?, connections(place, dialect, 1)?),
            Dialect::Postgres => {
                let pool = connections(place, dialect, options.max_connections.max(1))?;
                (pool.clone(), pool)
            }
        };
        let key_folder = place.file.as_ref().and_then(|file| Some(Arc::from(file.parent()?.join("keys"))));
        Ok(Self {
            pool,
            writers,
            dialect,
            place: place.shown.as_str().into(),
            key_folder,
            turn: Arc::new(Semaphore::new(1)),
            audit_writer: Arc::default(),
            joined: JoinedReads::default(),
        })
    }

    /// Connects to a server once, past the pool: the pool would try again and again, and say in the end that it took too long.
    async fn greet(&self, place: &Place) -> Result<()> {
        if self.dialect == Dialect::Sqlite {
            return Ok(());
        }
        let fault = |source| StoreError::new(&self.place, OPENING, source);
        let options = connect_options(place)?;
        let connected = tokio::time::timeout(PATIENCE * 2, options.connect()).await;
        let connection = connected.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(fault)?;
        connection.close().await.map_err(fault)
    }

    /// Turns the write-ahead log on. It stays on in the file, so all but the first opening only look.
    async fn keep_a_write_ahead_log(&self) -> Result<()> {
        if self.dialect != Dialect::Sqlite {
            return Ok(());
        }
        let fault = |source| StoreError::new(&self.place, OPENING, source);
        let started = Instant::now();
        loop {
            match self.pool.execute("pragma journal_mode = wal").await.map_err(fault) {
                // SQLite does not wait for this lock by itself. Two processes may make the database at the same moment.
                Err(StoreError::Locked { .. }) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                other => return other.map(|_| ()),
            }
        }
    }

    /// The rows of one statement that only reads, without a transaction around it. A connection that was lost meanwhile shows now: the
    /// next is tried, until one is new.
    pub(crate) async fn rows_at_once(&self, doing: &'static str, sql: impl Fn() -> Sql<'static>) -> Result<Vec<Cells>> {
        let mut lost = 0;
        loop {
            match sql().fetch_all(&self.pool).await {
                Ok(rows) => return Ok(rows.into_iter().map(|row| Cells::new(row, &self.place, doing)).collect()),
                Err(source) => lost = self.after_fault(doing, source, lost)?,
            }
        }
    }

    /// Begins a transaction that only reads, and reads one moment's state.
    pub(crate) async fn read(&self, doing: &'static str) -> Result<Work> {
        self.transaction(&self.pool, doing, if self.dialect == Dialect::Sqlite { "begin" } else { POSTGRES_READ }, None).await
    }

    /// Begins a transaction that writes. There is one at a time, on every server together: the others wait here, not midway.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<Work> {
        let turn = Some(self.turn(doing).await?);
        if self.dialect == Dialect::Sqlite {
            return self.transaction(&self.writers, doing, SQLITE_WRITE, turn).await;
        }
        let mut work = self.transaction(&self.writers, doing, POSTGRES_WRITE, turn).await?;
        work.run(sqlx::query(POSTGRES_TURN)).await?;
        Ok(work)
    }

    /// Begins a transaction that writes and, on PostgreSQL, does not wait for its turn: only for what locks by itself all that it
    /// relies on.
    pub(crate) async fn write_beside(&self, doing: &'static str) -> Result<Work> {
        match self.dialect {
            Dialect::Sqlite => self.write(doing).await,
            Dialect::Postgres => self.transaction(&self.writers, doing, POSTGRES_WRITE, None).await,
        }
    }

    /// Waits for this process's turn to write.
    async fn turn(&self, doing: &'static str) -> Result<OwnedSemaphorePermit> {
        let waited = tokio::time::timeout(PATIENCE * 6, self.turn.clone().acquire_owned()).await;
        // The semaphore is never closed.
        waited.ok().and_then(std::result::Result::ok).ok_or_else(|| StoreError::Locked { place: self.place.to_string(), doing })
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Begins a transaction. Connections that were lost while nobody used them show now, and nothing has happened on them yet: the
    /// next is tried, until one is new.
    async fn transaction(
        &self,
        pool: &AnyPool,
        doing: &'static str,
        statement: &'static str,
        turn: Option<OwnedSemaphorePermit>,
    ) -> Result<Work> {
        let mut lost = 0;
        loop {
            match pool.begin_with(statement).await {
                Ok(transaction) => return Ok(Work { transaction, place: self.place.clone(), doing, turn }),
                Err(source) => lost = self.after_fault(doing, source, lost)?,
            }
        }
    }

    /// Counts connections that were lost; whatever else is wrong, or more of them than there were, is an error.
    fn after_fault(&self, doing: &'static str, source: sqlx::Error, lost: u32) -> Result<u32> {
        let timed_out = matches!(source, sqlx::Error::PoolTimedOut);
        let error = StoreError::new(&self.place, doing, source);
        let is_lost = !timed_out && matches!(error, StoreError::Unavailable { .. });
        if is_lost && lost < self.pool.options().get_max_connections() { Ok(lost + 1) } else { Err(error) }
    }
}

/// Connections to the database, opened when they are needed.
fn connections(place: &Place, dialect: Dialect, size: u32) -> Result<AnyPool> {
    // The defaults of SQLite and sqlx are what we need (a test says so). Setting them on each connection would make the pool
    // try a damaged file again and again, and in the end say that it took too long.
    let mut pool = AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(if dialect == Dialect::Sqlite { PATIENCE * 6 } else { PATIENCE * 2 })
        .idle_timeout(None)
        .max_lifetime(None)
        // Beginning a transaction tests the connection, and another is tried then.
        .test_before_acquire(false);
    if dialect == Dialect::Sqlite {
        // SQLite ends a transaction by itself when the disk is full. The rollback of sqlx fails then, and it believes for
        // ever that the connection is in a transaction. The ping is answered after a rollback that is on its way.
        pool = pool.after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        });
    }
    Ok(pool.connect_lazy_with(connect_options(place)?))
}

fn connect_options(place: &Place) -> Result<AnyConnectOptions> {
    let options = AnyConnectOptions::from_url(&place.url).map_err(|e| StoreError::new(&place.shown, OPENING, e))?;
    // Statements hold what people wrote: they are in no log.
    Ok(options.disable_statement_logging())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_is_on_the_disk_when_it_is_acknowledged() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::open(folder.path().join("state.db").to_str().unwrap()).await.unwrap();
        // 2 is FULL. NORMAL may lose the last commits of a write-ahead log when the power fails.
        for (pragma, value) in [("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 5_000)] {
            let sql = sqlx::AssertSqlSafe(format!("pragma {pragma}"));
            let found: i64 = sqlx::query_scalar(sql).fetch_one(&store.pool).await.unwrap();
            assert_eq!(found, value, "{pragma}");
        }
        let mode: String = sqlx::query_scalar("pragma journal_mode").fetch_one(&store.pool).await.unwrap();
        assert_eq!(mode, "wal");
    }
}
