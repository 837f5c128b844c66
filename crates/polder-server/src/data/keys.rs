//! Keys that are asked for: values of the key's columns, checked one by one.

use std::fmt;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType as Arrow;
use polder_engine::ScalarValue;
use polder_model::text::short;
use polder_model::{Column, DataType};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::ask::value;
use crate::problem::Problem;

/// How many keys one request may ask for.
pub(super) const MOST_KEYS: usize = 1_000;

/// A key, as a request has it.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum AskedKey {
    /// Columns and values, as written.
    Object(Named),
    /// Anything else, which is none.
    Other(Value),
}

/// The fields of an object, each as it was written: of two with one name, JSON's own map would keep the last in silence.
#[derive(Debug)]
pub(super) struct Named(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Named;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with the columns of the key")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Named(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl Serialize for Named {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Keys, each with a value for every column of the key.
#[derive(Debug)]
pub(super) struct Keys(Vec<Vec<ScalarValue>>);

impl Keys {
    /// The one key whose values these are.
    pub(super) fn one(values: Vec<ScalarValue>) -> Self {
        Self(vec![values])
    }

    /// Reads keys of these columns.
    ///
    /// # Errors
    /// When there are too many or none, or one of them lacks a column, has one too many, or a value that does not fit.
    pub(super) fn read(keys: &[AskedKey], key: &[&Column]) -> Result<Self, Problem> {
        if keys.is_empty() || keys.len() > MOST_KEYS {
            return Err(Problem::invalid(format!("there are {} keys: ask for 1 to {MOST_KEYS}", keys.len())));
        }
        let keys = keys.iter().enumerate().map(|(at, one)| match one {
            AskedKey::Object(Named(one)) => read_one(at, one, key),
            AskedKey::Other(_) => Err(wrong(at, "it is no object", key)),
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The values of each column.
    pub(super) fn by_column(&self) -> Vec<Vec<ScalarValue>> {
        let columns = self.0.first().map_or(0, Vec::len);
        (0..columns).map(|column| self.0.iter().map(|key| key[column].clone()).collect()).collect()
    }

    /// The same as arrays of these types.
    ///
    /// # Errors
    /// When a value cannot be of such a type.
    pub(super) fn arrays(&self, types: &[Arrow]) -> Result<Vec<ArrayRef>, Problem> {
        let array = |(values, data_type): (Vec<ScalarValue>, &Arrow)| {
            let values = values.iter().map(|value| value.cast_to(data_type)).collect::<Result<Vec<_>, _>>();
            values.and_then(ScalarValue::iter_to_array).map_err(Problem::internal)
        };
        self.by_column().into_iter().zip(types).map(array).collect()
    }
}

fn wrong(at: usize, why: impl fmt::Display, key: &[&Column]) -> Problem {
    let names: Vec<&str> = key.iter().map(|column| column.name.as_str()).collect();
    Problem::invalid(format!("keys[{at}]: {why}")).with_hint(format!("a key is an object with {}", names.join(", ")))
}

fn read_one(at: usize, one: &[(String, Value)], key: &[&Column]) -> Result<Vec<ScalarValue>, Problem> {
    let is = |column: &Column, name: &str| column.name.eq_ignore_ascii_case(name);
    if let Some(unknown) = one.iter().map(|(name, _)| name).find(|name| key.iter().all(|column| !is(column, name))) {
        return Err(wrong(at, format!("the key has no column {:?}", short(unknown)), key));
    }
    if one.len() > key.len() {
        return Err(wrong(at, "a column stands there twice", key));
    }
    let of = |column: &&Column| {
        let found = one.iter().find(|(name, _)| is(column, name)).map(|(_, value)| value);
        let found = found.ok_or_else(|| wrong(at, format!("the column {} is missing", column.name), key))?;
        let text = text(found, &column.data_type).map_err(|why| wrong(at, format!("{}: {why}", column.name), key))?;
        value(&column.name, &column.data_type, &text).map_err(|problem| wrong(at, problem.detail(), key))
    };
    key.iter().map(of).collect()
}

/// A value of JSON as the text that a column's type reads.
fn text(value: &Value, data_type: &DataType) -> Result<String, String> {
    let is_text = matches!(data_type, DataType::String | DataType::Date | DataType::Timestamp | DataType::TimestampNtz);
    match value {
        Value::Null => Err("no row is looked up by a missing value".to_owned()),
        Value::String(text) if *data_type != DataType::Boolean => Ok(text.clone()),
        Value::Bool(value) if *data_type == DataType::Boolean => Ok(value.to_string()),
        Value::Number(number) if !is_text && *data_type != DataType::Boolean => Ok(number.to_string()),
        other => Err(format!("{} is no {data_type}", short(&other.to_string()))),
    }
}
