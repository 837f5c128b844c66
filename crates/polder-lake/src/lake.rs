//! The lake: finds the places of buckets, tables and volumes, and opens what is there. How tables are made and
//! changed is in [`crate::declare`].
//!
//! Every call that changes something may be repeated: after a crash the second call finds what the first one did.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use object_store::ObjectStore;
use object_store::path::Path;
use polder_access::{Action, Permit};
use polder_model::resource::{Bucket, Table, TableFormat};
use polder_model::store_option::{ACCOUNT, ENDPOINT};
use polder_model::{BucketName, Location, Provider, Securable};
use url::Url;

use crate::background::Background;
use crate::error::{Error, Result};
use crate::handle::{AsOf, Shared, TableHandle};
use crate::place::{Place, open_local};
use crate::remote::{Remote, Remotes};
use crate::snapshot::Snapshot;
use crate::storage::{self, TableObservation};
use crate::trouble::{self, Matter};
use crate::{folder, log, versions};

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
    /// Options of the store by the names of [`polder_model::store_option`], such as `endpoint`, `region` and keys. They may be secrets.
    pub options: BTreeMap<String, String>,
    /// Whether its buckets are those of landing zones. At Azure a bucket is an account then, and its files are in the one container that
    /// accounts of landing zones have.
    pub of_zones: bool,
}

/// The container of files in an account of landing zones.
const CONTAINER: &str = "data";

impl ProviderConfig {
    /// What the store calls a bucket, and the options for it.
    #[must_use]
    pub fn of_bucket<'a>(&'a self, provider: Provider, bucket: &'a BucketName) -> (&'a str, Cow<'a, BTreeMap<String, String>>) {
        if !self.of_zones || provider != Provider::Azure {
            return (bucket.as_str(), Cow::Borrowed(&self.options));
        }
        let mut options = self.options.clone();
        options.insert(ACCOUNT.to_owned(), bucket.to_string());
        // Where accounts are not at Azure's own addresses, each has one.
        if let Some(endpoint) = options.get_mut(ENDPOINT) {
            *endpoint = endpoint.replace("{account}", bucket.as_str());
        }
        (CONTAINER, Cow::Owned(options))
    }
}

impl std::fmt::Debug for ProviderConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.options.keys().collect();
        f.debug_struct("ProviderConfig").field("scheme", &self.scheme).field("options", &names).finish()
    }
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
    pub(crate) root: PathBuf,
    pub(crate) providers: BTreeMap<Provider, ProviderConfig>,
    remotes: Remotes,
    background: Background,
}

impl Lake {
    /// Returns the lake that a configuration describes. Nothing is created or connected to yet.
    ///
    /// # Errors
    /// When the root cannot be made an absolute path, or is one that cannot be a URL's.
    pub fn new(config: LakeConfig) -> Result<Self> {
        let LakeConfig { root, providers } = config;
        let root = std::path::absolute(&root).map_err(|e| Error::store("find", root.display(), e))?;
        if let Some(part) = root.components().find_map(|part| ambiguous(part.as_os_str())) {
            let why =
                format!("{part:?} in its path would be read as another name: rename that folder, or move the mesh out of it");
            return Err(Error::store("keep tables in", root.display(), why));
        }
        Ok(Self { root, providers, remotes: Remotes::default(), background: Background::default() })
    }

    /// Creates a bucket's folder. In an object store a bucket is infrastructure: there it is only seen to answer.
    ///
    /// # Errors
    /// When the folder cannot be created, or the store does not answer.
    pub async fn make_bucket(&self, bucket: &Bucket) -> Result<()> {
        let place = self.bucket(bucket.provider, &bucket.name)?;
        storage::make(&place).await?;
        if place.local.is_none() {
            storage::has_files(&place).await?;
        }
        Ok(())
    }

