//! Binary values as base64: the form in which loading CSV and JSON takes them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::{DataType, FieldRef};
use arrow::error::ArrowError;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, NullableEncoder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Makes the JSON writer write base64, at every depth.
#[derive(Debug)]
pub(super) struct Base64;

impl EncoderFactory for Base64 {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let is_binary = array.data_type().is_binary();
        Ok(is_binary.then(|| NullableEncoder::new(Box::new(Quoted(array)), array.nulls().cloned())))
    }
}

struct Quoted<'a>(&'a dyn Array);

impl Encoder for Quoted<'_> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.push(b'"');
        out.extend(STANDARD.encode(bytes(self.0, row)).into_bytes());
        out.push(b'"');
    }
}

/// Returns a binary column as text.
pub(super) fn text(column: &ArrayRef) -> ArrayRef {
    let value = |row| column.is_valid(row).then(|| STANDARD.encode(bytes(column.as_ref(), row)));
    Arc::new((0..column.len()).map(value).collect::<StringArray>())
}

fn bytes(column: &dyn Array, row: usize) -> &[u8] {
    match column.data_type() {
        DataType::Binary => column.as_binary::<i32>().value(row),
        DataType::LargeBinary => column.as_binary::<i64>().value(row),
        DataType::BinaryView => column.as_binary_view().value(row),
        DataType::FixedSizeBinary(_) => column.as_fixed_size_binary().value(row),
        other => unreachable!("{other} is not binary"),
    }
}
