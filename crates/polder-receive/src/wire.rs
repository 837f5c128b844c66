//! What the lines of a share's answers hold, as far as it is used here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

/// A line: one of these.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Line {
    pub(crate) meta_data: Option<Metadata>,
    pub(crate) file: Option<SharedFile>,
    pub(crate) end_stream_action: Option<EndOfStream>,
}

/// What a table is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    /// The same for the same table, whatever it is called.
    pub(crate) id: String,
    pub(crate) schema_string: String,
    #[serde(default)]
    pub(crate) partition_columns: Vec<String>,
}

/// A file of a table. Its address is a secret: there is no `Debug`.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SharedFile {
    pub(crate) url: String,
    pub(crate) id: String,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) partition_values: BTreeMap<String, Option<String>>,
    /// When the address ends, in milliseconds since 1970.
    #[serde(default)]
    pub(crate) expiration_timestamp: Option<i64>,
}

/// How long before its end an address is not used any more.
const MARGIN_MILLIS: i64 = 5_000;

impl SharedFile {
    /// Whether its address has ended, or does before anything could be fetched from it.
    pub(crate) fn ends_soon(&self, now: DateTime<Utc>) -> bool {
        self.expiration_timestamp.is_some_and(|end| end <= now.timestamp_millis().saturating_add(MARGIN_MILLIS))
    }
}

impl std::fmt::Debug for SharedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedFile({})", self.id)
    }
}

/// What comes last, where it was asked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct EndOfStream {
    pub(crate) next_page_token: Option<String>,
    pub(crate) error_message: Option<String>,
}

/// A token that was traded.
#[derive(Deserialize)]
pub(crate) struct Traded {
    pub(crate) access_token: String,
    #[serde(default)]
    pub(crate) expires_in: Option<u64>,
}

/// Reads lines of JSON, one value each. `None`: one of them is none, which is not repeated, for it may hold an address.
pub(crate) fn lines(body: &[u8]) -> Option<Vec<Line>> {
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}
