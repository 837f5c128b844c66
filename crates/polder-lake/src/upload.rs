//! A file of a volume, written as its bytes come: there as a whole in the end, or not at all.
//!
//! On the local disk it grows in a folder of ours in the volume, which no listing shows, and gets its name in one step. In a store it is
//! there when the store has all of it. Never more than a few parts of it are in memory.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path as FolderPath;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutPayload, RenameOptions, RenameTargetMode, WriteMultipart,
};
use polder_access::{Action, Permit};
use polder_model::resource::Volume;
use polder_model::{FilePath, fault};

use crate::beside::BESIDE;
use crate::durable::create_folder;
use crate::error::{Error, Result};
use crate::lake::Lake;
use crate::place::Place;
use crate::volume::{VolumeFile, blocking, demand, generic, look, real_folder};

/// The size of the parts that a file is sent to its store in.
const PART_BYTES: usize = 8 << 20;
/// How many of them are on their way at once.
const PARTS_AT_ONCE: usize = 3;
/// After how long what a crash left of a file is removed.
const STALE: Duration = Duration::from_secs(24 * 3600);

/// What came of writing a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum FileWritten {
    /// It is there.
    Done(VolumeFile),
    /// There is one by this name, which was not to be replaced.
    Exists,
}

/// Why a file was not written.
enum Failed {
    Exists,
    Arriving(io::Error),
    Store(StoreError),
    InTheWay,
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => Self::Exists,
            other => Self::Store(other),
        }
    }
}

impl Lake {
    /// Writes a file of a volume. Of two that are written at once under one name, the one that is finished last stays; where none is to
    /// be replaced, the one that is finished first. (Of files beyond 8 MiB, stores tell that only just before the end.)
    ///
    /// # Errors
    /// When the permit is not to write this volume's files, the bytes break off, a folder is in the way, or the store fails.
    pub async fn write_volume(
        &self,
        permit: &Permit,
        volume: &Volume,
        path: &FilePath,
        bytes: BoxStream<'_, io::Result<Bytes>>,
        replace: bool,
    ) -> Result<FileWritten> {
        demand(permit, volume, Action::WriteFiles)?;
        let place = self.place(&volume.location)?;
        let written = match &place.local {
            Some(root) => write_local(&place, root, path, bytes, replace).await,
            None => write_remote(&place, path, bytes, replace).await,
        };
        let store = |e: StoreError| Error::store("write a file of volume", &volume.name, e);
        match written {
            Ok(()) => {
                let found = look(&place, path).await.map_err(store)?;
                // Somebody else may have deleted it by now.
                found.map(FileWritten::Done).ok_or_else(|| Error::Changed { volume: volume.name.clone() })
            }
            Err(Failed::Exists) => Ok(FileWritten::Exists),
            Err(Failed::Arriving(source)) => Err(Error::BrokenOff { source }),
            Err(Failed::Store(error)) => Err(store(error)),
            Err(Failed::InTheWay) => Err(Error::Occupied { volume: volume.name.clone(), path: path.clone() }),
        }
    }
}

async fn write_local(
    place: &Place,
    root: &FolderPath,
    path: &FilePath,
    bytes: BoxStream<'_, io::Result<Bytes>>,
    replace: bool,
) -> Result<(), Failed> {
    room(root, path, replace).await?;
    let uploads = root.join(BESIDE).join("uploads");
    // What is not removed takes space, and is tried again.
    drop(blocking(move || remove_stale(&uploads)).await);
    let growing = place.file(&format!("{BESIDE}/uploads/{}", uuid::Uuid::new_v4()));
    send(place, &growing, Vec::new(), bytes, || async { Ok(()) }).await?;
    fault::point("lake.volume.written");
    let named = name(place, root, path, &growing, replace).await;
    if named.is_err() {
        drop(place.store.delete(&growing).await);
    }
    named
}

