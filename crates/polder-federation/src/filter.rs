//! Filters of the query as conditions for the database: those of which it keeps at least the rows that we would.
//!
//! A condition is made of quoted columns and bound values, never of a value's text. Where the database may keep more rows than we
//! would (texts by case, a file of SQLite whatever its values are), the engine applies the filter again. What can fail there, or could
//! drop a row that we would keep, is not sent: floating-point numbers, order of texts, patterns, casts and functions.

use chrono::{DateTime, NaiveDate};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator, TableProviderFilterPushDown};

use crate::column::{Comparable, Reading};
use crate::dialect::Dialect;
use crate::statement::{Bound, Statement};

/// How many values a list has at most that is sent.
const MAX_LIST: usize = 1_000;

/// The filters over the columns of one table.
pub(crate) struct Filters<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) columns: &'a [Reading],
}

/// Whether the database keeps exactly the rows of a condition, or perhaps more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kept {
    Perhaps,
    Exactly,
}

impl Filters<'_> {
    /// What the database does with a filter.
    pub(crate) fn pushdown(&self, filter: &Expr) -> TableProviderFilterPushDown {
        match self.write(filter, &mut Statement::new(self.dialect)) {
            Some(Kept::Exactly) => TableProviderFilterPushDown::Exact,
            Some(Kept::Perhaps) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        }
    }

    /// Writes a filter as a condition. `None`: it is not one to send, and what was written is no condition.
    pub(crate) fn write(&self, filter: &Expr, to: &mut Statement) -> Option<Kept> {
        let kept = self.condition(filter, to)?;
        // Its values have whatever types they have, whatever the columns were declared as.
        Some(if self.dialect == Dialect::Sqlite { Kept::Perhaps } else { kept })
    }

    fn condition(&self, filter: &Expr, to: &mut Statement) -> Option<Kept> {
        match filter {
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
                to.push("(");
                let left = self.condition(left, to)?;
                to.push(if *op == Operator::And { " AND " } else { " OR " });
                let right = self.condition(right, to)?;
                to.push(")");
                Some(left.min(right))
            }
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (self.column(left), self.column(right)) {
                (Some(column), None) => Self::compared(column, *op, literal(right)?, to),
                (None, Some(column)) => Self::compared(column, op.swap()?, literal(left)?, to),
                _ => None,
            },
            Expr::Not(inner) => {
                to.push("(NOT ");
                let kept = self.condition(inner, to)?;
                to.push(")");
                // What it perhaps kept too much of, it would now drop.
                (kept == Kept::Exactly).then_some(kept)
            }
            Expr::IsNull(inner) => self.missing(inner, " IS NULL", to),
            Expr::IsNotNull(inner) => self.missing(inner, " IS NOT NULL", to),
            Expr::Between(Between { expr, negated, low, high }) => {
                let column = self.column(expr)?;
                to.push(if *negated { "(NOT (" } else { "((" });
                let low = Self::compared(column, Operator::GtEq, literal(low)?, to)?;
                to.push(" AND ");
                let high = Self::compared(column, Operator::LtEq, literal(high)?, to)?;
                to.push("))");
                let kept = low.min(high);
                (!negated || kept == Kept::Exactly).then_some(kept)
            }
            Expr::InList(InList { expr, list, negated }) => {
                let column = self.column(expr).filter(|_| (1..=MAX_LIST).contains(&list.len()))?;
                to.push(if *negated { "(NOT (" } else { "((" });
                let mut kept = Kept::Exactly;
                for (at, item) in list.iter().enumerate() {
                    to.push(if at == 0 { "" } else { " OR " });
                    kept = kept.min(Self::compared(column, Operator::Eq, literal(item)?, to)?);
                }
                to.push("))");
                (!negated || kept == Kept::Exactly).then_some(kept)
            }
            Expr::Column(_) => {
                let column = self.column(filter).filter(|column| column.comparable == Comparable::Boolean)?;
                to.push(&column.name);
                Some(Kept::Exactly)
            }
            _ => None,
        }
    }

    fn column(&self, expr: &Expr) -> Option<&Reading> {
        let Expr::Column(column) = expr else { return None };
        self.columns.iter().find(|reading| reading.declared.name == column.name)
    }

    fn missing(&self, expr: &Expr, test: &str, to: &mut Statement) -> Option<Kept> {
        to.push(&self.column(expr)?.name);
        to.push(test);
        Some(Kept::Exactly)
    }

    fn compared(column: &Reading, op: Operator, value: &ScalarValue, to: &mut Statement) -> Option<Kept> {
        let sign = match op {
            Operator::Eq => " = ",
            Operator::NotEq => " <> ",
            Operator::Lt => " < ",
            Operator::LtEq => " <= ",
            Operator::Gt => " > ",
            Operator::GtEq => " >= ",
            _ => return None,
        };
        let is_text = matches!(column.comparable, Comparable::Text | Comparable::AsciiText);
        if is_text && op != Operator::Eq {
            return None;
        }
        let (value, cast) = bound(column.comparable, value, to.dialect())?;
        to.push(&column.name);
        to.push(sign);
        to.bind(value, &cast);
        Some(if is_text { Kept::Perhaps } else { Kept::Exactly })
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        _ => None,
    }
}

