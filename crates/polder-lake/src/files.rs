//! A table's log for those who read its files themselves: which files a version is made of, what changed from one to the next, and
//! ways to the bytes. All of it takes a permit to read the table whole and in clear.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::{Action as LogAction, Add, AddCDCFile, DeletionVectorDescriptor, Remove, StorageType};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use polder_access::{Action, Permit};
use polder_model::Securable;
use polder_model::resource::Table;
use serde_json::Value;
use url::Url;

use crate::error::{Error, Result};
use crate::handle::TableHandle;
use crate::lake::Lake;
use crate::{log, versions};

/// What the log does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileActionKind {
    /// Its rows are in the table from here on.
    Add,
    /// They are not any more.
    Remove,
    /// It holds the rows that changed, each with how.
    Cdc,
}

/// A file as the log names it.
#[derive(Debug, Clone, PartialEq)]
pub struct FileAction {
    /// What is done with it.
    pub kind: FileActionKind,
    /// Its path from the table's folder, decoded.
    pub path: String,
    /// Its size in bytes; 0 where the log does not say.
    pub size: u64,
    /// When it was made, or removed, in milliseconds since 1970.
    pub modified_millis: i64,
    /// The values of the partition columns, as the log writes them.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// The statistics of its columns, as the log writes them: JSON.
    pub stats: Option<String>,
    /// Whether the table's rows are others by this, and not only its files.
    pub data_change: bool,
    /// Which of its rows do not count.
    pub deletion_vector: Option<DeletionVector>,
}

/// Which rows of a file do not count.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletionVector {
    /// The file that it is kept in, from the table's folder; `None` for one that is in the log itself.
    pub path: Option<String>,
    /// What the log says of it, by the names that the Delta protocol has.
    pub descriptor: Value,
}

/// What the log says of the table as a whole, as the Delta protocol writes it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogFacts {
    /// The version at which it says so.
    pub version: u64,
    /// The `protocol` action.
    pub protocol: Value,
    /// The `metaData` action.
    pub metadata: Value,
}

/// What one version changed.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionChanges {
    /// The version.
    pub version: u64,
    /// When it was made, in milliseconds since 1970.
    pub timestamp_millis: i64,
    /// The files that it speaks of.
    pub files: Vec<FileAction>,
    /// The table's `metaData`, where this version changes it.
    pub metadata: Option<Value>,
    /// The table's `protocol`, where this version changes it.
    pub protocol: Option<Value>,
}

/// The bytes of a file, or of a part of it.
pub struct FileBytes {
    /// How large the file is.
    pub size: u64,
    /// Which part this is.
    pub range: Range<u64>,
    /// The bytes, as they are read.
    pub bytes: BoxStream<'static, Result<Bytes>>,
}

impl TableHandle {
    /// What the log says of the table at this version; `None` for a folder of Parquet files, which has no log.
    ///
    /// # Errors
    /// When the permit does not open the table's files.
    pub fn log_facts(&self, permit: &Permit) -> Result<Option<LogFacts>> {
        self.demand_whole(permit)?;
        let snapshot = self.shared.current();
        let Some(facts) = &snapshot.facts else { return Ok(None) };
        let json = |value: serde_json::Result<Value>| value.map_err(|e| self.shared.log_error(e));
        let protocol = json(serde_json::to_value(&facts.protocol))?;
        let metadata = json(serde_json::to_value(&facts.metadata))?;
        Ok(Some(LogFacts { version: snapshot.version, protocol, metadata }))
    }

    /// The files that the table is made of at this version.
    ///
    /// # Errors
    /// When the permit does not open the table's files.
    pub fn live_files(&self, permit: &Permit) -> Result<Vec<FileAction>> {
        self.demand_whole(permit)?;
        Ok(self.shared.current().files.iter().map(|file| added(&file.add)).collect())
    }

