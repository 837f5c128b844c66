//! Filters as hints for a share: which files it may leave out. They are hints and no more: every filter is applied here all the same.
//!
//! A part that the protocol has no word for is left out where that leaves more rows, and takes all of its filter with it where it
//! would leave fewer. Floating-point numbers and decimals are never sent: servers differ in how they compare them.

use chrono::{DateTime, Days, NaiveDate, SecondsFormat};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use polder_model::DataType;
use serde_json::{Value, json};

use crate::column::Reading;

/// How many values a list has at most that is sent.
const MAX_LIST: usize = 100;

/// The filters as one hint, if any of them has a part that can be said.
pub(crate) fn of(filters: &[Expr], columns: &[Reading]) -> Option<Value> {
    all(filters.iter().filter_map(|filter| loosely(filter, columns)).collect())
}

fn all(mut parts: Vec<Value>) -> Option<Value> {
    if parts.len() > 1 { Some(json!({"op": "and", "children": parts})) } else { parts.pop() }
}

/// What keeps at least the rows of a filter.
fn loosely(filter: &Expr, columns: &[Reading]) -> Option<Value> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            all([left, right].into_iter().filter_map(|side| loosely(side, columns)).collect())
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(json!({"op": "or", "children": [loosely(left, columns)?, loosely(right, columns)?]}))
        }
        _ => exactly(filter, columns),
    }
}

fn exactly(filter: &Expr, columns: &[Reading]) -> Option<Value> {
    let column = |expr: &Expr| match expr {
        Expr::Column(column) => columns.iter().find(|reading| reading.declared.name == column.name),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (column(left), column(right)) {
            (Some(column), None) => compared(column, *op, right),
            (None, Some(column)) => compared(column, op.swap()?, left),
            _ => None,
        },
        Expr::IsNull(inner) => Some(json!({"op": "isNull", "children": [named(column(inner)?)?]})),
        Expr::IsNotNull(inner) => {
            Some(json!({"op": "not", "children": [{"op": "isNull", "children": [named(column(inner)?)?]}]}))
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let column = column(expr)?;
            all(vec![compared(column, Operator::GtEq, low)?, compared(column, Operator::LtEq, high)?])
        }
        Expr::InList(InList { expr, list, negated: false }) if (1..=MAX_LIST).contains(&list.len()) => {
            let column = column(expr)?;
            let mut each = list.iter().map(|item| compared(column, Operator::Eq, item)).collect::<Option<Vec<_>>>()?;
            if each.len() > 1 { Some(json!({"op": "or", "children": each})) } else { each.pop() }
        }
        _ => None,
    }
}

fn compared(column: &Reading, op: Operator, value: &Expr) -> Option<Value> {
    let Expr::Literal(value, _) = value else { return None };
    let op = match op {
        Operator::Eq => "equal",
        Operator::Lt => "lessThan",
        Operator::LtEq => "lessThanOrEqual",
        Operator::Gt => "greaterThan",
        Operator::GtEq => "greaterThanOrEqual",
        _ => return None,
    };
    let literal = json!({"op": "literal", "value": written(&column.shared, value)?, "valueType": word(&column.shared)?});
    Some(json!({"op": op, "children": [named(column)?, literal]}))
}

fn named(column: &Reading) -> Option<Value> {
    Some(json!({"op": "column", "name": column.source, "valueType": word(&column.shared)?}))
}

/// The protocol's word for a type that may be compared.
fn word(data_type: &DataType) -> Option<&'static str> {
    Some(match data_type {
        DataType::Boolean => "bool",
        DataType::Byte | DataType::Short | DataType::Integer => "int",
        DataType::Long => "long",
        DataType::String => "string",
        DataType::Date => "date",
        DataType::Timestamp => "timestamp",
        _ => return None,
    })
}

