//! The lake: finds the places of buckets, tables and volumes; creates, changes, observes, opens and drops tables.
//!
//! Every call that changes something may be repeated: after a crash the second call finds what the first one did.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use deltalake_core::kernel::{Action as LogAction, CommitInfo as LogCommitInfo};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStore;
use object_store::path::Path;
use polder_access::{Action, Permit};
use polder_model::resource::{Bucket, Table, TableFormat};
use polder_model::{BucketName, Location, Provider, Securable};
use uuid::Uuid;

use crate::background::Background;
use crate::commit::engine_info;
use crate::durable::{create_folder, sync_folder_of};
use crate::error::{Error, Result};
use crate::handle::{AsOf, Shared, TableHandle};
use crate::log::{self, Published};
use crate::place::{Place, open_local, open_store};
use crate::schema::can_partition;
use crate::snapshot::Snapshot;
use crate::{folder, protocol, schema, versions};

/// How often a change of a table is tried again when others write to it.
const ALTER_ATTEMPTS: u32 = 20;

/// Where the providers' stores are.
#[derive(Debug, Clone, Default)]
pub struct LakeConfig {
    /// The folder of the providers that have no store of their own: `.polder/<tenant>/lake`.
    pub root: PathBuf,
    /// The providers that have.
    pub providers: BTreeMap<Provider, ProviderConfig>,
}

/// A provider's store.
#[derive(Clone)]
pub struct ProviderConfig {
    /// The scheme of its buckets' URLs: `s3`, `az` or `gs`.
    pub scheme: String,
    /// Options of the store by `object_store`'s names, such as `endpoint`, `region` and keys. They may be secrets.
    pub options: BTreeMap<String, String>,
}

impl std::fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.options.keys().collect();
        f.debug_struct("ProviderConfig").field("scheme", &self.scheme).field("options", &names).finish()
    }
}

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

/// A store to read files from, and the path in it that a URL named.
#[derive(Debug, Clone)]
pub struct SourceStore {
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// The path in it.
    pub path: Path,
}

/// All tables, volumes and buckets of a tenant.
#[derive(Debug, Clone)]
pub struct Lake {
    root: PathBuf,
    providers: BTreeMap<Provider, ProviderConfig>,
    background: Background,
}

impl Lake {
    /// Returns the lake that a configuration describes. Nothing is created or connected to yet.
    ///
    /// # Errors
    /// When the root cannot be made an absolute path.
    pub fn new(config: LakeConfig) -> Result<Self> {
        let LakeConfig { root, providers } = config;
        let root = std::path::absolute(&root).map_err(|e| Error::store("find", root.display(), e))?;
        Ok(Self { root, providers, background: Background::default() })
    }

    /// Creates a bucket's folder. In an object store a bucket is infrastructure: there it is only seen to answer.
    ///
    /// # Errors
    /// When the folder cannot be created, or the store does not answer.
    pub async fn make_bucket(&self, bucket: &Bucket) -> Result<()> {
        let place = self.bucket(bucket.provider, &bucket.name)?;
        make(&place).await?;
        if place.local.is_none() {
            has_files(&place).await?;
        }
        Ok(())
    }

    /// Removes a bucket's folder, if no file is in it. In an object store the empty bucket stays.
    ///
    /// # Errors
    /// When a file is in it, or the store fails.
    pub async fn remove_bucket(&self, bucket: &Bucket) -> Result<()> {
        let place = self.bucket(bucket.provider, &bucket.name)?;
        if has_files(&place).await? {
            let why = "it holds files that belong to no declared table or volume: move them away first";
            return Err(Error::store("remove", &place, why));
        }
        remove(&place).await
    }