/// Gives a file that is whole its name.
async fn name(place: &Place, root: &FolderPath, path: &FilePath, growing: &Path, replace: bool) -> Result<(), Failed> {
    // Again, as something else may have come there while the file did.
    room(root, path, replace).await?;
    let target = root.join(path.as_str());
    let made = blocking(move || target.parent().map_or(Ok(()), create_folder)).await;
    made.map_err(|error| match error.kind() {
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Failed::InTheWay,
        _ => Failed::Store(generic(error)),
    })?;
    let target_mode = if replace { RenameTargetMode::Overwrite } else { RenameTargetMode::Create };
    let options = RenameOptions { target_mode, ..RenameOptions::default() };
    Ok(place.store.rename_opts(growing, &place.file(path.as_str()), options).await?)
}

/// Sees that a file may be where it is to be: that what there is of its folders are folders, and no folder has its name.
async fn room(root: &FolderPath, path: &FilePath, replace: bool) -> Result<(), Failed> {
    let (root, path) = (root.to_owned(), path.clone());
    let found = blocking(move || {
        let parts: Vec<&str> = path.as_str().split('/').collect();
        for count in 1..parts.len() {
            let folders = parts[..count].join("/");
            if fs::symlink_metadata(root.join(&folders)).is_err() {
                return Ok(Ok(()));
            }
            if real_folder(&root, &folders).is_none() {
                return Ok(Err(Failed::InTheWay));
            }
        }
        Ok(match fs::symlink_metadata(root.join(path.as_str())) {
            Ok(meta) if meta.is_dir() => Err(Failed::InTheWay),
            Ok(_) if !replace => Err(Failed::Exists),
            _ => Ok(()),
        })
    });
    found.await.map_err(|e| Failed::Store(generic(e)))?
}

/// Removes what crashes left of files.
fn remove_stale(uploads: &FolderPath) -> io::Result<()> {
    for entry in fs::read_dir(uploads)? {
        let entry = entry?;
        let age = entry.metadata()?.modified().ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
        if age.is_some_and(|age| age > STALE) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

async fn write_remote(
    place: &Place,
    path: &FilePath,
    mut bytes: BoxStream<'_, io::Result<Bytes>>,
    replace: bool,
) -> Result<(), Failed> {
    let free = || async {
        let taken = !replace && look(place, path).await?.is_some();
        if taken { Err(Failed::Exists) } else { Ok(()) }
    };
    free().await?;
    let target = place.file(path.as_str());
    let (mut first, mut length) = (Vec::new(), 0);
    while length < PART_BYTES {
        match bytes.try_next().await.map_err(Failed::Arriving)? {
            Some(part) => {
                length += part.len();
                first.push(part);
            }
            None => {
                let mode = if replace { PutMode::Overwrite } else { PutMode::Create };
                place.store.put_opts(&target, PutPayload::from_iter(first), mode.into()).await?;
                return Ok(());
            }
        }
    }
    send(place, &target, first, bytes, free).await
}

/// Sends a file part by part. `last` is asked before its end whether it is to be there.
async fn send<F: Future<Output = Result<(), Failed>>>(
    place: &Place,
    target: &Path,
    first: Vec<Bytes>,
    rest: BoxStream<'_, io::Result<Bytes>>,
    last: impl FnOnce() -> F,
) -> Result<(), Failed> {
    let upload = place.store.put_multipart(target).await?;
    let mut writer = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
    let mut parts = futures::stream::iter(first.into_iter().map(Ok)).chain(rest);
    let sent = async {
        while let Some(part) = parts.try_next().await.map_err(Failed::Arriving)? {
            writer.wait_for_capacity(PARTS_AT_ONCE).await?;
            writer.put(part);
        }
        last().await
    };
    match sent.await {
        Ok(()) => {
            writer.finish().await?;
            Ok(())
        }
        Err(failed) => {
            // The store removes by itself what it is not told of, where it is set to.
            drop(writer.abort().await);
            Err(failed)
        }
    }
}
