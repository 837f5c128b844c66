//! Rows as messages: a batch's columns as they are written, then row by row.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow_pg::encoder::encode_value;
use bytes::{BufMut as _, BytesMut};
use pgwire::api::Type;
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo};
use pgwire::types::format::FormatOptions;

use super::{Form, Shape, copied, numeric};
use crate::catalog::function_named;
use crate::fault::{self, Fault};
use crate::sql::copying;

/// Writes the rows of one answer.
pub(super) struct Encoder {
    shape: Shape,
    form: Form,
    fields: Arc<Vec<FieldInfo>>,
    /// Whether data was copied out already: before the first row a binary copy has a head.
    begun: bool,
}

impl Encoder {
    pub(super) fn new(schema: &SchemaRef, form: Form, options: FormatOptions) -> Result<Self, Fault> {
        let shape = Shape::new(schema);
        let columns = shape.schema.fields().len();
        if columns > usize::from(i16::MAX.cast_unsigned()) {
            return Err(Fault::new(fault::PROGRAM_LIMIT, format!("{columns} columns are more than a row can have"))
                .hint("select fewer columns"));
        }
        let formats = match &form {
            Form::Rows(formats) => formats.clone(),
            Form::Copied(copying::Form::Binary) => super::Formats(vec![1]),
            Form::Copied(_) => super::Formats::default(),
        };
        formats.check(columns)?;
        let fields = Arc::new(shape.fields(&formats, &options)?);
        Ok(Self { shape, form, fields, begun: false })
    }

    pub(super) fn fields(&self) -> Arc<Vec<FieldInfo>> {
        Arc::clone(&self.fields)
    }

    /// Begins a batch.
    pub(super) fn batch(&mut self, batch: RecordBatch) -> Result<BatchRows<'_>, Fault> {
        let batch = self.shape.apply(batch).map_err(|error| Fault::new(fault::NOT_SUPPORTED, error.to_string()))?;
        let encoder = DataRowEncoder::new(Arc::clone(&self.fields));
        Ok(BatchRows { encoder: self, batch, row: 0, values: encoder })
    }
}

/// The rows of a batch, one after the other.
pub(super) struct BatchRows<'a> {
    encoder: &'a mut Encoder,
    batch: RecordBatch,
    row: usize,
    values: DataRowEncoder,
}

impl BatchRows<'_> {
    /// Writes the next row; whether there was one.
    pub(super) fn write(&mut self, out: &mut BytesMut) -> Result<bool, Fault> {
        if self.row == self.batch.num_rows() {
            return Ok(false);
        }
        let mut row = BytesMut::new();
        let fields = Arc::clone(&self.encoder.fields);
        for (at, field) in fields.iter().enumerate() {
            self.value(at, field, &mut row)?;
        }
        self.row += 1;
        match &self.encoder.form {
            Form::Rows(_) => framed(b'D', &[&count(&self.encoder.fields), &row], out)?,
            Form::Copied(form) => {
                let mut data = BytesMut::new();
                if !self.encoder.begun && *form == copying::Form::Binary {
                    data.put_slice(copied::BINARY_HEAD);
                }
                self.encoder.begun = true;
                copied::row(form, &count(&self.encoder.fields), &row, &mut data);
                framed(b'd', &[&data], out)?;
            }
        }
        Ok(true)
    }

    /// Writes a value and its length.
    fn value(&mut self, at: usize, field: &FieldInfo, out: &mut BytesMut) -> Result<(), Fault> {
        let column = self.batch.column(at);
        let arrow_field = self.batch.schema_ref().field(at);
        let unfit = |error: String| Fault::new(fault::NUMERIC_OUT_OF_RANGE, error);
        match arrow_field.data_type() {
            DataType::Decimal128(_, scale) => {
                return numeric::write(column, self.row, *scale, field.format(), out).map_err(|error| unfit(error.to_string()));
            }
            // A function is shown by its name, and is a number for who takes numbers.
            DataType::Int32 if *field.datatype() == Type::REGPROC && field.format() == FieldFormat::Text => {
                let oids = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int32Type>(column);
                if arrow::array::Array::is_null(column, self.row) {
                    out.put_i32(-1);
                    return Ok(());
                }
                let name = function_named(oids.value(self.row));
                out.put_i32(i32::try_from(name.len()).map_err(|error| unfit(error.to_string()))?);
                out.put_slice(name.as_bytes());
                return Ok(());
            }
            DataType::Null => {
                out.put_i32(-1);
                return Ok(());
            }
            DataType::Utf8 if field.datatype().name() == "json" && field.format() == FieldFormat::Binary => {
                let text = arrow::array::AsArray::as_string::<i32>(column);
                if arrow::array::Array::is_null(column, self.row) {
                    out.put_i32(-1);
                } else {
                    let text = text.value(self.row);
                    out.put_i32(i32::try_from(text.len()).map_err(|error| unfit(error.to_string()))?);
                    out.put_slice(text.as_bytes());
                }
                return Ok(());
            }
            _ => {}
        }
        encode_value(&mut self.values, column, self.row, arrow_field, field).map_err(|error| unfit(error.to_string()))?;
        out.put_slice(&self.values.take_row().data);
        Ok(())
    }
}

fn count(fields: &[FieldInfo]) -> [u8; 2] {
    // More were refused before.
    i16::try_from(fields.len()).unwrap_or(i16::MAX).to_be_bytes()
}

/// Writes a message of parts.
fn framed(kind: u8, parts: &[&[u8]], out: &mut BytesMut) -> Result<(), Fault> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = i32::try_from(length + 4)
        .map_err(|_| Fault::new(fault::PROGRAM_LIMIT, "a row is longer than a message can be").hint("select fewer columns"))?;
    out.put_u8(kind);
    out.put_i32(length);
    for part in parts {
        out.put_slice(part);
    }
    Ok(())
}
