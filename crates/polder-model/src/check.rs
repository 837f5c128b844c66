//! Checks on a dataset: what must hold of its rows before a write becomes visible.

use serde::{Deserialize, Serialize};

/// A check with the name it is reported under.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Unique in its dataset; derived from the rule when the descriptor gives none.
    pub name: String,
    /// What must hold.
    pub rule: CheckRule,
}

/// What must hold of the table that a write would make. A missing value breaks only `NotNull`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckRule {
    /// No value of these columns is missing.
    NotNull(Vec<String>),
    /// No two rows are equal in all of these columns.
    Unique(Vec<String>),
    /// Every value lies between the bounds, both included. Bounds are literals as written in YAML: a number, a date or a timestamp.
    Range {
        /// The column.
        column: String,
        /// The smallest value allowed.
        min: Option<String>,
        /// The largest value allowed.
        max: Option<String>,
    },
    /// Every value is one of these.
    Accepted {
        /// The column.
        column: String,
        /// The values allowed, as text.
        values: Vec<String>,
    },
    /// Every value matches the regular expression somewhere (anchor it to match the whole).
    Regex {
        /// The column, a string.
        column: String,
        /// The expression, in the syntax of the `regex` crate.
        pattern: String,
    },
    /// The table has at least and at most so many rows.
    RowCount {
        /// The fewest rows allowed.
        min: Option<u64>,
        /// The most rows allowed.
        max: Option<u64>,
    },
    /// The newest value of a date or timestamp column is at most so old.
    Freshness {
        /// The column.
        column: String,
        /// The greatest age, in seconds.
        within_seconds: u64,
    },
    /// The query, over the table by the name `this` and nothing else, returns no row.
    Sql(String),
}
