//! Looking after tables: their history, larger files, and files that no version needs any more.

use std::time::Duration;

use polder_access::{Action, Decision, Permit};
use polder_api::{Commit, OptimizeAnswer, VacuumAnswer};
use polder_lake::{AsOf, CommitInfo, Error as LakeError, OptimizeOptions, TableHandle, VacuumOptions};
use polder_model::{Resource, Securable};

use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// What a commit of a Delta table counts: files, rows, bytes.
const OPERATION_METRICS: &str = "operationMetrics";

/// A table that is looked after.
struct Opened {
    handle: TableHandle,
    permit: Permit,
    /// Whether the caller may read every row of it.
    sees_all_rows: bool,
}

impl Platform {
    /// The commits of a table, newest first.
    ///
    /// # Errors
    /// When it is not a table that the caller may read.
    pub async fn history(&self, object: &str, limit: usize) -> Result<Vec<Commit>, Error> {
        let Opened { handle, permit, .. } = self.table(object, Action::Read).await?;
        let history = handle.history(limit).await;
        let mut commits = history.doing(ErrorKind::Unavailable, format!("cannot read the history of {object}"))?;
        // How many rows a commit wrote tells how many are hidden.
        if permit.row_conditions().is_some() {
            commits.iter_mut().for_each(|commit| _ = commit.info.remove(OPERATION_METRICS));
        }
        let commit = |CommitInfo { version, timestamp, operation, info }| Commit { version, timestamp, operation, info };
        Ok(commits.into_iter().map(commit).collect())
    }

    /// Rewrites small files of a table into larger ones. Rows stay as they are.
    ///
    /// # Errors
    /// When it is not a table that the caller may maintain.
    pub async fn optimize(&self, object: &str) -> Result<OptimizeAnswer, Error> {
        let optimized = self.table(object, Action::Maintain).await?.handle.optimize(OptimizeOptions::default()).await;
        let report = optimized.doing(ErrorKind::Failed, format!("cannot optimize {object}"))?;
        self.hot.note_change();
        Ok(OptimizeAnswer { version: report.version, files_added: report.files_added, files_removed: report.files_removed })
    }

    /// Removes files that no version of the last `retain` needs.
    ///
    /// # Errors
    /// When it is not a table that the caller may maintain, or `retain` is shorter than a week and that was not allowed.
    pub async fn vacuum(&self, object: &str, retain: Duration, dry_run: bool, allow_short: bool) -> Result<VacuumAnswer, Error> {
        let Opened { handle, sees_all_rows, .. } = self.table(object, Action::Maintain).await?;
        let vacuumed = handle.vacuum(VacuumOptions { retain, dry_run, override_guard: allow_short }).await;
        let mut report = vacuumed.map_err(|error| unvacuumed(object, error))?;
        // The folders of partitions tell values of rows.
        if !sees_all_rows {
            report.files.iter_mut().for_each(|file| *file = file.rsplit('/').next().unwrap_or_default().to_owned());
        }
        Ok(VacuumAnswer { dry_run: report.dry_run, files: report.files })
    }

    async fn table(&self, object: &str, action: Action) -> Result<Opened, Error> {
        let trail = self.trail(action.as_str());
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let Resource::Table(table) = self.named(&metastore, object)? else {
            return Err(Error::new(ErrorKind::Invalid, format!("{object} is not a table")));
        };
        let securable = Securable::Table(table.name.clone());
        let permit = Self::permit(&metastore, &trail, &caller, action, &securable);
        self.record(&trail).await?;
        let permit = permit?;
        let opened = self.lake.open(&permit, table, AsOf::Latest).await;
        let handle = opened.doing(ErrorKind::Unavailable, format!("cannot open {}", table.name))?;
        let reading = metastore.authorizer().authorize(&caller, Action::Read, &securable);
        let sees_all_rows = matches!(reading, Decision::Allowed(permit) if permit.row_conditions().is_none());
        Ok(Opened { handle, permit, sees_all_rows })
    }
}

fn unvacuumed(object: &str, error: LakeError) -> Error {
    let message = format!("cannot vacuum {object}");
    match error {
        LakeError::Retention { .. } => Error::new(ErrorKind::Invalid, message).with_source(error).with_hint(
            "readers and writers at work may still need the files; when there are none: `polder vacuum --allow-short`",
        ),
        error => Error::new(ErrorKind::Failed, message).with_source(error),
    }
}
