//! Values as files' statistics, partition values and conditions write them, of one type each.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde_json::Value;

/// What kind of value a column has, as far as values of it can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ScalarType {
    Boolean,
    Integer,
    Float,
    Text,
    Date,
    Timestamp,
    /// Nothing is known about the order of its values here.
    Other,
}

/// A value that can be compared with others of its type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    Date(NaiveDate),
    /// Microseconds since 1970.
    Timestamp(i64),
}

impl ScalarType {
    /// The type of a column by Delta's word for it.
    pub(crate) fn of(delta: &str) -> Self {
        match delta {
            "boolean" => Self::Boolean,
            "byte" | "short" | "integer" | "long" => Self::Integer,
            "float" | "double" => Self::Float,
            "string" => Self::Text,
            "date" => Self::Date,
            "timestamp" | "timestamp_ntz" => Self::Timestamp,
            _ => Self::Other,
        }
    }

    /// Reads a value from a text; `None` when it is none of this type.
    pub(crate) fn read(self, text: &str) -> Option<Scalar> {
        Some(match self {
            Self::Boolean => Scalar::Boolean(text.to_ascii_lowercase().parse().ok()?),
            Self::Integer => Scalar::Integer(text.parse().ok()?),
            Self::Float => Scalar::Float(text.parse().ok().filter(|number: &f64| !number.is_nan())?),
            Self::Text => Scalar::Text(text.to_owned()),
            Self::Date => Scalar::Date(text.parse().ok()?),
            Self::Timestamp => Scalar::Timestamp(micros(text)?),
            Self::Other => return None,
        })
    }

    /// Reads a value of a file's statistics.
    pub(crate) fn of_json(self, value: &Value) -> Option<Scalar> {
        match (self, value) {
            (_, Value::String(text)) => self.read(text),
            (Self::Boolean, Value::Bool(value)) => Some(Scalar::Boolean(*value)),
            (Self::Integer, Value::Number(number)) => number.as_i64().map(Scalar::Integer),
            (Self::Float, Value::Number(number)) => number.as_f64().map(Scalar::Float),
            _ => None,
        }
    }
}

impl Scalar {
    /// A little more than it, where statistics cut off what is smaller: instants are kept in milliseconds there.
    pub(crate) fn rounded_up(self) -> Self {
        match self {
            Self::Timestamp(micros) => Self::Timestamp(micros.saturating_add(999)),
            other => other,
        }
    }

    /// The order of two values; `None` for values of different types.
    pub(crate) fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Integer(a), Self::Integer(b)) | (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Text(a), Self::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// An instant as it is written in statistics, partition values and conditions. One without an offset is in UTC.
fn micros(text: &str) -> Option<i64> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.timestamp_micros());
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    let time = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let time = time.or_else(|| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0));
    time.map(|time| time.and_utc().timestamp_micros())
}
