//! Values of columns: their types, and how a Delta log, a filter, JSON and Avro write them.

use std::cmp::Ordering;

use apache_avro::Decimal;
use apache_avro::types::Value as Avro;
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::{Value, json};

/// A type without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Primitive {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Decimal {
        precision: u32,
        scale: u32,
    },
    String,
    Binary,
    Date,
    /// A moment.
    TimestampTz,
    /// What a clock shows somewhere.
    Timestamp,
}

impl Primitive {
    /// Reads the name that Delta has for a type.
    pub(crate) fn of_delta(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::Boolean,
            "byte" | "short" | "integer" => Self::Int,
            "long" => Self::Long,
            "float" => Self::Float,
            "double" => Self::Double,
            "string" => Self::String,
            "binary" => Self::Binary,
            "date" => Self::Date,
            "timestamp" => Self::TimestampTz,
            "timestamp_ntz" => Self::Timestamp,
            "decimal" => Self::Decimal { precision: 10, scale: 0 },
            name => {
                let (precision, scale) = name.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
                let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
                (1..=38).contains(&precision).then_some(Self::Decimal { precision, scale })?
            }
        })
    }

    /// The name that Iceberg has for it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Boolean => "boolean".to_owned(),
            Self::Int => "int".to_owned(),
            Self::Long => "long".to_owned(),
            Self::Float => "float".to_owned(),
            Self::Double => "double".to_owned(),
            Self::Decimal { precision, scale } => format!("decimal({precision}, {scale})"),
            Self::String => "string".to_owned(),
            Self::Binary => "binary".to_owned(),
            Self::Date => "date".to_owned(),
            Self::TimestampTz => "timestamptz".to_owned(),
            Self::Timestamp => "timestamp".to_owned(),
        }
    }

    /// Whether JSON has values of it that are taken for nothing else. PyIceberg (0.12) takes a date in a plan for text, and a filter by
    /// date then finds no rows where there are some.
    pub(crate) const fn is_plain_json(self) -> bool {
        matches!(self, Self::Boolean | Self::Int | Self::Long | Self::String)
    }

    /// Its schema in Avro. `name` is for a type that has to have one.
    pub(crate) fn avro(self, name: &str) -> Value {
        match self {
            Self::Boolean => json!("boolean"),
            Self::Int => json!("int"),
            Self::Long => json!("long"),
            Self::Float => json!("float"),
            Self::Double => json!("double"),
            Self::Decimal { precision, scale } => json!({
                "type": "fixed", "name": name, "size": decimal_bytes(precision),
                "logicalType": "decimal", "precision": precision, "scale": scale,
            }),
            Self::String => json!("string"),
            Self::Binary => json!("bytes"),
            Self::Date => json!({ "type": "int", "logicalType": "date" }),
            Self::TimestampTz => json!({ "type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": true }),
            Self::Timestamp => json!({ "type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": false }),
        }
    }
}

/// The bytes that every decimal of a precision fits in.
fn decimal_bytes(precision: u32) -> usize {
    let largest = 10_i128.pow(precision.min(38)) - 1;
    (1..16).find(|bytes| largest < 1_i128 << (8 * bytes - 1)).unwrap_or(16)
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Boolean(bool),
    Int(i32),
    Long(i64),
    Float(f32),
    Double(f64),
    Decimal {
        unscaled: i128,
        scale: u32,
    },
    String(String),
    Binary(Vec<u8>),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970.
    Micros {
        micros: i64,
        tz: bool,
    },
}

impl Scalar {
    /// Reads a value of a partition column, as a Delta log writes it.
    pub(crate) fn of_text(primitive: Primitive, text: &str) -> Option<Self> {
        Some(match primitive {
            Primitive::Boolean => Self::Boolean(text.to_ascii_lowercase().parse().ok()?),
            Primitive::Int => Self::Int(text.parse().ok()?),
            Primitive::Long => Self::Long(text.parse().ok()?),
            Primitive::Float => Self::Float(text.parse().ok()?),
            Primitive::Double => Self::Double(text.parse().ok()?),
            Primitive::Decimal { precision, scale } => Self::Decimal { unscaled: decimal(text, precision, scale)?, scale },
            Primitive::String => Self::String(text.to_owned()),
            Primitive::Binary => Self::Binary(text.as_bytes().to_vec()),
            Primitive::Date => Self::Date(days(text)?),
            Primitive::TimestampTz => Self::Micros { micros: micros(text)?, tz: true },
            Primitive::Timestamp => Self::Micros { micros: micros(text)?, tz: false },
        })
    }

    /// Reads a value of a filter or of statistics. What JSON may have rounded is none.
    pub(crate) fn of_json(primitive: Primitive, value: &Value) -> Option<Self> {
        match (primitive, value) {
            (Primitive::Binary, _) | (Primitive::Boolean, Value::Number(_) | Value::String(_)) => None,
            (Primitive::Boolean, Value::Bool(value)) => Some(Self::Boolean(*value)),
            (Primitive::Decimal { precision: 16.., .. }, Value::Number(_)) => None,
            (_, Value::String(text)) => Self::of_text(primitive, text),
            (Primitive::String | Primitive::Date | Primitive::TimestampTz | Primitive::Timestamp, _) => None,
            (_, Value::Number(number)) => Self::of_text(primitive, &number.to_string()),
            _ => None,
        }
    }

