//! Looking after tables.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One commit of a table's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    /// The version it made.
    pub version: u64,
    /// When, if it says so.
    pub timestamp: Option<DateTime<Utc>>,
    /// What was done: `WRITE`, `MERGE`, `OPTIMIZE`, ...
    pub operation: String,
    /// All that was noted about it, the above included.
    #[schema(value_type = Object)]
    pub info: BTreeMap<String, serde_json::Value>,
}

/// What optimize did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OptimizeAnswer {
    /// The version now. The same as before when there was nothing to do.
    pub version: u64,
    /// Files written.
    pub files_added: u64,
    /// Files that they replace.
    pub files_removed: u64,
}

/// What vacuum may delete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VacuumRequest {
    /// How long files that no newest version needs are kept, in seconds.
    #[schema(format = "uint64")]
    pub retain_seconds: u64,
    /// Whether to report only.
    #[serde(default)]
    pub dry_run: bool,
    /// Whether less than a week is meant. Readers of older versions and writers at work lose their files then.
    #[serde(default)]
    pub allow_short: bool,
}

/// What vacuum deleted, or would.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VacuumAnswer {
    /// Whether files were only looked for.
    pub dry_run: bool,
    /// The files, by their paths in the table's folder.
    pub files: Vec<String>,
}
