//! What a dataset is for: how its data is used, how much there is of it, where it must stay and what it must survive.

use serde::{Deserialize, Serialize};

/// What a dataset is for. What is not said has a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// How it is used.
    pub pattern: Pattern,
    /// How much data there is, in gigabytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gigabytes: Option<u64>,
    /// What it must survive.
    pub recovery: Recovery,
    /// Where it must stay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residency: Option<Residency>,
    /// How many requests it is asked in a second at its peak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<u64>,
    /// For how many days nothing of it may be changed or deleted: for a legal hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_days: Option<u32>,
    /// The redundancy to be used instead of the one that fits, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redundancy: Option<String>,
    /// The tier to be used instead of the one that fits, in the provider's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// How a dataset is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Pattern {
    /// Many small writes, read at once.
    Streaming,
    /// Read often.
    #[default]
    Analytics,
    /// Written once, hardly ever read.
    Archive,
    /// Kept as it is for as long as the law says.
    LegalHold,
}

impl Pattern {
    /// Every pattern.
    pub const ALL: [Self; 4] = [Self::Streaming, Self::Analytics, Self::Archive, Self::LegalHold];

    /// The word in descriptors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Analytics => "analytics",
            Self::Archive => "archive",
            Self::LegalHold => "legalHold",
        }
    }
}

/// What data must survive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Recovery {
    /// The loss of disks: it can be made again.
    Disk,
    /// The loss of a data centre.
    #[default]
    Zone,
    /// The loss of a region.
    Region,
}

impl Recovery {
    /// Every recovery.
    pub const ALL: [Self; 3] = [Self::Disk, Self::Zone, Self::Region];

    /// The word in descriptors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Zone => "zone",
            Self::Region => "region",
        }
    }
}

/// Where data must stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Residency {
    /// The European Union.
    Eu,
    /// The United Kingdom.
    Uk,
    /// The United States.
    Us,
}

impl Residency {
    /// Every residency.
    pub const ALL: [Self; 3] = [Self::Eu, Self::Uk, Self::Us];

    /// The word in descriptors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eu => "eu",
            Self::Uk => "uk",
            Self::Us => "us",
        }
    }
}
