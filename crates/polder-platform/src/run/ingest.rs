//! A job that loads files: finds what is new, reads it into the sink, and keeps the rows that do not fit.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use object_store::ObjectStore;
use polder_api::RunEvent;
use polder_ingest::{Piece, ReadReport, ReadSpec, SourceFile, Stores};
use polder_lake::{AppendWriter, Lake, Staged, WriteOptions};
use polder_model::Resource;
use polder_model::job::{BadRows, FileSource, WriteMode};
use polder_store::{Batch, FileSeen};
use url::Url;

use super::batch::Earlier;
use super::sink::{Sink, WRITE_ATTEMPTS};
use super::{Done, JobContext, copy};
use crate::error::{Doing, Error, ErrorKind};
use crate::tenant::STATE_FOLDER;

/// How many fields that no column takes are named in a warning.
const NAMED_FIELDS: usize = 5;

/// Where rows go.
pub(super) struct Tables<'a> {
    pub(super) sink: Sink<'a>,
    /// For the rows that do not fit, where they are kept.
    quarantine: Option<Sink<'a>>,
}

/// What was read and written, not visible yet.
struct Loaded {
    rows: Staged,
    rejected: Option<Staged>,
    report: ReadReport,
}

impl Loaded {
    /// Removes what was staged.
    async fn discard(self) {
        self.rows.discard().await;
        if let Some(rejected) = self.rejected {
            rejected.discard().await;
        }
    }
}

/// The lake's object stores, as sources see them.
struct LakeStores(Arc<Lake>);

impl Stores for LakeStores {
    fn store(&self, bucket: &Url) -> Result<Arc<dyn ObjectStore>, polder_ingest::Cause> {
        Ok(self.0.object_store_for_url(bucket.as_str())?.store)
    }
}