/// A value as it is bound, and the type that the database is told to take it as.
fn bound(comparable: Comparable, value: &ScalarValue, dialect: Dialect) -> Option<(Bound, String)> {
    let mysql = dialect == Dialect::Mysql;
    let cast = |postgresql: &str, otherwise: &str| (if mysql { otherwise } else { postgresql }).to_owned();
    Some(match comparable {
        Comparable::No => return None,
        Comparable::Boolean => match value {
            ScalarValue::Boolean(Some(value)) => (Bound::Boolean(*value), String::new()),
            _ => return None,
        },
        Comparable::Integer => (Bound::Integer(integer(value)?), String::new()),
        Comparable::Decimal => {
            let ScalarValue::Decimal128(Some(value), _, scale @ 0..=30) = value else { return None };
            (Bound::Text(decimal(*value, *scale)), cast("numeric", &format!("DECIMAL(65,{scale})")))
        }
        Comparable::Date => {
            let ScalarValue::Date32(Some(days)) = value else { return None };
            let date = NaiveDate::from_ymd_opt(1970, 1, 1)?.checked_add_signed(chrono::TimeDelta::days(i64::from(*days)))?;
            (Bound::Text(in_range(date)?.format("%Y-%m-%d").to_string()), cast("date", "DATE"))
        }
        Comparable::Instant | Comparable::Wall => {
            let ScalarValue::TimestampMicrosecond(Some(micros), zone) = value else { return None };
            if zone.is_some() != (comparable == Comparable::Instant) {
                return None;
            }
            let time = DateTime::from_timestamp_micros(*micros)?;
            in_range(time.date_naive())?;
            let instant = comparable == Comparable::Instant && !mysql;
            let text = format!("{}{}", time.format("%Y-%m-%d %H:%M:%S%.6f"), if instant { "+00" } else { "" });
            (Bound::Text(text), cast(if instant { "timestamptz" } else { "timestamp" }, "DATETIME(6)"))
        }
        Comparable::Text | Comparable::AsciiText => {
            let (ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) | ScalarValue::Utf8View(Some(text))) = value
            else {
                return None;
            };
            // Some databases have no texts with this character, and refuse one.
            if text.contains('\0') || (comparable == Comparable::AsciiText && !text.is_ascii()) {
                return None;
            }
            (Bound::Text(text.clone()), String::new())
        }
    })
}

