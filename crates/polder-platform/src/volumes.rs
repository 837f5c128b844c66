//! Files of volumes: listed, read, written and deleted, and addresses by which others may do so. Each takes the right to read or write
//! the volume's files, which is decided, and on record, before anything is opened.

use std::io;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::BoxStream;
use polder_access::{Action, Permit};
use polder_lake::{Error as LakeError, FileWritten, VolumeEntry, VolumeFile};
use polder_model::resource::Volume;
use polder_model::{FilePath, Resource, Securable, TableName};
use polder_share::{FileMethod, VolumeAddress};
use url::Url;

use crate::catalog::{Act, not_there};
use crate::error::{Error, ErrorKind, is_full_disk};
use crate::platform::Platform;

/// A file of a volume that the caller may read.
pub struct OpenFile {
    platform: Platform,
    volume: Volume,
    permit: Permit,
    file: VolumeFile,
}

/// Where a file of a volume can be read or written.
#[derive(Debug)]
pub enum VolumeFileAddress {
    /// At its store, by an address that the store itself has signed.
    Store(Url),
    /// At this server, by an address that it signs.
    Ours(VolumeAddress),
}

impl Platform {
    /// What is in a folder of a volume, by name; in the volume's own when it is empty.
    ///
    /// # Errors
    /// When there is no such volume, or the caller may not know of it or not read its files, or that is no folder's path.
    pub async fn volume_entries(&self, volume: &str, folder: &str) -> Result<Vec<VolumeEntry>, Error> {
        let folder = folder.strip_suffix('/').unwrap_or(folder);
        let folder = (!folder.is_empty()).then(|| path(folder)).transpose()?;
        let doing = format!("list /{}", folder.as_ref().map_or("", FilePath::as_str));
        let (volume, permit) = self.open_volume(volume, Action::ReadFiles, &doing).await?;
        self.lake.list_volume(&permit, &volume, folder.as_ref()).await.map_err(|error| failed(error, &volume.name))
    }

    /// Opens a file of a volume.
    ///
    /// # Errors
    /// When there is none, or the caller may not know of the volume or not read its files.
    pub async fn volume_file(&self, volume: &str, file: &str) -> Result<OpenFile, Error> {
        let file = path(file)?;
        let (volume, permit) = self.open_volume(volume, Action::ReadFiles, &format!("read /{file}")).await?;
        let found = self.lake.volume_file(&permit, &volume, &file).await.map_err(|error| failed(error, &volume.name))?;
        let file = found.ok_or_else(|| no_file(&volume.name, &file))?;
        Ok(OpenFile { platform: self.clone(), volume, permit, file })
    }

    /// Writes a file of a volume, which is there as a whole in the end or not at all.
    ///
    /// # Errors
    /// When the caller may not know of the volume or not write its files, there is a file already that is not to be replaced, or the
    /// bytes break off.
    pub async fn write_volume_file(
        &self,
        volume: &str,
        file: &str,
        bytes: BoxStream<'_, io::Result<Bytes>>,
        replace: bool,
    ) -> Result<VolumeFile, Error> {
        let file = path(file)?;
        let (volume, permit) = self.open_volume(volume, Action::WriteFiles, &format!("write /{file}")).await?;
        let written = self.lake.write_volume(&permit, &volume, &file, bytes, replace).await;
        match written.map_err(|error| failed(error, &volume.name))? {
            FileWritten::Done(written) => Ok(written),
            FileWritten::Exists => {
                Err(Error::new(ErrorKind::Conflict, format!("there is a file {file} in volume {} already", volume.name)))
            }
        }
    }

    /// Deletes a file of a volume.
    ///
    /// # Errors
    /// When there is none, or the caller may not know of the volume or not write its files.
    pub async fn delete_volume_file(&self, volume: &str, file: &str) -> Result<(), Error> {
        let file = path(file)?;
        let (volume, permit) = self.open_volume(volume, Action::WriteFiles, &format!("delete /{file}")).await?;
        let deleted = self.lake.delete_from_volume(&permit, &volume, &file).await;
        match deleted.map_err(|error| failed(error, &volume.name))? {
            true => Ok(()),
            false => Err(no_file(&volume.name, &file)),
        }
    }

