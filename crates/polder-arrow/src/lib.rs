//! Column types between polder's words and Arrow's, in one place for whoever reads, queries or writes rows.
//!
//! The names of the children of lists and maps (`element`, `key_value`) are those of Delta's own readers and writers. Values inside
//! a list, map or struct may always be missing; a column's only where it is optional. Plain data: no rows pass here.

pub mod rows;
pub mod size;

use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Field, Fields, Schema, SchemaRef, TimeUnit};

use polder_model::data_type::StructField;
use polder_model::{Column, DataType};

/// Returns the Arrow type that holds values of a column type.
#[must_use]
pub fn to_arrow(data_type: &DataType) -> Arrow {
    match data_type {
        DataType::Boolean => Arrow::Boolean,
        DataType::Byte => Arrow::Int8,
        DataType::Short => Arrow::Int16,
        DataType::Integer => Arrow::Int32,
        DataType::Long => Arrow::Int64,
        DataType::Float => Arrow::Float32,
        DataType::Double => Arrow::Float64,
        DataType::Decimal(precision, scale) => Arrow::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX)),
        DataType::String => Arrow::Utf8,
        DataType::Binary => Arrow::Binary,
        DataType::Date => Arrow::Date32,
        DataType::Timestamp => Arrow::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::TimestampNtz => Arrow::Timestamp(TimeUnit::Microsecond, None),
        DataType::Array(element) => Arrow::List(Arc::new(Field::new("element", to_arrow(element), true))),
        DataType::Map(key, value) => {
            let entry = Fields::from(vec![Field::new("key", to_arrow(key), false), Field::new("value", to_arrow(value), true)]);
            Arrow::Map(Arc::new(Field::new("key_value", Arrow::Struct(entry), false)), false)
        }
        DataType::Struct(fields) => {
            Arrow::Struct(fields.iter().map(|field| Field::new(&field.name, to_arrow(&field.data_type), true)).collect())
        }
    }
}

/// Returns the Arrow schema of columns.
#[must_use]
pub fn to_schema(columns: &[Column]) -> SchemaRef {
    let field = |column: &Column| Field::new(&column.name, to_arrow(&column.data_type), column.optional);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Returns the column type that a query's column would be stored as; `None` when a table cannot hold it.
#[must_use]
pub fn from_arrow(data_type: &Arrow) -> Option<DataType> {
    Some(match data_type {
        Arrow::Boolean => DataType::Boolean,
        Arrow::Int8 => DataType::Byte,
        Arrow::Int16 | Arrow::UInt8 => DataType::Short,
        Arrow::Int32 | Arrow::UInt16 => DataType::Integer,
        // Counts and ranks are unsigned, and none reaches past a bigint.
        Arrow::Int64 | Arrow::UInt32 | Arrow::UInt64 => DataType::Long,
        Arrow::Float16 | Arrow::Float32 => DataType::Float,
        Arrow::Float64 => DataType::Double,
        Arrow::Decimal32(p, s) | Arrow::Decimal64(p, s) | Arrow::Decimal128(p, s) | Arrow::Decimal256(p, s) => {
            let scale = u8::try_from(*s).ok()?;
            if *p > 38 {
                return None;
            }
            DataType::Decimal(*p, scale)
        }
        // An untyped null fits every column; text is the most forgiving name for it.
        Arrow::Utf8 | Arrow::LargeUtf8 | Arrow::Utf8View | Arrow::Null => DataType::String,
        Arrow::Binary | Arrow::LargeBinary | Arrow::BinaryView | Arrow::FixedSizeBinary(_) => DataType::Binary,
        Arrow::Date32 => DataType::Date,
        Arrow::Date64 | Arrow::Timestamp(_, None) => DataType::TimestampNtz,
        Arrow::Timestamp(_, Some(_)) => DataType::Timestamp,
        Arrow::List(element) | Arrow::LargeList(element) | Arrow::ListView(element) | Arrow::FixedSizeList(element, _) => {
            DataType::Array(Box::new(from_arrow(element.data_type())?))
        }
        Arrow::Map(entry, _) => match entry.data_type() {
            Arrow::Struct(fields) if fields.len() == 2 => {
                DataType::Map(Box::new(from_arrow(fields[0].data_type())?), Box::new(from_arrow(fields[1].data_type())?))
            }
            _ => return None,
        },
        Arrow::Struct(fields) => {
            let field =
                |field: &Arc<Field>| Some(StructField { name: field.name().clone(), data_type: from_arrow(field.data_type())? });
            DataType::Struct(fields.iter().map(field).collect::<Option<_>>()?)
        }
        Arrow::Dictionary(_, value) => from_arrow(value)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPES: [&str; 17] = [
        "boolean",
        "tinyint",
        "smallint",
        "int",
        "bigint",
        "float",
        "double",
        "decimal(38,10)",
        "string",
        "binary",
        "date",
        "timestamp",
        "timestamp_ntz",
        "array<string>",
        "map<string,bigint>",
        "struct<a:int,b:array<decimal(5,2)>>",
        "map<string,struct<x:timestamp,y:binary>>",
    ];

    #[test]
    fn every_type_has_one_arrow_type_and_comes_back_from_it() {
        for text in TYPES {
            let data_type = text.parse().unwrap();
            assert_eq!(from_arrow(&to_arrow(&data_type)), Some(data_type), "{text}");
        }
        assert_eq!(from_arrow(&Arrow::Utf8View), Some(DataType::String));
        assert_eq!(from_arrow(&Arrow::Date64), Some(DataType::TimestampNtz));
        assert_eq!(from_arrow(&Arrow::Duration(TimeUnit::Second)), None);
    }
}
