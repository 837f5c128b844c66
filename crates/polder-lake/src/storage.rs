//! Places as a whole: made, looked into, removed.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use chrono::{DateTime, Utc};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use polder_model::resource::TableFormat;

use crate::durable::{create_folder, sync_folder_of};
use crate::error::{Error, Result};
use crate::place::Place;

/// What is found where a table should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TableObservation {
    /// The table.
    Present,
    /// Nothing.
    Absent,
    /// Something that is no table, and why.
    Unreadable(String),
}

/// Looks whether a table is in a folder of the local disk.
pub(crate) fn observe_local(folder: &FilePath, format: TableFormat) -> TableObservation {
    if format == TableFormat::Parquet {
        return if folder.is_dir() { TableObservation::Present } else { TableObservation::Absent };
    }
    let log = folder.join("_delta_log");
    if log.join(format!("{:020}.json", 0)).is_file() {
        return TableObservation::Present;
    }
    // An old log begins later, with a checkpoint.
    match std::fs::read_dir(&log) {
        Ok(mut entries) => {
            let is_entry = |name: &str| name.ends_with(".json") || name.ends_with(".parquet");
            match entries.any(|entry| entry.is_ok_and(|entry| is_entry(&entry.file_name().to_string_lossy()))) {
                true => TableObservation::Present,
                false => TableObservation::Unreadable(format!("{} has no entries", log.display())),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => TableObservation::Absent,
        Err(error) => TableObservation::Unreadable(format!("{} cannot be read: {error}", log.display())),
    }
}

/// Whether a file is in it.
pub(crate) async fn has_files(place: &Place) -> Result<bool> {
    let first = place.store.list(Some(&place.folder)).next().await.transpose();
    match first {
        Ok(found) => Ok(found.is_some()),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(Error::store("list", place, error)),
    }
}

/// The newest change of anything in each of the folders that are so many levels below a place, by their paths from it.
pub(crate) async fn newest_below(place: &Place, levels: usize) -> Result<BTreeMap<String, DateTime<Utc>>> {
    let mut newest: BTreeMap<String, DateTime<Utc>> = BTreeMap::new();
    let mut files = place.store.list(Some(&place.folder));
    loop {
        let meta = match files.try_next().await {
            Ok(Some(meta)) => meta,
            Ok(None) | Err(object_store::Error::NotFound { .. }) => return Ok(newest),
            Err(error) => return Err(Error::store("list", place, error)),
        };
        let parts: Vec<String> =
            meta.location.prefix_match(&place.folder).into_iter().flatten().map(|part| part.as_ref().to_owned()).collect();
        if parts.len() > levels {
            let known = newest.entry(parts[..levels].join("/")).or_insert(meta.last_modified);
            *known = meta.last_modified.max(*known);
        }
    }
}

/// Makes the folder. In an object store there is nothing to make.
pub(crate) async fn make(place: &Place) -> Result<()> {
    let Some(folder) = place.local.clone() else {
        return Ok(());
    };
    let created = tokio::task::spawn_blocking(move || create_folder(&folder)).await;
    created.map_err(Into::into).and_then(|created| created).map_err(|e| Error::store("create", place, e))
}

/// Removes it with all that is in it. When nothing is there, nothing happens.
pub(crate) async fn remove(place: &Place) -> Result<()> {
    let failed = |e: crate::error::Source| Error::store("delete", place, e);
    if let Some(folder) = place.local.clone() {
        let removed = tokio::task::spawn_blocking(move || remove_folder(&folder)).await;
        return removed.map_err(Into::into).and_then(|removed| removed).map_err(|e: std::io::Error| failed(e.into()));
    }
    let paths = place.store.list(Some(&place.folder)).map_ok(|meta| meta.location).boxed();
    place.store.delete_stream(paths).try_for_each(|_| async { Ok(()) }).await.map_err(|e| failed(e.into()))
}

/// Deletes a folder, its log first: what is left after a crash is no table.
fn remove_folder(folder: &FilePath) -> std::io::Result<()> {
    for path in [folder.join("_delta_log"), folder.to_owned()] {
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
            Ok(()) => sync_folder_of(&path)?,
        }
    }
    Ok(())
}
