//! Where table names lead: the trait through which the engine reaches access decisions and storage.
//!
//! The engine asks [`Tables`] for each name of a statement and gets a provider together with the permit under which it
//! may be read. It never decides access and never opens storage itself.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;

use polder_access::Permit;
use polder_model::Column;
use polder_model::resource::Measure;

/// A table's name as SQL wrote it: one to three parts, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableParts(Vec<String>);

impl TableParts {
    /// Takes the parts, catalog first, and lowers their case.
    pub fn new(parts: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Self(parts.into_iter().map(|part| part.as_ref().to_lowercase()).collect())
    }

    /// Splits a dotted name.
    #[must_use]
    pub fn dotted(name: &str) -> Self {
        Self::new(name.split('.'))
    }

    /// The parts, catalog first.
    #[must_use]
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The last part.
    #[must_use]
    pub fn table(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
}

impl fmt::Display for TableParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// The state of a table that a query asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AsOf {
    /// `VERSION AS OF 3`
    Version(u64),
    /// `TIMESTAMP AS OF '2026-01-01T00:00:00Z'`
    Timestamp(DateTime<Utc>),
}

/// What a name leads to.
#[derive(Clone)]
pub enum Resolved {
    /// Rows in storage.
    Table {
        /// Under what the caller may read it.
        permit: Permit,
        /// The columns it declares. Columns the provider has beyond these are not shown under a permit that masks or filters.
        columns: Vec<Column>,
        /// How its rows are read.
        provider: Arc<dyn TableProvider>,
    },
    /// A query with a name.
    View {
        /// Under what the caller may read it.
        permit: Permit,
        /// The query.
        sql: String,
        /// The columns it declares; empty when they are those of the query.
        columns: Vec<Column>,
        /// Those of the declared columns that are aggregates over the query's rows, in order: each may name those before it.
        measures: Vec<Measure>,
        /// What the query's own names lead to: with the rights under which the view was made.
        inner: Arc<dyn Tables>,
    },
}

/// Why a name leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such table, or the caller may not know of it.
    #[error("there is no such table")]
    NotFound,
    /// The caller may know of it, but not read it.
    #[error("{message}")]
    Denied {
        /// What is missing.
        message: String,
        /// How to get it.
        hint: Option<String>,
    },
    /// It has no such older state, or has it no more.
    #[error("{0}")]
    NoSuchState(String),
    /// It cannot be opened now, for a reason that has nothing to do with the caller's rights.
    #[error("{0}")]
    Unavailable(String),
}

/// Whether an object is a table or a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Rows in storage.
    Table,
    /// A query with a name.
    View,
}

/// An object that the caller may know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleTable {
    /// Its name.
    pub name: TableParts,
    /// What it is.
    pub kind: TableKind,
    /// Its columns.
    pub columns: Vec<Column>,
    /// What it holds.
    pub comment: String,
}

/// What the names in a statement lead to, for one caller.
#[async_trait]
pub trait Tables: Send + Sync {
    /// Opens a table or view for reading, or says why not.
    async fn resolve(&self, name: &TableParts, as_of: Option<AsOf>) -> Result<Resolved, ResolveError>;

    /// Lists what the caller may know of: `information_schema`, `SHOW TABLES` and hints are made of it.
    fn list(&self) -> Vec<VisibleTable>;
}

/// Tables under one-part names, as a job's SQL names its sources.
#[derive(Clone, Default)]
pub struct AliasedTables(BTreeMap<String, Resolved>);

impl AliasedTables {
    /// Adds a table or view under a name.
    #[must_use]
    pub fn with(mut self, alias: &str, resolved: Resolved) -> Self {
        self.0.insert(alias.to_lowercase(), resolved);
        self
    }
}

#[async_trait]
impl Tables for AliasedTables {
    async fn resolve(&self, name: &TableParts, as_of: Option<AsOf>) -> Result<Resolved, ResolveError> {
        let found = match name.parts() {
            [alias] => self.0.get(alias).cloned().ok_or(ResolveError::NotFound)?,
            _ => return Err(ResolveError::NotFound),
        };
        if as_of.is_some() {
            let message = format!("{name} is a source at the version its run reads, so it has no other state");
            return Err(ResolveError::Denied { message, hint: Some("leave out the AS OF clause".to_owned()) });
        }
        Ok(found)
    }

    fn list(&self) -> Vec<VisibleTable> {
        let visible = |(alias, resolved): (&String, &Resolved)| {
            let (kind, columns) = match resolved {
                Resolved::Table { columns, .. } => (TableKind::Table, columns),
                Resolved::View { columns, .. } => (TableKind::View, columns),
            };
            VisibleTable { name: TableParts::new([alias]), kind, columns: columns.clone(), comment: String::new() }
        };
        self.0.iter().map(visible).collect()
    }
}
