//! `COPY INTO`: files of a volume become rows of a table, each file once. It is done as a job's loading is, batch by batch and with the
//! same bookkeeping, under a name that the table's place gives it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::ObjectMeta;
use polder_access::{Action, Permit};
use polder_engine::command::CopyInto;
use polder_ingest::{Glob, SourceFile};
use polder_lake::{VolumeBytes, VolumeFile};
use polder_model::job::{BadRows, DatasetRef, FileSource, Job, Work, WriteMode};
use polder_model::resource::{Table, Volume};
use polder_model::{FilePath, JobId, Resource, TableName};

use super::{Done, JobContext};
use crate::catalog::not_there;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// The same with its causes in its words: which file, which line.
fn told(error: Error) -> Error {
    let told = Error::new(error.kind(), error.told());
    match error.hint() {
        Some(hint) => told.with_hint(hint),
        None => told,
    }
}

/// What a statement is stricter in than a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Whether fields that no column takes are passed over.
    pub(crate) ignores_fields: bool,
}

impl Rules {
    /// That a file is another than was loaded.
    pub(super) fn has_changed(self, file: &str) -> Error {
        let message = format!("{file} has changed since it was loaded: loading it would add the rows once more that it had then");
        let name = file.rsplit('/').next().unwrap_or(file);
        Error::new(ErrorKind::Conflict, message).with_hint(format!(
            "to add all of it: FILES = ('{name}') and COPY_OPTIONS ('force' = 'true'); else take it out of the folder"
        ))
    }
}

/// That fields would be lost.
pub(super) fn ignored(files: &[String]) -> Error {
    Error::new(ErrorKind::Invalid, files.join("; "))
        .with_hint("add the columns, or pass over the fields: FORMAT_OPTIONS ('ignoreUnknownFields' = 'true')")
}

/// How long a statement waits for another that loads into the same table, and how often it looks.
const WAIT: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// What a statement loaded.
pub(crate) struct Copied {
    pub(crate) rows: u64,
    /// The table's version then.
    pub(crate) version: u64,
    pub(crate) loaded: u64,
    /// How many files were loaded before.
    pub(crate) skipped: u64,
}

/// What came of a try.
enum Tried {
    Done(Copied),
    /// Another loads into the same table.
    Busy(Error),
}

