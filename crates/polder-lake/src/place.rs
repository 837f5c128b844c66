//! Where a table's files are: a store, a folder in it, and the names under which the Delta log and the query engine know it.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

use crate::durable::Durable;
use crate::error::{Error, Result};
use crate::remote::Remote;

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
    pub(crate) fn remote(bucket_url: &str, prefix: &str, remote: Remote) -> Result<Self> {
        let bad = |why: String| Error::Url { url: bucket_url.to_owned(), why };
        let store_url = ObjectStoreUrl::parse(bucket_url).map_err(|e| bad(e.to_string()))?;
        let folder = Path::parse(prefix).map_err(|e| bad(e.to_string()))?;
        // The Delta library knows the clouds' names only with crates we do without; it is given the store, and any name will do.
        let delta_url = Url::parse(&format!("memory:///{prefix}")).map_err(|e| bad(e.to_string()))?;
        Ok(Self { store: remote.store, store_url, folder, delta_url, local: None })
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

/// Opens a file or folder of the local disk for reading.
pub(crate) fn open_local(path: &FilePath) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let bad = |why: String| Error::Url { url: path.display().to_string(), why };
    let absolute = std::path::absolute(path).map_err(|e| bad(e.to_string()))?;
    let path = Path::from_absolute_path(&absolute).map_err(|e| bad(e.to_string()))?;
    Ok((Arc::new(object_store::local::LocalFileSystem::new()), path))
}
