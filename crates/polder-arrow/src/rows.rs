//! Rows as text for programs: CSV, JSON, NDJSON, a batch at a time, so that a result of any size takes the same memory.

mod binary;

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::csv;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use binary::Base64;

/// A form of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextForm {
    /// Comma-separated values, with a header.
    Csv,
    /// One array of objects.
    Json,
    /// An object a line.
    NdJson,
}

/// Writes the batches of one result.
pub enum TextWriter<W: Write> {
    /// As [`TextForm::Csv`].
    Csv {
        /// What writes it.
        writer: Box<csv::Writer<W>>,
        /// The schema with nested and binary columns as text.
        schema: SchemaRef,
    },
    /// As [`TextForm::Json`].
    Json(json::Writer<W, json::writer::JsonArray>),
    /// As [`TextForm::NdJson`].
    NdJson(json::Writer<W, json::writer::LineDelimited>),
}

impl<W: Write> TextWriter<W> {
    /// Begins a result of this schema.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn begin(form: TextForm, out: W, schema: &SchemaRef) -> Result<Self, ArrowError> {
        let json = || json::WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Base64));
        Ok(match form {
            TextForm::Csv => {
                let mut writer = Box::new(csv::WriterBuilder::new().with_header(true).build(out));
                let schema = flat(schema);
                // The header is written with the first batch: an empty one gives a result of no rows its header too.
                writer.write(&RecordBatch::new_empty(schema.clone()))?;
                Self::Csv { writer, schema }
            }
            TextForm::Json => Self::Json(json().build(out)),
            TextForm::NdJson => Self::NdJson(json().build(out)),
        })
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// When a value has no form as text, or it cannot be written to.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        match self {
            Self::Csv { writer, schema } => writer.write(&flatten(batch, schema)?),
            Self::Json(writer) => writer.write(batch),
            Self::NdJson(writer) => writer.write(batch),
        }
    }

    /// Writes what is left and ends the result.
    ///
    /// # Errors
    /// When it cannot be written to.
    pub fn finish(self) -> Result<W, ArrowError> {
        Ok(match self {
            Self::Csv { writer, .. } => writer.into_inner(),
            Self::Json(mut writer) => {
                writer.finish()?;
                let mut out = writer.into_inner();
                writeln!(out)?;
                out
            }
            Self::NdJson(mut writer) => {
                writer.finish()?;
                writer.into_inner()
            }
        })
    }
}

/// How values are written as text.
#[must_use]
pub fn options() -> FormatOptions<'static> {
    FormatOptions::default().with_null("")
}

/// The schema with nested and binary columns as text: CSV has no other way to hold them.
fn flat(schema: &SchemaRef) -> SchemaRef {
    let field = |field: &Arc<Field>| match field.data_type() {
        other if other.is_nested() || other.is_binary() => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        _ => field.clone(),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn flatten(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        nested if nested.is_nested() => text(column),
        binary if binary.is_binary() => Ok(binary::text(column)),
        _ => Ok(column.clone()),
    });
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
}

fn text(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let options = options();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    let values = (0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string()));
    Ok(Arc::new(values.collect::<StringArray>()))
}
