//! A table in parts: each can be read by itself, and is the same part in every version that has it.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use polder_access::Permit;

use crate::error::Result;
use crate::handle::TableHandle;
use crate::provider::FileTable;

/// A table at one version, in parts.
pub struct TableParts {
    /// The version.
    pub version: u64,
    /// What tells the table from another one that was at the same place before.
    pub id: Option<String>,
    /// The table's columns, in order. Text is `Utf8`; the parts read it as views.
    pub schema: SchemaRef,
    /// The parts. Together they are the table.
    pub parts: Vec<TablePart>,
}

/// Rows that came together.
pub struct TablePart {
    /// What no other part of this table is called, in any version.
    pub name: String,
    /// Its rows.
    pub provider: Arc<dyn TableProvider>,
}

impl TableHandle {
    /// The table at the version that is read now: a part for each file. A table whose files cannot be read as they are, for deletion
    /// vectors or mapped columns, is one part, and another one in each version.
    ///
    /// # Errors
    /// When the permit is not to read the table whole and in clear.
    pub fn parts(&self, permit: &Permit) -> Result<TableParts> {
        self.demand_whole(permit)?;
        let snapshot = self.shared.current();
        let parts = match &snapshot.library {
            Some(library) => {
                vec![TablePart { name: format!("version {}", snapshot.version), provider: Arc::clone(library) }]
            }
            None => {
                let part = |file| {
                    let of_file = Arc::new(vec![Arc::clone(file)]);
                    let provider = FileTable::new(self.shared.place.clone(), Arc::clone(&snapshot.shape), of_file);
                    let add = &file.add;
                    TablePart {
                        name: format!("{} {} {}", add.path, add.size, add.modification_time),
                        provider: Arc::new(provider),
                    }
                };
                snapshot.files.iter().map(part).collect()
            }
        };
        let id = snapshot.facts.as_ref().map(|facts| facts.metadata.id().to_owned());
        Ok(TableParts { version: snapshot.version, id, schema: Arc::clone(&snapshot.shape.schema), parts })
    }
}
