//! Connections: what is kept here of what others share.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is kept of the files of a share that is received, and what that saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConnectionCache {
    /// The connection.
    pub connection: String,
    /// How many files are kept.
    pub files: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many bytes may be kept.
    pub max_bytes: u64,
    /// How many reads of a file found it kept, since the cache was made.
    pub hits: u64,
    /// How many did not.
    pub misses: u64,
    /// How many bytes did not have to be fetched.
    pub saved_bytes: u64,
    /// How many bytes were fetched.
    pub fetched_bytes: u64,
}