/// A value as a text, if it is one of the type that the share has.
fn written(shared: &DataType, value: &ScalarValue) -> Option<String> {
    let number = match value {
        ScalarValue::Int8(value) => value.map(i64::from),
        ScalarValue::Int16(value) => value.map(i64::from),
        ScalarValue::Int32(value) => value.map(i64::from),
        ScalarValue::Int64(value) => *value,
        _ => None,
    };
    match (shared, value) {
        (DataType::Boolean, ScalarValue::Boolean(Some(value))) => Some(value.to_string()),
        (DataType::Long, _) => number.map(|number| number.to_string()),
        // One that is no value of the type would not be understood.
        (DataType::Byte | DataType::Short | DataType::Integer, _) => i32::try_from(number?).ok().map(|number| number.to_string()),
        (
            DataType::String,
            ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text)),
        ) => Some(text.clone()),
        (DataType::Date, ScalarValue::Date32(Some(days))) => date(*days),
        (DataType::Timestamp, ScalarValue::TimestampMicrosecond(Some(micros), Some(_))) => {
            Some(DateTime::from_timestamp_micros(*micros)?.to_rfc3339_opts(SecondsFormat::Micros, true))
        }
        _ => None,
    }
}

/// Days since 1970 as a date of four digits a year.
fn date(days: i32) -> Option<String> {
    let first = NaiveDate::default();
    let span = Days::new(u64::from(days.unsigned_abs()));
    let date = if days < 0 { first.checked_sub_days(span) } else { first.checked_add_days(span) }?;
    let text = date.to_string();
    (text.len() == 10).then_some(text)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};
    use polder_model::Column;

    use super::*;

    fn check(filters: &[Expr], expect: Option<Value>) {
        let reading = |name: &str, data_type: &str| Reading {
            declared: Column {
                name: name.to_owned(),
                data_type: data_type.parse().unwrap(),
                optional: true,
                description: String::new(),
                tags: std::collections::BTreeSet::new(),
                mask: None,
            },
            source: name.to_uppercase(),
            shared: data_type.parse().unwrap(),
            is_partition: false,
        };
        let columns = [
            reading("id", "bigint"),
            reading("small", "int"),
            reading("name", "string"),
            reading("x", "double"),
            reading("d", "date"),
        ];
        assert_eq!(of(filters, &columns), expect, "{filters:?}");
    }

    #[test]
    fn a_hint_keeps_at_least_the_rows_of_the_filter() {
        let id = json!({"op": "column", "name": "ID", "valueType": "long"});
        let more = json!({"op": "greaterThan", "children": [id, {"op": "literal", "value": "5", "valueType": "long"}]});
        check(&[col("id").gt(lit(5_i64))], Some(more.clone()));
        check(&[lit(5_i64).lt(col("id"))], Some(more.clone()));
        check(&[col("id").gt(lit(5_i64)).and(col("x").gt(lit(1.0)))], Some(more.clone()));
        check(&[col("id").gt(lit(5_i64)), col("x").gt(lit(1.0))], Some(more));
        check(&[col("id").gt(lit(5_i64)).or(col("x").gt(lit(1.0)))], None);
        check(&[col("small").eq(lit(5_000_000_000_i64))], None);
        check(&[Expr::Not(Box::new(col("id").gt(lit(5_i64))))], None);
        let day = json!({"op": "equal", "children": [{"op": "column", "name": "D", "valueType": "date"},
            {"op": "literal", "value": "1969-12-31", "valueType": "date"}]});
        check(&[col("d").eq(Expr::Literal(ScalarValue::Date32(Some(-1)), None))], Some(day));
        let name = json!({"op": "column", "name": "NAME", "valueType": "string"});
        let of =
            |value: &str| json!({"op": "equal", "children": [name, {"op": "literal", "value": value, "valueType": "string"}]});
        check(
            &[col("name").in_list(vec![lit("a\"'"), lit("b")], false)],
            Some(json!({"op": "or", "children": [of("a\"'"), of("b")]})),
        );
        check(&[col("name").not_eq(lit("a")), col("name").like(lit("a%"))], None);
    }
}