    /// Removes a bucket's folder, if no file is in it. In an object store the empty bucket stays.
    ///
    /// # Errors
    /// When a file is in it, or the store fails.
    pub async fn remove_bucket(&self, bucket: &Bucket) -> Result<()> {
        let place = self.bucket(bucket.provider, &bucket.name)?;
        if storage::has_files(&place).await? {
            let why = "it holds files that belong to no declared table or volume: move them away first";
            return Err(Error::store("remove", &place, why));
        }
        storage::remove(&place).await
    }

    /// Whether a bucket is there.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn bucket_exists(&self, bucket: &Bucket) -> Result<bool> {
        let place = self.bucket(bucket.provider, &bucket.name)?;
        if let Some(folder) = &place.local {
            return Ok(folder.is_dir());
        }
        match storage::has_files(&place).await {
            Err(error) if trouble::found(&error).is_some_and(|trouble| trouble.matter == Matter::NoBucket) => Ok(false),
            looked => looked.map(|_| true),
        }
    }

    /// Deletes a table or volume with all its files and versions. When nothing is there, nothing happens.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn drop_table(&self, location: &Location) -> Result<()> {
        let place = self.place(location)?;
        storage::remove(&place).await
    }

    /// Creates the folder of a volume. In an object store there is nothing to create.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub async fn make_folder(&self, location: &Location) -> Result<()> {
        storage::make(&self.place(location)?).await
    }

    /// The newest change of anything in each of the folders that are so many levels below a location, by their paths from it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn newest_below(&self, location: &Location, levels: usize) -> Result<BTreeMap<String, DateTime<Utc>>> {
        storage::newest_below(&self.place(location)?, levels).await
    }

    /// Whether something is at a location.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn folder_exists(&self, location: &Location) -> Result<bool> {
        let place = self.place(location)?;
        match &place.local {
            Some(folder) => Ok(folder.is_dir()),
            None => storage::has_files(&place).await,
        }
    }

    /// Looks whether a table is there, without reading it.
    pub async fn observe(&self, table: &Table) -> TableObservation {
        match self.local_folder(&table.location) {
            // On the disk this is one look at one name: no thread is worth it.
            Some(folder) => storage::observe_local(&folder, table.format),
            None => match self.observe_remote(table).await {
                Ok(true) => TableObservation::Present,
                Ok(false) => TableObservation::Absent,
                Err(error) => TableObservation::Unreadable(polder_model::text::with_causes(&error)),
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
                if at != AsOf::Latest {
                    versions::check_files(table, &place, &snapshot).await?;
                }
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
            Some((scheme, _)) => self.open_url(scheme, url)?,
        };
        Ok(SourceStore { store, path })
    }

    fn open_url(&self, scheme: &str, url: &str) -> Result<(Arc<dyn ObjectStore>, Path)> {
        // The query may hold a signature, which may not get into a message.
        let shown = url.split('?').next().unwrap_or(url).to_owned();
        let bad = |why: String| Error::Url { url: shown.clone(), why };
        let provider = provider_of(scheme).ok_or_else(|| bad("there is no store by this scheme".to_owned()))?;
        let parsed = Url::parse(url).map_err(|e| bad(e.to_string()))?;
        let path = Path::from_url_path(parsed.path()).map_err(|e| bad(e.to_string()))?;
        let nothing = BTreeMap::new();
        let options = self.providers.get(&provider).map_or(&nothing, |config| &config.options);
        let bucket_url = &parsed[..url::Position::BeforePath];
        let remote = self.remotes.open(provider, bucket_url, bucket_url, options)?;
        Ok((remote.store, path))
    }

    /// Waits for work that nobody waits for otherwise, such as checkpoints. To be called before a program ends.
    pub async fn settle(&self) {
        self.background.settle().await;
    }

    pub(crate) fn place(&self, location: &Location) -> Result<Place> {
        let Location { provider, bucket, prefix } = location;
        match (self.providers.get(provider), self.local_folder(location)) {
            (Some(_), _) => self.remote_place(*provider, bucket, prefix),
            (None, Some(folder)) => Place::local(folder),
            (None, None) => Err(Error::Url { url: location.to_string(), why: "its path leaves its bucket".to_owned() }),
        }
    }

    fn bucket(&self, provider: Provider, name: &BucketName) -> Result<Place> {
        match self.providers.get(&provider) {
            Some(_) => self.remote_place(provider, name, ""),
            None => Place::local(self.root.join(provider.as_str()).join(name.as_str())),
        }
    }

    fn remote_place(&self, provider: Provider, bucket: &BucketName, prefix: &str) -> Result<Place> {
        let (url, remote) = self.remote(provider, bucket)?.ok_or_else(|| Error::Url {
            url: format!("{provider}/{bucket}"),
            why: "it is a folder of the local disk".to_owned(),
        })?;
        Place::remote(&url, prefix, remote)
    }

    /// A bucket's URL and the bucket, open; `None` where it is a folder of the local disk.
    pub(crate) fn remote(&self, provider: Provider, bucket: &BucketName) -> Result<Option<(String, Remote)>> {
        let Some(config) = self.providers.get(&provider) else { return Ok(None) };
        let url = format!("{}://{bucket}", config.scheme);
        let (name, options) = config.of_bucket(provider, bucket);
        let remote = self.remotes.open(provider, &url, &format!("{}://{name}", config.scheme), &options)?;
        Ok(Some((url, remote)))
    }

    pub(crate) fn local_folder(&self, location: &Location) -> Option<PathBuf> {
        let is_name = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\\', '\0']);
        let is_inside = !self.providers.contains_key(&location.provider) && location.prefix.split('/').all(is_name);
        let bucket = self.root.join(location.provider.as_str()).join(location.bucket.as_str());
        is_inside.then(|| bucket.join(&location.prefix))
    }

    async fn observe_remote(&self, table: &Table) -> Result<bool> {
        let place = self.place(&table.location)?;
        let folder = if table.format == TableFormat::Delta { place.log() } else { place.folder.clone() };
        storage::has_files(&Place { folder, ..place }).await
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

/// Reads a table's log up to a version, or to its end.
pub(crate) async fn load(table: &Table, place: &Place, version: Option<u64>) -> Result<(Snapshot, deltalake_core::DeltaTable)> {
    if let Some(folder) = &place.local
        && storage::observe_local(folder, TableFormat::Delta) == TableObservation::Absent
    {
        return Err(Error::NotFound { table: table.name.clone(), location: place.to_string() });
    }
    let failed = |source| Error::log(&table.name, place, source);
    match Snapshot::load(place, version).await {
        Ok(loaded) => Ok(loaded),
        // The Delta library's words for a log with a gap are its own data.
        Err(error) => Err(failed(versions::gap(place, version).await.map_or(error, |missing| log::missing(missing).into()))),
    }
}

/// What of a folder's name would not survive the Delta library, which takes paths for URLs that are encoded already: it would read
/// from one folder what was written to another.
fn ambiguous(name: &OsStr) -> Option<String> {
    let name = name.to_string_lossy();
    let is_escape = |part: &&[u8]| part[0] == b'%' && part[1].is_ascii_hexdigit() && part[2].is_ascii_hexdigit();
    let escape = name.as_bytes().windows(3).find(is_escape).map(|part| String::from_utf8_lossy(part).into_owned());
    // Where a backslash parts folders, no name holds one, and it begins some roots.
    let other = || name.chars().find(|c| c.is_control() || (cfg!(unix) && *c == '\\')).map(String::from);
    escape.or_else(other)
}

fn provider_of(scheme: &str) -> Option<Provider> {
    match scheme {
        "s3" | "s3a" => Some(Provider::Aws),
        "az" | "azure" | "adl" | "abfs" | "abfss" => Some(Provider::Azure),
        "gs" => Some(Provider::Gcp),
        _ => None,
    }
}
