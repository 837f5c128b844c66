//! What can go wrong with tables and stores, each said with the table, where, why and what to do.

use chrono::{DateTime, Utc};
use polder_access::Action;
use polder_model::{FilePath, Securable, TableName};

use crate::place::Place;
use crate::trouble::{self, Trouble};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error from below: a store, the Delta log, Parquet or the query engine.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A permit for something else was shown.
    #[error("the permit to {given} {securable} does not allow to {needed} table {table}")]
    Permit {
        /// The table.
        table: TableName,
        /// What was tried.
        needed: Action,
        /// What the permit allows.
        given: Action,
        /// On what.
        securable: Securable,
    },
    /// A permit was shown that does not open a volume's files for this.
    #[error("the permit to {given} {securable} does not allow to {needed} volume {volume}")]
    Files {
        /// The volume.
        volume: TableName,
        /// What was tried.
        needed: Action,
        /// What the permit allows.
        given: Action,
        /// On what.
        securable: Securable,
    },
    /// A file of a volume became another, or went, while it was worked with.
    #[error("the file was changed meanwhile: ask again")]
    Changed {
        /// The volume.
        volume: TableName,
    },
    /// A file was to be where there is a folder, or below one that is none.
    #[error("{path} is a folder of volume {volume}, or below what is none: choose another name")]
    Occupied {
        /// The volume.
        volume: TableName,
        /// The file.
        path: FilePath,
    },
    /// What was to be written did not arrive whole.
    #[error("the file broke off before its end, and nothing of it was kept")]
    BrokenOff {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no table at the location.
    #[error("table {table} has no files at {location}: apply creates it")]
    NotFound {
        /// The table.
        table: TableName,
        /// Where it should be.
        location: String,
    },
    /// A version was asked for that the table does not have.
    #[error("table {table} has no version {version}: it has {earliest} to {latest}")]
    NoVersion {
        /// The table.
        table: TableName,
        /// The version asked for.
        version: u64,
        /// The first version that can still be read.
        earliest: u64,
        /// The newest version.
        latest: u64,
    },
    /// A time was asked for at which the table did not exist yet.
    #[error("table {table} had no version at {time}: its first that can be read is of {earliest}")]
    NoVersionAt {
        /// The table.
        table: TableName,
        /// The time asked for.
        time: DateTime<Utc>,
        /// The time of the first version that can still be read.
        earliest: DateTime<Utc>,
    },
    /// A version was asked for of which files are gone. Which ones is not told: a path tells of rows that its reader may not see.
    #[error("version {version} of table {table} cannot be read any more: vacuum deleted files of it: read a newer version")]
    Vacuumed {
        /// The table.
        table: TableName,
        /// The version asked for.
        version: u64,
    },
    /// The Delta log cannot be read.
    #[error(
        "the log of table {table} at {location} cannot be read: restore its _delta_log folder, or delete the folder, apply and load it again"
    )]
    Log {
        /// The table.
        table: TableName,
        /// Where it is.
        location: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// A data file cannot be read.
    #[error("file {file} of table {table} cannot be read: restore it, or take it out of the folder")]
    File {
        /// The table.
        table: TableName,
        /// The file's path.
        file: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// Another table is at the location.
    #[error("{location} holds another table ({found}) than {table} ({expected}): move it away, or declare another location")]
    OtherTable {
        /// The table to create.
        table: TableName,
        /// Where.
        location: String,
        /// The id of the table that is there.
        found: String,
        /// The id of the table to create.
        expected: String,
    },
    /// The table's columns are not what is declared, or cannot become so.
    #[error("table {table}: {what}: a change that old files do not fit needs a new entityVersion")]
    Schema {
        /// The table.
        table: TableName,
        /// Which column, and what about it.
        what: String,
    },
    /// Rows do not fit the table.
    #[error("rows do not fit table {table}: {what}")]
    Rows {
        /// The table.
        table: TableName,
        /// Which column, and what about it.
        what: String,
    },
    /// The table cannot be written in this way.
    #[error("table {table} cannot be written: {why}")]
    NotWritable {
        /// The table.
        table: TableName,
        /// Why, and what to do.
        why: String,
    },
    /// A type or property that has no place in a Delta table.
    #[error("table {table}: {what}")]
    Unsupported {
        /// The table.
        table: TableName,
        /// What, and what to do.
        what: String,
    },
    /// Vacuum was asked to delete files that readers and time travel may still need.
    #[error(
        "vacuum of table {table} keeps at least {least_days} days, not {asked_hours} hours: override the guard to delete sooner"
    )]
    Retention {
        /// The table.
        table: TableName,
        /// The days that are safe.
        least_days: u64,
        /// The hours asked for.
        asked_hours: u64,
    },
    /// A store refused or failed.
    #[error("cannot {doing} {place}")]
    Store {
        /// What we were doing.
        doing: &'static str,
        /// With what.
        place: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// Rows could not be produced, encoded or read back.
    #[error("cannot {doing} table {table}")]
    Data {
        /// What we were doing.
        doing: &'static str,
        /// The table.
        table: TableName,
        /// Why.
        #[source]
        source: Source,
    },
    /// A configuration or URL that names no store.
    #[error("{url:?} names no store: {why}")]
    Url {
        /// The URL as given, without its query.
        url: String,
        /// Why.
        why: String,
    },
}

