//! Looking after tables: their history, larger files, and files that no version needs any more; and what the control plane kept.

use std::time::Duration;

use polder_access::{Action, Caller};
use polder_catalog::Metastore;
use polder_lake::{AsOf, CommitInfo, OptimizeOptions, OptimizeReport, TableHandle, VacuumOptions, VacuumReport};
use polder_model::{Address, Kind, Resource, Securable};
use polder_store::{AuditFilter, AuditRecord, RunFilter, RunRecord, RunStatus};

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// The commits of a table, newest first.
    ///
    /// # Errors
    /// When it is not a table that the caller may read.
    pub async fn history(&self, object: &str, limit: usize) -> Result<Vec<CommitInfo>, Error> {
        let handle = self.table(object, Action::Read).await?;
        handle.history(limit).await.doing(ErrorKind::Unavailable, format!("cannot read the history of {object}"))
    }

    /// Rewrites small files of a table into larger ones. Rows stay as they are.
    ///
    /// # Errors
    /// When it is not a table that the caller may maintain.
    pub async fn optimize(&self, object: &str) -> Result<OptimizeReport, Error> {
        let handle = self.table(object, Action::Maintain).await?;
        let optimized = handle.optimize(OptimizeOptions::default()).await;
        optimized.doing(ErrorKind::Failed, format!("cannot optimize {object}"))
    }

    /// Removes files that no version of the last `retain` needs.
    ///
    /// # Errors
    /// When it is not a table that the caller may maintain, or `retain` is shorter than a week and that was not allowed.
    pub async fn vacuum(&self, object: &str, retain: Duration, dry_run: bool, allow_short: bool) -> Result<VacuumReport, Error> {
        let handle = self.table(object, Action::Maintain).await?;
        let vacuumed = handle.vacuum(VacuumOptions { retain, dry_run, override_guard: allow_short }).await;
        vacuumed.doing(ErrorKind::Failed, format!("cannot vacuum {object}"))
    }

    /// The latest runs, newest first, of the sinks that the caller may know of.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn runs(&self, limit: u32) -> Result<Vec<RunRecord>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let read = self.store.runs(&self.environment.name, &RunFilter::default(), limit).await;
        let mut runs = read.doing(ErrorKind::Unavailable, "cannot read the runs")?;
        runs.retain_mut(|run| shown(&metastore, &caller, run));
        Ok(runs)
    }

    /// The latest decisions and changes, newest first.
    ///
    /// # Errors
    /// When the caller may not inspect the metastore.
    pub async fn audit(&self, limit: u32) -> Result<Vec<AuditRecord>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let trail = AuditTrail::new("audit");
        let permit = Self::permit(&metastore, &trail, &caller, Action::Inspect, &Securable::Metastore);
        trail.write(&self.store, &self.environment.name).await?;
        permit?;
        let read = self.store.audit(&self.environment.name, &AuditFilter::default(), limit).await;
        read.doing(ErrorKind::Unavailable, "cannot read the audit")
    }

    async fn table(&self, object: &str, action: Action) -> Result<TableHandle, Error> {
        let trail = AuditTrail::new(action.as_str());
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        let Resource::Table(table) = self.named(&metastore, object)? else {
            return Err(Error::new(ErrorKind::Invalid, format!("{object} is not a table")));
        };
        let permit = Self::permit(&metastore, &trail, &caller, action, &Securable::Table(table.name.clone()));
        trail.write(&self.store, &self.environment.name).await?;
        let opened = self.lake.open(&permit?, table, AsOf::Latest).await;
        opened.doing(ErrorKind::Unavailable, format!("cannot open {}", table.name))
    }
}

/// Whether the caller may know of a run's sink. What a check or an error says of rows is left for those who may write it.
fn shown(metastore: &Metastore, caller: &Caller, run: &mut RunRecord) -> bool {
    let Some(Resource::Job(job)) = metastore.resources().get(&Address::new(Kind::Job, &run.job)) else {
        return caller.local_admin;
    };
    let Some(sink) = job.sink.as_ref().map(|sink| Securable::Table(sink.table.clone())) else { return caller.local_admin };
    let authorizer = metastore.authorizer();
    let may = |action| authorizer.authorize(caller, action, &sink).is_allowed();
    if !may(Action::Maintain) && !may(Action::Inspect) {
        run.checks = serde_json::Value::Null;
        if let RunStatus::Failed { error } = &mut run.status {
            *error = "the reason is shown to those who may write its sink".to_owned();
        }
    }
    authorizer.visible(caller, &sink)
}