fn integer(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int8(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int16(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int32(Some(value)) => Some(i64::from(*value)),
        ScalarValue::Int64(Some(value)) => Some(*value),
        _ => None,
    }
}

/// The dates that every database has.
fn in_range(date: NaiveDate) -> Option<NaiveDate> {
    use chrono::Datelike;
    (1_000..=9_999).contains(&date.year()).then_some(date)
}

fn decimal(value: i128, scale: i8) -> String {
    let scale = usize::try_from(scale).unwrap_or_default();
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, part) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};
    use polder_model::Column;

    use super::*;

    fn columns() -> Vec<Reading> {
        let reading = |name: &str, comparable| Reading {
            declared: Column {
                name: name.to_owned(),
                data_type: polder_model::DataType::String,
                optional: true,
                description: String::new(),
                tags: std::collections::BTreeSet::new(),
                mask: None,
            },
            name: format!("\"{name}\""),
            selected: String::new(),
            comparable,
        };
        vec![
            reading("i", Comparable::Integer),
            reading("t", Comparable::Text),
            reading("a", Comparable::AsciiText),
            reading("n", Comparable::No),
            reading("b", Comparable::Boolean),
            reading("d", Comparable::Date),
            reading("m", Comparable::Decimal),
            reading("w", Comparable::Wall),
            reading("z", Comparable::Instant),
        ]
    }

    fn check(filter: Expr, expect: Option<(&str, Kept)>) {
        let columns = columns();
        let mut statement = Statement::new(Dialect::Postgresql);
        let kept = Filters { dialect: Dialect::Postgresql, columns: &columns }.write(&filter, &mut statement);
        let text = statement.to_string();
        assert_eq!(kept.map(|kept| (text.as_str(), kept)), expect, "{filter}");
    }

    #[test]
    fn only_conditions_that_keep_enough_are_sent() {
        use Kept::{Exactly, Perhaps};
        check(col("i").gt(lit(5_i64)), Some(("\"i\" > $1 [$1 = 5]", Exactly)));
        check(lit(5_i32).gt(col("i")), Some(("\"i\" < $1 [$1 = 5]", Exactly)));
        check(col("t").eq(lit("x' OR 1=1 --\\")), Some(("\"t\" = $1 [$1 = 'x' OR 1=1 --\\']", Perhaps)));
        check(col("t").eq(lit("a\0b")), None);
        check(col("a").eq(lit("é")), None);
        for refused in [
            col("t").not_eq(lit("x")),
            col("t").lt(lit("x")),
            col("t").like(lit("x%")),
            col("t").eq(lit("x")).not_eq(lit(true)),
            Expr::Not(Box::new(col("t").eq(lit("x")))),
            col("t").in_list(vec![lit("x")], true),
            col("n").eq(lit(1.5)),
            col("i").eq(lit(1.5)),
            col("i").eq(col("i")),
            col("i").eq(Expr::Literal(ScalarValue::Int64(None), None)),
            col("i").in_list(vec![], false),
            col("z").eq(Expr::Literal(ScalarValue::TimestampMicrosecond(Some(0), None), None)),
            (col("i") + lit(1_i64)).eq(lit(2_i64)),
        ] {
            check(refused, None);
        }
        check(
            col("t").in_list(vec![lit("x"), lit("y")], false),
            Some(("((\"t\" = $1 OR \"t\" = $2)) [$1 = 'x', $2 = 'y']", Perhaps)),
        );
        check(
            col("i").in_list(vec![lit(1_i64), lit(2_i64)], true),
            Some(("(NOT (\"i\" = $1 OR \"i\" = $2)) [$1 = 1, $2 = 2]", Exactly)),
        );
        check(col("i").between(lit(1_i64), lit(2_i64)), Some(("((\"i\" >= $1 AND \"i\" <= $2)) [$1 = 1, $2 = 2]", Exactly)));
        check(col("n").is_null().and(col("b")), Some(("(\"n\" IS NULL AND \"b\")", Exactly)));
        check(
            col("i").eq(lit(1_i64)).or(col("t").eq(lit("x"))),
            Some(("(\"i\" = $1 OR \"t\" = $2) [$1 = 1, $2 = 'x']", Perhaps)),
        );
        check(col("i").eq(lit(1_i64)).or(col("t").lt(lit("x"))), None);
        let date = Expr::Literal(ScalarValue::Date32(Some(19_723)), None);
        check(col("d").gt_eq(date), Some(("\"d\" >= $1::date [$1 = '2024-01-01']", Exactly)));
        let decimal = |value, scale| Expr::Literal(ScalarValue::Decimal128(Some(value), 10, scale), None);
        check(col("m").eq(decimal(-5, 2)), Some(("\"m\" = $1::numeric [$1 = '-0.05']", Exactly)));
        check(col("m").eq(decimal(1_234, 0)), Some(("\"m\" = $1::numeric [$1 = '1234']", Exactly)));
        let time = |zone: Option<&str>| {
            Expr::Literal(ScalarValue::TimestampMicrosecond(Some(1_704_067_200_000_001), zone.map(Into::into)), None)
        };
        check(col("w").lt(time(None)), Some(("\"w\" < $1::timestamp [$1 = '2024-01-01 00:00:00.000001']", Exactly)));
        check(col("z").lt(time(Some("UTC"))), Some(("\"z\" < $1::timestamptz [$1 = '2024-01-01 00:00:00.000001+00']", Exactly)));
    }
}
