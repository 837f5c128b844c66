//! A lake in a temporary folder with one table in it.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::catalog::TableProvider;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::prelude::SessionContext;
use polder_access::{Action, Caller, Permit};
use polder_lake::{AsOf, Committed, Lake, LakeConfig, Staged, TableHandle, Write};
use polder_model::job::WriteMode;
use polder_model::resource::Table;
use polder_model::{Principal, Securable};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) lake: Lake,
    pub(crate) table: Table,
}

pub(crate) const TABLE_ID: Uuid = Uuid::from_u128(7);

impl Fixture {
    /// A lake with a table of these columns, each `name type`, optional with a `?` at the end.
    pub(crate) async fn new(columns: &[&str]) -> Self {
        Self::with(columns, json!({})).await
    }

    /// The same with more of the table's declaration.
    pub(crate) async fn with(columns: &[&str], more: Value) -> Self {
        let folder = TempDir::new().unwrap();
        let (lake, table) = (lake(folder.path().to_owned()), table(columns, more));
        lake.create_table(&table, TABLE_ID).await.unwrap();
        Self { folder, lake, table }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("aws/dev-b/bronze/customer_v1")
    }

    pub(crate) async fn open(&self, action: Action) -> TableHandle {
        self.lake.open(&permit(&self.table, action), &self.table, AsOf::Latest).await.unwrap()
    }

    pub(crate) async fn at(&self, at: AsOf) -> polder_lake::Result<TableHandle> {
        self.lake.open(&permit(&self.table, Action::Read), &self.table, at).await
    }

    /// The rows of a query over the newest version, sorted.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        rows(self.open(Action::Read).await.provider(), sql).await
    }

    /// Writes the rows of a query and commits.
    pub(crate) async fn write(&self, mode: WriteMode, sql: &str) -> u64 {
        let handle = self.open(Action::Write).await;
        version_of(stage(&handle, mode, sql).await.unwrap().commit().await.unwrap())
    }

    /// Files of the table's folder, without its log.
    pub(crate) fn data_files(&self) -> Vec<String> {
        files_below(&self.path()).into_iter().filter(|path| !path.contains("_delta_log")).collect()
    }
}

pub(crate) fn lake(root: PathBuf) -> Lake {
    Lake::new(LakeConfig { root, ..LakeConfig::default() }).unwrap()
}

pub(crate) fn table(columns: &[&str], more: Value) -> Table {
    let column = |text: &&str| {
        let (name, data_type) = text.split_once(' ').unwrap();
        json!({"name": name, "type": data_type.trim_end_matches('?'), "optional": data_type.ends_with('?')})
    };
    let mut value = json!({
        "name": "finance.bronze.customer_v1",
        "dataset": {"domain": "finance", "name": "customer", "version": "v1"},
        "owner": "finance_owners",
        "location": {"provider": "aws", "bucket": "dev-b", "prefix": "bronze/customer_v1"},
        "format": "delta",
        "columns": columns.iter().map(column).collect::<Vec<_>>(),
    });
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(value).unwrap()
}

pub(crate) fn permit(table: &Table, action: Action) -> Permit {
    let principal: Principal = serde_json::from_value(json!({"kind": "service_principal", "name": "loader"})).unwrap();
    let caller = Caller::new(principal);
    Permit::for_tests(caller, action, Securable::Table(table.name.clone()), Vec::new(), None)
}

pub(crate) async fn stream(sql: &str) -> SendableRecordBatchStream {
    SessionContext::new().sql(sql).await.unwrap().execute_stream().await.unwrap()
}

pub(crate) async fn stage(handle: &TableHandle, mode: WriteMode, sql: &str) -> polder_lake::Result<Staged> {
    let rows = stream(sql).await;
    handle.stage(Write { mode, rows, transaction: None, commit_info: [].into() }).await
}

pub(crate) fn version_of(committed: Committed) -> u64 {
    match committed {
        Committed::Committed { version, .. } => version,
        other => panic!("{other:?}"),
    }
}

/// The rows of a query over a table by the name `t`, sorted, values with `|` between them.
pub(crate) async fn rows(provider: Arc<dyn TableProvider>, sql: &str) -> Vec<String> {
    try_rows(provider, sql).await.unwrap()
}

pub(crate) async fn try_rows(provider: Arc<dyn TableProvider>, sql: &str) -> datafusion::common::Result<Vec<String>> {
    let session = SessionContext::new();
    session.register_table("t", provider)?;
    let mut lines = Vec::new();
    for batch in session.sql(sql).await?.collect().await? {
        let options = FormatOptions::new().with_null("~");
        let columns: Vec<_> = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).unwrap()).collect();
        for row in 0..batch.num_rows() {
            lines.push(columns.iter().map(|column| column.value(row).to_string()).collect::<Vec<_>>().join("|"));
        }
    }
    lines.sort();
    Ok(lines)
}

pub(crate) fn files_below(folder: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files_below(&path)),
            path => found.push(path.display().to_string()),
        }
    }
    found
}

/// An error with all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(&format!(": {error}"));
        next = error.source();
    }
    text
}
