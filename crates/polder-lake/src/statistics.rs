//! What a log says about a file's rows, as the query engine wants it, and back: counts, smallest and largest values, nulls.
//!
//! A bound is exact only when the log is sure to hold the value itself: long texts are cut, instants are rounded and numbers with
//! many digits go through floating point on their way.

use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::FormatOptions;
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use serde_json::{Map, Value};

/// Columns of a table that have statistics in its log: the protocol's default.
const INDEXED_COLUMNS: usize = 32;
/// Texts of this length and more may have been cut by the writer.
const LONG_TEXT: usize = 32;
/// Decimals up to this precision survive floating point.
const SAFE_DIGITS: u8 = 15;

/// Reads the statistics of a file of `size` bytes; of what is missing, nothing is known.
pub(crate) fn from_json(json: Option<&str>, size: u64, schema: &Schema) -> Statistics {
    let value: Value = json.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null);
    let Some(rows) = value["numRecords"].as_u64().and_then(|rows| usize::try_from(rows).ok()) else {
        return Statistics::new_unknown(schema);
    };
    let of_text = size.saturating_mul(2) / (schema.fields().len().max(1) as u64);
    let column_statistics = schema.fields().iter().map(|field| {
        let name = field.name().as_str();
        let nulls = value["nullCount"][name].as_u64().and_then(|count| usize::try_from(count).ok());
        ColumnStatistics {
            null_count: nulls.map_or(Precision::Absent, Precision::Exact),
            min_value: bound(&value["minValues"][name], field),
            max_value: bound(&value["maxValues"][name], field),
            byte_size: match field.data_type().primitive_width() {
                Some(width) => Precision::Exact(rows.saturating_mul(width)),
                None => Precision::Inexact(usize::try_from(of_text).unwrap_or(usize::MAX)),
            },
            ..ColumnStatistics::new_unknown()
        }
    });
    let column_statistics = column_statistics.collect();
    Statistics { num_rows: Precision::Exact(rows), total_byte_size: Precision::Absent, column_statistics }
}

/// Writes the statistics of a new file.
pub(crate) fn to_json(statistics: &Statistics, schema: &Schema) -> String {
    let (mut lowest, mut highest, mut nulls) = (Map::new(), Map::new(), Map::new());
    for (field, column) in schema.fields().iter().zip(&statistics.column_statistics).take(INDEXED_COLUMNS) {
        if let Precision::Exact(count) = column.null_count {
            nulls.insert(field.name().clone(), count.into());
        }
        // A cut text is still a bound: the writer rounds the largest up.
        if let (Some(low), Some(high)) = (column.min_value.get_value(), column.max_value.get_value())
            && let (Some(low), Some(high)) = (to_value(low), to_value(high))
        {
            lowest.insert(field.name().clone(), low);
            highest.insert(field.name().clone(), high);
        }
    }
    let rows = statistics.num_rows.get_value().copied().unwrap_or_default();
    serde_json::json!({"numRecords": rows, "minValues": lowest, "maxValues": highest, "nullCount": nulls}).to_string()
}

/// Adds to a file's statistics those of its partition columns: every row has the same value.
pub(crate) fn with_partition(mut statistics: Statistics, values: &[ScalarValue]) -> Statistics {
    for value in values {
        let column = if value.is_null() {
            ColumnStatistics { null_count: statistics.num_rows, ..ColumnStatistics::new_unknown() }
        } else {
            ColumnStatistics {
                null_count: Precision::Exact(0),
                min_value: Precision::Exact(value.clone()),
                max_value: Precision::Exact(value.clone()),
                distinct_count: Precision::Exact(1),
                ..ColumnStatistics::new_unknown()
            }
        };
        statistics.column_statistics.push(column);
    }
    statistics
}

/// Reads a partition value as the log writes it. `None`: it is not a value of the type.
pub(crate) fn partition_value(text: Option<&str>, data_type: &DataType) -> Option<ScalarValue> {
    match text {
        // The protocol writes a missing value and the empty text alike.
        None | Some("") => ScalarValue::try_from(data_type).ok(),
        Some(text) => ScalarValue::try_from_string(text.to_owned(), data_type).ok(),
    }
}

/// How partition values of instants and wall clocks are written.
pub(crate) fn partition_format() -> FormatOptions<'static> {
    FormatOptions::new()
        .with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.6f"))
        .with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.6f"))
}

