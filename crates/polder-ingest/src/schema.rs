//! The Arrow schema of a sink: what every batch of a read has, to the last child field.
//!
//! The names of the children of lists and maps (`element`, `key_value`) are those of Delta's own readers and writers. Values inside
//! a list, map or struct may always be missing; a column only where it is optional.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Field, Fields, Schema, SchemaRef, TimeUnit};

use polder_model::{Column, DataType};

/// Returns the Arrow schema of a table with these columns.
#[must_use]
pub fn arrow_schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| Field::new(&column.name, arrow_type(&column.data_type), column.optional);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Fields>()))
}

/// Returns the Arrow type of a column type.
#[must_use]
pub fn arrow_type(data_type: &DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Byte => ArrowType::Int8,
        DataType::Short => ArrowType::Int16,
        DataType::Integer => ArrowType::Int32,
        DataType::Long => ArrowType::Int64,
        DataType::Float => ArrowType::Float32,
        DataType::Double => ArrowType::Float64,
        DataType::Decimal(precision, scale) => ArrowType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX)),
        DataType::String => ArrowType::Utf8,
        DataType::Binary => ArrowType::Binary,
        DataType::Date => ArrowType::Date32,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::TimestampNtz => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Array(element) => ArrowType::List(Arc::new(Field::new("element", arrow_type(element), true))),
        DataType::Map(key, value) => {
            ArrowType::Map(Arc::new(Field::new("key_value", ArrowType::Struct(entries(key, value)), false)), false)
        }
        DataType::Struct(fields) => {
            let field =
                |field: &polder_model::data_type::StructField| Field::new(&field.name, arrow_type(&field.data_type), true);
            ArrowType::Struct(fields.iter().map(field).collect())
        }
    }
}

/// The two fields of a map's entries.
pub(crate) fn entries(key: &DataType, value: &DataType) -> Fields {
    vec![Field::new("key", arrow_type(key), false), Field::new("value", arrow_type(value), true)].into()
}