    /// An address by which a file of a volume can be read or written until `expires`, in seconds since 1970, which is `lasts` from now.
    /// It is the store's own where `direct` and it is to read and the store has one. Nothing need be there yet.
    ///
    /// # Errors
    /// When the caller may not do so itself, or is nobody on whose behalf others can act.
    pub async fn volume_file_address(
        &self,
        volume: &str,
        file: &str,
        method: FileMethod,
        direct: bool,
        (expires, lasts): (i64, Duration),
    ) -> Result<VolumeFileAddress, Error> {
        let file = path(file)?;
        let (action, word) = match method {
            FileMethod::Read => (Action::ReadFiles, "read"),
            FileMethod::Write => (Action::WriteFiles, "write"),
        };
        let (volume, permit) = self.open_volume(volume, action, &format!("make an address to {word} /{file}")).await?;
        if direct && method == FileMethod::Read {
            let signed = self.lake.signed_volume_url(&permit, &volume, &file, lasts).await;
            if let Some(url) = signed.map_err(|error| failed(error, &volume.name))? {
                return Ok(VolumeFileAddress::Store(url));
            }
        }
        let caller = permit.caller();
        if caller.local_admin {
            return Err(Error::new(ErrorKind::Invalid, "an address is used on behalf of a user or service principal")
                .with_hint("name one with `--as`, or ask a server with `--server`"));
        }
        Ok(VolumeFileAddress::Ours(VolumeAddress {
            environment: self.environment.name.clone(),
            principal: caller.principal.name.clone(),
            volume: volume.name,
            file,
            method,
            expires,
        }))
    }

    /// Decides whether the caller may do something with the files of a volume.
    async fn open_volume(&self, name: &str, action: Action, doing: &str) -> Result<(Volume, Permit), Error> {
        self.act(doing).await?.open_volume(name, action).await
    }
}

impl Act<'_> {
    /// Decides whether the caller may do something with the files of a volume.
    pub(crate) async fn open_volume(&self, name: &str, action: Action) -> Result<(Volume, Permit), Error> {
        let what = Securable::Volume(name.parse::<TableName>().map_err(|_| not_there(name))?);
        let permit = self.demand(action, &what).await?;
        let entry = what.address().and_then(|address| self.metastore.resources().get(&address));
        match entry.map(|entry| &**entry) {
            Some(Resource::Volume(volume)) => Ok((volume.clone(), permit)),
            _ => Err(not_there(name)),
        }
    }
}

impl OpenFile {
    /// What is known of it.
    #[must_use]
    pub const fn file(&self) -> &VolumeFile {
        &self.file
    }

    /// Reads a part of it.
    ///
    /// # Errors
    /// When it has become another since it was opened, or the store fails.
    pub async fn read(&self, range: Range<u64>) -> Result<BoxStream<'static, Result<Bytes, LakeError>>, Error> {
        let bytes = self.platform.lake.read_volume(&self.permit, &self.volume, &self.file, range).await;
        bytes.map_err(|error| failed(error, &self.volume.name))
    }
}

fn path(text: &str) -> Result<FilePath, Error> {
    FilePath::new(text).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))
}

fn no_file(volume: &TableName, file: &FilePath) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no file {file} in volume {volume}"))
}

fn failed(error: LakeError, volume: &TableName) -> Error {
    let kind = match &error {
        LakeError::Occupied { .. } | LakeError::Changed { .. } => ErrorKind::Conflict,
        LakeError::BrokenOff { .. } => ErrorKind::Invalid,
        _ => ErrorKind::Unavailable,
    };
    let message = match kind {
        ErrorKind::Unavailable if is_full_disk(&error) => format!("cannot write to volume {volume}"),
        ErrorKind::Unavailable => format!("cannot reach the files of volume {volume}"),
        _ => error.to_string(),
    };
    match error {
        LakeError::BrokenOff { source } => Error::new(kind, message).with_source(source),
        _ if kind == ErrorKind::Conflict => Error::new(kind, message),
        error => Error::new(kind, message).with_source(error),
    }
}
