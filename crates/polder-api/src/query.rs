//! Questions in SQL.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A question in SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QueryRequest {
    /// One statement that reads.
    pub sql: String,
}

/// The form of rows, as the `Accept` header names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowForm {
    /// `application/vnd.apache.arrow.stream`: an Arrow IPC stream.
    Arrow,
    /// `application/x-ndjson`: an object a line.
    NdJson,
    /// `application/json`: an array of objects.
    Json,
    /// `text/csv`: a header and a line a row.
    Csv,
}

impl RowForm {
    /// Every form, the preferred one first.
    pub const ALL: [Self; 4] = [Self::Json, Self::Arrow, Self::NdJson, Self::Csv];

    /// Its media type.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::NdJson => "application/x-ndjson",
            Self::Json => "application/json",
            Self::Csv => "text/csv",
        }
    }
}