    /// The value as the interface writes it.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Boolean(value) => json!(value),
            Self::Int(value) => json!(value),
            Self::Long(value) => json!(value),
            Self::Float(value) => json!(value),
            Self::Double(value) => json!(value),
            Self::Decimal { unscaled, scale } => json!(decimal_text(*unscaled, *scale)),
            Self::String(text) => json!(text),
            Self::Binary(bytes) => json!(bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>()),
            Self::Date(days) => json!(date(*days).map(|date| date.to_string())),
            Self::Micros { micros, tz } => {
                let form = if *tz { "%Y-%m-%dT%H:%M:%S%.6f+00:00" } else { "%Y-%m-%dT%H:%M:%S%.6f" };
                json!(DateTime::from_timestamp_micros(*micros).map(|time| time.format(form).to_string()))
            }
        }
    }

    /// The value in Avro.
    pub(crate) fn to_avro(&self) -> Avro {
        match self {
            Self::Boolean(value) => Avro::Boolean(*value),
            Self::Int(value) => Avro::Int(*value),
            Self::Long(value) => Avro::Long(*value),
            Self::Float(value) => Avro::Float(*value),
            Self::Double(value) => Avro::Double(*value),
            Self::Decimal { unscaled, .. } => Avro::Decimal(Decimal::from(unscaled.to_be_bytes())),
            Self::String(text) => Avro::String(text.clone()),
            Self::Binary(bytes) => Avro::Bytes(bytes.clone()),
            Self::Date(days) => Avro::Date(*days),
            Self::Micros { micros, .. } => Avro::TimestampMicros(*micros),
        }
    }

    /// How two values of one column compare; `None` where that is not to be relied on.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(one), Self::Boolean(other)) => Some(one.cmp(other)),
            (Self::Int(one), Self::Int(other)) | (Self::Date(one), Self::Date(other)) => Some(one.cmp(other)),
            (Self::Long(one), Self::Long(other)) => Some(one.cmp(other)),
            (Self::Decimal { unscaled: one, scale: a }, Self::Decimal { unscaled: other, scale: b }) if a == b => {
                Some(one.cmp(other))
            }
            (Self::String(one), Self::String(other)) => Some(one.cmp(other)),
            (Self::Micros { micros: one, tz: a }, Self::Micros { micros: other, tz: b }) if a == b => Some(one.cmp(other)),
            // Floats have values that are none, and several zeros.
            _ => None,
        }
    }
}

fn decimal(text: &str, precision: u32, scale: u32) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let scale = usize::try_from(scale).ok()?;
    // More digits than there is place for are none of this type, unless they say nothing.
    let part = if part.len() > scale { part.get(..scale).filter(|_| part[scale..].bytes().all(|b| b == b'0'))? } else { part };
    if !plain(whole) || !plain(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let unscaled: i128 = format!("{whole}{part:0<scale$}").parse().ok()?;
    (unscaled < 10_i128.checked_pow(precision)?).then_some(if negative { -unscaled } else { unscaled })
}

fn decimal_text(unscaled: i128, scale: u32) -> String {
    let scale = usize::try_from(scale).unwrap_or_default();
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

fn date(days: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(days)
}

fn days(text: &str) -> Option<i32> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|date| date.to_epoch_days())
}

/// Microseconds since 1970, of a time with or without an offset: without, it is UTC.
fn micros(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)) {
        return Some(time.timestamp_micros());
    }
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|time| time.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str, text: &str) -> Option<Scalar> {
        Scalar::of_text(Primitive::of_delta(name).unwrap(), text)
    }

    #[test]
    fn values_of_a_log_are_read_and_written_as_the_interface_has_them() {
        let table = [
            ("boolean", "true", json!(true)),
            ("short", "-7", json!(-7)),
            ("long", "9007199254740993", json!(9_007_199_254_740_993_i64)),
            ("double", "1.5", json!(1.5)),
            ("decimal(12,2)", "-38.07", json!("-38.07")),
            ("decimal(4,2)", "0.5", json!("0.50")),
            ("decimal(5,0)", "12", json!("12")),
            ("string", "United Kingdom", json!("United Kingdom")),
            ("date", "2026-03-01", json!("2026-03-01")),
            ("date", "1969-12-31", json!("1969-12-31")),
            ("timestamp", "2026-03-01 12:00:00.123456", json!("2026-03-01T12:00:00.123456+00:00")),
            ("timestamp", "2026-03-01T12:00:00.000Z", json!("2026-03-01T12:00:00.000000+00:00")),
            ("timestamp_ntz", "2026-03-01 12:00:00", json!("2026-03-01T12:00:00.000000")),
            ("binary", "\u{1}", json!("01")),
        ];
        for (name, written, expected) in table {
            assert_eq!(text(name, written).unwrap().to_json(), expected, "{name} {written}");
        }
        for (name, wrong) in
            [("integer", "x"), ("decimal(4,2)", "123.45"), ("decimal(4,2)", "1.234"), ("date", "today"), ("decimal(4,2)", ".")]
        {
            assert_eq!(text(name, wrong), None, "{name} {wrong}");
        }
        assert_eq!(Primitive::of_delta("variant"), None);
        assert_eq!(Primitive::of_delta("decimal(39,0)"), None);
    }

    #[test]
    fn a_decimal_has_the_fewest_bytes_that_its_precision_fits_in() {
        let bytes: Vec<usize> = [1, 2, 3, 9, 10, 18, 19, 38].into_iter().map(decimal_bytes).collect();
        assert_eq!(bytes, [1, 1, 2, 4, 5, 8, 9, 16]);
    }

    #[test]
    fn what_json_may_have_rounded_is_not_compared() {
        let long = Primitive::Decimal { precision: 20, scale: 2 };
        assert_eq!(Scalar::of_json(long, &json!(1.5)), None);
        assert!(Scalar::of_json(long, &json!("1.50")).is_some());
        assert!(Scalar::Double(1.0).compare(&Scalar::Double(2.0)).is_none());
    }
}
