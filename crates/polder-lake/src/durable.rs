//! The local disk as an object store whose acknowledged writes are on the disk.
//!
//! `object_store`'s own local store calls no fsync. This one does, in the order that matters: a file's bytes first, then its name
//! in the folder, then the answer. A name appears in one step, with all its bytes, or not at all. Reads go straight through.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};
use polder_model::fault;

use crate::log;

/// The local disk, rooted at `/`.
#[derive(Debug)]
pub(crate) struct Durable {
    disk: LocalFileSystem,
}

impl Durable {
    pub(crate) fn new() -> Self {
        Self { disk: LocalFileSystem::new() }
    }
}

impl std::fmt::Display for Durable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Durable({})", self.disk)
    }
}

#[async_trait]
impl ObjectStore for Durable {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let create = match options.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => {
                return Err(Error::NotImplemented { operation: "conditional update".into(), implementer: self.to_string() });
            }
        };
        let path = self.disk.path_to_filesystem(location)?;
        blocking(move || write_file(&path, &payload, create)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(&self, location: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        let path = self.disk.path_to_filesystem(location)?;
        let upload = blocking(move || Upload::begin(path)).await?;
        Ok(Box::new(upload))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let found = self.disk.get_opts(location, options.clone()).await?;
        log::sound(location, &options, found).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.disk.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.disk.delete_stream(locations).inspect_ok(|_| fault::point("lake.file.deleted")).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.disk.list(prefix)
    }

    fn list_with_offset(&self, prefix: Option<&Path>, offset: &Path) -> BoxStream<'static, Result<ObjectMeta>> {
        self.disk.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.disk.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.disk.copy_opts(from, to, options).await?;
        self.sync_name(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.disk.rename_opts(from, to, options).await?;
        self.sync_name(to).await
    }
}

impl Durable {
    async fn sync_name(&self, location: &Path) -> Result<()> {
        let path = self.disk.path_to_filesystem(location)?;
        blocking(move || {
            File::open(&path)?.sync_all()?;
            sync_folder_of(&path)
        })
        .await
    }
}

/// Creates a folder and those above it that are missing, each of them on the disk when this returns.
pub(crate) fn create_folder(folder: &FilePath) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => sync_folder_of(folder),
        Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => match folder.parent() {
            Some(parent) => {
                create_folder(parent)?;
                // Somebody else may have been faster: that is as good.
                match fs::create_dir(folder) {
                    Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(e),
                    _ => sync_folder_of(folder),
                }
            }
            None => Err(e),
        },
        Err(e) => Err(e),
    }
}

/// Puts a file's name on the disk. Windows has no such call, and its journal needs none.
pub(crate) fn sync_folder_of(path: &FilePath) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}

/// The names of the fault points on the way to the disk.
struct Points {
    written: &'static str,
    synced: &'static str,
    linked: Option<&'static str>,
}

fn points_of(path: &FilePath) -> Points {
    let is_log = path.parent().is_some_and(|folder| folder.ends_with("_delta_log"));
    if is_log {
        Points { written: "lake.log.written", synced: "lake.log.synced", linked: Some("lake.log.linked") }
    } else {
        Points { written: "lake.data.written", synced: "lake.data.synced", linked: None }
    }
}

fn write_file(path: &FilePath, payload: &PutPayload, create: bool) -> io::Result<()> {
    let staged = Unfinished(staged_path(path));
    let points = points_of(path);
    let mut file = create_file(&staged.0)?;
    for chunk in payload {
        file.write_all(chunk)?;
    }
    fault::point(points.written);
    file.sync_all()?;
    fault::point(points.synced);
    if create {
        // A link fails when the name exists, where a rename would replace it.
        fs::hard_link(&staged.0, path)?;
    } else {
        fs::rename(&staged.0, path)?;
    }
    if let Some(linked) = points.linked {
        fault::point(linked);
    }
    sync_folder_of(path)
}

fn create_file(path: &FilePath) -> io::Result<File> {
    let create = || File::options().write(true).create_new(true).open(path);
    create().or_else(|e| match path.parent() {
        Some(folder) if e.kind() == ErrorKind::NotFound => {
            create_folder(folder)?;
            create()
        }
        _ => Err(e),
    })
}

/// A name beside the file's own that listings leave out: `object_store` hides names that end in `#` and digits.
fn staged_path(path: &FilePath) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!("#{}", uuid::Uuid::new_v4().as_u128()));
    name.into()
}

/// A file that is deleted unless it got its name.
#[derive(Debug)]
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Gone already when it was renamed; a link's second name is not needed any more.
        let _ = fs::remove_file(&self.0);
    }
}

/// A large file on its way, written part by part.
#[derive(Debug)]
struct Upload {
    file: Arc<Mutex<File>>,
    staged: Option<Arc<Unfinished>>,
    path: PathBuf,
    length: u64,
}

impl Upload {
    fn begin(path: PathBuf) -> io::Result<Self> {
        let staged = Unfinished(staged_path(&path));
        let file = create_file(&staged.0)?;
        Ok(Self { file: Arc::new(Mutex::new(file)), staged: Some(Arc::new(staged)), path, length: 0 })
    }
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let offset = self.length;
        self.length += data.content_length() as u64;
        let file = Arc::clone(&self.file);
        let write = move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(offset))?;
            for chunk in &data {
                file.write_all(chunk)?;
            }
            // Parts go to the disk while the next are encoded, so that little is left to wait for at the end.
            file.sync_data()
        };
        blocking(write).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let Some(staged) = self.staged.take() else {
            return Err(Error::Generic { store: "local disk", source: "the file is complete already".into() });
        };
        let (file, path) = (Arc::clone(&self.file), self.path.clone());
        blocking(move || {
            let points = points_of(&path);
            fault::point(points.written);
            file.lock().unwrap_or_else(PoisonError::into_inner).sync_all()?;
            fault::point(points.synced);
            fs::rename(&staged.0, &path)?;
            sync_folder_of(&path)
        })
        .await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.staged = None;
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await?.map_err(to_store_error)
}

fn to_store_error(error: io::Error) -> Error {
    // The caller names the path; here it would be said twice.
    let path = String::new();
    match error.kind() {
        ErrorKind::AlreadyExists => Error::AlreadyExists { path, source: error.into() },
        ErrorKind::NotFound => Error::NotFound { path, source: error.into() },
        ErrorKind::PermissionDenied => Error::PermissionDenied { path, source: error.into() },
        _ => Error::Generic { store: "local disk", source: error.into() },
    }
}