    /// What changed from one version to another, both included. Ends at this handle's version.
    ///
    /// # Errors
    /// When the permit does not open the table's files, or the log does not go back so far any more.
    pub async fn changes(&self, permit: &Permit, versions: Range<u64>) -> Result<Vec<VersionChanges>> {
        self.demand_whole(permit)?;
        let mut changes = Vec::new();
        for version in versions.start..versions.end.min(self.version() + 1) {
            let entry = log::read(&self.shared.place, version).await.map_err(|e| self.shared.log_error(e))?;
            let entry = entry.ok_or_else(|| self.shared.log_error(log::missing(version)))?;
            let actions = log::decode(version, &entry).map_err(|e| self.shared.log_error(e))?;
            let info = log::commit_info(&entry).unwrap_or_default();
            let time = |name: &str| info.get(name).and_then(Value::as_i64);
            let timestamp_millis = time("inCommitTimestamp").or_else(|| time("timestamp")).unwrap_or_default();
            changes.push(changed(version, timestamp_millis, actions));
        }
        Ok(changes)
    }

    /// The first version that is not older than a time; `None` when all are.
    ///
    /// # Errors
    /// When the log cannot be listed.
    pub async fn version_since(&self, time: DateTime<Utc>) -> Result<Option<u64>> {
        versions::first_since(&self.shared.place, time).await
    }

    pub(crate) fn demand_whole(&self, permit: &Permit) -> Result<()> {
        whole(permit, &self.shared.table)
    }
}

impl Lake {
    /// Addresses at which files of a table can be fetched for a while by whoever has them, without any other credential: each of one
    /// file. `None` where files are on the local disk, which has no addresses, and for names that the store has no good address for.
    ///
    /// # Errors
    /// When the permit does not open the table's files, or the store's settings hold no key to sign with.
    pub async fn signed_urls(&self, permit: &Permit, table: &Table, files: &[&str], lasts: Duration) -> Result<Option<Vec<Url>>> {
        whole(permit, &table.name)?;
        let Some((_, remote)) = self.remote(table.location.provider, &table.location.bucket)? else { return Ok(None) };
        let place = self.place(&table.location)?;
        let leaves = || Error::data("find a file of", &table.name, "its path leaves the folder");
        let paths: Option<Vec<Path>> = files.iter().map(|file| inside(&place.folder, file)).collect();
        let signed = remote.signed(&paths.ok_or_else(leaves)?, lasts).await;
        signed.map_err(|e| Error::store("sign addresses at", &place, e))
    }

    /// Reads a file of a table, or a part of it.
    ///
    /// # Errors
    /// When the permit does not open the table's files, there is no such file or part, or the store fails.
    pub async fn read_file(&self, permit: &Permit, table: &Table, file: &str, range: Option<GetRange>) -> Result<FileBytes> {
        whole(permit, &table.name)?;
        let place = self.place(&table.location)?;
        let options = GetOptions { range, ..GetOptions::default() };
        let name = table.name.clone();
        let path =
            inside(&place.folder, file).ok_or_else(|| Error::data("find a file of", &name, "its path leaves the folder"))?;
        let failed = move |source: object_store::Error| Error::data("read a file of", &name, source);
        let found = place.store.get_opts(&path, options).await.map_err(&failed)?;
        let (size, range) = (found.meta.size, found.range.clone());
        Ok(FileBytes { size, range, bytes: found.into_stream().map_err(failed).boxed() })
    }
}

/// Refuses a permit that is not to read this table whole and in clear.
fn whole(permit: &Permit, table: &polder_model::TableName) -> Result<()> {
    let is_this = matches!(permit.securable(), Securable::Table(name) if name == table);
    if is_this && permit.action() == Action::Read && permit.is_whole() {
        return Ok(());
    }
    let (given, securable) = (permit.action(), permit.securable().clone());
    Err(Error::Permit { table: table.clone(), needed: Action::ReadFiles, given, securable })
}

/// A file's path in the store, from its path in the table's folder.
fn inside(folder: &Path, file: &str) -> Option<Path> {
    let plain = file.split('/').all(|part| !matches!(part, "" | "." | "..")) && !file.contains(['\\', '\0']);
    plain.then(|| Path::parse(format!("{folder}/{file}")).unwrap_or_else(|_| Path::from(format!("{folder}/{file}"))))
}

