//! Hot storage: what a server holds of tables whose rows are looked up by key.

use std::fmt;

use chrono::{DateTime, Utc};
use polder_model::TableName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a server holds of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HotSummary {
    /// The table.
    #[schema(value_type = String)]
    pub table: TableName,
    /// The dataset that it holds.
    pub dataset: String,
    /// The columns that rows are looked up by.
    pub key_columns: Vec<String>,
    /// How far it has come.
    pub state: HotState,
    /// What is wrong, and what to do about it.
    pub detail: Option<String>,
    /// The version of the table that is held.
    pub version: Option<u64>,
    /// The newest version of the table.
    pub table_version: Option<u64>,
    /// How many versions what is held is behind.
    pub lag_versions: Option<u64>,
    /// For how long it has been behind, as far as this server has seen; 0 when it is not.
    pub lag_seconds: Option<f64>,
    /// The rows that are held.
    pub rows: Option<u64>,
    /// How many of them no look-up finds, as a column of their key has no value.
    pub rows_without_key: Option<u64>,
    /// The memory that they take, in bytes.
    pub bytes: Option<u64>,
    /// The memory that they may take, in bytes.
    pub max_bytes: u64,
    /// The parts in which they are held: one for each file of the table.
    pub parts: Option<u64>,
    /// How many of them were read from the table for this version, rather than held already or on the server's disk.
    pub parts_read: Option<u64>,
    /// When this version was taken in.
    pub built_at: Option<DateTime<Utc>>,
    /// How long that took.
    pub built_in_seconds: Option<f64>,
}

impl HotSummary {
    /// Of a table of which nothing is held yet.
    #[must_use]
    pub const fn waiting(table: TableName, dataset: String, key_columns: Vec<String>, max_bytes: u64) -> Self {
        Self {
            table,
            dataset,
            key_columns,
            state: HotState::Waiting,
            detail: None,
            version: None,
            table_version: None,
            lag_versions: None,
            lag_seconds: None,
            rows: None,
            rows_without_key: None,
            bytes: None,
            max_bytes,
            parts: None,
            parts_read: None,
            built_at: None,
            built_in_seconds: None,
        }
    }
}

/// How far hot storage of a table has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HotState {
    /// The newest version is held: look-ups are answered from it.
    Ready,
    /// An older version is held; look-ups read the table until the newest is.
    Behind,
    /// The newest version is being taken in.
    Building,
    /// Nothing is held yet.
    Waiting,
    /// It takes more memory than it may, so nothing is held.
    TooLarge,
    /// The newest version could not be taken in; it is tried again.
    Failed,
}

impl fmt::Display for HotState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ready => "ready",
            Self::Behind => "behind",
            Self::Building => "building",
            Self::Waiting => "waiting",
            Self::TooLarge => "too large",
            Self::Failed => "failed",
        })
    }
}
