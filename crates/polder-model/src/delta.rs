//! The columns of a Delta table as its log writes them, and shares tell them: the JSON of `schemaString`.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A column of a Delta table.
#[derive(Debug, Clone, Deserialize)]
pub struct Field {
    /// What it is called.
    pub name: String,
    #[serde(rename = "type")]
    data_type: Value,
    #[serde(default)]
    metadata: Map<String, Value>,
}

/// The columns of a table, from its `schemaString`.
///
/// # Errors
/// When it is none.
pub fn fields(schema: &str) -> serde_json::Result<Vec<Field>> {
    #[derive(Deserialize)]
    struct Schema {
        fields: Vec<Field>,
    }
    serde_json::from_str(schema).map(|Schema { fields }| fields)
}

impl Field {
    /// Delta's word for its type; `None` for structs, lists and maps.
    #[must_use]
    pub fn type_name(&self) -> Option<&str> {
        self.data_type.as_str()
    }

    /// What it is called in files, statistics and partition values.
    #[must_use]
    pub fn physical_name(&self) -> &str {
        let mapped = self.metadata.get("delta.columnMapping.physicalName").and_then(Value::as_str);
        mapped.unwrap_or(&self.name)
    }
}