fn changed(version: u64, timestamp_millis: i64, actions: Vec<LogAction>) -> VersionChanges {
    let mut changes = VersionChanges { version, timestamp_millis, files: Vec::new(), metadata: None, protocol: None };
    for action in actions {
        match action {
            LogAction::Add(add) => changes.files.push(added(&add)),
            LogAction::Remove(remove) => changes.files.push(removed(remove)),
            LogAction::Cdc(cdc) => changes.files.push(change_data(cdc, timestamp_millis)),
            LogAction::Metadata(metadata) => changes.metadata = serde_json::to_value(metadata).ok(),
            LogAction::Protocol(protocol) => changes.protocol = serde_json::to_value(protocol).ok(),
            LogAction::Txn(_) | LogAction::CommitInfo(_) | LogAction::DomainMetadata(_) => {}
        }
    }
    changes
}

fn added(add: &Add) -> FileAction {
    FileAction {
        kind: FileActionKind::Add,
        path: add.path.clone(),
        size: bytes(Some(add.size)),
        modified_millis: add.modification_time,
        partition_values: ordered(&add.partition_values),
        stats: add.stats.clone(),
        data_change: add.data_change,
        deletion_vector: add.deletion_vector.as_ref().map(deletion_vector),
    }
}

fn removed(remove: Remove) -> FileAction {
    FileAction {
        kind: FileActionKind::Remove,
        size: bytes(remove.size),
        modified_millis: remove.deletion_timestamp.unwrap_or_default(),
        partition_values: remove.partition_values.as_ref().map(ordered).unwrap_or_default(),
        stats: None,
        data_change: remove.data_change,
        deletion_vector: remove.deletion_vector.as_ref().map(deletion_vector),
        path: remove.path,
    }
}

fn change_data(cdc: AddCDCFile, timestamp_millis: i64) -> FileAction {
    FileAction {
        kind: FileActionKind::Cdc,
        size: bytes(Some(cdc.size)),
        modified_millis: timestamp_millis,
        partition_values: ordered(&cdc.partition_values),
        stats: None,
        data_change: true,
        deletion_vector: None,
        path: cdc.path,
    }
}

fn bytes(size: Option<i64>) -> u64 {
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default()
}

fn ordered(values: &HashMap<String, Option<String>>) -> BTreeMap<String, Option<String>> {
    values.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// How long the text is by which the log names the file of a deletion vector: a UUID in base 85.
const ENCODED_UUID: usize = 20;

/// The file's name follows the Delta protocol, "Deletion Vector Descriptor Schema".
fn deletion_vector(vector: &DeletionVectorDescriptor) -> DeletionVector {
    let descriptor = serde_json::to_value(vector).unwrap_or_default();
    let path = match vector.storage_type {
        StorageType::Inline => None,
        StorageType::AbsolutePath => Some(vector.path_or_inline_dv.clone()),
        StorageType::UuidRelativePath => {
            let text = &vector.path_or_inline_dv;
            let (prefix, encoded) = text.split_at_checked(text.len().saturating_sub(ENCODED_UUID)).unwrap_or(("", text));
            let uuid = z85::decode(encoded).ok().and_then(|bytes| uuid::Uuid::from_slice(&bytes).ok()).unwrap_or_default();
            let folder = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
            Some(format!("{folder}deletion_vector_{uuid}.bin"))
        }
    };
    DeletionVector { path, descriptor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_in_its_folder() {
        let folder = Path::from("lake/aws/b/bronze/t_v1");
        let found = inside(&folder, "country=NL/part-1.parquet").map(|path| path.to_string());
        assert_eq!(found.as_deref(), Some("lake/aws/b/bronze/t_v1/country=NL/part-1.parquet"));
        for wrong in ["", "../t_v2/a.parquet", "a/../../b", "/etc/passwd", "a//b", "./a", "a\\..\\b", "a\0"] {
            assert_eq!(inside(&folder, wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn the_file_of_a_deletion_vector_is_found_by_its_encoded_name() {
        // The example of the Delta protocol.
        let vector = DeletionVectorDescriptor {
            storage_type: StorageType::UuidRelativePath,
            path_or_inline_dv: "ab^-aqEH.-t@S}K{vb[*k^".to_owned(),
            offset: Some(4),
            size_in_bytes: 40,
            cardinality: 6,
        };
        let DeletionVector { path, descriptor } = deletion_vector(&vector);
        assert_eq!(path.as_deref(), Some("ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin"));
        assert_eq!(descriptor["storageType"], "u");
    }
}