impl Platform {
    /// Loads the files that are not in the table yet.
    pub(crate) async fn copy_into(&self, copy: &CopyInto, name: &TableName, sql: &str) -> Result<Copied, Error> {
        let since = Instant::now();
        loop {
            // Whether the caller may is decided again after every wait.
            match self.copy_alone(copy, name, sql).await? {
                Tried::Done(copied) => return Ok(copied),
                Tried::Busy(error) if since.elapsed() >= WAIT => return Err(error),
                Tried::Busy(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// The same, unless another loads into the table at this moment.
    async fn copy_alone(&self, copy: &CopyInto, name: &TableName, sql: &str) -> Result<Tried, Error> {
        let act = self.act(sql).await?;
        act.demand(Action::Write, &act.table_or_view(name)).await?;
        let Some(Resource::Table(table)) = act.metastore.table_or_view(name) else {
            return Err(not_there(&name.to_string()));
        };
        let place = Place::of(&copy.from)?;
        let (volume, permit) = act.open_volume(&place.volume, Action::ReadFiles).await?;
        let source =
            FileSource { files: copy.from.clone(), format: copy.format, csv: copy.csv.clone(), columns: BTreeMap::new() };
        let job = self.job_of(source.clone(), table)?;
        let context = JobContext {
            platform: self,
            metastore: act.metastore.clone(),
            trail: Arc::new(act.trail),
            job: &job,
            caller: act.caller,
            force: copy.force,
            adopt: false,
            now: act.now,
            observer: &|_| {},
            copies: Some(Rules { ignores_fields: copy.ignores_fields }),
        };
        let _alone = match context.alone().await {
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(Tried::Busy(error)),
            alone => alone?,
        };
        let found = self.files_at(&place, copy, &volume, &permit).await?;
        if found.is_empty() {
            let message = format!("there is no file at {}", copy.from);
            return Err(Error::new(ErrorKind::NotFound, message).with_hint("`polder volume ls` lists a volume's files"));
        }
        let tables = context.tables().await?;
        let done = context.load_new(&source, &tables, &found, Done::default()).await.map_err(told)?;
        if let Some(batch) = &done.batch {
            context.record(batch).await?;
        }
        if let Some(why) = done.failed {
            return Err(Error::new(ErrorKind::Failed, why));
        }
        drop(self.keep_copies(&context.metastore, &BTreeSet::from([name.clone()])).await);
        let version = done.output_version.unwrap_or_else(|| tables.sink.handle.version());
        let skipped = found.len().saturating_sub(done.files);
        Ok(Tried::Done(Copied { rows: done.rows, version, loaded: done.files as u64, skipped: skipped as u64 }))
    }

    /// The loading as a job. Its name is the table's place: it stays when the table is renamed, and a table of the same name elsewhere
    /// has another.
    fn job_of(&self, source: FileSource, table: &Table) -> Result<Job, Error> {
        let id = self.derived_id(&format!("copy into {}", table.location)).simple();
        let name = format!("copy-into-{id}").parse().doing(ErrorKind::Invalid, "cannot name what is loaded")?;
        Ok(Job {
            id: JobId { domain: table.name.catalog.clone(), name },
            description: String::new(),
            run_as: None,
            sources: Vec::new(),
            sink: Some(DatasetRef { dataset: table.dataset.clone(), table: table.name.clone(), alias: String::new() }),
            work: Work::Ingest(source),
            write: WriteMode::Append,
            bad_rows: BadRows::Fail,
            declassify: BTreeMap::new(),
            schedule: None,
        })
    }

    /// The files that a statement names, those that are being written or hidden left out.
    async fn files_at(&self, place: &Place, copy: &CopyInto, volume: &Volume, permit: &Permit) -> Result<Vec<SourceFile>, Error> {
        let failed = || format!("cannot read the files of volume {}", volume.name);
        let chosen = place.choose(copy)?;
        let folder = place.folder()?;
        let one = match (&chosen, &folder) {
            (Chosen::Below(_), Some(path)) => self.lake.volume_file(permit, volume, path).await,
            _ => Ok(None),
        };
        let listed = match one.doing(ErrorKind::Unavailable, failed())? {
            Some(file) => Ok(vec![file]),
            None => self.lake.volume_files(permit, volume, folder.as_ref()).await,
        };
        let mut found = Vec::new();
        for file in listed.doing(ErrorKind::Unavailable, failed())? {
            if chosen.takes(file.path.as_str()) {
                let bytes = self.lake.volume_bytes(permit, volume, &file).doing(ErrorKind::Unavailable, failed())?;
                let name = format!("/Volumes/{}/{}", place.volume.replace('.', "/"), file.path);
                found.push(source(name, file, bytes).await.doing(ErrorKind::Unavailable, failed())?);
            }
        }
        chosen.missing(&found, place)?;
        Ok(found)
    }
}

async fn source(name: String, file: VolumeFile, bytes: VolumeBytes) -> Result<SourceFile, polder_ingest::SourceError> {
    match bytes {
        VolumeBytes::Disk(path) => SourceFile::on_disk(name, path).await,
        VolumeBytes::Store { store, location } => {
            let object = ObjectMeta { location, last_modified: file.modified, size: file.size, e_tag: file.etag, version: None };
            Ok(SourceFile::in_store(name, store, object))
        }
    }
}

/// `/Volumes/catalog/schema/volume/path`, taken apart.
struct Place {
    /// The volume's name in three parts.
    volume: String,
    /// A file, a folder or a pattern; empty for all of it.
    path: String,
}

impl Place {
    fn of(text: &str) -> Result<Self, Error> {
        let wrong = || {
            Error::new(ErrorKind::Invalid, format!("{text:?} is no path of a volume's files"))
                .with_hint("write it as '/Volumes/catalog/schema/volume/path'; files elsewhere are loaded by jobs")
        };
        let mut parts = text.strip_prefix("/Volumes/").ok_or_else(wrong)?.splitn(4, '/');
        let volume: Vec<&str> = parts.by_ref().take(3).filter(|part| !part.is_empty() && !part.contains('.')).collect();
        if volume.len() < 3 {
            return Err(wrong());
        }
        let path = parts.next().unwrap_or_default().trim_end_matches('/').to_owned();
        Ok(Self { volume: volume.join("."), path })
    }

    /// The part of the path that is no pattern: the file itself, or what is listed.
    fn folder(&self) -> Result<Option<FilePath>, Error> {
        let folder = self.path.split('/').take_while(|part| !is_pattern(part)).collect::<Vec<_>>().join("/");
        if folder.is_empty() {
            return Ok(None);
        }
        FilePath::new(&folder).map(Some).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))
    }

    fn choose(&self, copy: &CopyInto) -> Result<Chosen, Error> {
        let pattern = |text: &str| {
            let message = format!("{text:?} is no pattern of files");
            Glob::new(text).doing(ErrorKind::Invalid, message)
        };
        let below = |path: &str| if self.path.is_empty() { path.to_owned() } else { format!("{}/{path}", self.path) };
        if is_pattern(&self.path) {
            if !copy.files.is_empty() || copy.pattern.is_some() {
                let message = format!("{} is a pattern itself", copy.from);
                return Err(
                    Error::new(ErrorKind::Invalid, message).with_hint("write it without FILES and PATTERN, or name a folder")
                );
            }
            return Ok(Chosen::Matching(pattern(&self.path)?));
        }
        if !copy.files.is_empty() {
            return Ok(Chosen::Named(copy.files.iter().map(|file| below(file)).collect()));
        }
        match &copy.pattern {
            Some(text) => Ok(Chosen::Matching(pattern(&below(text))?)),
            None => Ok(Chosen::Below(self.path.clone())),
        }
    }
}

fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Which files are loaded.
enum Chosen {
    Named(Vec<String>),
    Matching(Glob),
    /// One, or all below a folder but for those that are hidden.
    Below(String),
}

impl Chosen {
    fn takes(&self, path: &str) -> bool {
        match self {
            Self::Named(names) => names.iter().any(|name| name == path),
            Self::Matching(pattern) => pattern.matches(path),
            Self::Below(folder) if folder == path => true,
            Self::Below(folder) => {
                let below = if folder.is_empty() {
                    Some(path)
                } else {
                    path.strip_prefix(folder.as_str()).and_then(|path| path.strip_prefix('/'))
                };
                below.is_some_and(|path| !path.split('/').any(|part| part.starts_with(['.', '_'])))
            }
        }
    }

    /// Refuses a name that no file has.
    fn missing(&self, found: &[SourceFile], place: &Place) -> Result<(), Error> {
        let Self::Named(names) = self else { return Ok(()) };
        let is_there = |name: &String| found.iter().any(|file| file.name.ends_with(&format!("/{name}")));
        match names.iter().find(|name| !is_there(name)) {
            None => Ok(()),
            Some(name) => Err(Error::new(ErrorKind::NotFound, format!("there is no file {name} in volume {}", place.volume))),
        }
    }
}
