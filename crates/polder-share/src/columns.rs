//! A table's columns as its log writes them: what they are called in its files, and what can be compared.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::scalar::ScalarType;

/// The columns by which files may be left out: those at the top.
#[derive(Debug, Clone, Default)]
pub struct Columns(HashMap<String, Column>);

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its name in files, statistics and partition values.
    pub(crate) physical: String,
    pub(crate) scalar_type: ScalarType,
}

#[derive(Deserialize)]
struct Schema {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    #[serde(rename = "type")]
    data_type: Value,
    #[serde(default)]
    metadata: Map<String, Value>,
}

impl Columns {
    /// Reads a `schemaString`. What cannot be read has no columns, and leaves out no file.
    #[must_use]
    pub fn read(schema: &str) -> Self {
        let Ok(Schema { fields }) = serde_json::from_str(schema) else { return Self::default() };
        let column = |field: Field| {
            let physical = field.metadata.get("delta.columnMapping.physicalName").and_then(Value::as_str);
            let physical = physical.unwrap_or(&field.name).to_owned();
            let scalar_type = field.data_type.as_str().map_or(ScalarType::Other, ScalarType::of);
            (field.name.to_lowercase(), Column { physical, scalar_type })
        };
        Self(fields.into_iter().map(column).collect())
    }

    /// The column of this name, compared without case.
    pub(crate) fn get(&self, name: &str) -> Option<&Column> {
        self.0.get(&name.to_lowercase())
    }
}
