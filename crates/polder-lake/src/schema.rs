//! Column types between the three languages that name them: ours, Delta's and Arrow's.
//!
//! A declared column becomes a Delta field, and a Delta schema an Arrow schema, so that a table reads the same from its
//! declaration and from its log.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow;
use deltalake_core::kernel::{ArrayType, DataType as DeltaType, MapType, MetadataValue, PrimitiveType, StructField, StructType};
use polder_model::{Column, DataType};

/// The key of a column's description in the metadata of its Delta and Arrow field.
pub(crate) const COMMENT: &str = "comment";

/// Returns the Arrow schema of rows with these columns, in order; a description becomes the field's `comment`.
///
/// Text is `Utf8`, an instant is microseconds in `UTC`, and inside arrays, maps and structs every value may be missing.
#[must_use]
pub fn arrow_schema(columns: &[Column]) -> SchemaRef {
    Arc::new(to_arrow(&delta_schema(columns)).unwrap_or_else(|_| Schema::empty()))
}

/// Returns the Delta schema of a table with these columns.
#[must_use]
pub fn delta_schema(columns: &[Column]) -> StructType {
    let fields = columns.iter().map(|column| {
        let field = StructField::new(&column.name, to_delta(&column.data_type), column.optional);
        if column.description.is_empty() {
            return field;
        }
        field.with_metadata([(COMMENT, MetadataValue::String(column.description.clone()))])
    });
    // Names are unique without case: descriptors refuse a table where they are not.
    StructType::new_unchecked(fields)
}

/// Returns the Arrow schema of a Delta schema.
pub(crate) fn to_arrow(schema: &StructType) -> Result<Schema, arrow::error::ArrowError> {
    schema.try_into_arrow()
}

/// Whether a type, or one inside it, is a timestamp without zone: Delta wants a table feature for those.
pub(crate) fn has_timestamp_ntz(data_type: &DataType) -> bool {
    match data_type {
        DataType::TimestampNtz => true,
        DataType::Array(element) => has_timestamp_ntz(element),
        DataType::Map(key, value) => has_timestamp_ntz(key) || has_timestamp_ntz(value),
        DataType::Struct(fields) => fields.iter().any(|field| has_timestamp_ntz(&field.data_type)),
        _ => false,
    }
}

/// Whether values of this type can be written into a folder's name, so that a table can be partitioned by them.
pub(crate) fn can_partition(arrow: &ArrowType) -> bool {
    arrow.is_integer()
        || matches!(
            arrow,
            ArrowType::Boolean
                | ArrowType::Utf8
                | ArrowType::Date32
                | ArrowType::Decimal128(..)
                | ArrowType::Timestamp(TimeUnit::Microsecond, _)
        )
}

fn to_delta(data_type: &DataType) -> DeltaType {
    let primitive = match data_type {
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Byte => PrimitiveType::Byte,
        DataType::Short => PrimitiveType::Short,
        DataType::Integer => PrimitiveType::Integer,
        DataType::Long => PrimitiveType::Long,
        DataType::Float => PrimitiveType::Float,
        DataType::Double => PrimitiveType::Double,
        DataType::Decimal(precision, scale) => {
            PrimitiveType::decimal(*precision, *scale).expect("the parser of types checks precision and scale")
        }
        DataType::String => PrimitiveType::String,
        DataType::Binary => PrimitiveType::Binary,
        DataType::Date => PrimitiveType::Date,
        DataType::Timestamp => PrimitiveType::Timestamp,
        DataType::TimestampNtz => PrimitiveType::TimestampNtz,
        DataType::Array(element) => return ArrayType::new(to_delta(element), true).into(),
        DataType::Map(key, value) => return MapType::new(to_delta(key), to_delta(value), true).into(),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| StructField::nullable(&field.name, to_delta(&field.data_type)));
            return StructType::new_unchecked(fields).into();
        }
    };
    DeltaType::Primitive(primitive)
}
