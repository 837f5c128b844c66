//! Environments.

use polder_model::EnvironmentName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An environment of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentSummary {
    /// Its name.
    #[schema(value_type = String)]
    pub name: EnvironmentName,
    /// Whether only service principals change anything there.
    pub production: bool,
    /// Whether it is the one that a request means which names none.
    pub default: bool,
    /// Whether anything was ever applied there.
    pub applied: bool,
}
