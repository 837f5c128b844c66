//! The store itself: opening, closing, and beginning transactions. What it holds is in the other files, one kind each.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, ConnectOptions as _, Executor as _};

use crate::error::{Result, StoreError};
use crate::place::{self, Place};
use crate::work::Work;
use crate::{keys, migrations};

/// The control plane's database, open. Cheap to clone; clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: AnyPool,
    dialect: Dialect,
    place: Arc<str>,
    key_folder: Option<Arc<Path>>,
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

impl Store {
    /// Opens the database at a path or URL, making it or bringing it up to date first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::ReadOnly`], [`StoreError::CannotOpen`], [`StoreError::Full`] and
    /// [`StoreError::Newer`] say what is wrong with it; a damaged file is not changed.
    pub async fn open(url_or_path: &str) -> Result<Self> {
        let place = Place::read(url_or_path)?;
        if let Some(file) = &place.file {
            place::look(file, OPENING)?;
        }
        let store = Self::connect(&place)?;
        store.keep_a_write_ahead_log().await?;
        migrations::bring_up_to_date(&store).await?;
        Ok(store)
    }

    /// Keeps the tenant's keys in this folder; embedded it is `keys` beside the database.
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
    }

    /// The tenant's key of this name: 32 random bytes as 64 hexadecimal digits, made at the first call and the same ever after.
    ///
    /// # Errors
    /// [`StoreError::Key`] when its file cannot be made, is not whole, or can be read by others.
    pub fn tenant_key(&self, name: &str) -> Result<polder_model::secret::Secret> {
        keys::key(self.key_folder.as_deref(), name)
    }

    fn connect(place: &Place) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let dialect = if place.file.is_some() { Dialect::Sqlite } else { Dialect::Postgres };
        let options = AnyConnectOptions::from_url(&place.url).map_err(|e| StoreError::new(&place.shown, OPENING, e))?;
        // Statements hold what people wrote: they are in no log.
        let options = options.disable_statement_logging();
        // The defaults of SQLite and sqlx are what we need (a test says so). Setting them on each connection would make the pool
        // try a damaged file again and again, and in the end say that it took too long.
        let pool = AnyPoolOptions::new()
            .max_connections(if dialect == Dialect::Sqlite { 4 } else { 10 })
            .acquire_timeout(PATIENCE * 6)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(dialect == Dialect::Postgres)
            .connect_lazy_with(options);
        let key_folder = place.file.as_ref().and_then(|file| Some(Arc::from(file.parent()?.join("keys"))));
        Ok(Self { pool, dialect, place: place.shown.as_str().into(), key_folder })
    }

    /// Turns the write-ahead log on. It stays on in the file, so all but the first opening only look.
    async fn keep_a_write_ahead_log(&self) -> Result<()> {
        if self.dialect != Dialect::Sqlite {
            return Ok(());
        }
        let fault = |source| StoreError::new(&self.place, OPENING, source);
        let started = std::time::Instant::now();
        loop {
            match self.pool.execute("pragma journal_mode = wal").await.map_err(fault) {
                // SQLite does not wait for this lock by itself. Two processes may make the database at the same moment.
                Err(StoreError::Locked { .. }) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                other => return other.map(|_| ()),
            }
        }
    }

    /// Begins a transaction that only reads, and reads one moment's state.
    pub(crate) async fn read(&self, doing: &'static str) -> Result<Work> {
        self.transaction(doing, if self.dialect == Dialect::Sqlite { "begin" } else { "begin isolation level repeatable read" })
            .await
    }

    /// Begins a transaction that writes. SQLite has one writer at a time: it waits here, not midway.
    pub(crate) async fn write(&self, doing: &'static str) -> Result<Work> {
        self.transaction(doing, if self.dialect == Dialect::Sqlite { "begin immediate" } else { "begin" }).await
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    async fn transaction(&self, doing: &'static str, statement: &'static str) -> Result<Work> {
        let begun = self.pool.begin_with(statement).await;
        let transaction = begun.map_err(|source| StoreError::new(&self.place, doing, source))?;
        Ok(Work { transaction, place: self.place.clone(), doing })
    }
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
