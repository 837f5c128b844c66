//! `INSERT`: rows of a query become rows of a table, in one commit that its checks have seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType as Arrow, Schema};
use chrono::{DateTime, Utc};
use polder_access::{Action, Caller, Permit};
use polder_catalog::Metastore;
use polder_engine::command::{Insert, Probe};
use polder_engine::{ScalarValue, Tables};
use polder_lake::{AsOf, Committed, Staged, TableHandle, Write};
use polder_model::job::WriteMode;
use polder_model::resource::Table;
use polder_model::text::with_causes;
use polder_model::{Column, Resource, Securable, TableName};

use super::{Answer, Done, answer, table_name};
use crate::audit::AuditTrail;
use crate::catalog::not_there;
use crate::error::{Doing, Error, ErrorKind, is_full_disk};
use crate::platform::Platform;
use crate::query::query_error;
use crate::run::sink::failed_checks;
use crate::run::verify::Checking;
use crate::validate::fits;

/// A table that a statement writes.
pub(super) struct Target {
    pub(super) metastore: Arc<Metastore>,
    pub(super) caller: Caller,
    pub(super) trail: Arc<AuditTrail>,
    pub(super) table: Table,
    pub(super) permit: Permit,
    pub(super) handle: TableHandle,
    now: DateTime<Utc>,
}

impl Target {
    /// What the table's history says of a write.
    pub(super) fn notes(&self) -> BTreeMap<String, String> {
        notes(&self.caller)
    }
}

/// What a table's history says of a caller's write.
pub(crate) fn notes(caller: &Caller) -> BTreeMap<String, String> {
    BTreeMap::from([("polder.principal".to_owned(), caller.principal.name.to_string())])
}

impl Platform {
    /// Opens a table to be written.
    pub(super) async fn target(&self, name: &TableName, sql: &str) -> Result<Target, Error> {
        let act = self.act(sql).await?;
        let permit = act.demand(Action::Write, &act.table_or_view(name)).await?;
        let Some(Resource::Table(table)) = act.metastore.table_or_view(name) else {
            return Err(not_there(&name.to_string()));
        };
        let handle = self.lake.open(&permit, table, AsOf::Latest).await;
        let handle = handle.doing(ErrorKind::Unavailable, format!("cannot open {name} for writing"))?;
        let (table, metastore, caller, now) = (table.as_ref().clone(), act.metastore.clone(), act.caller.clone(), act.now);
        Ok(Target { metastore, caller, trail: Arc::new(act.trail), table, permit, handle, now })
    }

    /// Which values an insert takes.
    pub(super) async fn insert_takes(&self, insert: &Insert) -> Result<Vec<Option<Arrow>>, Error> {
        let name = table_name(&insert.table)?;
        let act = self.act("write").await?;
        act.demand(Action::Write, &act.table_or_view(&name)).await?;
        let Some(Resource::Table(table)) = act.metastore.table_or_view(&name) else {
            return Err(not_there(&name.to_string()));
        };
        let probe = insert.rows(&table.columns).map_err(query_error)?;
        let prepared = self.prepare_select(&probe.sql).await?;
        let schema = probe.schema(&prepared.schema).map_err(query_error)?;
        check_types(&probe, &schema)?;
        Ok(prepared.parameters)
    }

    /// Adds rows, or puts them in the place of what is there.
    pub(super) async fn insert_rows(&self, insert: &Insert, values: &[ScalarValue], sql: &str) -> Result<Answer, Error> {
        let name = table_name(&insert.table)?;
        let mut tries = self.tries(&name, sql);
        loop {
            let target = tries.next(|target| insert.overwrites || !target.table.checks.is_empty()).await?;
            if insert.overwrites {
                self.sees_all(&target).await?;
            }
            let probe = insert.rows(&target.table.columns).map_err(query_error)?;
            let readable = self.readable(target.metastore.clone(), target.caller.clone(), target.trail.clone());
            let tables: Arc<dyn Tables> = Arc::new(readable);
            let result = self.engine.query_with(&probe.sql, values.to_vec(), tables).await;
            self.record(&target.trail).await?;
            let result = result.map_err(query_error)?;
            let schema = probe.schema(&result.schema).map_err(query_error)?;
            let result = result.named(schema);
            check_types(&probe, &result.schema)?;
            let mode = if insert.overwrites { WriteMode::Overwrite } else { WriteMode::Append };
            let write = Write { mode, rows: result.stream, transaction: None, commit_info: target.notes() };
            let staged = target.handle.stage(write).await.map_err(|error| unwritten(&name, error))?;
            let count = staged.rows();
            if let Some(version) = tries.commit(&target, staged).await? {
                let told = answer::changed(count, version)?;
                return Ok(Answer::Done(Done { tag: "INSERT 0", rows: Some(count), told }));
            }
        }
    }

    /// Makes a staged write visible if the table's checks hold of it. `None` where another writer came first.
    pub(super) async fn commit_checked(&self, target: &Target, staged: Staged) -> Result<Option<u64>, Error> {
        let Target { table, permit, now, .. } = target;
        let checking = Checking { engine: &self.engine, table, permit, now: *now };
        match checking.verify(&staged).await {
            Ok(reports) if reports.iter().all(|report| report.passed) => {}
            Ok(reports) => {
                staged.discard().await;
                return Err(Error::new(ErrorKind::Failed, failed_checks(&table.name, &reports)));
            }
            Err(error) => {
                staged.discard().await;
                return Err(error);
            }
        }
        polder_model::fault::point("statement.staged");
        target.trail.done(&target.caller, "write", &Securable::Table(table.name.clone()).to_string());
        self.record(&target.trail).await?;
        // What checks have seen must be what becomes visible.
        let committed = if table.checks.is_empty() { staged.commit().await } else { staged.commit_if_unchanged().await };
        let committed = committed.doing(ErrorKind::Unavailable, format!("cannot commit to {}", table.name))?;
        self.hot.note_change();
        polder_model::fault::point("statement.committed");
        match committed {
            Committed::Committed { version, .. } | Committed::AlreadyDone { version } => Ok(Some(version)),
            Committed::Conflict { .. } => Ok(None),
        }
    }
}

/// What to do about files that cannot be written for another reason than a full disk.
const UNWRITABLE: &str = "the folder or store of the table's files has to be there, and polder has to be let write to it";

/// Why rows were not written.
pub(super) fn unwritten(name: &TableName, error: polder_lake::Error) -> Error {
    if error.is_of_store() {
        let is_full = is_full_disk(&error);
        let unwritten = Error::new(ErrorKind::Unavailable, format!("cannot write {name}")).with_source(error);
        return if is_full { unwritten } else { unwritten.with_hint(UNWRITABLE) };
    }
    Error::new(ErrorKind::Invalid, format!("cannot write {name}: {}", with_causes(&error)))
}

/// Refuses values whose type does not fit the column that they would be stored in.
pub(super) fn check_types(probe: &Probe, schema: &Schema) -> Result<(), Error> {
    for (Column { name, data_type, .. }, field) in probe.stored.iter().zip(schema.fields()) {
        if *field.data_type() == Arrow::Null {
            continue;
        }
        let given = polder_arrow::from_arrow(field.data_type());
        if !given.as_ref().is_some_and(|given| fits(given, data_type)) {
            let given = given.map_or_else(|| field.data_type().to_string(), |given| given.to_string());
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("column {name} is {data_type}, and what it would get is {given}"),
            )
            .with_hint(format!("write CAST(... AS {data_type}) where that is meant")));
        }
    }
    Ok(())
}