    /// Whether a bucket is there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bucket_exists(&self, bucket: &Bucket) -> Result<bool> {
        let place = self.bucket(bucket.provider, &bucket.name)?;
        match &place.local {
            Some(folder) => Ok(folder.is_dir()),
            None => has_files(&place).await.map(|_| true),
        }
    }

    /// Creates an empty table; of a folder of Parquet files, the folder. Creating it again is fine.
    ///
    /// # Errors
    /// When another table is at the location, the same with other columns, or the store fails.
    pub async fn create_table(&self, table: &Table, table_id: Uuid) -> Result<()> {
        let place = self.place(&table.location)?;
        check_columns(table)?;
        if table.format == TableFormat::Parquet {
            return make(&place).await;
        }
        let now = chrono::Utc::now().timestamp_millis();
        let actions = [
            LogAction::CommitInfo(commit_info("CREATE TABLE", None, now)),
            LogAction::Protocol(protocol::protocol(table)?),
            LogAction::Metadata(protocol::metadata(table, &table_id.to_string(), now)?),
        ];
        let entry = log::encode(&actions).map_err(|e| Error::data("create", &table.name, e))?;
        let created = log::publish(&place, 0, entry, &table_id.to_string()).await;
        match created.map_err(|e| Error::store("create a table at", &place, e))? {
            Published::Done => check_same(table, table_id, &place).await,
            Published::Taken(_) => check_same(table, table_id, &place).await,
        }
    }

    /// Gives a table the columns, comment and properties that are declared, in one commit. What it has already stays.
    ///
    /// # Errors
    /// When a change does not fit old files, others write all the time, or the store fails.
    pub async fn alter_table(&self, table: &Table) -> Result<()> {
        let place = self.place(&table.location)?;
        check_columns(table)?;
        if table.format == TableFormat::Parquet {
            return Ok(());
        }
        for _ in 0..ALTER_ATTEMPTS {
            let snapshot = load(table, &place, None).await?.0;
            let Some(actions) = alteration(table, &snapshot)? else {
                return Ok(());
            };
            let entry = log::encode(&actions).map_err(|e| Error::data("alter", &table.name, e))?;
            let mark = Uuid::new_v4().to_string();
            let altered = log::publish(&place, snapshot.version + 1, entry, &mark).await;
            match altered.map_err(|e| Error::store("alter the table at", &place, e))? {
                Published::Done => return Ok(()),
                Published::Taken(_) => {}
            }
        }
        Err(Error::data("alter", &table.name, "others commit to it all the time: try again when they are done"))
    }

    /// Deletes a table or volume with all its files and versions. When nothing is there, nothing happens.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn drop_table(&self, location: &Location) -> Result<()> {
        let place = self.place(location)?;
        remove(&place).await
    }

    /// Creates the folder of a volume. In an object store there is nothing to create.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub async fn make_folder(&self, location: &Location) -> Result<()> {
        make(&self.place(location)?).await
    }

    /// Whether something is at a location.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn folder_exists(&self, location: &Location) -> Result<bool> {
        let place = self.place(location)?;
        match &place.local {
            Some(folder) => Ok(folder.is_dir()),
            None => has_files(&place).await,
        }
    }

    /// Looks whether a table is there, without reading it.
    pub async fn observe(&self, table: &Table) -> TableObservation {
        match self.local_folder(&table.location) {
            // On the disk this is one look at one name: no thread is worth it.
            Some(folder) => observe_local(&folder, table.format),
            None => match self.observe_remote(table).await {
                Ok(true) => TableObservation::Present,
                Ok(false) => TableObservation::Absent,
                Err(error) => TableObservation::Unreadable(chain(&error)),
            },
        }
    }

    /// Opens a table. The permit must be for this table, to read, write or maintain it.
    ///
    /// # Errors
    /// When the permit is for something else, there is no table or no such version, or its log or files cannot be read.
    pub async fn open(&self, permit: &Permit, table: &Table, at: AsOf) -> Result<TableHandle> {
        let action = permitted(permit, table)?;
        let place = self.place(&table.location)?;
        let opened = match table.format {
            TableFormat::Parquet => (folder::load(table, &place).await?, None),
            TableFormat::Delta => {
                let version = versions::resolve(table, &place, at).await?;
                let (snapshot, delta) = load(table, &place, version).await?;
                (snapshot, Some(delta))
            }
        };
        let (name, background) = (table.name.clone(), self.background.clone());
        Ok(TableHandle { shared: Arc::new(Shared::new(name, place, action, at == AsOf::Latest, background, opened)) })
    }

    /// Opens the store that a URL or a path of the local disk names, to read files from. A glob is the caller's: give what is before it.
    ///
    /// # Errors
    /// When it names no store.
    pub fn object_store_for_url(&self, url: &str) -> Result<SourceStore> {
        let (store, path) = match url.split_once("://") {
            None => open_local(FilePath::new(url))?,
            Some(("file", path)) => open_local(FilePath::new(path))?,
            Some((scheme, _)) => {
                let config = self.providers.values().find(|config| provider_of(&config.scheme) == provider_of(scheme));
                open_store(url, &config.map(|config| config.options.clone()).unwrap_or_default())?
            }
        };
        Ok(SourceStore { store, path })
    }

    /// Waits for work that nobody waits for otherwise, such as checkpoints. To be called before a program ends.
    pub async fn settle(&self) {
        self.background.settle().await;
    }

    pub(crate) fn place(&self, location: &Location) -> Result<Place> {
        let Location { provider, bucket, prefix } = location;
        match (self.providers.get(provider), self.local_folder(location)) {
            (Some(config), _) => Place::remote(&format!("{}://{bucket}", config.scheme), prefix, &config.options),
            (None, Some(folder)) => Place::local(folder),
            (None, None) => Err(Error::Url { url: location.to_string(), why: "its path leaves its bucket".to_owned() }),
        }
    }

    fn bucket(&self, provider: Provider, name: &BucketName) -> Result<Place> {
        match self.providers.get(&provider) {
            Some(config) => Place::remote(&format!("{}://{name}", config.scheme), "", &config.options),
            None => Place::local(self.root.join(provider.as_str()).join(name.as_str())),
        }
    }

    fn local_folder(&self, location: &Location) -> Option<PathBuf> {
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
        let is_inside = !self.providers.contains_key(&location.provider) && location.prefix.split('/').all(is_name);
        let bucket = self.root.join(location.provider.as_str()).join(location.bucket.as_str());
        is_inside.then(|| bucket.join(&location.prefix))
    }

    async fn observe_remote(&self, table: &Table) -> Result<bool> {
        let place = self.place(&table.location)?;
        let folder = if table.format == TableFormat::Delta { place.log() } else { place.folder.clone() };
        has_files(&Place { folder, ..place }).await
    }
}

