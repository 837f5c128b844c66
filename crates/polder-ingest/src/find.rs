//! Finds the files of a source and says which content each has.
//!
//! Owns the pattern's meaning: a glob below the mesh's folder, an absolute path with a glob, or an object-store URL with a glob
//! in its path. `*` stays within a folder, `**` does not; names that begin with a dot match only a pattern that does, so that
//! files still being written can be kept out of sight. Never leaves the mesh's folder through `..` or a link.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use glob::{MatchOptions, Pattern, PatternError};
use object_store::{ObjectMeta, ObjectStore};
use url::Url;

use polder_model::job::FileSource;

use crate::error::{Cause, SourceError};
use crate::fingerprint::content_fingerprint;
use crate::input::modified_and_size;

const MATCH: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Whether a text is a glob, as far as it can be told without looking for files.
///
/// # Errors
/// When it is not one.
pub fn check_glob(text: &str) -> Result<(), PatternError> {
    Pattern::new(text).map(drop)
}

/// A pattern of paths, as sources have them.
#[derive(Debug, Clone)]
pub struct Glob(Pattern);

impl Glob {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        Pattern::new(text).map(Self)
    }

    /// Whether a path matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.0.matches_with(path, MATCH)
    }
}

/// Whoever knows the object stores and their secrets.
pub trait Stores: Send + Sync {
    /// Returns the store of a bucket or container, given its URL without a path (`s3://bucket/`). Locations are then the URL's path.
    fn store(&self, bucket: &Url) -> Result<Arc<dyn ObjectStore>, Cause>;
}

/// A file to load.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path below the mesh's folder, its absolute path or its URL: as the pattern is written.
    pub name: String,
    /// Its bytes as stored.
    pub size: u64,
    /// When it was last written.
    pub modified: DateTime<Utc>,
    /// What its content is. A local file's is a hash of all its bytes: a file that was copied, touched or checked out anew is the
    /// same, one with a byte changed is another. An object's is the entity tag that its store gives to each content, or its size
    /// and time where the store has none.
    pub fingerprint: String,
    pub(crate) origin: Origin,
}

impl SourceFile {
    /// A file of the local disk, under a name that it is to be known by. Takes its fingerprint, for which all of it is read.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn on_disk(name: String, path: PathBuf) -> Result<Self, SourceError> {
        let reading = path.clone();
        let read = tokio::task::spawn_blocking(move || Self::read_from_disk(name, reading)).await;
        read.unwrap_or_else(|error| Err(SourceError::Unreadable { path, source: io::Error::other(error) }))
    }

    fn read_from_disk(name: String, path: PathBuf) -> Result<Self, SourceError> {
        let unreadable = |source: io::Error| SourceError::Unreadable { path: path.clone(), source };
        let (modified, size) = modified_and_size(&path).map_err(unreadable)?;
        let fingerprint = File::open(&path).and_then(|file| content_fingerprint(&file, size)).map_err(unreadable)?;
        Ok(Self { name, size, modified, fingerprint, origin: Origin::Local(path) })
    }

    /// An object of a store, under a name that it is to be known by.
    #[must_use]
    pub fn in_store(name: String, store: Arc<dyn ObjectStore>, object: ObjectMeta) -> Self {
        let fingerprint = match &object.e_tag {
            Some(tag) => format!("etag:{tag}"),
            None => format!("written:{}:{}", object.size, object.last_modified.timestamp_micros()),
        };
        let origin = Origin::Remote { store, location: object.location, etag: object.e_tag };
        Self { name, size: object.size, modified: object.last_modified, fingerprint, origin }
    }
}

/// Where a file's bytes are.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Local(PathBuf),
    Remote { store: Arc<dyn ObjectStore>, location: object_store::path::Path, etag: Option<String> },
}

