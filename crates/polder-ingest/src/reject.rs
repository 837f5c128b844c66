//! Rows that did not fit, and the table they are kept in.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

/// How much of a refused row is kept.
const ROW_BYTES: usize = 8 * 1024;

/// A row that did not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The file, by its name in the source.
    pub file: String,
    /// The line its row begins on, counted from 1; for Parquet the row.
    pub line: u64,
    /// The column and what is wrong; values of `pii` columns are not shown.
    pub reason: String,
    /// The row as it stands in the file (Parquet: as JSON), at most its first 8 KiB. It may hold anything that the file holds:
    /// treat it as `pii`.
    pub row: String,
}

/// Returns the schema of the quarantine table: `reason`, `file`, `line`, `row`, `loaded_at`.
#[must_use]
pub fn quarantine_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("reason", DataType::Utf8, false),
        Field::new("file", DataType::Utf8, false),
        Field::new("line", DataType::Int64, false),
        Field::new("row", DataType::Utf8, false),
        Field::new("loaded_at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false),
    ]))
}

/// Returns the rows as a batch of the quarantine table.
pub fn quarantine_batch(rows: &[Rejected], loaded_at: DateTime<Utc>) -> Result<RecordBatch, ArrowError> {
    let text = |of: fn(&Rejected) -> &str| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(of))) };
    let lines = rows.iter().map(|row| i64::try_from(row.line).unwrap_or(i64::MAX));
    let times = std::iter::repeat_n(loaded_at.timestamp_micros(), rows.len());
    let columns: Vec<ArrayRef> = vec![
        text(|row| &row.reason),
        text(|row| &row.file),
        Arc::new(Int64Array::from_iter_values(lines)),
        text(|row| &row.row),
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC")),
    ];
    RecordBatch::try_new(quarantine_schema(), columns)
}

/// The beginning of a row as text; bytes that are not UTF-8 are shown as the replacement character.
pub(crate) fn shown(row: &[u8]) -> String {
    let head = &row[..row.len().min(ROW_BYTES)];
    let mut text = String::from_utf8_lossy(head).into_owned();
    if head.len() < row.len() {
        text.push_str("...");
    }
    text
}