impl JobContext<'_> {
    /// Loads the files that are new.
    pub(super) async fn ingest(&self, source: &FileSource) -> Result<Done, Error> {
        let tables = self.tables().await?;
        let mut done = Done::default();
        let started = Instant::now();
        let found = self.find(source).await?;
        done.took("find", started);
        self.load_new(source, &tables, &found, done).await
    }

    /// Opens what is written.
    pub(super) async fn tables(&self) -> Result<Tables<'_>, Error> {
        let sink = self.sink().await?;
        let quarantine = match self.job.bad_rows {
            BadRows::Quarantine => {
                let name = sink.table.name.quarantine();
                let too_long = || format!("{} has a name too long for a quarantine table beside it", sink.table.name);
                Some(self.writable(&name.doing(ErrorKind::Invalid, too_long())?).await?)
            }
            BadRows::Fail => None,
        };
        Ok(Tables { sink, quarantine })
    }

    /// Loads those of the files that are new.
    pub(super) async fn load_new(
        &self,
        source: &FileSource,
        tables: &Tables<'_>,
        found: &[SourceFile],
        mut done: Done,
    ) -> Result<Done, Error> {
        match self.earlier(&tables.sink).await? {
            Earlier::Lost(batch) if self.still_there(&batch, found) => {
                self.load(source, tables, &batch, found, &mut done).await?;
                self.record_loaded(&mut done).await?;
            }
            Earlier::Lost(batch) => self.give_up(&batch).await?,
            Earlier::Committed(batch) => {
                let files = batch.files.len();
                done.warnings.push(format!("an earlier run was cut short after its commit; its {files} files are in place"));
            }
            Earlier::None => {}
        }
        if done.failed.is_some() {
            return Ok(done);
        }
        let written = self.written_anywhere(tables).await?;
        if self.is_behind(written).await? {
            if self.adopt {
                done.warnings.push(format!("nothing was read: the {} files that are there count as loaded", found.len()));
                let contents = found.iter().map(seen).collect();
                done.batch = Some(self.adopt(&tables.sink, contents, written, &mut done).await?);
                return Ok(done);
            }
            if self.job.write == WriteMode::Append && !self.force_reload() {
                return Err(self.behind(&tables.sink));
            }
        }
        let batches = self.next_batches(source, &tables.sink, found, &mut done).await?;
        for (number, files) in batches.into_iter().enumerate() {
            self.record_loaded(&mut done).await?;
            let batch = self.plan_batch(files, written).await?;
            match self.load(source, tables, &batch, found, &mut done).await {
                Err(error) if number > 0 => {
                    done.failed = Some(format!("{}; the {number} files before it are in", self.explain(&error)));
                }
                loaded => loaded?,
            }
            if done.failed.is_some() {
                break;
            }
        }
        Ok(done)
    }

    /// Records the batch that is in the table, as must be before another is planned.
    async fn record_loaded(&self, done: &mut Done) -> Result<(), Error> {
        match done.batch.take() {
            Some(batch) => self.record(&batch).await,
            None => Ok(()),
        }
    }

    /// The number of the last batch that any of the tables has: the quarantine table may be one ahead.
    async fn written_anywhere(&self, tables: &Tables<'_>) -> Result<u64, Error> {
        let quarantine = match &tables.quarantine {
            Some(table) => self.written(table).await?,
            None => 0,
        };
        Ok(self.written(&tables.sink).await?.max(quarantine))
    }

    async fn find(&self, source: &FileSource) -> Result<Vec<SourceFile>, Error> {
        let own = |name: &str| {
            let message = format!("{name} belongs to the mesh itself: reading it as a file would pass by its masks and grants");
            Error::new(ErrorKind::Denied, message).with_hint("read the dataset as a source of an SQL job")
        };
        // A bucket of the mesh is not even looked into. Where links lead shows once files are found.
        if self.is_the_meshs_own(&source.files) {
            return Err(own(&source.files));
        }
        let stores = LakeStores(self.platform.lake.clone());
        let found = polder_ingest::find(source, &self.platform.root, &stores).await;
        let found = found.doing(ErrorKind::Failed, format!("cannot find the files of job {}", self.job.id))?;
        match found.iter().find(|file| self.is_the_meshs_own(&file.name)) {
            None => Ok(found),
            Some(file) => Err(own(&file.name)),
        }
    }

    /// Whether a file is in polder's own folder, with its keys or its state, or in a bucket of the mesh; or is none of a disk, as what
    /// the kernel tells of processes.
    fn is_the_meshs_own(&self, name: &str) -> bool {
        match name.split_once("://") {
            Some((scheme, rest)) if scheme != "file" => {
                let bucket = rest.split(['/', '@']).next().unwrap_or_default();
                let is_it =
                    |resource: &Resource| matches!(resource, Resource::Bucket(b) if b.name.as_str().eq_ignore_ascii_case(bucket));
                self.metastore.resources().values().any(|resource| is_it(resource))
            }
            other => {
                let path = self.platform.root.join(other.map_or(name, |(_, path)| path));
                let path = path.canonicalize().unwrap_or(path);
                let of_the_kernel = ["/proc", "/sys", "/dev"].iter().any(|folder| path.starts_with(folder));
                let kept_apart = self.platform.kept_apart.iter().any(|place| path.starts_with(place));
                of_the_kernel || kept_apart || path.components().any(|part| part.as_os_str() == STATE_FOLDER)
            }
        }
    }

    /// The files to load, those of each batch together. When there are none, it is noted why.
    async fn next_batches(
        &self,
        source: &FileSource,
        sink: &Sink<'_>,
        found: &[SourceFile],
        done: &mut Done,
    ) -> Result<Vec<Vec<FileSeen>>, Error> {
        let platform = self.platform;
        let last = self.written(sink).await?;
        let loaded = platform.store.loaded_files(&platform.environment.name, &self.job.id, last).await;
        let loaded = loaded.doing(ErrorKind::Unavailable, "cannot read which files are loaded")?;
        let is_new = |file: &&SourceFile| self.force_reload() || !loaded.contains(&file.name, &file.fingerprint);
        let mut new: Vec<&SourceFile> = found.iter().filter(is_new).collect();
        if new.is_empty() && done.output_version.is_some() {
            return Ok(Vec::new());
        }
        if new.is_empty() {
            done.skipped = Some(match found.len() {
                0 => format!("no file matches {}", source.files),
                files if self.force => {
                    format!("no new file: all {files} are loaded, and adding them again would double their rows")
                }
                files => format!("no new file: all {files} are loaded"),
            });
            return Ok(Vec::new());
        }
        if self.job.write == WriteMode::Append {
            let grown = new.iter().filter(|file| loaded.contains_path(&file.name));
            if let (Some(rules), Some(file)) = (&self.copies, grown.clone().next().filter(|_| !self.force)) {
                return Err(rules.has_changed(&file.name));
            }
            done.warnings.extend(grown.map(|file| {
                format!("{} has changed since it was loaded: it is added whole, the rows that it had then once more", file.name)
            }));
        }
        Ok(match &self.job.write {
            WriteMode::Append => vec![new.into_iter().map(seen).collect()],
            // Overwriting replaces all rows, so all files go in, not just the new ones.
            WriteMode::Overwrite => vec![found.iter().map(seen).collect()],
            // One after the other in the order of their names: of two rows with the same key, the later file's stays.
            WriteMode::Merge { .. } => {
                new.sort_by(|a, b| a.name.cmp(&b.name));
                new.into_iter().map(|file| vec![seen(file)]).collect()
            }
        })
    }

    /// Loading again what is loaded makes sense only where it replaces what is there.
    fn force_reload(&self) -> bool {
        self.force && (self.copies.is_some() || self.job.write != WriteMode::Append)
    }

    fn still_there(&self, batch: &Batch, found: &[SourceFile]) -> bool {
        batch.files.iter().all(|file| found.iter().any(|f| f.name == file.path && f.fingerprint == file.fingerprint))
    }

    async fn load(
        &self,
        source: &FileSource,
        tables: &Tables<'_>,
        batch: &Batch,
        found: &[SourceFile],
        done: &mut Done,
    ) -> Result<(), Error> {
        let Tables { sink, quarantine } = tables;
        let rejected_before = done.rejected;
        let by_name: HashMap<&str, &SourceFile> = found.iter().map(|file| (file.name.as_str(), file)).collect();
        let files: Vec<SourceFile> = batch.files.iter().filter_map(|f| by_name.get(f.path.as_str()).copied().cloned()).collect();
        // Once the rows that did not fit are kept, the batch is only ever done again under the same number: under another they
        // would be kept twice.
        let mut quarantined = false;
        let mut turn = None;
        for _ in 0..WRITE_ATTEMPTS {
            let started = Instant::now();
            self.phase("reading");
            let loaded = match self.read(source, sink, quarantine.as_ref(), batch, files.clone()).await {
                Ok(loaded) => loaded,
                Err(error) => {
                    if !quarantined {
                        self.give_up(batch).await?;
                    }
                    return Err(error);
                }
            };
            done.took("read", started);
            polder_model::fault::point("run.staged");
            done.rejected = rejected_before + loaded.report.rejected();
            let ignored = ignored_fields(&loaded.report);
            let checked = match &self.copies {
                Some(rules) if !rules.ignores_fields && !ignored.is_empty() => Err(copy::ignored(&ignored)),
                _ => self.check(sink, &loaded.rows, done).await,
            };
            done.warnings.extend(ignored);
            if !matches!(checked, Ok(true)) {
                loaded.discard().await;
                if !quarantined {
                    self.give_up(batch).await?;
                }
                return checked.map(drop);
            }
            // Rows that did not fit are kept only with the rows that did. Staged again, they are seen to be in already.
            if let (Some(table), Some(rejected)) = (quarantine, loaded.rejected) {
                let committed = rejected.commit().await;
                let _ = committed.doing(ErrorKind::Unavailable, format!("cannot commit to {}", table.table.name))?;
                quarantined = true;
                polder_model::fault::point("run.quarantined");
            }
            if self.commit(sink, loaded.rows, done).await? {
                done.files += batch.files.len();
                done.batch = Some(batch.clone());
                return Ok(());
            }
            self.after_others(sink, &mut turn).await?;
        }
        Err(self.outpaced(sink))
    }

    /// Reads files into the sink and the quarantine table, neither visible yet.
    async fn read(
        &self,
        source: &FileSource,
        sink: &Sink<'_>,
        quarantine: Option<&Sink<'_>>,
        batch: &Batch,
        files: Vec<SourceFile>,
    ) -> Result<Loaded, Error> {
        let failed = || format!("cannot load into {}", sink.table.name);
        let partition_columns = sink.table.partition_columns.clone();
        let spec = ReadSpec::new(sink.table.columns.clone(), source.clone(), self.job.bad_rows);
        let spec = ReadSpec { partition_columns, ..spec };
        let mut reading = polder_ingest::read(files, spec).doing(ErrorKind::Invalid, failed())?;
        let options = self.write_options(Some(self.transaction(batch.number)));
        let mut writer = sink.handle.append(options).doing(ErrorKind::Unavailable, failed())?;
        let mut rejects = quarantine.map(|table| self.reject_writer(table, batch)).transpose()?;
        let mut rows = 0;
        while let Some(piece) = reading.next().await {
            match piece.doing(ErrorKind::Failed, failed())? {
                Piece::Rows(batch) => {
                    rows += batch.num_rows() as u64;
                    writer.write(&batch).await.doing(ErrorKind::Failed, failed())?;
                    (self.observer)(RunEvent::Rows { job: self.job.id.clone(), rows });
                }
                Piece::Rejected(rejected) => {
                    if let Some(writer) = &mut rejects {
                        let batch = polder_ingest::quarantine_batch(&rejected, self.now).doing(ErrorKind::Failed, failed())?;
                        writer.write(&batch).await.doing(ErrorKind::Failed, failed())?;
                    }
                }
            }
        }
        let report = reading.report().clone();
        let rows = writer.finish().await.doing(ErrorKind::Failed, failed())?;
        let rejected = match rejects {
            Some(writer) if report.rejected() > 0 => Some(writer.finish().await.doing(ErrorKind::Failed, failed())?),
            _ => None,
        };
        Ok(Loaded { rows, rejected, report })
    }

    fn reject_writer(&self, table: &Sink<'_>, batch: &Batch) -> Result<AppendWriter, Error> {
        let options = WriteOptions { mode: WriteMode::Append, ..self.write_options(Some(self.transaction(batch.number))) };
        table.handle.append(options).doing(ErrorKind::Unavailable, format!("cannot write {}", table.table.name))
    }
}

fn seen(file: &SourceFile) -> FileSeen {
    FileSeen {
        path: file.name.clone(),
        fingerprint: file.fingerprint.clone(),
        size_bytes: file.size,
        modified: Some(file.modified),
    }
}

/// Fields whose values were not loaded, because the sink has no column for them.
fn ignored_fields(report: &ReadReport) -> Vec<String> {
    let warn = |file: &polder_ingest::FileReport| {
        let names: Vec<&str> = file.ignored_fields.keys().take(NAMED_FIELDS).map(String::as_str).collect();
        let more = file.ignored_fields.len().saturating_sub(names.len());
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        (!names.is_empty()).then(|| format!("{}: no column of the sink takes {}{rest}", file.name, names.join(", ")))
    };
    report.files.iter().filter_map(warn).collect()
}
