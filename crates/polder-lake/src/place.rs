//! Where a table's files are: a store, a folder in it, and the names under which the Delta log and the query engine know it.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::execution::object_store::ObjectStoreUrl;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, RenameTargetMode,
};
use url::Url;

use crate::durable::Durable;
use crate::error::{Error, Result};
use crate::log;

/// The folder of a table, volume or bucket.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The store. Paths in it begin at its root, not at the folder.
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The store's name in the query engine.
    pub(crate) store_url: ObjectStoreUrl,
    /// The folder's path in the store.
    pub(crate) folder: Path,
    /// The folder as the Delta library wants it named.
    pub(crate) delta_url: Url,
    /// The folder on the local disk, when it is there.
    pub(crate) local: Option<PathBuf>,
}

impl Place {
    /// Returns a folder of the local disk.
    pub(crate) fn local(folder: PathBuf) -> Result<Self> {
        let bad = |why: String| Error::Url { url: folder.display().to_string(), why };
        let path = Path::from_absolute_path(&folder).map_err(|e| bad(e.to_string()))?;
        let delta_url = Url::from_directory_path(&folder).map_err(|()| bad("it is not an absolute path".to_owned()))?;
        // Not `file://`: that name belongs to whoever made the session, and their store calls no fsync.
        let store_url = ObjectStoreUrl::parse("polder://disk").map_err(|e| bad(e.to_string()))?;
        Ok(Self { store: Arc::new(Durable::new()), store_url, folder: path, delta_url, local: Some(folder) })
    }

    /// Returns a folder in a bucket of an object store: `bucket_url` is the bucket's, `prefix` the folder in it.
    pub(crate) fn remote(bucket_url: &str, prefix: &str, options: &BTreeMap<String, String>) -> Result<Self> {
        let (store, _) = open_store(bucket_url, options)?;
        let bad = |why: String| Error::Url { url: bucket_url.to_owned(), why };
        let store_url = ObjectStoreUrl::parse(bucket_url).map_err(|e| bad(e.to_string()))?;
        let folder = Path::parse(prefix).map_err(|e| bad(e.to_string()))?;
        // The Delta library knows the clouds' names only with crates we do without; it is given the store, and any name will do.
        let delta_url = Url::parse(&format!("memory:///{prefix}")).map_err(|e| bad(e.to_string()))?;
        Ok(Self { store: Arc::new(PutIfAbsent(store)), store_url, folder, delta_url, local: None })
    }

    /// The path in the store of a file of this folder, from its path in the folder.
    pub(crate) fn file(&self, relative: &str) -> Path {
        let full = format!("{}/{relative}", self.folder);
        // A log may hold names that are not clean; they are cleaned the way the Delta library does.
        Path::parse(&full).unwrap_or_else(|_| Path::from(full))
    }

    /// The path in the store of a file or folder of the log.
    pub(crate) fn log(&self) -> Path {
        self.folder.clone().join("_delta_log")
    }
}

/// Written for people: the folder on the disk, or its URL.
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.local {
            Some(folder) => write!(f, "{}", folder.display()),
            None => write!(f, "{}{}", self.store_url.as_str(), self.folder),
        }
    }
}

/// Opens the store that a URL names; returns it with the path in it.
pub(crate) fn open_store(url: &str, options: &BTreeMap<String, String>) -> Result<(Arc<dyn ObjectStore>, Path)> {
    // Neither the query, which may hold a signature, nor the options, which hold keys, may get into a message.
    let shown = url.split('?').next().unwrap_or(url).to_owned();
    let bad = |why: String| Error::Url { url: shown.clone(), why };
    let parsed = Url::parse(url).map_err(|e| bad(e.to_string()))?;
    let (store, path) = object_store::parse_url_opts(&parsed, options).map_err(|e| bad(e.to_string()))?;
    Ok((Arc::from(store), path))
}

/// Opens a file or folder of the local disk for reading.
pub(crate) fn open_local(path: &FilePath) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let bad = |why: String| Error::Url { url: path.display().to_string(), why };
    let absolute = std::path::absolute(path).map_err(|e| bad(e.to_string()))?;
    let path = Path::from_absolute_path(&absolute).map_err(|e| bad(e.to_string()))?;
    Ok((Arc::new(object_store::local::LocalFileSystem::new()), path))
}

/// An object store whose "rename if absent" is a conditional put: the clouds have that one, and not every one has the other.
#[derive(Debug)]
struct PutIfAbsent(Arc<dyn ObjectStore>);

impl std::fmt::Display for PutIfAbsent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for PutIfAbsent {
    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> object_store::Result<()> {
        if options.target_mode != RenameTargetMode::Create {
            return self.0.rename_opts(from, to, options).await;
        }
        let bytes = self.0.get(from).await?.bytes().await?;
        self.0.put_opts(to, bytes.into(), PutMode::Create.into()).await?;
        self.0.delete(from).await
    }

    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> object_store::Result<PutResult> {
        self.0.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        let found = self.0.get_opts(location, options.clone()).await?;
        log::sound(location, &options, found).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[std::ops::Range<u64>]) -> object_store::Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}
