//! Tables, views and volumes, in the form in which whoever asks sees them.

use polder_model::resource::RowFilter;
use polder_model::{Kind, PrincipalName, TableName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Which rows a caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// All of them.
    All,
    /// Those that a row filter lets through.
    Filtered,
    /// None: it is in no group with a row filter.
    None,
}

/// An object that a caller may know of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ObjectSummary {
    /// Its name.
    #[schema(value_type = String)]
    pub name: TableName,
    /// Table, view or volume.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// What it holds.
    pub comment: String,
    /// Who owns it.
    #[schema(value_type = String)]
    pub owner: PrincipalName,
    /// Its columns.
    pub columns: Vec<ColumnSummary>,
    /// Where its bytes are.
    pub location: Option<String>,
    /// The columns by whose values its files are kept apart.
    pub partition_columns: Vec<String>,
    /// Which rows this caller sees; of a listing and of a volume that is not told.
    pub rows: Option<Rows>,
    /// Its row filters, for whoever governs it.
    #[schema(value_type = Vec<Object>)]
    pub row_filters: Vec<RowFilter>,
    /// The names of the checks that every write must pass.
    pub checks: Vec<String>,
}

/// A column of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ColumnSummary {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// Whether values may be missing.
    pub optional: bool,
    /// What it means.
    pub description: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// What this caller sees instead of its values, if it is masked; `nothing` if it may not read them at all.
    pub mask: Option<String>,
    /// The aggregate that it is, of a measure of a metric view.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<String>,
}
