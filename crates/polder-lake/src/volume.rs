//! Files of volumes: listed, looked at, read and deleted. How one is written is in [`crate::upload`].
//!
//! All of it takes a permit to read or write the volume's files. On the local disk nothing is reached through a link: whatever is behind
//! one is not there.

use std::fs;
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::path::{Path as FolderPath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use polder_access::{Action, Permit};
use polder_model::resource::Volume;
use polder_model::{FilePath, Securable};
use url::Url;

use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::place::Place;

/// A file of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeFile {
    /// Its path.
    pub path: FilePath,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: DateTime<Utc>,
    /// What tells this state of it from others, where the store says.
    pub etag: Option<String>,
}

/// Where the bytes of a volume's file are.
#[derive(Debug, Clone)]
pub enum VolumeBytes {
    /// On the local disk.
    Disk(PathBuf),
    /// In an object store.
    Store {
        /// The store.
        store: Arc<dyn ObjectStore>,
        /// The path in it.
        location: Path,
    },
}

/// What is in a folder of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeEntry {
    /// A file.
    File(VolumeFile),
    /// A folder.
    Folder(FilePath),
}

impl VolumeEntry {
    /// Its path.
    #[must_use]
    pub const fn path(&self) -> &FilePath {
        match self {
            Self::File(file) => &file.path,
            Self::Folder(path) => path,
        }
    }
}

impl Lake {
    /// What is in a folder of a volume, by name; in the volume's own when `None`. A folder that is not there holds nothing. Files that
    /// are being written are not shown, nor those whose names no path of ours can be.
    ///
    /// # Errors
    /// When the permit is not to read this volume's files, or the store fails.
    pub async fn list_volume(&self, permit: &Permit, volume: &Volume, folder: Option<&FilePath>) -> Result<Vec<VolumeEntry>> {
        demand(permit, volume, Action::ReadFiles)?;
        let place = self.place(&volume.location)?;
        let mut entries = match &place.local {
            Some(root) => {
                let (root, folder) = (root.clone(), folder.cloned());
                let listed = blocking(move || list_local(&root, folder.as_ref())).await;
                listed.map_err(|e| Error::store("list files of volume", &volume.name, e))?
            }
            None => {
                let listed = list_remote(&place, folder).await;
                listed.map_err(|e| Error::store("list files of volume", &volume.name, e))?
            }
        };
        entries.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(entries)
    }

