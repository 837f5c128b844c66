//! A table made of another's files: the files are linked or copied, and the new table's log names them.
//!
//! A clone shares nothing that either table could take from the other: on one disk a file has two names, and goes with the last of them;
//! in an object store it is copied by the store itself where both tables are in one bucket.

use std::sync::Arc;

use deltalake_core::kernel::{Action as LogAction, Add};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use polder_access::Permit;
use polder_model::resource::Table;
use uuid::Uuid;

use crate::declare::commit_info;
use crate::durable::{create_folder, sync_folder_of};
use crate::error::{Error, Result, Source};
use crate::handle::AsOf;
use crate::lake::Lake;
use crate::log::{self, Published};
use crate::place::Place;
use crate::protocol;
use crate::snapshot::DataFile;

/// How many files are copied at once.
const AT_ONCE: usize = 16;

/// What a clone is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloned {
    /// The version of the source that it has.
    pub source_version: u64,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Whether no byte was copied: the files have two names on one disk.
    pub linked: bool,
}

impl Lake {
    /// Makes a table of another's files at one of its versions. `shallow` is whether to copy no byte where that can be had.
    ///
    /// The permit must show all of the source in clear: its files go into the clone as they are.
    ///
    /// # Errors
    /// When the permit is for something else or not for all of it, something is at the clone's location, a file cannot be copied, or
    /// the source has deletion vectors or columns under other names.
    pub async fn clone_table(
        &self,
        permit: &Permit,
        source: &Table,
        at: AsOf,
        target: &Table,
        target_id: Uuid,
        shallow: bool,
    ) -> Result<Cloned> {
        let opened = self.open(permit, source, at).await?;
        opened.demand_whole(permit)?;
        let snapshot = opened.shared.current();
        let refuse = |what: &str| Err(Error::unsupported(&source.name, what.to_owned()));
        match &snapshot.facts {
            None => return refuse("it is a folder of Parquet files, which is not cloned: make a table AS SELECT"),
            Some(facts) if protocol::maps_columns(&facts.metadata) => {
                return refuse("its columns have other names in its files: make a table AS SELECT");
            }
            Some(_) if !snapshot.is_plain() => {
                return refuse("some of its files have deletion vectors: OPTIMIZE it with the engine that made them first");
            }
            Some(_) => {}
        }
        let (from, to) = (self.place(&source.location)?, self.place(&target.location)?);
        let linked = shallow && from.local.is_some() && to.local.is_some();
        let copies = stream::iter(snapshot.files.iter().cloned()).map(|file| copy(&from, &to, file, linked));
        copies.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        let now = chrono::Utc::now().timestamp_millis();
        let mut actions = vec![
            LogAction::CommitInfo(commit_info("CLONE", None, now)),
            LogAction::Protocol(protocol::protocol(target)?),
            LogAction::Metadata(protocol::metadata(target, &target_id.to_string(), now)?),
        ];
        actions.extend(snapshot.files.iter().map(|file| LogAction::Add(Add { data_change: true, ..file.add.clone() })));
        let entry = log::encode(&actions).map_err(|e| Error::data("clone", &target.name, e))?;
        let published = log::publish(&to, 0, entry, &target_id.to_string()).await;
        match published.map_err(|e| Error::store("create a table at", &to, e))? {
            Published::Done => {}
            Published::Taken(_) => return Err(Error::store("create a table at", &to, "there is one already")),
        }
        let bytes = snapshot.files.iter().map(|file| file.size()).sum();
        Ok(Cloned { source_version: snapshot.version, files: snapshot.files.len() as u64, bytes, linked })
    }
}

async fn copy(from: &Place, to: &Place, file: Arc<DataFile>, linked: bool) -> Result<()> {
    let path = file.add.path.as_str();
    let failed = |error: Source| Error::store("copy a file to", to, error);
    let (source, target) = (from.file(path), to.file(path));
    if linked {
        let disk = LocalFileSystem::new();
        let on_disk = |path| disk.path_to_filesystem(path).map_err(|e| failed(e.into()));
        let (source, target) = (on_disk(&source)?, on_disk(&target)?);
        let done = tokio::task::spawn_blocking(move || link(&source, &target)).await;
        return done.map_err(Source::from).and_then(|done| done.map_err(Source::from)).map_err(failed);
    }
    if from.store_url == to.store_url {
        return to.store.copy(&source, &target).await.map_err(|e| failed(e.into()));
    }
    let found = from.store.get(&source).await.map_err(|e| failed(e.into()))?;
    let upload = to.store.put_multipart(&target).await.map_err(|e| failed(e.into()))?;
    let mut upload = object_store::WriteMultipart::new(upload);
    let mut bytes = found.into_stream();
    while let Some(chunk) = bytes.next().await {
        upload.wait_for_capacity(8).await.map_err(|e| failed(e.into()))?;
        upload.put(chunk.map_err(|e| failed(e.into()))?);
    }
    upload.finish().await.map(drop).map_err(|e| failed(e.into()))
}

/// Gives a file one more name; where the disk cannot, a copy.
fn link(source: &std::path::Path, target: &std::path::Path) -> std::io::Result<()> {
    if let Some(folder) = target.parent() {
        create_folder(folder)?;
    }
    if std::fs::hard_link(source, target).is_err() {
        std::fs::copy(source, target)?;
        std::fs::File::open(target)?.sync_all()?;
    }
    sync_folder_of(target)
}
