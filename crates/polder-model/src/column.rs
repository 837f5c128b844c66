//! Columns of a dataset: type, tags and how their values are masked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::data_type::DataType;

/// The tag that makes a column personally identifiable information.
pub const PII_TAG: &str = "pii";

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The name as declared; compared without case.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub data_type: DataType,
    /// Whether a value may be missing. A column is required unless it says `optional: true`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub optional: bool,
    /// What the column means.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Tags, in lower case. `pii` has a meaning to polder: see [`Column::mask`].
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// What whoever lacks the PII level sees instead of the values of a column tagged `pii`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask: Option<Mask>,
}

/// What is shown in place of a masked value. A missing value stays missing under every mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mask {
    /// Nothing: every value is null.
    Null,
    /// A keyed hash (HMAC-SHA-256, 32 hexadecimal digits) with the tenant's key: equal values stay equal within the tenant. Strings only.
    Hash,
    /// `***`. Strings only.
    Redact,
    /// The first character and the last two, the rest `*`; all `*` when five characters or fewer. Strings only.
    Partial,
    /// The first day of the value's year. Dates and timestamps only.
    Year,
}

impl Mask {
    /// Every mask.
    pub const ALL: [Self; 5] = [Self::Null, Self::Hash, Self::Redact, Self::Partial, Self::Year];

    /// The mask's word in descriptors.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Hash => "hash",
            Self::Redact => "redact",
            Self::Partial => "partial",
            Self::Year => "year",
        }
    }

    /// Whether the mask can stand for values of this type.
    #[must_use]
    pub fn fits(self, data_type: &DataType) -> bool {
        match self {
            Self::Null => true,
            Self::Hash | Self::Redact | Self::Partial => *data_type == DataType::String,
            Self::Year => matches!(data_type, DataType::Date | DataType::Timestamp | DataType::TimestampNtz),
        }
    }

    /// The mask of a `pii` column that names none: `redact` for strings, `null` for all else.
    #[must_use]
    pub fn default_for(data_type: &DataType) -> Self {
        if *data_type == DataType::String { Self::Redact } else { Self::Null }
    }
}

impl Column {
    /// Whether the column is tagged `pii`.
    #[must_use]
    pub fn is_pii(&self) -> bool {
        self.tags.contains(PII_TAG)
    }

    /// The mask that applies to whoever lacks the PII level; `None` for a column that is not `pii`.
    #[must_use]
    pub fn effective_mask(&self) -> Option<Mask> {
        self.is_pii().then(|| self.mask.unwrap_or_else(|| Mask::default_for(&self.data_type)))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(value: &bool) -> bool {
    !value
}
