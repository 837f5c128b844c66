//! Plans and applies, and what is wrong with a mesh.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use polder_model::{Address, EnvironmentName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::share::ShareForm;

/// The files of a mesh by their paths, their parts separated by `/`; those of the server's own folder where there are none.
pub type MeshFiles = BTreeMap<String, String>;

/// What `${NAME}` stands for in files that someone sends and that do not declare it, by name. What the server's own process knows by
/// that name is nothing to whoever sends files.
pub type MeshVariables = BTreeMap<String, String>;

/// What is planned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// The mesh; that in the server's own folder when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub files: Option<MeshFiles>,
    /// What variables in the files stand for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: MeshVariables,
    /// The addresses whose data may be destroyed, such as `table:finance.bronze.customer_v1`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub allow_destroy: BTreeSet<Address>,
}

/// A plan, and what is probably not meant in the mesh that it is for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PlanAnswer<P> {
    /// The plan, as `polder plan --out` saves it.
    pub plan: P,
    /// The faults of the mesh that are no errors.
    #[schema(value_type = Vec<Object>)]
    pub warnings: Vec<serde_json::Value>,
    /// In which form recipients get what the plan shares, and what that costs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<ShareForm>,
    /// The data that the plan destroys, or would if it were allowed to; of very much, the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub losses: Vec<Loss>,
}

/// Data that a plan destroys, or would if it were allowed to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Loss {
    /// What holds it.
    pub address: String,
    /// Whether the plan destroys it, or holds that back.
    pub planned: bool,
    /// Its rows, where whoever asks may see all of them.
    pub rows: Option<u64>,
    /// The bytes of its newest version, where whoever asks may know.
    pub bytes: Option<u64>,
    /// When anything of it was last written.
    pub changed: Option<DateTime<Utc>>,
    /// Who has read it in the last 90 days, the latest first.
    pub readers: Vec<Reader>,
    /// The recipients that it is shared with, each with the share.
    pub shared_with: Vec<String>,
}

/// Somebody who has read data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reader {
    /// Who.
    pub principal: String,
    /// When last.
    pub last: DateTime<Utc>,
}

/// What is applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// A plan that was made; what is declared now when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub plan: Option<serde_json::Value>,
    /// The mesh; that in the server's own folder when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub files: Option<MeshFiles>,
    /// What variables in the files stand for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: MeshVariables,
    /// The addresses whose data may be destroyed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub allow_destroy: BTreeSet<Address>,
}

/// How far an apply is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplyProgress {
    /// Steps done.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
    /// The step that comes now, in words.
    pub step: String,
}

/// What an apply did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ApplyAnswer {
    /// Steps that finished an apply that was cut short earlier.
    pub resumed: usize,
    /// Steps of this plan.
    pub steps: usize,
    /// Where.
    #[schema(value_type = String)]
    pub environment: EnvironmentName,
    /// The id of the plan that was carried out.
    pub plan: String,
    /// What the plan changed, counted.
    #[schema(value_type = Object)]
    pub summary: serde_json::Value,
    /// How many changes were held back, so that the environment is not as declared.
    pub held_back: usize,
    /// From start to end.
    pub seconds: f64,
}

/// What is validated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ValidateRequest {
    /// The mesh; that in the server's own folder when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub files: Option<MeshFiles>,
    /// What variables in the files stand for.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: MeshVariables,
}

/// What validating found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValidateAnswer {
    /// Every fault, by file and line.
    #[schema(value_type = Vec<Object>)]
    pub faults: Vec<serde_json::Value>,
    /// What the mesh declares.
    pub summary: MeshSummary,
}

/// How much a mesh declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MeshSummary {
    /// Environments.
    pub environments: usize,
    /// Departments.
    pub departments: usize,
    /// Domains.
    pub domains: usize,
    /// Tables, views and volumes.
    pub datasets: usize,
    /// Jobs.
    pub jobs: usize,
    /// Grants.
    pub grants: usize,
}
