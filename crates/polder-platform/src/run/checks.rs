//! Turns declared checks into SQL over `this`, the table as a write would make it. Pure text; running it is the run's.
//!
//! Identifiers and literals come from descriptors: both are quoted here and nowhere else.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use polder_model::check::CheckRule;
use polder_model::{Check, Column, DataType};

/// What a check's query is run over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// The rows that the write adds: rows that were there passed when they came.
    Added,
    /// The whole table as it would be.
    Table,
}

/// A check made ready: a query whose rows are what breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CheckQuery {
    /// The name it is reported under.
    pub(super) name: String,
    /// What it looks at.
    pub(super) scope: Scope,
    /// The query, over `this`.
    pub(super) sql: String,
}

/// The query of a check on a table with these columns, at this moment.
pub(super) fn query(check: &Check, columns: &[Column], now: DateTime<Utc>) -> CheckQuery {
    let (scope, sql) = match &check.rule {
        CheckRule::NotNull(names) => (Scope::Added, rows_where(&any(names, |name| format!("{} IS NULL", identifier(name))))),
        CheckRule::Unique(names) => (Scope::Table, duplicates(names)),
        CheckRule::Range { column, min, max } => (Scope::Added, outside(column, min.as_deref(), max.as_deref(), columns)),
        CheckRule::Accepted { column, values } => (Scope::Added, unaccepted(column, values)),
        CheckRule::Regex { column, pattern } => {
            (Scope::Added, rows_where(&format!("NOT regexp_like({}, {})", identifier(column), literal(pattern))))
        }
        CheckRule::RowCount { min, max } => (Scope::Table, row_count(*min, *max)),
        CheckRule::Freshness { column, within_seconds } => (Scope::Table, stale(column, *within_seconds, columns, now)),
        CheckRule::Sql(sql) => (Scope::Table, sql.clone()),
    };
    CheckQuery { name: check.name.clone(), scope, sql }
}

/// An identifier, quoted so that nothing in it can end it.
fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text literal, quoted so that nothing in it can end it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn rows_where(condition: &str) -> String {
    format!("SELECT * FROM this WHERE {condition}")
}

fn any(names: &[String], condition: impl Fn(&String) -> String) -> String {
    names.iter().map(condition).collect::<Vec<_>>().join(" OR ")
}

fn duplicates(names: &[String]) -> String {
    let list = names.iter().map(|name| identifier(name)).collect::<Vec<_>>().join(", ");
    let known = names.iter().map(|name| format!("{} IS NOT NULL", identifier(name))).collect::<Vec<_>>().join(" AND ");
    format!("SELECT {list}, count(*) AS times FROM this WHERE {known} GROUP BY {list} HAVING count(*) > 1")
}

/// A bound as a literal of the column's type, so that dates compare as dates and decimals as decimals.
fn bound(text: &str, column: &str, columns: &[Column]) -> String {
    let data_type = columns.iter().find(|c| c.name.eq_ignore_ascii_case(column)).map(|c| &c.data_type);
    let sql_type = match data_type {
        Some(DataType::Date) => "DATE".to_owned(),
        Some(DataType::Timestamp) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        Some(DataType::TimestampNtz) => "TIMESTAMP".to_owned(),
        Some(DataType::String) => return literal(text),
        Some(DataType::Decimal(precision, scale)) => format!("DECIMAL({precision}, {scale})"),
        Some(DataType::Float | DataType::Double) | None => "DOUBLE".to_owned(),
        Some(_) => "DECIMAL(38, 6)".to_owned(),
    };
    format!("CAST({} AS {sql_type})", literal(text))
}

fn outside(column: &str, min: Option<&str>, max: Option<&str>, columns: &[Column]) -> String {
    let name = identifier(column);
    let below = min.map(|text| format!("{name} < {}", bound(text, column, columns)));
    let above = max.map(|text| format!("{name} > {}", bound(text, column, columns)));
    let conditions: Vec<String> = [below, above].into_iter().flatten().collect();
    if conditions.is_empty() { rows_where("false") } else { rows_where(&conditions.join(" OR ")) }
}

fn unaccepted(column: &str, values: &[String]) -> String {
    let list = values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
    let name = identifier(column);
    rows_where(&format!("{name} IS NOT NULL AND CAST({name} AS VARCHAR) NOT IN ({list})"))
}

fn row_count(min: Option<u64>, max: Option<u64>) -> String {
    let below = min.map(|n| format!("count(*) < {n}"));
    let above = max.map(|n| format!("count(*) > {n}"));
    let condition = [below, above].into_iter().flatten().collect::<Vec<_>>().join(" OR ");
    let condition = if condition.is_empty() { "false".to_owned() } else { condition };
    format!("SELECT count(*) AS row_count FROM this HAVING {condition}")
}

fn stale(column: &str, within_seconds: u64, columns: &[Column], now: DateTime<Utc>) -> String {
    let age = i64::try_from(within_seconds).ok().and_then(Duration::try_seconds).unwrap_or(Duration::MAX);
    let oldest = now.checked_sub_signed(age).unwrap_or(DateTime::<Utc>::MIN_UTC);
    let is_date = columns.iter().any(|c| c.name.eq_ignore_ascii_case(column) && c.data_type == DataType::Date);
    let text = if is_date { oldest.date_naive().to_string() } else { oldest.to_rfc3339_opts(SecondsFormat::Micros, true) };
    let name = identifier(column);
    let oldest = bound(&text, column, columns);
    format!("SELECT max({name}) AS newest FROM this HAVING max({name}) IS NULL OR max({name}) < {oldest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(rule: CheckRule) -> String {
        let column = |name: &str, data_type: DataType| Column {
            name: name.into(),
            data_type,
            optional: true,
            description: String::new(),
            tags: Default::default(),
            mask: None,
        };
        let columns = [column("day", DataType::Date), column("price", DataType::Decimal(10, 2))];
        query(&Check { name: "x".into(), rule }, &columns, DateTime::UNIX_EPOCH).sql
    }

    #[test]
    fn nothing_in_a_descriptor_ends_a_quote() {
        assert_eq!(
            sql(CheckRule::NotNull(vec!["a\" OR true --".into()])),
            "SELECT * FROM this WHERE \"a\"\" OR true --\" IS NULL"
        );
        assert_eq!(
            sql(CheckRule::Accepted { column: "a".into(), values: vec!["it's".into()] }),
            "SELECT * FROM this WHERE \"a\" IS NOT NULL AND CAST(\"a\" AS VARCHAR) NOT IN ('it''s')"
        );
    }

    #[test]
    fn bounds_have_the_columns_type() {
        assert_eq!(
            sql(CheckRule::Range { column: "price".into(), min: Some("0".into()), max: Some("9.5".into()) }),
            "SELECT * FROM this WHERE \"price\" < CAST('0' AS DECIMAL(10, 2)) OR \"price\" > CAST('9.5' AS DECIMAL(10, 2))"
        );
        assert_eq!(
            sql(CheckRule::Range { column: "day".into(), min: Some("2020-01-01".into()), max: None }),
            "SELECT * FROM this WHERE \"day\" < CAST('2020-01-01' AS DATE)"
        );
        assert_eq!(sql(CheckRule::Range { column: "day".into(), min: None, max: None }), "SELECT * FROM this WHERE false");
    }

    #[test]
    fn freshness_counts_back_from_now() {
        assert_eq!(
            sql(CheckRule::Freshness { column: "day".into(), within_seconds: 86_400 }),
            "SELECT max(\"day\") AS newest FROM this HAVING max(\"day\") IS NULL OR max(\"day\") < CAST('1969-12-31' AS DATE)"
        );
    }
}
