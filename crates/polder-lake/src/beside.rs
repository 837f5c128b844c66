//! What is kept beside a table's own files, for readers that want the table described in another form. In a folder of our own, whose
//! name begins with an underscore: no reader of the table looks there, and no vacuum cleans there.

use object_store::{Error as StoreError, ObjectStoreExt as _};
use polder_access::{Action, Permit};
use polder_model::Securable;
use polder_model::resource::Table;

use crate::error::{Error, Result};
use crate::lake::Lake;

/// The folder, in the table's.
pub const BESIDE: &str = "_polder";

impl Lake {
    /// Keeps something beside a table, in place of what is there by this name. `name` is a path in [`BESIDE`].
    ///
    /// # Errors
    /// When the permit does not open the table's files, or the store fails.
    pub async fn keep_beside(&self, permit: &Permit, table: &Table, name: &str, bytes: Vec<u8>) -> Result<()> {
        demand_whole(permit, table)?;
        let place = self.place(&table.location)?;
        let path = place.file(&format!("{BESIDE}/{name}"));
        place.store.put(&path, bytes.into()).await.map_err(|error| Error::store("write beside", &place, error))?;
        Ok(())
    }

    /// Whether something is kept beside a table by this name.
    ///
    /// # Errors
    /// When the permit does not open the table's files, or the store fails.
    pub async fn is_beside(&self, permit: &Permit, table: &Table, name: &str) -> Result<bool> {
        demand_whole(permit, table)?;
        let place = self.place(&table.location)?;
        match place.store.head(&place.file(&format!("{BESIDE}/{name}"))).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(error) => Err(Error::store("look beside", &place, error)),
        }
    }
}

/// What describes a table's files is for whoever may have the files.
fn demand_whole(permit: &Permit, table: &Table) -> Result<()> {
    let is_this = matches!(permit.securable(), Securable::Table(name) if *name == table.name);
    if is_this && permit.action() == Action::Read && permit.is_whole() {
        return Ok(());
    }
    let (given, securable) = (permit.action(), permit.securable().clone());
    Err(Error::Permit { table: table.name.clone(), needed: Action::ReadFiles, given, securable })
}