/// Finds the files of a source, sorted by name. That nothing matches is no error.
pub async fn find(source: &FileSource, root: &Path, stores: &dyn Stores) -> Result<Vec<SourceFile>, SourceError> {
    let pattern = source.files.as_str();
    let wrong = |why: &str| SourceError::Pattern { pattern: pattern.to_owned(), why: why.to_owned() };
    if pattern.is_empty() || pattern.contains('\0') {
        return Err(wrong("it is empty or holds a NUL character"));
    }
    if Path::new(pattern).components().any(|part| part == Component::ParentDir) {
        return Err(wrong("`..` is not allowed: use an absolute path for files outside the mesh's folder"));
    }
    let mut found = if let Some((scheme, rest)) = pattern.split_once("://") {
        remote(pattern, scheme, rest, stores).await?
    } else {
        let (pattern, root) = (pattern.to_owned(), root.to_owned());
        // Listing and hashing block: not on the threads that serve everybody.
        let listing = tokio::task::spawn_blocking(move || local(&pattern, &root));
        listing.await.map_err(|error| wrong(&format!("listing it stopped: {error}")))??
    };
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

fn local(pattern: &str, root: &Path) -> Result<Vec<SourceFile>, SourceError> {
    let wrong = |why: String| SourceError::Pattern { pattern: pattern.to_owned(), why };
    let absolute = Path::new(pattern).is_absolute();
    let whole = if absolute {
        pattern.to_owned()
    } else {
        let root = root.to_str().ok_or_else(|| wrong("the mesh's folder has a name that is not UTF-8".to_owned()))?;
        format!("{}/{pattern}", Pattern::escape(root))
    };
    let paths = glob::glob_with(&whole, MATCH).map_err(|error| wrong(error.to_string()))?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|error| SourceError::Unreadable { path: error.path().to_owned(), source: error.into() })?;
        let within = if absolute { None } else { Some(root) };
        found.extend(local_file(path, within)?);
    }
    Ok(found)
}

/// A match that is a file; `None` for a folder.
fn local_file(path: PathBuf, within: Option<&Path>) -> Result<Option<SourceFile>, SourceError> {
    let unreadable = |source: io::Error| SourceError::Unreadable { path: path.clone(), source };
    if let Some(root) = within {
        let (target, root) = (path.canonicalize().map_err(unreadable)?, root.canonicalize().map_err(unreadable)?);
        if !target.starts_with(root) {
            return Err(SourceError::Outside { path, target });
        }
    }
    let kind = fs::metadata(&path).map_err(unreadable)?.file_type();
    if kind.is_dir() {
        return Ok(None);
    }
    if !kind.is_file() {
        // Opening a pipe would wait for its writer.
        return Err(SourceError::NotAFile { path, why: "it is a pipe, socket or device" });
    }
    let shown = within.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(&path);
    let Some(name) = shown.to_str().map(str::to_owned) else {
        return Err(SourceError::NotAFile { path, why: "its name is not UTF-8" });
    };
    SourceFile::read_from_disk(name, path).map(Some)
}

async fn remote(url: &str, scheme: &str, rest: &str, stores: &dyn Stores) -> Result<Vec<SourceFile>, SourceError> {
    let wrong = |why: String| SourceError::Pattern { pattern: url.to_owned(), why };
    // Not by a URL parser: to it a `?` begins a query.
    let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
    let base = Url::parse(&format!("{scheme}://{bucket}/")).map_err(|error| wrong(error.to_string()))?;
    if bucket.is_empty() || path.is_empty() {
        return Err(wrong("write it as scheme://bucket/path".to_owned()));
    }
    let pattern = Pattern::new(path).map_err(|error| wrong(error.to_string()))?;
    let store = stores.store(&base).map_err(|source| SourceError::Store { url: url.to_owned(), source })?;
    let fixed = path.split('/').take_while(|part| !part.contains(['*', '?', '['])).collect::<Vec<_>>();
    // The last part is a file's name; a listing asks for a folder.
    let depth = fixed.len().min(path.split('/').count() - 1);
    let prefix = object_store::path::Path::from_iter(fixed.iter().copied().take(depth));
    let objects: Vec<ObjectMeta> = store
        .list(Some(&prefix))
        .try_filter(|object| futures::future::ready(pattern.matches_with(object.location.as_ref(), MATCH)))
        .try_collect()
        .await
        .map_err(|source| SourceError::List { url: url.to_owned(), source })?;
    let file =
        |object: ObjectMeta| SourceFile::in_store(format!("{scheme}://{bucket}/{}", object.location), Arc::clone(&store), object);
    Ok(objects.into_iter().map(file).collect())
}
