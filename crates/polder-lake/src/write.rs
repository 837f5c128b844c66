//! Rows on their way into a table: what is written, and the checks that every row must pass.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow::compute::kernels::cmp::eq;
use arrow::compute::{CastOptions, cast, cast_with_options, nullif};
use arrow::datatypes::{DataType, Field, SchemaRef};
use arrow::error::ArrowError;
use datafusion::execution::SendableRecordBatchStream;
use polder_model::TableName;
use polder_model::job::WriteMode;

use crate::commit::Staged;
use crate::encode::Encoder;
use crate::error::{Error, Result};
use crate::handle::Shared;
use crate::merge;
use crate::snapshot::{Shape, Snapshot};

/// An application's own count of its writes, kept in the log with the write it stands for, so that it can be seen to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppTransaction {
    /// Who writes: a job, or a job and a file.
    pub app_id: String,
    /// Which of its writes: higher than the last one's.
    pub version: i64,
}

/// How rows get into the table, and what is noted about it.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// Append, overwrite or merge.
    pub mode: WriteMode,
    /// The application's own count, if it keeps one.
    pub transaction: Option<AppTransaction>,
    /// Notes for the table's history.
    pub commit_info: BTreeMap<String, String>,
}

impl WriteOptions {
    /// Returns options that say nothing but the mode.
    #[must_use]
    pub const fn new(mode: WriteMode) -> Self {
        Self { mode, transaction: None, commit_info: BTreeMap::new() }
    }
}

/// Rows, and how they get into the table.
pub struct Write {
    /// Append, overwrite or merge.
    pub mode: WriteMode,
    /// The rows. Columns are found by name, without case; what is missing and optional becomes null.
    pub rows: SendableRecordBatchStream,
    /// The application's own count, if it keeps one.
    pub transaction: Option<AppTransaction>,
    /// Notes for the table's history.
    pub commit_info: BTreeMap<String, String>,
}

/// Takes rows batch by batch and encodes them on another thread while the next are made.
///
/// Dropped before [`AppendWriter::finish`], it deletes what it wrote.
pub struct AppendWriter {
    shared: Arc<Shared>,
    base: Arc<Snapshot>,
    encoder: Encoder,
    options: WriteOptions,
}

impl AppendWriter {
    pub(crate) fn new(shared: Arc<Shared>, base: Arc<Snapshot>, encoder: Encoder, options: WriteOptions) -> Self {
        Self { shared, base, encoder, options }
    }

    /// Adds rows. Columns are found by name, without case; what is missing and optional becomes null.
    ///
    /// # Errors
    /// When a column is not the table's, cannot become its type, or misses a required value; or when the store fails.
    pub async fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let table = &self.shared.table;
        let rows = conform(table, rows, &self.base.shape)?;
        self.encoder.write(rows).await.map_err(|e| Error::data("write", table, e))
    }

    /// Waits until all rows are on the disk. They are not visible yet.
    ///
    /// # Errors
    /// When the store fails, or a merge finds a key twice or missing.
    pub async fn finish(self) -> Result<Staged> {
        let Self { shared, base, encoder, options } = self;
        let added = encoder.finish().await.map_err(|e| Error::data("write", &shared.table, e))?;
        let added = added.into_iter().map(Arc::new).collect();
        merge::stage(shared, base, added, options).await
    }
}

/// Brings rows into the table's schema.
pub(crate) fn conform(table: &TableName, rows: &RecordBatch, shape: &Shape) -> Result<RecordBatch> {
    let schema = &shape.schema;
    if let Some(unknown) = rows.schema().fields().iter().find(|field| find(schema, field.name()).is_none()) {
        return Err(Error::rows(table, format!("it has no column {}", unknown.name())));
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = match find(&rows.schema(), field.name()) {
            Some(index) => converted(table, field.name(), rows.column(index), field.data_type())?,
            None => new_null_array(field.data_type(), rows.num_rows()),
        };
        let is_partition = shape.partition_fields.iter().any(|partition| partition.name() == field.name());
        let column = if is_partition { named(table, field, column)? } else { column };
        let missing = column.logical_null_count();
        if missing > 0 && !field.is_nullable() {
            let name = field.name();
            return Err(Error::rows(
                table,
                format!("column {name} is required and {missing} rows have no value: declare it optional, or fill them"),
            ));
        }
        columns.push(column);
    }
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(|e| Error::rows(table, e.to_string()))
}

/// A partition column without its empty texts. The protocol writes a missing value and an empty text alike, so that an empty one
/// could not be read back: it is missing, and where none may be missing an error.
fn named(table: &TableName, field: &Field, column: ArrayRef) -> Result<ArrayRef> {
    if *field.data_type() != DataType::Utf8 {
        return Ok(column);
    }
    let failed = |e: ArrowError| Error::rows(table, e.to_string());
    let empty = eq(&column, &StringArray::new_scalar("")).map_err(failed)?;
    match empty.true_count() {
        0 => Ok(column),
        count if !field.is_nullable() => Err(Error::rows(
            table,
            format!(
                "partition column {} is required and {count} rows have an empty text, which cannot name a folder: fill them, or \
                 declare it optional, so that they count as missing",
                field.name()
            ),
        )),
        _ => nullif(&column, &empty).map_err(failed),
    }
}

fn converted(table: &TableName, name: &str, column: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    if column.data_type() == to {
        return Ok(Arc::clone(column));
    }
    // A value that does not fit is an error, not a null. The values themselves stay out of the message: they may be anybody's.
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(column, to, &strict)
        .map_err(|_| Error::rows(table, format!("column {name} holds {} and a value of it is no {to}", column.data_type())))
}

/// Brings rows of the same columns in the same order into a schema's types.
pub(crate) fn conform_types(rows: &RecordBatch, schema: &SchemaRef) -> std::result::Result<RecordBatch, ArrowError> {
    let columns = rows.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<std::result::Result<_, _>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
}

fn find(schema: &SchemaRef, name: &str) -> Option<usize> {
    let exact = schema.fields().iter().position(|field| field.name() == name);
    exact.or_else(|| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name)))
}