/// What the permit allows to do with the table.
fn permitted(permit: &Permit, table: &Table) -> Result<Action> {
    let is_this = matches!(permit.securable(), Securable::Table(name) if *name == table.name);
    match permit.action() {
        action @ (Action::Read | Action::Write | Action::Maintain) if is_this => Ok(action),
        given => {
            let (table, securable) = (table.name.clone(), permit.securable().clone());
            Err(Error::Permit { table, needed: Action::Read, given, securable })
        }
    }
}

async fn load(table: &Table, place: &Place, version: Option<u64>) -> Result<(Snapshot, deltalake_core::DeltaTable)> {
    if let Some(folder) = &place.local
        && observe_local(folder, TableFormat::Delta) == TableObservation::Absent
    {
        return Err(Error::NotFound { table: table.name.clone(), location: place.to_string() });
    }
    let failed = |source| Error::Log { table: table.name.clone(), location: place.to_string(), source };
    Snapshot::load(place, version).await.map_err(failed)
}

/// Refuses columns that no Delta table can be made of.
fn check_columns(table: &Table) -> Result<()> {
    let schema = schema::arrow_schema(&table.columns);
    let wrong = |what: String| Err(Error::schema(&table.name, what));
    if schema.fields().is_empty() {
        return wrong("it has no columns".to_owned());
    }
    for name in &table.partition_columns {
        match schema.fields().iter().find(|field| field.name().eq_ignore_ascii_case(name)) {
            None => return wrong(format!("partition column {name} is no column")),
            Some(field) if !can_partition(field.data_type()) => {
                return wrong(format!("partition column {name} is {}, which no folder can be named by", field.data_type()));
            }
            Some(_) => {}
        }
    }
    if table.partition_columns.len() == schema.fields().len() {
        return wrong("every column is a partition column, so that nothing is left for the files".to_owned());
    }
    Ok(())
}

async fn check_same(table: &Table, table_id: Uuid, place: &Place) -> Result<()> {
    let (snapshot, _) = load(table, place, None).await?;
    let Some(facts) = &snapshot.facts else {
        return Ok(());
    };
    let (found, expected) = (facts.metadata.id().to_owned(), table_id.to_string());
    // A table that nothing was written to since it was made is what an apply that was broken off left: it serves.
    if found != expected && snapshot.version > 0 {
        return Err(Error::OtherTable { table: table.name.clone(), location: place.to_string(), found, expected });
    }
    let declared = schema::arrow_schema(&table.columns);
    if declared.fields() != snapshot.shape.schema.fields() {
        return Err(Error::schema(&table.name, format!("the table at {place} has other columns than are declared")));
    }
    Ok(())
}

