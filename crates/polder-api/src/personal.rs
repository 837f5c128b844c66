//! Personal copies: what a developer has of an environment beside what everybody has.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, PrincipalName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::plan::{MeshFiles, MeshVariables};

/// Of what copies are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonalRequest {
    /// The mesh as the developer has it.
    #[schema(value_type = Object)]
    pub files: MeshFiles,
    /// What variables in the files stand for.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub variables: MeshVariables,
}

/// What becomes of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalChange {
    /// It is new, and empty until its job runs.
    Make,
    /// Its definition is another, so it begins anew, empty.
    Remake,
    /// It stays as it is, with its rows.
    Keep,
    /// Its original does not differ any more, so it goes.
    Remove,
}

impl PersonalChange {
    /// The word that people read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Make => "make",
            Self::Remake => "make anew",
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

/// A copy of a table, view or job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonalCopy {
    /// Its address, such as `table:ana__sales.gold.orders_v1`.
    pub address: String,
    /// What becomes of it.
    pub change: PersonalChange,
    /// Why it is there; empty for one that goes.
    pub why: String,
}

/// Something that the files have otherwise, and of which there is no copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonalLeft {
    /// Its address in the files.
    pub address: String,
    /// Why there is none.
    pub why: String,
}

/// A developer's copies, as they are to be or were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PersonalAnswer {
    /// Where.
    #[schema(value_type = String)]
    pub environment: EnvironmentName,
    /// Whose.
    #[schema(value_type = String)]
    pub principal: PrincipalName,
    /// What their names begin with.
    pub prefix: String,
    /// Every copy.
    pub copies: Vec<PersonalCopy>,
    /// What has none.
    pub left: Vec<PersonalLeft>,
    /// After how many days without use they are removed.
    pub days: u32,
    /// The faults of the mesh that are no errors.
    #[schema(value_type = Vec<Object>)]
    pub warnings: Vec<serde_json::Value>,
}

/// What somebody has of an environment beside what everybody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PersonalSummary {
    /// What the names of the copies begin with.
    pub prefix: String,
    /// Whose they are; nobody's once that principal was removed.
    #[schema(value_type = Option<String>)]
    pub principal: Option<PrincipalName>,
    /// Tables and views.
    pub objects: Vec<String>,
    /// Jobs.
    pub jobs: Vec<String>,
    /// When they were last used, as far as was looked.
    pub used: DateTime<Utc>,
    /// When they are removed unless they are used before.
    pub expires: DateTime<Utc>,
}