impl Error {
    /// Whether a file was to be read that is not there.
    #[must_use]
    pub fn is_absent_file(&self) -> bool {
        let Self::Data { source, .. } = self else { return false };
        matches!(source.downcast_ref::<object_store::Error>(), Some(object_store::Error::NotFound { .. }))
    }

    /// Whether a store or a disk refused or failed, rather than what was to be written.
    #[must_use]
    pub fn is_of_store(&self) -> bool {
        let first: &(dyn std::error::Error + 'static) = self;
        std::iter::successors(Some(first), |error| error.source())
            .any(|error| error.is::<std::io::Error>() || error.is::<object_store::Error>() || error.is::<Trouble>())
    }

    pub(crate) fn store(doing: &'static str, place: impl std::fmt::Display, source: impl Into<Source>) -> Self {
        Self::Store { doing, place: place.to_string(), source: trouble::plain(source.into()) }
    }

    pub(crate) fn data(doing: &'static str, table: &TableName, source: impl Into<Source>) -> Self {
        Self::Data { doing, table: table.clone(), source: trouble::plain(source.into()) }
    }

    /// A log that cannot be read: it is damaged, or its store does not give it out.
    pub(crate) fn log(table: &TableName, place: &Place, source: impl Into<Source>) -> Self {
        let source = source.into();
        if trouble::found(&*source).is_some() {
            return Self::store("read the log at", place, source);
        }
        Self::Log { table: table.clone(), location: place.to_string(), source }
    }

    /// A file that cannot be read: it is damaged, or its store does not give it out.
    pub(crate) fn file(table: &TableName, file: String, source: impl Into<Source>) -> Self {
        let source = source.into();
        if trouble::found(&*source).is_some() {
            return Self::store("read", file, source);
        }
        Self::File { table: table.clone(), file, source }
    }

    pub(crate) fn rows(table: &TableName, what: impl Into<String>) -> Self {
        Self::Rows { table: table.clone(), what: what.into() }
    }

    pub(crate) fn schema(table: &TableName, what: impl Into<String>) -> Self {
        Self::Schema { table: table.clone(), what: what.into() }
    }

    pub(crate) fn not_writable(table: &TableName, why: impl Into<String>) -> Self {
        Self::NotWritable { table: table.clone(), why: why.into() }
    }

    pub(crate) fn unsupported(table: &TableName, what: impl Into<String>) -> Self {
        Self::Unsupported { table: table.clone(), what: what.into() }
    }
}
