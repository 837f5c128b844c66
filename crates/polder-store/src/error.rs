//! What can go wrong with the store, each told apart by what its reader has to do.

use std::path::PathBuf;

/// The result of a call to the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A fault of the store. What a caller decides upon (a lease held, a state that moved) is in each call's own result instead.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not a database, or is damaged.
    #[error(
        "{doing}: the state database {place} is damaged ({why}); nothing in it was changed: put back a copy of it, \
         or move it and the files beside it that begin with its name away and apply again"
    )]
    Damaged {
        /// The file.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The file or its folder cannot be written.
    #[error("{doing}: the state database {place} cannot be written: make the file and its folder writable for this user")]
    ReadOnly {
        /// The database.
        place: String,
        /// What was being done.
        doing: &'static str,
    },
    /// The file cannot be opened or made.
    #[error(
        "{doing}: the state database {place} cannot be opened: see that its folder exists and that this user may write there"
    )]
    CannotOpen {
        /// The database.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// The disk has no room, or fails to write.
    #[error(
        "{doing}: the disk that holds the state database {place} is full or failing: make room and try again; nothing was lost"
    )]
    Full {
        /// The database.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
    /// Another process writes for so long that waiting ended.
    #[error("{doing}: the state database {place} is in use by another process that does not let go: try again later")]
    Locked {
        /// The database.
        place: String,
        /// What was being done.
        doing: &'static str,
    },
    /// A later polder changed the form of the database.
    #[error(
        "the state database {place} has form {found}, this polder knows forms up to {known}: use the newer polder that wrote it"
    )]
    Newer {
        /// The database.
        place: String,
        /// Its form.
        found: i64,
        /// The latest form that this polder knows.
        known: i64,
    },
    /// Whoever writes no longer holds the lease: another process took over.
    #[error("another process took over {name}: this one must stop, and nothing it does from here on is recorded")]
    Fenced {
        /// The lease's name.
        name: String,
    },
    /// A record is there and cannot be read.
    #[error("the state database {place} holds {what} that this polder cannot read")]
    Unreadable {
        /// The database.
        place: String,
        /// Which record.
        what: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A record that was named is not there.
    #[error("the state database {place} has no {what}")]
    Missing {
        /// The database.
        place: String,
        /// Which record.
        what: String,
    },
    /// A text is neither a database URL that is understood nor a path.
    #[error("{url:?} is not a place for the state database: use a file's path or a sqlite:// URL")]
    Place {
        /// The text, without any password.
        url: String,
    },
    /// A key's file cannot be used.
    #[error("the key file {}: {why}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
        /// What the system said, if it did.
        #[source]
        source: Option<std::io::Error>,
    },
    /// Anything else that the database says.
    #[error("{doing} in the state database {place}")]
    Database {
        /// The database.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
}

// SQLite's result codes (sqlite.org/rescode.html). The low byte is the primary code.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

impl StoreError {
    /// Tells apart what the database said.
    pub(crate) fn new(place: &str, doing: &'static str, source: sqlx::Error) -> Self {
        let place = place.to_owned();
        match sqlite_code(&source).map(|code| code & 0xff) {
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => Self::Damaged { place, doing, why: source.to_string() },
            Some(SQLITE_READONLY) => Self::ReadOnly { place, doing },
            Some(SQLITE_CANTOPEN) => Self::CannotOpen { place, doing, source },
            Some(SQLITE_FULL | SQLITE_IOERR) => Self::Full { place, doing, source },
            Some(SQLITE_BUSY | SQLITE_LOCKED) => Self::Locked { place, doing },
            _ => Self::Database { place, doing, source },
        }
    }

    /// A record that cannot be read.
    pub(crate) fn unreadable(place: &str, what: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreadable { place: place.to_owned(), what, source: source.into() }
    }
}

/// SQLite's extended result code; PostgreSQL's codes are five characters, of which none is a number of up to four digits.
fn sqlite_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    if code.len() < 5 { code.parse().ok() } else { None }
}