fn bound(value: &Value, field: &Field) -> Precision<ScalarValue> {
    let data_type = field.data_type();
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Precision::Absent,
    };
    let is_exact = match data_type {
        DataType::Utf8 | DataType::Utf8View => text.len() < LONG_TEXT,
        DataType::Decimal128(precision, _) => *precision <= SAFE_DIGITS,
        DataType::Date32 => true,
        other if other.is_integer() => true,
        DataType::Float32 | DataType::Float64 | DataType::Timestamp(..) => false,
        _ => return Precision::Absent,
    };
    match ScalarValue::try_from_string(text, data_type) {
        Ok(value) if value.is_null() => Precision::Absent,
        Ok(value) if is_exact => Precision::Exact(value),
        Ok(value) => Precision::Inexact(value),
        Err(_) => Precision::Absent,
    }
}

fn to_value(scalar: &ScalarValue) -> Option<Value> {
    if scalar.is_null() {
        return None;
    }
    let data_type = scalar.data_type();
    match &data_type {
        DataType::Utf8 | DataType::Utf8View => scalar.try_as_str().flatten().map(Value::from),
        DataType::Date32 => text(scalar).map(Value::from),
        // The protocol's form has a 'T', and a 'Z' for instants.
        DataType::Timestamp(_, zone) => {
            let zone = if zone.is_some() { "Z" } else { "" };
            text(scalar).map(|text| format!("{}{zone}", text.replacen(' ', "T", 1)).into())
        }
        DataType::Decimal128(precision, _) if *precision <= SAFE_DIGITS => serde_json::from_str(&text(scalar)?).ok(),
        DataType::Float32 | DataType::Float64 => {
            let number: f64 = text(scalar)?.parse().ok()?;
            number.is_finite().then(|| number.into())
        }
        other if other.is_integer() => serde_json::from_str(&text(scalar)?).ok(),
        _ => None,
    }
}

/// A value in Arrow's own words, with instants as [`partition_format`] has them.
pub(crate) fn text(scalar: &ScalarValue) -> Option<String> {
    let array = scalar.to_array().ok()?;
    let format = partition_format();
    let formatter = arrow::util::display::ArrayFormatter::try_new(&array, &format).ok()?;
    (!scalar.is_null()).then(|| formatter.value(0).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(data_type: DataType, value: &str, expect: &str, exact: bool) {
        let schema = Schema::new(vec![Field::new("c", data_type.clone(), true)]);
        let scalar = ScalarValue::try_from_string(value.to_owned(), &data_type).unwrap();
        let column = ColumnStatistics {
            min_value: Precision::Exact(scalar.clone()),
            max_value: Precision::Exact(scalar.clone()),
            null_count: Precision::Exact(1),
            ..ColumnStatistics::new_unknown()
        };
        let written =
            Statistics { num_rows: Precision::Exact(3), total_byte_size: Precision::Absent, column_statistics: vec![column] };
        let json = to_json(&written, &schema);
        assert!(json.contains(expect), "{json}");
        let read = from_json(Some(&json), 100, &schema);
        assert_eq!(read.num_rows, Precision::Exact(3));
        let column = &read.column_statistics[0];
        assert_eq!((column.null_count, column.min_value.is_exact()), (Precision::Exact(1), Some(exact)), "{data_type}");
        assert_eq!(column.max_value.get_value(), Some(&scalar), "{data_type}");
    }

    #[test]
    fn bounds_read_back_and_say_whether_they_are_sure() {
        check(DataType::Int64, "-42", r#""minValues":{"c":-42}"#, true);
        check(DataType::Utf8View, "abc", r#""minValues":{"c":"abc"}"#, true);
        check(DataType::Utf8View, &"x".repeat(40), r#""minValues":{"c":"xxx"#, false);
        check(DataType::Date32, "2024-02-29", r#""minValues":{"c":"2024-02-29"}"#, true);
        check(DataType::Decimal128(12, 2), "10.25", r#""minValues":{"c":10.25}"#, true);
        check(DataType::Float64, "1.5", r#""minValues":{"c":1.5}"#, false);
        let utc = DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()));
        check(utc, "2024-01-02T03:04:05.000006Z", r#""minValues":{"c":"2024-01-02T03:04:05.000006Z"}"#, false);
    }

    #[test]
    fn nothing_is_known_without_a_row_count() {
        let schema = Schema::new(vec![Field::new("c", DataType::Int64, true)]);
        for json in [None, Some("{}"), Some("not json"), Some(r#"{"minValues":{"c":1}}"#)] {
            assert_eq!(from_json(json, 1, &schema), Statistics::new_unknown(&schema));
        }
    }
}
