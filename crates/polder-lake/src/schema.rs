//! Column types between the three languages that name them: ours, Delta's and Arrow's.
//!
//! A declared column becomes a Delta field, and a Delta schema an Arrow schema, so that a table reads the same from its
//! declaration and from its log.

use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::engine::arrow_conversion::TryIntoArrow;
use deltalake_core::kernel::{ArrayType, DataType as DeltaType, MapType, MetadataValue, PrimitiveType, StructField, StructType};
use polder_model::data_type::StructField as ModelField;
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

/// Returns the Arrow type of values of a column of this type.
#[must_use]
pub fn arrow_type(data_type: &DataType) -> ArrowType {
    (&to_delta(data_type)).try_into_arrow().unwrap_or(ArrowType::Null)
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

/// Returns our type for an Arrow type; `None` for those that no column can have, such as unsigned numbers of 64 bits.
///
/// Encodings are forgotten (views, dictionaries, large offsets), unsigned numbers become the next wider signed type and
/// timestamps of any unit ours.
#[must_use]
pub fn model_type(arrow: &ArrowType) -> Option<DataType> {
    Some(match arrow {
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 => DataType::Byte,
        ArrowType::Int16 | ArrowType::UInt8 => DataType::Short,
        ArrowType::Int32 | ArrowType::UInt16 => DataType::Integer,
        ArrowType::Int64 | ArrowType::UInt32 => DataType::Long,
        ArrowType::Float16 | ArrowType::Float32 => DataType::Float,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal32(p, s) | ArrowType::Decimal64(p, s) | ArrowType::Decimal128(p, s) => {
            DataType::Decimal(*p, u8::try_from(*s).ok()?)
        }
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => DataType::String,
        ArrowType::Binary | ArrowType::LargeBinary | ArrowType::BinaryView | ArrowType::FixedSizeBinary(_) => DataType::Binary,
        ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
        ArrowType::Timestamp(_, Some(_)) => DataType::Timestamp,
        ArrowType::Timestamp(_, None) => DataType::TimestampNtz,
        ArrowType::Dictionary(_, value) => return model_type(value),
        ArrowType::List(item) | ArrowType::LargeList(item) | ArrowType::ListView(item) | ArrowType::FixedSizeList(item, _) => {
            DataType::Array(Box::new(model_type(item.data_type())?))
        }
        ArrowType::Map(entries, _) => match entries.data_type() {
            ArrowType::Struct(fields) if fields.len() == 2 => {
                DataType::Map(Box::new(model_type(fields[0].data_type())?), Box::new(model_type(fields[1].data_type())?))
            }
            _ => return None,
        },
        ArrowType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| Some(ModelField { name: field.name().clone(), data_type: model_type(field.data_type())? }))
                .collect::<Option<_>>()?,
        ),
        _ => return None,
    })
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
