//! What can go wrong with what is kept.

use std::path::PathBuf;

use arrow::error::ArrowError;
use polder_access::Action;
use polder_model::{Securable, TableName};

/// The result of something that can go wrong here.
pub type Result<T> = std::result::Result<T, Error>;

/// What is kept of a table cannot be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder cannot be used.
    #[error("cannot {doing} {}", path.display())]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A segment's file is not as it was written.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Rows are not as the table's columns say.
    #[error("the rows of {table} do not fit its columns")]
    Rows {
        /// The table.
        table: TableName,
        /// What does not fit.
        #[source]
        source: ArrowError,
    },
    /// A column of the key is not there.
    #[error("{table} has no column {column} to look rows up by")]
    NoColumn {
        /// The table.
        table: TableName,
        /// The column.
        column: String,
    },
    /// A permit for something else was shown.
    #[error("a permit to {action} {securable} does not open the rows of {table}")]
    Permit {
        /// The table.
        table: TableName,
        /// What the permit is for.
        action: Action,
        /// With what.
        securable: Securable,
    },
}
