//! Values that clients of PostgreSQL bind to parameters: of every type, as text and binary.
//!
//! The first three bytes choose the type that the client says, the one that the statement makes of the parameter, and the form. The rest
//! is the value.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};
use polder_engine::ScalarValue;
use polder_pgwire::fuzzing::{type_of, value, written};

use crate::within;

/// What a value of less than a kilobyte may be held in.
const HELD_BYTES: usize = 16 << 20;

/// The types that clients say, by their numbers: none, single values, and arrays of them.
const SAID: [u32; 38] = [
    0, 16, 17, 18, 19, 20, 21, 23, 25, 26, 114, 700, 701, 705, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1700, 2950, 3802, 1000,
    1005, 1007, 1009, 1015, 1016, 1021, 1022, 1028, 1115, 1182, 1185, 1231, 2951,
];

const TEXT: u32 = 25;

/// Nothing is needed.
pub fn prepare() {}

/// Takes a value.
///
/// # Panics
/// When a value that was read is, once it is written, read as another.
pub fn run(sent: &[u8]) {
    let [said, made, format, sent @ ..] = sent else { return };
    let inferred = inferred_types();
    let (said, inferred) = (SAID[usize::from(*said) % SAID.len()], &inferred[usize::from(*made) % inferred.len()]);
    within(HELD_BYTES, || {
        let Some(read) = value(said, inferred, i16::from(*format) % 2, sent) else { return };
        assert_eq!(read.data_type(), *inferred, "a value is what the statement takes");
        if let (TEXT, ScalarValue::Utf8(text)) = (said, &read) {
            assert_eq!(text.as_deref().map(str::as_bytes), Some(sent), "a text is what was sent");
        }
        for format in [0, 1] {
            is_read_again(&read, inferred, format);
        }
    });
}

fn is_read_again(read: &ScalarValue, inferred: &DataType, format: i16) {
    // A PostgreSQL has microseconds at the finest.
    let is_finer = matches!(inferred, DataType::Timestamp(TimeUnit::Nanosecond, _));
    // Zero has no sign once it is written, and there is one NaN.
    let is_special = read.to_string().split([',', '[', ']', ' ']).any(|number| matches!(number, "-0" | "-0.0" | "NaN"));
    if let Some(Some(bytes)) = written(read, format).filter(|_| !is_finer && !is_special) {
        let again = value(type_of(inferred), inferred, format, &bytes);
        assert_eq!(again.as_ref(), Some(read), "{inferred} in form {format}: {:?}", String::from_utf8_lossy(&bytes));
    }
}

/// What statements make of their parameters.
fn inferred_types() -> Vec<DataType> {
    let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
    let utc = || Some(Arc::from("+00:00"));
    vec![
        DataType::Utf8,
        DataType::Boolean,
        DataType::Int8,
        DataType::Int16,
        DataType::Int32,
        DataType::Int64,
        DataType::UInt8,
        DataType::UInt64,
        DataType::Float32,
        DataType::Float64,
        DataType::Decimal128(10, 2),
        DataType::Decimal128(38, 10),
        DataType::LargeUtf8,
        DataType::Utf8View,
        DataType::Binary,
        DataType::FixedSizeBinary(16),
        DataType::Date32,
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(TimeUnit::Microsecond, utc()),
        DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::Duration(TimeUnit::Microsecond),
        list(DataType::Boolean),
        list(DataType::Int32),
        list(DataType::Int64),
        list(DataType::Float64),
        list(DataType::Utf8),
        list(DataType::Date32),
        list(DataType::Timestamp(TimeUnit::Microsecond, None)),
    ]
}
