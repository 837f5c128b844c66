//! A table's columns as its log writes them: what they are called in its files, and what can be compared.

use std::collections::HashMap;

use polder_model::delta::{self, Field};

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

impl Columns {
    /// Reads a `schemaString`. What cannot be read has no columns, and leaves out no file.
    #[must_use]
    pub fn read(schema: &str) -> Self {
        let column = |field: Field| {
            let scalar_type = field.type_name().map_or(ScalarType::Other, ScalarType::of);
            (field.name.to_lowercase(), Column { physical: field.physical_name().to_owned(), scalar_type })
        };
        Self(delta::fields(schema).unwrap_or_default().into_iter().map(column).collect())
    }

    /// The column of this name, compared without case.
    pub(crate) fn get(&self, name: &str) -> Option<&Column> {
        self.0.get(&name.to_lowercase())
    }
}
