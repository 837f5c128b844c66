//! Upkeep that changes files and no rows: optimize, vacuum and checkpoints.

use std::num::NonZeroU64;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deltalake_core::DeltaTable;
use deltalake_core::operations::vacuum::VacuumMode;
use deltalake_core::protocol::checkpoints::create_checkpoint;
use polder_access::Action;
use polder_model::fault;

use crate::error::{Error, Result, Source};
use crate::handle::{Shared, TableHandle};
use crate::snapshot::Snapshot;

/// How long vacuum keeps the files of older versions, unless its guard is overridden.
pub const MIN_RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);
/// Commits between checkpoints, unless the table has a property for it.
const CHECKPOINT_INTERVAL: u64 = 100;

/// How files are put together.
#[derive(Debug, Clone, Default)]
pub struct OptimizeOptions {
    /// About how large files become; by default what the table's properties say, or 100 MB.
    pub target_bytes: Option<u64>,
}

/// What optimize did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptimizeReport {
    /// The version now. The same as before when there was nothing to do.
    pub version: u64,
    /// Files written.
    pub files_added: u64,
    /// Files that they replace.
    pub files_removed: u64,
}

/// What vacuum may delete.
#[derive(Debug, Clone, Copy)]
pub struct VacuumOptions {
    /// How long files that no newest version needs are kept.
    pub retain: Duration,
    /// Whether to report only.
    pub dry_run: bool,
    /// Whether less than [`MIN_RETENTION`] is meant. Readers of older versions and writers at work lose their files then.
    pub override_guard: bool,
}

/// What vacuum deleted, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VacuumReport {
    /// Whether files were only looked for.
    pub dry_run: bool,
    /// The files, by their paths in the table's folder.
    pub files: Vec<String>,
}

impl TableHandle {
    /// Puts small files together. Older versions stay readable until vacuum deletes their files.
    ///
    /// # Errors
    /// When the permit is not for maintenance, another writer is in the way, or the store fails.
    pub async fn optimize(&self, options: OptimizeOptions) -> Result<OptimizeReport> {
        let table = self.newest("optimize").await?;
        let mut work = table.optimize();
        if let Some(target) = options.target_bytes.and_then(NonZeroU64::new) {
            work = work.with_target_size(target);
        }
        let (_, metrics) = work.await.map_err(|e| Error::data("optimize", &self.shared.table, e))?;
        fault::point("lake.optimize.done");
        self.refresh().await?;
        let (files_added, files_removed) = (metrics.num_files_added, metrics.num_files_removed);
        Ok(OptimizeReport { version: self.version(), files_added, files_removed })
    }

    /// Deletes files that no version younger than the retention needs, and those of writes that were never committed.
    ///
    /// # Errors
    /// When the permit is not for maintenance, the retention is too short, or the store fails.
    pub async fn vacuum(&self, options: VacuumOptions) -> Result<VacuumReport> {
        if options.retain < MIN_RETENTION && !options.override_guard {
            return Err(Error::Retention {
                table: self.shared.table.clone(),
                least_days: MIN_RETENTION.as_secs() / (24 * 3600),
                asked_hours: options.retain.as_secs() / 3600,
            });
        }
        let failed = |e: Source| Error::data("vacuum", &self.shared.table, e);
        let retention = chrono::Duration::from_std(options.retain).map_err(|e| failed(e.into()))?;
        let table = self.newest("vacuum").await?;
        let work = table
            .vacuum()
            // Only this mode finds the files of writes that were never committed.
            .with_mode(VacuumMode::Full)
            .with_retention_period(retention)
            .with_enforce_retention_duration(false)
            .with_dry_run(options.dry_run);
        let (_, metrics) = work.await.map_err(|e| failed(e.into()))?;
        fault::point("lake.vacuum.done");
        let mut files = metrics.files_deleted;
        if let Some(folder) = self.shared.place.local.clone() {
            let unfinished = tokio::task::spawn_blocking(move || unfinished_files(&folder, options)).await;
            files.extend(unfinished.map_err(|e| failed(e.into()))?.map_err(|e| failed(e.into()))?);
        }
        self.refresh().await?;
        Ok(VacuumReport { dry_run: options.dry_run, files })
    }

    /// The table as the Delta library has it, newly loaded.
    async fn newest(&self, doing: &'static str) -> Result<DeltaTable> {
        self.shared.demand(Action::Maintain)?;
        if self.shared.delta.is_none() || !self.shared.is_latest {
            let why = format!("{doing} is for the newest version of a Delta table");
            return Err(Error::not_writable(&self.shared.table, why));
        }
        let loaded = Snapshot::load(&self.shared.place, None).await;
        loaded.map(|(_, table)| table).map_err(|e| self.shared.log_error(e))
    }
}

/// Writes a checkpoint in the background when one is due, so that the next to open the table need not read the log from its start.
pub(crate) fn checkpoint_if_due(shared: &Arc<Shared>, version: u64) {
    let snapshot = shared.current();
    let property = snapshot.facts.as_ref().and_then(|facts| facts.metadata.configuration().get("delta.checkpointInterval"));
    let interval = property.and_then(|text| text.parse().ok()).filter(|interval| *interval > 0).unwrap_or(CHECKPOINT_INTERVAL);
    if !version.is_multiple_of(interval) {
        return;
    }
    let (table, place) = (shared.table.clone(), shared.place.clone());
    shared.background.spawn(async move {
        let written = async {
            let (_, table) = Snapshot::load(&place, Some(version)).await?;
            create_checkpoint(&table, None).await.map_err(Source::from)
        };
        // The table is whole without it, only slower to open.
        if let Err(error) = written.await {
            tracing::warn!(%table, version, error, "a checkpoint could not be written");
        }
    });
}

/// Finds, and unless it is a dry run deletes, files that were being written when a process died before it could name them. Listings
/// of the store hide them.
fn unfinished_files(folder: &FilePath, options: VacuumOptions) -> std::io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next)? {
            let entry = entry?;
            let (path, about) = (entry.path(), entry.metadata()?);
            if about.is_dir() {
                folders.push(path);
                continue;
            }
            let age = SystemTime::now().duration_since(about.modified()?).unwrap_or_default();
            if is_unfinished(&entry.file_name().to_string_lossy()) && age >= options.retain {
                if !options.dry_run {
                    std::fs::remove_file(&path)?;
                    fault::point("lake.file.deleted");
                }
                found.push(path.strip_prefix(folder).unwrap_or(&path).display().to_string());
            }
        }
    }
    Ok(found)
}

fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
