//! A transaction that knows what it is for, so that every fault says what was being done and where.

use sqlx::any::{Any, AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Row, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use crate::error::{Result, StoreError};

/// A query with its arguments.
pub(crate) type Sql<'q> = Query<'q, Any, AnyArguments>;

/// A transaction with what it is for. Dropped without a commit, it leaves nothing.
pub(crate) struct Work {
    pub(crate) transaction: Transaction<'static, Any>,
    pub(crate) place: std::sync::Arc<str>,
    pub(crate) doing: &'static str,
    /// This process's turn to write. Given back last.
    pub(crate) turn: Option<OwnedSemaphorePermit>,
}

impl Work {
    /// Whether the database is SQLite.
    pub(crate) fn is_sqlite(&self) -> bool {
        self.transaction.backend_name() == <sqlx::Sqlite as sqlx::Database>::NAME
    }

    /// Runs a statement; returns how many rows it touched.
    pub(crate) async fn run(&mut self, sql: Sql<'_>) -> Result<u64> {
        match sql.execute(&mut *self.transaction).await {
            Ok(done) => Ok(done.rows_affected()),
            Err(source) => Err(self.fault(source)),
        }
    }

    /// Returns the first row, if there is one.
    pub(crate) async fn row(&mut self, sql: Sql<'_>) -> Result<Option<Cells>> {
        let found = sql.fetch_optional(&mut *self.transaction).await;
        let row = found.map_err(|source| self.fault(source))?;
        Ok(row.map(|row| self.cells(row)))
    }

    /// Returns all rows.
    pub(crate) async fn rows(&mut self, sql: Sql<'_>) -> Result<Vec<Cells>> {
        let found = sql.fetch_all(&mut *self.transaction).await;
        let rows = found.map_err(|source| self.fault(source))?;
        Ok(rows.into_iter().map(|row| self.cells(row)).collect())
    }

    /// Makes it so, on the disk.
    pub(crate) async fn commit(self) -> Result<()> {
        let Self { transaction, place, doing, turn } = self;
        let committed = transaction.commit().await.map_err(|source| StoreError::new(&place, doing, source));
        drop(turn);
        committed
    }

    pub(crate) fn fault(&self, source: sqlx::Error) -> StoreError {
        StoreError::new(&self.place, self.doing, source)
    }

    fn cells(&self, row: AnyRow) -> Cells {
        Cells::new(row, &self.place, self.doing)
    }
}

/// A row whose faults say where they are.
pub(crate) struct Cells {
    row: AnyRow,
    place: std::sync::Arc<str>,
    doing: &'static str,
}

impl Cells {
    pub(crate) fn new(row: AnyRow, place: &std::sync::Arc<str>, doing: &'static str) -> Self {
        Self { row, place: place.clone(), doing }
    }

    /// The text in a column.
    pub(crate) fn text(&self, column: &'static str) -> Result<String> {
        self.get(column)
    }

    /// The text in a column that may have none.
    pub(crate) fn text_if_any(&self, column: &'static str) -> Result<Option<String>> {
        self.get(column)
    }

    /// The whole number in a column.
    pub(crate) fn number(&self, column: &'static str) -> Result<i64> {
        self.get(column)
    }

    /// The whole number in a column that may have none.
    pub(crate) fn number_if_any(&self, column: &'static str) -> Result<Option<i64>> {
        self.get(column)
    }

    /// The count in a column.
    pub(crate) fn count(&self, column: &'static str) -> Result<u64> {
        let number = self.number(column)?;
        u64::try_from(number).map_err(|e| StoreError::unreadable(&self.place, format!("{number} in column {column}"), e))
    }

    /// The bytes in a column.
    pub(crate) fn bytes(&self, column: &'static str) -> Result<Vec<u8>> {
        self.get(column)
    }

    /// The value in a column that holds JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        self.read(column, |text| serde_json::from_str(text))
    }

    /// The value in a column of text that `read` understands.
    pub(crate) fn read<T, E>(&self, column: &'static str, read: impl FnOnce(&str) -> std::result::Result<T, E>) -> Result<T>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let text = self.text(column)?;
        read(&text).map_err(|e| StoreError::unreadable(&self.place, format!("a {column}"), e))
    }

    /// The time in a column.
    pub(crate) fn time(&self, column: &'static str) -> Result<chrono::DateTime<chrono::Utc>> {
        self.read(column, read_time)
    }

    /// The time in a column that may have none.
    pub(crate) fn time_if_any(&self, column: &'static str) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
        if self.text_if_any(column)?.is_none() { Ok(None) } else { self.time(column).map(Some) }
    }

    fn get<'r, T>(&'r self, column: &'static str) -> Result<T>
    where
        T: sqlx::Decode<'r, Any> + sqlx::Type<Any>,
    {
        self.row.try_get(column).map_err(|source| StoreError::new(&self.place, self.doing, source))
    }
}

/// Writes a time so that times sort as texts.
pub(crate) fn time_text(time: chrono::DateTime<chrono::Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

fn read_time(text: &str) -> std::result::Result<chrono::DateTime<chrono::Utc>, chrono::ParseError> {
    chrono::DateTime::parse_from_rfc3339(text).map(|time| time.to_utc())
}

/// A count as the database keeps it. Counts never come near the limit.
pub(crate) fn as_bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