/// The log entry that makes a table what is declared; `None` when it is.
fn alteration(table: &Table, snapshot: &Snapshot) -> Result<Option<Vec<LogAction>>> {
    let Some(facts) = &snapshot.facts else {
        return Ok(None);
    };
    if let Some(why) = protocol::why_not_writable(&facts.metadata, &facts.protocol) {
        return Err(Error::not_writable(&table.name, why));
    }
    check_compatible(table, snapshot)?;
    let now = chrono::Utc::now().timestamp_millis();
    let current = &facts.metadata;
    let wanted = protocol::metadata(table, current.id(), current.created_time().unwrap_or(now))?;
    let upgrade = protocol::upgrade(table, &facts.protocol)?;
    if wanted == *current && upgrade.is_none() {
        return Ok(None);
    }
    let mut actions = vec![LogAction::CommitInfo(commit_info("ALTER TABLE", Some(snapshot.version), now))];
    actions.extend(upgrade.map(LogAction::Protocol));
    actions.push(LogAction::Metadata(wanted));
    Ok(Some(actions))
}

/// Refuses changes that old files do not fit.
fn check_compatible(table: &Table, snapshot: &Snapshot) -> Result<()> {
    let declared = schema::arrow_schema(&table.columns);
    let wrong = |what: String| Err(Error::schema(&table.name, what));
    let old = &snapshot.shape.schema;
    for field in old.fields() {
        let name = field.name();
        match declared.field_with_name(name) {
            Err(_) => return wrong(format!("column {name} is missing")),
            Ok(new) if new.data_type() != field.data_type() => {
                return wrong(format!("column {name} is {} and cannot become {}", field.data_type(), new.data_type()));
            }
            Ok(new) if field.is_nullable() && !new.is_nullable() && !snapshot.files.is_empty() => {
                return wrong(format!("column {name} is optional and cannot become required"));
            }
            Ok(_) => {}
        }
    }
    for field in declared.fields().iter().filter(|field| old.field_with_name(field.name()).is_err()) {
        if !field.is_nullable() && !snapshot.files.is_empty() {
            return wrong(format!("column {} is new and required, and there are rows without it", field.name()));
        }
    }
    let partitions = snapshot.shape.partition_fields.iter().map(|field| field.name().as_str());
    if !partitions.eq(table.partition_columns.iter().map(|name| table.column(name).map_or(name.as_str(), |c| c.name.as_str()))) {
        return wrong("its partition columns cannot change".to_owned());
    }
    Ok(())
}

fn commit_info(operation: &str, read_version: Option<u64>, now: i64) -> LogCommitInfo {
    LogCommitInfo {
        timestamp: Some(now),
        operation: Some(operation.to_owned()),
        read_version,
        engine_info: Some(engine_info()),
        ..LogCommitInfo::default()
    }
}

fn observe_local(folder: &FilePath, format: TableFormat) -> TableObservation {
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

async fn has_files(place: &Place) -> Result<bool> {
    let first = place.store.list(Some(&place.folder)).next().await.transpose();
    match first {
        Ok(found) => Ok(found.is_some()),
        Err(object_store::Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(Error::store("list", place, error)),
    }
}

async fn make(place: &Place) -> Result<()> {
    let Some(folder) = place.local.clone() else {
        return Ok(());
    };
    let created = tokio::task::spawn_blocking(move || create_folder(&folder)).await;
    created.map_err(Into::into).and_then(|created| created).map_err(|e| Error::store("create", place, e))
}

async fn remove(place: &Place) -> Result<()> {
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

fn provider_of(scheme: &str) -> Option<Provider> {
    match scheme {
        "s3" | "s3a" => Some(Provider::Aws),
        "az" | "azure" | "adl" | "abfs" | "abfss" => Some(Provider::Azure),
        "gs" => Some(Provider::Gcp),
        _ => None,
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(&format!(": {error}"));
        next = error.source();
    }
    text
}
