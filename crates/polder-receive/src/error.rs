//! Why a shared table cannot be read, in words for whoever may know of the table. What a share's server says goes nowhere else.

use polder_foreign::Unread;
use polder_model::TableName;
use polder_model::text::with_causes;
use polder_outbound::OutboundError;

/// Why a table of a share cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiveError {
    /// The permit is for something else.
    #[error("the permit is not one to read {table}")]
    NotPermitted {
        /// The table.
        table: TableName,
    },
    /// What is declared leads to nothing that can be called.
    #[error("the connection {connection} cannot be used: {why}")]
    Place {
        /// The connection.
        connection: String,
        /// What is wrong with it.
        why: String,
    },
    /// The share's server does not answer.
    #[error("the share of the connection {connection} cannot be reached: {why}")]
    Unreachable {
        /// The connection.
        connection: String,
        /// Why, as far as everybody may know.
        why: String,
    },
    /// The share's server does not let us in.
    #[error(
        "the share of the connection {connection} does not let us in: its token is wrong, has expired or was revoked, or the share is \
         not shared with us any more"
    )]
    Refused {
        /// The connection.
        connection: String,
    },
    /// The share has no such table.
    #[error(
        "the share of the connection {connection} has no table {table:?} in its schema {schema:?}, or it is shared with us no more: \
         correct 'share' or 'source' in the connection's descriptor"
    )]
    NoTable {
        /// The connection.
        connection: String,
        /// The schema as the share would have it.
        schema: String,
        /// The table as the share would have it.
        table: String,
    },
    /// The share does not give the table as Parquet files alone.
    #[error(
        "the share of the connection {connection} does not give this table as plain Parquet files: its provider may share a copy \
         without deletion vectors and column mapping"
    )]
    Form {
        /// The connection.
        connection: String,
    },
    /// What is declared of the table is not so in the share.
    #[error("the declared columns do not fit the share of the connection {connection}: {}; correct the connection's descriptor", .differences.join("; "))]
    Columns {
        /// The connection.
        connection: String,
        /// Each column with what is wrong with it.
        differences: Vec<String>,
    },
    /// The table changed between two questions that were to be about the same state of it.
    #[error("the table changed in the share of the connection {connection} while it was read: ask again")]
    Changed {
        /// The connection.
        connection: String,
    },
    /// A file did not come as the share said it would.
    #[error("a file of the share of the connection {connection} could not be fetched: {why}")]
    File {
        /// The connection.
        connection: String,
        /// Why, as far as everybody may know.
        why: String,
    },
    /// The local disk does not take files.
    #[error("files of the connection {connection} cannot be kept on the local disk; the log says why")]
    Disk {
        /// The connection.
        connection: String,
    },
}

impl ReceiveError {
    /// The server cannot be reached, or answers in a way that is not the protocol's.
    pub(crate) fn unreachable(connection: &str, error: &OutboundError) -> Self {
        tracing::warn!(connection, error = %with_causes(error), "a share was not reached");
        Self::Unreachable { connection: connection.to_owned(), why: reason(error).to_owned() }
    }

    /// The server answers what the protocol does not have.
    pub(crate) fn speech(connection: &str, what: &str) -> Self {
        tracing::warn!(connection, what, "a share answered what the protocol does not have");
        Self::Unreachable { connection: connection.to_owned(), why: "it does not answer as Delta Sharing does".to_owned() }
    }

    /// The local disk failed.
    pub(crate) fn disk(connection: &str, error: &std::io::Error) -> Self {
        tracing::error!(connection, %error, "the cache of a share could not be used");
        Self::Disk { connection: connection.to_owned() }
    }

    /// What a file's host did, without the file's address.
    pub(crate) fn fetch(connection: &str, error: &OutboundError) -> Self {
        tracing::warn!(connection, error = %with_causes(error), "a file of a share was not fetched");
        Self::file(connection, reason(error))
    }

    pub(crate) fn file(connection: &str, why: &str) -> Self {
        Self::File { connection: connection.to_owned(), why: why.to_owned() }
    }
}

/// What everybody may know of a call that failed.
fn reason(error: &OutboundError) -> &'static str {
    match error {
        OutboundError::NotSecure { .. } => "its address is one of plain HTTP, which is not called",
        OutboundError::Refused { .. } => "its address is private and not the declared endpoint's, so it is not called",
        OutboundError::Url { .. } => "its address is none that is called",
        OutboundError::Unknown { .. } => "its host has no address",
        OutboundError::Slow { .. } => "it did not answer in time",
        OutboundError::TooLarge { .. } => "its answer is larger than it may be",
        OutboundError::Client(_) | OutboundError::Failed { .. } => {
            "nothing answers there, or it breaks the connection off, or its certificate is not one to trust"
        }
    }
}

impl From<ReceiveError> for Unread {
    fn from(error: ReceiveError) -> Self {
        error.to_string().into()
    }
}
