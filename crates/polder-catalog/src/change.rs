//! Changing entries with a permit. An apply, whose permit is for the whole metastore, goes through its journal instead.

use polder_access::{Action, Permit};
use polder_model::{Address, EnvironmentName, Resource, Securable};
use polder_store::Store;

use crate::error::CatalogError;

/// Writes an entry, in place of any that is there.
///
/// # Errors
/// [`CatalogError::NotPermitted`] when the permit is for something else; faults of the store.
pub async fn put_entry(
    store: &Store,
    environment: &EnvironmentName,
    permit: &Permit,
    entry: &Resource,
) -> Result<(), CatalogError> {
    covers(permit, entry.securable().as_ref(), &entry.address())?;
    Ok(store.put_entry(environment, entry).await?)
}

/// Removes the entry of what the permit is for, if it is there.
///
/// # Errors
/// [`CatalogError::NotPermitted`] when the permit is for something else; faults of the store.
pub async fn remove_entry(
    store: &Store,
    environment: &EnvironmentName,
    permit: &Permit,
    entry: &Resource,
) -> Result<(), CatalogError> {
    covers(permit, entry.securable().as_ref(), &entry.address())?;
    Ok(store.remove_entry(environment, &entry.address()).await?)
}

/// Managing the metastore covers all of it; managing anything else covers just that, by its own permit.
fn covers(permit: &Permit, securable: Option<&Securable>, address: &Address) -> Result<(), CatalogError> {
    let on = permit.securable();
    if permit.action() == Action::Manage && (*on == Securable::Metastore || Some(on) == securable) {
        return Ok(());
    }
    Err(CatalogError::NotPermitted { action: permit.action(), securable: on.clone(), address: address.clone() })
}
