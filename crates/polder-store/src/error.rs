//! What can go wrong with the store, each told apart by what its reader has to do.

use std::path::PathBuf;
use std::sync::Arc;

/// The result of a call to the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A fault of the store. What a caller decides upon (a lease held, a state that moved) is in each call's own result instead.
///
/// It can be cloned because calls that wait for one commit together are told of its fault together.
#[derive(Debug, Clone, thiserror::Error)]
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
        source: Arc<sqlx::Error>,
    },
    /// The database's server does not answer, refuses connections, or was lost on the way. Whether something that was being
    /// written is there is not known then.
    #[error("{doing}: the state database {place} does not answer: see that it runs and can be reached from here, and try again")]
    Unavailable {
        /// The database, with its host.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What the network or the database said.
        #[source]
        source: Arc<sqlx::Error>,
    },
    /// The database's server does not let this polder in, or not do what it has to.
    #[error(
        "{doing}: the state database {place} refuses: see that the database exists, and that its user and password are right and \
         may make tables there"
    )]
    Refused {
        /// The database.
        place: String,
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        #[source]
        source: Arc<sqlx::Error>,
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
        source: Arc<sqlx::Error>,
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
        source: Arc<dyn std::error::Error + Send + Sync>,
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
    #[error("{url:?} is not a place for the state database: use a file's path, or a sqlite:// or postgres:// URL")]
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
        source: Option<Arc<std::io::Error>>,
    },
    /// The end of the audit is not the one that a polder with the tenant's key wrote: nothing is appended to it.
    #[error(
        "the end of the audit in the state database {place} is not signed with this tenant's key: name the folder of keys that \
         it was written with, or put back the key file {AUDIT_KEY}.key if it was lost; if it was not, somebody changed the \
         audit: see `polder audit verify`"
    )]
    AuditEnd {
        /// The database.
        place: String,
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
        source: Arc<sqlx::Error>,
    },
}

/// The name of the tenant's key that signs the end of the audit.
pub(crate) const AUDIT_KEY: &str = "audit";

// SQLite's result codes (sqlite.org/rescode.html). The low byte is the primary code.
const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_READONLY: u32 = 8;
const SQLITE_IOERR: u32 = 10;
/// A file to be deleted is gone: another who opens the database at the same moment was faster.
const SQLITE_IOERR_DELETE_NOENT: u32 = SQLITE_IOERR | (23 << 8);
/// A file is shorter than it was a moment ago, for the same reason.
const SQLITE_IOERR_SHORT_READ: u32 = SQLITE_IOERR | (2 << 8);
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_FULL: u32 = 13;
const SQLITE_CANTOPEN: u32 = 14;
const SQLITE_NOTADB: u32 = 26;

/// What a database's code means for its reader.
enum Meaning {
    Damaged,
    ReadOnly,
    CannotOpen,
    Full,
    Locked,
    Unavailable,
    Refused,
    Other,
}

impl StoreError {
    /// Tells apart what the database said.
    pub(crate) fn new(place: &str, doing: &'static str, source: sqlx::Error) -> Self {
        let place = place.to_owned();
        let meaning = meaning(&source);
        let why = source.to_string();
        let source = Arc::new(source);
        match meaning {
            Meaning::Damaged => Self::Damaged { place, doing, why },
            Meaning::ReadOnly => Self::ReadOnly { place, doing },
            Meaning::CannotOpen => Self::CannotOpen { place, doing, source },
            Meaning::Full => Self::Full { place, doing, source },
            Meaning::Locked => Self::Locked { place, doing },
            Meaning::Unavailable => Self::Unavailable { place, doing, source },
            Meaning::Refused => Self::Refused { place, doing, source },
            Meaning::Other => Self::Database { place, doing, source },
        }
    }

    /// A record that cannot be read.
    pub(crate) fn unreadable(place: &str, what: String, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Unreadable { place: place.to_owned(), what, source: Arc::from(source.into()) }
    }

    /// Whether the same call may succeed a little later: another was in the way, or the server was lost.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Locked { .. } | Self::Unavailable { .. })
    }
}

fn meaning(error: &sqlx::Error) -> Meaning {
    let database = match error {
        sqlx::Error::Database(database) => database,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
            return Meaning::Unavailable;
        }
        // A connection that breaks in the middle of a message.
        sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => return Meaning::Unavailable,
        _ => return Meaning::Other,
    };
    match database.code() {
        // PostgreSQL's codes are five characters; none of SQLite's numbers has more than four digits.
        Some(code) if code.len() == 5 => postgres_meaning(&code),
        Some(code) => code.parse().map_or(Meaning::Other, sqlite_meaning),
        None => Meaning::Other,
    }
}

fn sqlite_meaning(code: u32) -> Meaning {
    if matches!(code, SQLITE_IOERR_DELETE_NOENT | SQLITE_IOERR_SHORT_READ) {
        return Meaning::Locked;
    }
    match code & 0xff {
        SQLITE_CORRUPT | SQLITE_NOTADB => Meaning::Damaged,
        SQLITE_READONLY => Meaning::ReadOnly,
        SQLITE_CANTOPEN => Meaning::CannotOpen,
        SQLITE_FULL | SQLITE_IOERR => Meaning::Full,
        SQLITE_BUSY | SQLITE_LOCKED => Meaning::Locked,
        _ => Meaning::Other,
    }
}

/// PostgreSQL's codes: postgresql.org/docs/current/errcodes-appendix.html.
fn postgres_meaning(code: &str) -> Meaning {
    match code {
        "XX001" | "XX002" => Meaning::Damaged,
        // A standby.
        "25006" => Meaning::ReadOnly,
        // disk_full
        "53100" => Meaning::Full,
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => Meaning::Locked,
        // Shut down, starting up, or with too many connections.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "53300" => Meaning::Unavailable,
        // The user, the password, the database, or what the user may do.
        "28000" | "28P01" | "3D000" | "42501" => Meaning::Refused,
        _ if code.starts_with("08") => Meaning::Unavailable,
        _ => Meaning::Other,
    }
}
