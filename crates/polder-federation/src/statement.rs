//! A statement and the values that are bound to it.

use std::fmt;

use sqlx::any::AnyArguments;
use sqlx::{Any, AssertSqlSafe};

use crate::dialect::Dialect;

/// What is sent: text that is made of quoted names, and values beside it.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    dialect: Dialect,
    sql: String,
    values: Vec<Bound>,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bound {
    Boolean(bool),
    Integer(i64),
    Text(String),
}

impl Statement {
    pub(crate) const fn new(dialect: Dialect) -> Self {
        Self { dialect, sql: String::new(), values: Vec::new() }
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Adds text, in which names are quoted already.
    pub(crate) fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }

    /// Adds a value, to be taken as this type unless that is empty.
    pub(crate) fn bind(&mut self, value: Bound, cast: &str) {
        self.values.push(value);
        let place = self.dialect.place(self.values.len());
        let written = match (cast, self.dialect) {
            ("", _) => place,
            (cast, Dialect::Postgresql) => format!("{place}::{cast}"),
            (cast, _) => format!("CAST({place} AS {cast})"),
        };
        self.sql.push_str(&written);
    }

    /// The statement as the driver takes it.
    pub(crate) fn query(&self) -> sqlx::query::Query<'static, Any, AnyArguments> {
        let query = sqlx::query(AssertSqlSafe(self.sql.clone()));
        let bound = self.values.iter().fold(query, |query, value| match value {
            Bound::Boolean(value) => query.bind(*value),
            Bound::Integer(value) => query.bind(*value),
            Bound::Text(value) => query.bind(value.clone()),
        });
        // Each is another one: there is nothing to be kept for the next.
        bound.persistent(false)
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sql)?;
        for (at, value) in self.values.iter().enumerate() {
            let begin = if at == 0 { " [" } else { ", " };
            write!(f, "{begin}${} = ", at + 1)?;
            match value {
                Bound::Boolean(value) => write!(f, "{value}")?,
                Bound::Integer(value) => write!(f, "{value}")?,
                Bound::Text(value) => write!(f, "'{value}'")?,
            }
        }
        if self.values.is_empty() { Ok(()) } else { f.write_str("]") }
    }
}
