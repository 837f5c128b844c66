//! Checks in the words of the standard: its metrics where one means the same, and polder's own rule where none does.

use std::collections::BTreeMap;

use polder_model::check::CheckRule;
use polder_model::{Check, Column, DataType};
use serde_json::{Map, Value, json};

/// The engine that runs what no metric says.
pub(crate) const ENGINE: &str = "polder";

/// The checks of a dataset, where a contract has them.
#[derive(Debug, Default)]
pub(crate) struct Quality {
    /// Of a column, by its name.
    pub(crate) of_columns: BTreeMap<String, Vec<Value>>,
    /// Of the table.
    pub(crate) of_table: Vec<Value>,
}

/// Puts checks where they belong.
pub(crate) fn describe(checks: &[Check], columns: &[Column]) -> Quality {
    let mut quality = Quality::default();
    for check in checks {
        let (column, item) = item(check, columns);
        match column {
            Some(column) => quality.of_columns.entry(column).or_default().push(item),
            None => quality.of_table.push(item),
        }
    }
    quality
}

fn item(check: &Check, columns: &[Column]) -> (Option<String>, Value) {
    let metric = |metric: &str, arguments: Option<Value>| {
        let mut item = json!({"name": check.name, "type": "library", "metric": metric});
        if let Some(arguments) = arguments {
            item["arguments"] = arguments;
        }
        item["mustBe"] = 0.into();
        item
    };
    let own = |column: Option<&String>| {
        let item = json!({"name": check.name, "type": "custom", "engine": ENGINE, "implementation": implementation(&check.rule)});
        (column.cloned(), item)
    };
    match &check.rule {
        CheckRule::NotNull(names) => match &names[..] {
            [only] => (Some(only.clone()), metric("nullValues", None)),
            _ => own(None),
        },
        CheckRule::Unique(names) => match &names[..] {
            [only] => (Some(only.clone()), metric("duplicateValues", None)),
            _ => (None, metric("duplicateValues", Some(json!({"properties": names})))),
        },
        CheckRule::Accepted { column, values } => {
            let is_number = columns.iter().any(|other| other.name == *column && is_whole(&other.data_type));
            let values: Vec<Value> = values.iter().map(|value| literal(value, is_number)).collect();
            (Some(column.clone()), metric("invalidValues", Some(json!({"validValues": values}))))
        }
        CheckRule::Regex { column, pattern } => {
            (Some(column.clone()), metric("invalidValues", Some(json!({"pattern": pattern}))))
        }
        CheckRule::RowCount { min, max } => {
            let mut item = json!({"name": check.name, "type": "library", "metric": "rowCount"});
            let (operator, value) = match (min, max) {
                (Some(min), Some(max)) if min == max => ("mustBe", json!(min)),
                (Some(min), Some(max)) => ("mustBeBetween", json!([min, max])),
                (Some(min), None) => ("mustBeGreaterOrEqualTo", json!(min)),
                (None, max) => ("mustBeLessOrEqualTo", json!(max)),
            };
            item[operator] = value;
            (None, item)
        }
        CheckRule::Range { column, .. } | CheckRule::Freshness { column, .. } => own(Some(column)),
        CheckRule::Sql(_) => own(None),
    }
}

/// A rule as a descriptor writes it.
pub(crate) fn implementation(rule: &CheckRule) -> Value {
    match rule {
        CheckRule::NotNull(columns) => json!({"notNull": columns}),
        CheckRule::Unique(columns) => json!({"unique": columns}),
        CheckRule::Range { column, min, max } => {
            let mut range = json!({"column": column});
            for (key, bound) in [("min", min), ("max", max)] {
                if let Some(bound) = bound {
                    range[key] = bound.as_str().into();
                }
            }
            json!({"range": range})
        }
        CheckRule::Accepted { column, values } => json!({"accepted": {"column": column, "values": values}}),
        CheckRule::Regex { column, pattern } => json!({"regex": {"column": column, "pattern": pattern}}),
        CheckRule::RowCount { min, max } => {
            let bounds = [("min", min), ("max", max)].into_iter().filter_map(|(key, bound)| Some((key, json!((*bound)?))));
            json!({"rowCount": bounds.map(|(key, bound)| (key.to_owned(), bound)).collect::<Map<String, Value>>()})
        }
        CheckRule::Freshness { column, within_seconds } => {
            json!({"freshness": {"column": column, "within": format!("{within_seconds}s")}})
        }
        CheckRule::Sql(text) => json!({"sql": text}),
    }
}

/// The bounds that a type can say of its values itself: those of the first range over the column.
pub(crate) fn bounds(checks: &[Check], column: &Column) -> Vec<(&'static str, Value)> {
    let range = checks.iter().find_map(|check| match &check.rule {
        CheckRule::Range { column: name, min, max } if *name == column.name => Some([("minimum", min), ("maximum", max)]),
        _ => None,
    });
    let bounds = range.into_iter().flatten();
    bounds.filter_map(|(key, bound)| Some((key, bound_value(bound.as_ref()?, &column.data_type)?))).collect()
}

fn bound_value(text: &str, data_type: &DataType) -> Option<Value> {
    match data_type {
        DataType::Date | DataType::Timestamp | DataType::TimestampNtz => Some(text.into()),
        // Digits that a number of JSON would lose stay in the rule alone.
        _ => {
            let number = text.parse::<i64>().map(Value::from).ok();
            number.or_else(|| text.parse::<f64>().ok().filter(|n| n.is_finite() && n.to_string() == *text).map(Value::from))
        }
    }
}

const fn is_whole(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Byte | DataType::Short | DataType::Integer | DataType::Long)
}

/// A value that is allowed, as a number where it is one.
fn literal(text: &str, is_number: bool) -> Value {
    match text.parse::<i64>() {
        Ok(number) if is_number && number.to_string() == text => number.into(),
        _ => text.into(),
    }
}

/// The columns that make a key: unique together, by a check, and never missing. Of several keys that of the fewest columns, and of those
/// the one whose columns come first, so that the order of checks has no say.
pub(crate) fn key<'c>(checks: &'c [Check], columns: &[Column]) -> &'c [String] {
    let place = |name: &String| columns.iter().position(|column| column.name == *name && !column.optional);
    let keys = checks.iter().filter_map(|check| match &check.rule {
        CheckRule::Unique(names) => Some((names.as_slice(), names.iter().map(place).collect::<Option<Vec<usize>>>()?)),
        _ => None,
    });
    keys.min_by_key(|(names, places)| (names.len(), places.clone())).map(|(names, _)| names).unwrap_or_default()
}

/// How old the newest value may be, as a promise: a value and its unit.
pub(crate) fn age(seconds: u64) -> (Value, Option<&'static str>) {
    match seconds {
        0 => (json!("PT0S"), None),
        _ if seconds.is_multiple_of(86_400) => (json!(seconds / 86_400), Some("d")),
        _ if seconds.is_multiple_of(3_600) => (json!(seconds / 3_600), Some("h")),
        _ if seconds.is_multiple_of(60) => (json!(seconds / 60), Some("m")),
        _ => (json!(format!("PT{seconds}S")), None),
    }
}
