//! Which Arrow arrays of a file fit a column without loss, and how they get there.
//!
//! Whole numbers go to wider ones, to decimals and doubles that hold every digit; decimals to decimals with room on both sides
//! of the point; times to microseconds, where a row whose nanoseconds would be cut off is refused. A time without zone goes to
//! `timestamp` as UTC; one with a zone never to `timestamp_ntz`. All else is another type, and the read fails.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType as ArrowType, TimeUnit, TimestampNanosecondType};
use arrow::error::ArrowError;

use polder_model::DataType;

/// Whether every value of the file's type, or all but rows that can be told, keeps its meaning in the column.
pub(crate) fn fits(from: &ArrowType, to: &DataType) -> bool {
    match (from, to) {
        (ArrowType::Timestamp(TimeUnit::Nanosecond, zone), DataType::Timestamp | DataType::TimestampNtz) => {
            zone.is_none() || *to == DataType::Timestamp
        }
        _ => fits_inside(from, to),
    }
}

/// The same inside lists, maps and structs, where a single value that does not fit cannot be told.
fn fits_inside(from: &ArrowType, to: &DataType) -> bool {
    use ArrowType::{Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32};
    match (from, to) {
        (ArrowType::Boolean, DataType::Boolean)
        | (ArrowType::Utf8, DataType::String)
        | (ArrowType::Binary | ArrowType::FixedSizeBinary(_), DataType::Binary)
        | (ArrowType::Date32, DataType::Date)
        | (Int8, DataType::Byte)
        | (Int8 | Int16 | UInt8, DataType::Short)
        | (Int8 | Int16 | Int32 | UInt8 | UInt16, DataType::Integer)
        | (Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32, DataType::Long)
        | (ArrowType::Float16 | ArrowType::Float32, DataType::Float)
        | (ArrowType::Float16 | ArrowType::Float32 | ArrowType::Float64, DataType::Double)
        | (Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32, DataType::Double)
        | (ArrowType::Timestamp(TimeUnit::Microsecond | TimeUnit::Millisecond, _), DataType::Timestamp)
        | (ArrowType::Timestamp(TimeUnit::Microsecond | TimeUnit::Millisecond, None), DataType::TimestampNtz) => true,
        (_, DataType::Decimal(precision, scale)) => {
            let room = i16::from(*precision) - i16::from(*scale);
            decimal_of(from).is_some_and(|(digits, points)| i16::from(*scale) >= points && room >= digits - points)
        }
        (ArrowType::List(element), DataType::Array(to)) => fits_inside(element.data_type(), to),
        (ArrowType::Map(entries, _), DataType::Map(key, value)) => match entries.data_type() {
            ArrowType::Struct(fields) if fields.len() == 2 => {
                fits_inside(fields[0].data_type(), key) && fits_inside(fields[1].data_type(), value)
            }
            _ => false,
        },
        (ArrowType::Struct(fields), DataType::Struct(to)) => {
            let same = |(field, to): (&Arc<arrow::datatypes::Field>, &polder_model::data_type::StructField)| {
                field.name().to_lowercase() == to.name.to_lowercase() && fits_inside(field.data_type(), &to.data_type)
            };
            fields.len() == to.len() && fields.iter().zip(to).all(same)
        }
        _ => false,
    }
}

/// How many digits a number has at most, and how many of them after the point.
fn decimal_of(from: &ArrowType) -> Option<(i16, i16)> {
    match from {
        ArrowType::Decimal32(precision, scale)
        | ArrowType::Decimal64(precision, scale)
        | ArrowType::Decimal128(precision, scale)
        | ArrowType::Decimal256(precision, scale) => Some((i16::from(*precision), i16::from(*scale))),
        ArrowType::Int8 | ArrowType::UInt8 => Some((3, 0)),
        ArrowType::Int16 | ArrowType::UInt16 => Some((5, 0)),
        ArrowType::Int32 | ArrowType::UInt32 => Some((10, 0)),
        ArrowType::Int64 => Some((19, 0)),
        ArrowType::UInt64 => Some((20, 0)),
        _ => None,
    }
}

/// Returns the array as the sink's type and the rows whose value does not fit.
pub(crate) fn widen(array: &ArrayRef, to: &ArrowType) -> Result<(ArrayRef, Vec<usize>), ArrowError> {
    let widened = convert(array, to, true)?;
    let mut lost: Vec<usize> = Vec::new();
    if let ArrowType::Timestamp(TimeUnit::Nanosecond, _) = array.data_type() {
        let nanos = array.as_primitive::<TimestampNanosecondType>();
        lost.extend((0..nanos.len()).filter(|row| nanos.is_valid(*row) && nanos.value(*row) % 1000 != 0));
    } else if widened.null_count() > array.null_count() {
        lost.extend((0..array.len()).filter(|row| array.is_valid(*row) && widened.is_null(*row)));
    }
    Ok((widened, lost))
}

/// Converts; where `tell` is set a value out of range becomes null for [`widen`] to tell, otherwise it is an error.
fn convert(array: &ArrayRef, to: &ArrowType, tell: bool) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), to) {
        (from, to) if from == to => Ok(Arc::clone(array)),
        (ArrowType::List(_), ArrowType::List(field)) => {
            let list = array.as_list::<i32>();
            let values = convert(list.values(), field.data_type(), false)?;
            Ok(Arc::new(ListArray::try_new(Arc::clone(field), list.offsets().clone(), values, list.nulls().cloned())?))
        }
        (ArrowType::Map(..), ArrowType::Map(field, sorted)) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let entries = convert(&entries, field.data_type(), false)?.as_struct().clone();
            Ok(Arc::new(MapArray::try_new(Arc::clone(field), map.offsets().clone(), entries, map.nulls().cloned(), *sorted)?))
        }
        (ArrowType::Struct(_), ArrowType::Struct(fields)) => {
            let structure = array.as_struct();
            let children = structure.columns().iter().zip(fields).map(|(child, field)| convert(child, field.data_type(), false));
            let (children, nulls) = (children.collect::<Result<_, _>>()?, structure.nulls().cloned());
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), children, nulls, structure.len())?))
        }
        _ => cast_with_options(array, to, &CastOptions { safe: tell, ..CastOptions::default() }),
    }
}
