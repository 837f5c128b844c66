//! Shares: what is offered to whom, in which form, and what lets a recipient in.

use chrono::{DateTime, Utc};
use polder_model::TableName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A share, as those see it who govern it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ShareSummary {
    /// Its name.
    pub name: String,
    /// The domain that offers it.
    pub domain: String,
    /// Who owns it.
    pub owner: String,
    /// What it offers, in words.
    pub description: String,
    /// For each recipient and table in which form the recipient gets it.
    pub forms: Vec<ShareForm>,
}

/// The form in which a recipient gets a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShareForm {
    /// The share.
    pub share: String,
    /// The recipient.
    pub recipient: String,
    /// The table.
    #[schema(value_type = String)]
    pub table: TableName,
    /// What of it is shared.
    pub shared_as: SharedAs,
    /// The columns that are masked, each with its mask.
    pub masked: Vec<String>,
    /// Whether rows are left out.
    pub rows_filtered: bool,
    /// The table's rows, where it is there and says so.
    pub rows: Option<u64>,
    /// The table's bytes, where it is there. A copy takes as much again, at most.
    pub bytes: Option<u64>,
    /// What else whoever shares it should know.
    pub note: Option<String>,
}

/// What of a table is shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SharedAs {
    /// Its own files: the recipient may see it whole and in clear.
    Files,
    /// A copy of what the recipient may see, kept up with the table.
    Copy,
    /// Nothing: the share's owner may not read it.
    Nothing,
}

/// What a new profile should be like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewProfile {
    /// Whether the client trades an id and a secret for short-lived tokens (OAuth), in place of one token that it sends.
    #[serde(default)]
    pub oauth: bool,
    /// For how many days it is good: 90 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub days: Option<u32>,
    /// For how many hours the recipient's earlier profiles stay good; as long as they were when absent, and not at all for 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap_hours: Option<u32>,
}

/// A profile that was made. It is shown this once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileMade {
    /// The content of the profile file. It holds a secret.
    #[schema(value_type = Object)]
    pub profile: serde_json::Value,
    /// The token's id, by which it is revoked.
    pub token: String,
    /// When it ends.
    pub expires: DateTime<Utc>,
    /// How many earlier profiles end sooner by this.
    pub replaced: usize,
}