    /// Every file below a folder of a volume, by path; in the whole volume when `None`.
    ///
    /// # Errors
    /// As [`Self::list_volume`].
    pub async fn volume_files(&self, permit: &Permit, volume: &Volume, folder: Option<&FilePath>) -> Result<Vec<VolumeFile>> {
        let mut files = Vec::new();
        let mut folders = vec![folder.cloned()];
        while let Some(folder) = folders.pop() {
            for entry in self.list_volume(permit, volume, folder.as_ref()).await? {
                match entry {
                    VolumeEntry::File(file) => files.push(file),
                    VolumeEntry::Folder(path) => folders.push(Some(path)),
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// Where the bytes of a file are that was found in a volume, for whoever reads them there.
    ///
    /// # Errors
    /// When the permit is not to read this volume's files, or the volume has no place.
    pub fn volume_bytes(&self, permit: &Permit, volume: &Volume, file: &VolumeFile) -> Result<VolumeBytes> {
        demand(permit, volume, Action::ReadFiles)?;
        let place = self.place(&volume.location)?;
        Ok(match &place.local {
            Some(root) => VolumeBytes::Disk(root.join(file.path.as_str())),
            None => VolumeBytes::Store { location: place.file(file.path.as_str()), store: place.store },
        })
    }

    /// Looks at a file of a volume; `None` when there is none. The permit may be to read the volume's files or to write them.
    ///
    /// # Errors
    /// When the permit is for something else, or the store fails.
    pub async fn volume_file(&self, permit: &Permit, volume: &Volume, path: &FilePath) -> Result<Option<VolumeFile>> {
        let action = if permit.action() == Action::WriteFiles { Action::WriteFiles } else { Action::ReadFiles };
        demand(permit, volume, action)?;
        let place = self.place(&volume.location)?;
        look(&place, path).await.map_err(|e| Error::store("look at a file of volume", &volume.name, e))
    }

    /// Reads a part of a file, as it was when it was looked at.
    ///
    /// # Errors
    /// When the permit is not to read this volume's files, the file has become another, or the store fails.
    pub async fn read_volume(
        &self,
        permit: &Permit,
        volume: &Volume,
        file: &VolumeFile,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, Result<Bytes>>> {
        demand(permit, volume, Action::ReadFiles)?;
        if range.is_empty() {
            return Ok(futures::stream::empty().boxed());
        }
        let place = self.place(&volume.location)?;
        let range = Some(GetRange::Bounded(range));
        let options = GetOptions { range, if_match: file.etag.clone(), ..GetOptions::default() };
        let name = volume.name.clone();
        let failed = move |e: StoreError| match e {
            StoreError::Precondition { .. } | StoreError::NotFound { .. } => Error::Changed { volume: name.clone() },
            other => Error::store("read a file of volume", &name, other),
        };
        let found = place.store.get_opts(&place.file(file.path.as_str()), options).await.map_err(&failed)?;
        Ok(found.into_stream().map_err(failed).boxed())
    }

    /// Deletes a file of a volume; returns whether it was there. On the local disk, folders that become empty by this go too, as no
    /// store has empty ones.
    ///
    /// # Errors
    /// When the permit is not to write this volume's files, or the store fails.
    pub async fn delete_from_volume(&self, permit: &Permit, volume: &Volume, path: &FilePath) -> Result<bool> {
        demand(permit, volume, Action::WriteFiles)?;
        let place = self.place(&volume.location)?;
        let failed = |e: StoreError| Error::store("delete a file of volume", &volume.name, e);
        if look(&place, path).await.map_err(failed)?.is_none() {
            return Ok(false);
        }
        match place.store.delete(&place.file(path.as_str())).await {
            Err(StoreError::NotFound { .. }) => return Ok(false),
            deleted => deleted.map_err(failed)?,
        }
        if let Some(root) = place.local {
            let path = path.clone();
            // What is not removed is an empty folder.
            let removed = blocking(move || {
                remove_empty(&root, &path);
                Ok(())
            });
            drop(removed.await);
        }
        Ok(true)
    }

    /// An address signed by the store itself, at which a file can be read for a while by whoever has it; `None` where files are on the
    /// local disk, which has no addresses, and for a name that the store has no good address for.
    ///
    /// # Errors
    /// When the permit is not to read this volume's files, or the store's settings hold no key to sign with.
    pub async fn signed_volume_url(
        &self,
        permit: &Permit,
        volume: &Volume,
        path: &FilePath,
        lasts: Duration,
    ) -> Result<Option<Url>> {
        demand(permit, volume, Action::ReadFiles)?;
        let Some((_, remote)) = self.remote(volume.location.provider, &volume.location.bucket)? else { return Ok(None) };
        let place = self.place(&volume.location)?;
        let signed = remote.signed(&[place.file(path.as_str())], lasts).await;
        signed.map(|urls| urls?.pop()).map_err(|e| Error::store("sign an address at", &place, e))
    }
}

/// Refuses a permit that is not for this with the files of this volume.
pub(crate) fn demand(permit: &Permit, volume: &Volume, needed: Action) -> Result<()> {
    let is_this = matches!(permit.securable(), Securable::Volume(name) if *name == volume.name);
    if is_this && permit.action() == needed && permit.is_whole() {
        return Ok(());
    }
    let (given, securable) = (permit.action(), permit.securable().clone());
    Err(Error::Files { volume: volume.name.clone(), needed, given, securable })
}

/// Looks at a file.
pub(crate) async fn look(place: &Place, path: &FilePath) -> Result<Option<VolumeFile>, StoreError> {
    if let Some(root) = &place.local {
        let (root, path) = (root.clone(), path.clone());
        if !blocking(move || Ok(is_file(&root, &path))).await.map_err(generic)? {
            return Ok(None);
        }
    }
    match place.store.head(&place.file(path.as_str())).await {
        Ok(meta) => Ok(Some(VolumeFile { path: path.clone(), size: meta.size, modified: meta.last_modified, etag: meta.e_tag })),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(crate) fn generic(source: io::Error) -> StoreError {
    StoreError::Generic { store: "local disk", source: source.into() }
}

/// Whether a file is there, and no link on the way to it.
fn is_file(root: &FolderPath, path: &FilePath) -> bool {
    let (folders, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
    let real = |path: PathBuf| fs::symlink_metadata(path).map(|meta| meta.file_type()).ok();
    let Some(folder) = real_folder(root, folders) else { return false };
    real(folder.join(name)).is_some_and(|kind| kind.is_file())
}

/// A folder below a root, if it is there and no link is on the way to it.
pub(crate) fn real_folder(root: &FolderPath, folders: &str) -> Option<PathBuf> {
    let mut folder = root.to_owned();
    for part in folders.split('/').filter(|part| !part.is_empty()) {
        folder.push(part);
        fs::symlink_metadata(&folder).ok().filter(fs::Metadata::is_dir)?;
    }
    Some(folder)
}

fn list_local(root: &FolderPath, folder: Option<&FilePath>) -> io::Result<Vec<VolumeEntry>> {
    let Some(on_disk) = real_folder(root, folder.map_or("", FilePath::as_str)) else { return Ok(Vec::new()) };
    let listed = match fs::read_dir(&on_disk) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed?,
    };
    let mut entries = Vec::new();
    for entry in listed {
        let entry = entry?;
        let Some(path) = entry.file_name().to_str().and_then(|name| below(folder, name)) else { continue };
        // Of the entry itself, not of what a link leads to.
        let meta = match entry.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            meta => meta?,
        };
        if meta.is_dir() {
            entries.push(VolumeEntry::Folder(path));
        } else if meta.is_file() {
            let modified = meta.modified().map(DateTime::from).unwrap_or_default();
            entries.push(VolumeEntry::File(VolumeFile { path, size: meta.len(), modified, etag: None }));
        }
    }
    Ok(entries)
}

async fn list_remote(place: &Place, folder: Option<&FilePath>) -> Result<Vec<VolumeEntry>, StoreError> {
    let prefix = folder.map_or_else(|| place.folder.clone(), |folder| place.file(folder.as_str()));
    let listed = match place.store.list_with_delimiter(Some(&prefix)).await {
        Err(StoreError::NotFound { .. }) => return Ok(Vec::new()),
        listed => listed?,
    };
    let path = |location: &Path| location.filename().and_then(|name| below(folder, name));
    let folders = listed.common_prefixes.iter().filter_map(path).map(VolumeEntry::Folder);
    let files = listed.objects.into_iter().filter_map(|meta| {
        let path = path(&meta.location)?;
        Some(VolumeEntry::File(VolumeFile { path, size: meta.size, modified: meta.last_modified, etag: meta.e_tag }))
    });
    Ok(folders.chain(files).collect())
}

/// The path of what is in a folder by this name, if it can have one.
fn below(folder: Option<&FilePath>, name: &str) -> Option<FilePath> {
    FilePath::new(folder.map_or_else(|| name.to_owned(), |folder| format!("{folder}/{name}"))).ok()
}

/// Removes the folders that a file was in, up to the volume's own, as far as they are empty.
fn remove_empty(root: &FolderPath, path: &FilePath) {
    let mut rest = path.as_str();
    while let Some((folders, _)) = rest.rsplit_once('/') {
        if fs::remove_dir(root.join(folders)).is_err() {
            return;
        }
        rest = folders;
    }
}

pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
