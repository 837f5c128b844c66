//! Why a table of another database cannot be read, in words for whoever may know of the table.
//!
//! Databases quote values, addresses and users in their errors: what they say goes to the log, and never into these texts.

use polder_foreign::Unread;
use polder_model::TableName;

/// Why a table does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FederationError {
    /// The permit is for something else.
    #[error("the permit is not one to read {table}")]
    NotPermitted {
        /// The table.
        table: TableName,
    },
    /// What is declared leads to no place that may be read.
    #[error("the connection {connection} cannot be used: {why}")]
    Place {
        /// The connection.
        connection: String,
        /// What is wrong with it.
        why: String,
    },
    /// The database does not answer, or not us.
    #[error("the database of the connection {connection} cannot be reached: {why}")]
    Unreachable {
        /// The connection.
        connection: String,
        /// Why, as far as everybody may know.
        why: String,
    },
    /// The database has no such table.
    #[error(
        "the database of the connection {connection} has no table {table:?} in its schema {schema:?}, or its user may not know of it: \
         grant it, or correct 'source' in the connection's descriptor"
    )]
    NoTable {
        /// The connection.
        connection: String,
        /// The schema as the database would have it.
        schema: String,
        /// The table as the database would have it.
        table: String,
    },
    /// What is declared of the table is not so in the database.
    #[error("the declared columns do not fit the database of the connection {connection}: {}; correct the connection's descriptor", .differences.join("; "))]
    Columns {
        /// The connection.
        connection: String,
        /// Each column with what is wrong with it.
        differences: Vec<String>,
    },
}

/// Why a connection does not come about, for everybody; the whole of it is in the log.
pub(crate) fn unreachable(connection: &str, error: &sqlx::Error) -> FederationError {
    tracing::warn!(connection, %error, "a connection to another database failed");
    FederationError::Unreachable { connection: connection.to_owned(), why: reason(error) }
}

/// What SQLite calls its errors: sqlite.org/rescode.html.
const SQLITE_BUSY: &str = "5";
const SQLITE_DAMAGED: &str = "11";
const SQLITE_CANNOT_OPEN: &str = "14";
const SQLITE_NOT_A_DATABASE: &str = "26";

fn reason(error: &sqlx::Error) -> String {
    use std::io::ErrorKind;
    match error {
        sqlx::Error::Io(io) => match io.kind() {
            ErrorKind::ConnectionRefused => "nothing listens at its host and port".to_owned(),
            ErrorKind::TimedOut => "it does not answer in time".to_owned(),
            ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => "its host is not known, or it breaks the connection off".to_owned(),
        },
        sqlx::Error::PoolTimedOut => {
            "it does not answer in time, or every connection to it that may be open is in use".to_owned()
        }
        sqlx::Error::Tls(_) => {
            "it does not speak TLS, or its certificate is not one to trust; 'tls' and 'tlsRoot' say what is".to_owned()
        }
        sqlx::Error::Database(database) => match database.code().as_deref() {
            Some("28P01" | "28000") => "it does not accept the user and the password".to_owned(),
            Some("3D000" | "42000") => "it has no such database, or the user may not use it".to_owned(),
            Some("53300") => "it takes no more connections".to_owned(),
            Some(SQLITE_NOT_A_DATABASE) => "its file is no SQLite database, or an encrypted one".to_owned(),
            Some(SQLITE_DAMAGED) => "its file is a SQLite database that is damaged".to_owned(),
            Some(SQLITE_BUSY) => "another program has locked its file".to_owned(),
            Some(SQLITE_CANNOT_OPEN) => "its file cannot be opened: check its owner and mode, and those of its folder".to_owned(),
            _ => "it refuses the connection; the log says why".to_owned(),
        },
        _ => "it does not speak as such a database does; the log says more".to_owned(),
    }
}

/// Why reading broke off, for everybody; the whole of it is in the log.
pub(crate) fn broke_off(table: &TableName, error: &sqlx::Error) -> Unread {
    tracing::warn!(%table, %error, "reading a table of another database failed");
    let code = match error {
        sqlx::Error::Database(database) => database.code(),
        _ => None,
    };
    let why = match (code.as_deref(), error) {
        (Some("42501"), _) => "the connection's user may not read it",
        (Some("57014" | "70100"), _) => "its database took longer than a query may take",
        (Some(SQLITE_NOT_A_DATABASE | SQLITE_DAMAGED), _) => "its file is no SQLite database any more, or damaged",
        (_, sqlx::Error::PoolTimedOut) => "its database does not answer in time, or every connection that may be open is in use",
        (Some(_), _) => "its database refused the query or gave it up; the log says why",
        _ => "the connection to its database broke off",
    };
    why.into()
}
