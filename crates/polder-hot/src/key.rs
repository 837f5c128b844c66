//! The key of a table: which columns it is of, and keys as bytes that compare as their values do.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use polder_model::TableName;

use crate::error::{Error, Result};

/// The key by which rows of a table are found.
#[derive(Debug)]
pub struct Key {
    /// The places of its columns in the table.
    at: Vec<usize>,
    types: Vec<DataType>,
    converter: RowConverter,
}

impl Key {
    /// The key of these columns.
    ///
    /// # Errors
    /// When the table lacks one of them, or values of its type have no order.
    pub fn new(table: &TableName, schema: &SchemaRef, columns: &[String]) -> Result<Self> {
        let place = |name: &String| {
            let found = schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
            found.ok_or_else(|| Error::NoColumn { table: table.clone(), column: name.clone() })
        };
        let at = columns.iter().map(place).collect::<Result<Vec<_>>>()?;
        let types: Vec<DataType> = at.iter().map(|at| schema.field(*at).data_type().clone()).collect();
        let fields = types.iter().cloned().map(SortField::new).collect();
        let converter = RowConverter::new(fields).map_err(|source| Error::Rows { table: table.clone(), source })?;
        Ok(Self { at, types, converter })
    }

    /// The types of its columns, in order.
    #[must_use]
    pub fn types(&self) -> &[DataType] {
        &self.types
    }

    /// No keys yet.
    pub(crate) fn none(&self) -> Rows {
        self.converter.empty_rows(0, 0)
    }

    /// Adds the keys of a batch to others.
    pub(crate) fn append(&self, keys: &mut Rows, batch: &RecordBatch) -> std::result::Result<(), ArrowError> {
        let columns: Vec<ArrayRef> = self.at.iter().map(|at| batch.column(*at).clone()).collect();
        self.converter.append(keys, &columns)
    }

    /// Keys that are asked for, a column each.
    pub(crate) fn asked(&self, columns: &[ArrayRef]) -> std::result::Result<Rows, ArrowError> {
        self.converter.convert_columns(columns)
    }

    /// Whether a row of a batch has a key: all of its columns have a value.
    pub(crate) fn is_whole(&self, batch: &RecordBatch, row: usize) -> bool {
        self.at.iter().all(|at| batch.column(*at).is_valid(row))
    }

    /// Whether every row of a batch has one.
    pub(crate) fn are_whole(&self, batch: &RecordBatch) -> bool {
        self.at.iter().all(|at| batch.column(*at).null_count() == 0)
    }
}
