//! A page of rows, whole in memory: it is bounded, and whether another follows has to be known before its first byte is sent.

use arrow::array::{Array as _, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt as _;
use polder_engine::{QueryError, QueryResult};
use polder_platform::query_error;

use super::ask::Ask;
use super::cursor::Cursor;
use crate::problem::Problem;

/// How many bytes a page may have in memory.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// A page of rows.
pub(super) struct Page {
    /// All columns that were read, the order's among them.
    rows: RecordBatch,
    /// How many of them were asked for: the first.
    columns: usize,
    /// Whether there is a row after the last.
    more: bool,
}

/// Reads a page.
///
/// # Errors
/// When the query fails, or the rows are too large to be a page.
pub(super) async fn collect(result: QueryResult, ask: &Ask) -> Result<Page, Problem> {
    let (schema, batches) = bounded(result).await?;
    let rows = concat_batches(&schema, &batches).map_err(Problem::internal)?;
    let more = rows.num_rows() > ask.limit;
    let rows = rows.slice(0, rows.num_rows().min(ask.limit));
    Ok(Page { rows, columns: ask.columns.len(), more })
}

/// Reads rows that are to be in memory as a whole.
///
/// # Errors
/// When the query fails, or the rows are too large.
pub(super) async fn bounded(result: QueryResult) -> Result<(SchemaRef, Vec<RecordBatch>), Problem> {
    let QueryResult { schema, mut stream } = result;
    let (mut batches, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(|error| query_error(QueryError::from(error)))?;
        bytes += batch.get_array_memory_size();
        if bytes > MOST_BYTES {
            return Err(too_large());
        }
        batches.push(batch);
    }
    Ok((schema, batches))
}

/// The refusal of rows that are too large to be a page.
pub(super) fn too_large() -> Problem {
    let message = format!("the page has more than {} MB", MOST_BYTES >> 20);
    Problem::unprocessable(message).with_hint("ask for fewer rows or columns")
}

impl Page {
    /// What leads to the next page, if there is one.
    pub(super) fn cursor(&self, ask: &Ask, version: Option<u64>) -> Result<Option<String>, Problem> {
        let Some(last) = self.rows.num_rows().checked_sub(1).filter(|_| self.more) else { return Ok(None) };
        let key = self.key(ask, last)?;
        let mut alike = 1;
        while alike <= last && self.key(ask, last - alike)? == key {
            alike += 1;
        }
        // Where the whole page is of rows that are all alike, those of the pages before may be, too.
        let before = ask.cursor.as_ref().filter(|_| alike > last);
        let skip = alike + before.filter(|cursor| cursor.texts == key).map_or(0, |cursor| cursor.skip);
        Cursor::write(version, key, skip, &ask.order).map(Some)
    }

    /// The rows with the columns that were asked for.
    pub(super) fn into_result(self) -> QueryResult {
        let columns: Vec<usize> = (0..self.columns).collect();
        let rows = self.rows.project(&columns).unwrap_or(self.rows);
        QueryResult::of(rows)
    }

    /// A row's values in the columns of the order, as texts.
    fn key(&self, ask: &Ask, row: usize) -> Result<Vec<Option<String>>, Problem> {
        let options = FormatOptions::default();
        let one = |order: &super::ask::Order| {
            let column = self.rows.column_by_name(&order.column).ok_or_else(|| Problem::internal("a column of the order"))?;
            if column.is_null(row) {
                return Ok(None);
            }
            let formatter = ArrayFormatter::try_new(column, &options).map_err(Problem::internal)?;
            Ok(Some(formatter.value(row).to_string()))
        };
        ask.order.iter().map(one).collect()
    }
}
