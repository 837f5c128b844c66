//! Statements over many rows at once: a statement for each row would be the cost of a large apply.

use std::fmt::Write as _;

use serde::Serialize;
use sqlx::AssertSqlSafe;

use crate::error::{Result, StoreError};
use crate::work::{Sql, Work};

/// How many values one statement has at most. PostgreSQL allows 65,535.
const VALUES: usize = 8_000;

/// A value of a row.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Text(String),
    TextIfAny(Option<String>),
    Number(i64),
}

/// Inserts the rows with as few statements as the limits allow. `tail` is an `on conflict` clause, or empty.
pub(crate) async fn insert<const N: usize>(
    work: &mut Work,
    into: &'static str,
    tail: &'static str,
    rows: Vec<[Value; N]>,
) -> Result<()> {
    let mut rows = rows.into_iter();
    while !rows.as_slice().is_empty() {
        let chunk: Vec<[Value; N]> = rows.by_ref().take(VALUES / N).collect();
        if work.is_sqlite() {
            work.run(from_json::<N>(work, into, tail, &chunk)?).await?;
            continue;
        }
        let mut text = format!("insert into {into} values ");
        placeholders(&mut text, chunk.len(), N);
        text.push(' ');
        text.push_str(tail);
        // A statement of a full chunk comes again; the last one's length is seldom the same twice.
        let full = chunk.len() == VALUES / N;
        let sql = chunk.into_iter().flatten().fold(sqlx::query(AssertSqlSafe(text)).persistent(full), bind);
        work.run(sql).await?;
    }
    Ok(())
}

/// An insert of rows that are one value, as JSON. SQLite is handed values one by one, by names that it looks for, and reads a statement anew
/// for every count of rows: this one is the same for any.
fn from_json<const N: usize>(work: &Work, into: &'static str, tail: &'static str, rows: &[[Value; N]]) -> Result<Sql<'static>> {
    let rows: Vec<&[Value]> = rows.iter().map(<[Value; N]>::as_slice).collect();
    let json = serde_json::to_string(&rows).map_err(|e| StoreError::unreadable(&work.place, "rows to be kept".to_owned(), e))?;
    let columns: Vec<String> = (0..N).map(|column| format!("value ->> {column}")).collect();
    // Without a condition, what follows a join could be its own.
    let text = format!("insert into {into} select {} from json_each($1) where true {tail}", columns.join(", "));
    Ok(sqlx::query(AssertSqlSafe(text)).bind(json))
}

/// Deletes the environment's rows whose key is one of these. `from` is the table, `key` its column.
pub(crate) async fn delete(
    work: &mut Work,
    from: &'static str,
    key: &'static str,
    environment: &str,
    keys: Vec<String>,
) -> Result<()> {
    for chunk in keys.chunks(VALUES) {
        let mut text = format!("delete from {from} where environment = $1 and {key} in (");
        for number in 0..chunk.len() {
            let comma = if number == 0 { "" } else { ", " };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}${}", number + 2);
        }
        text.push(')');
        let sql = sqlx::query(AssertSqlSafe(text)).persistent(false).bind(environment.to_owned());
        let sql = chunk.iter().fold(sql, |sql, key| sql.bind(key.clone()));
        work.run(sql).await?;
    }
    Ok(())
}

fn placeholders(text: &mut String, rows: usize, columns: usize) {
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            let _ = write!(text, "{comma}${}", row * columns + column + 1);
        }
        text.push(')');
    }
}

fn bind(sql: Sql<'_>, value: Value) -> Sql<'_> {
    match value {
        Value::Text(text) => sql.bind(text),
        Value::TextIfAny(text) => sql.bind(text),
        Value::Number(number) => sql.bind(number),
    }
}
