//! What the tests share: a database of their own in each of its kinds, names, times and resources.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use polder_model::{EnvironmentName, JobId, Resource};
use polder_store::{Begun, EntryChange, Holder, NewOperation, Operation, StepRecord, Store};
use polder_testkit::{PostgresDatabase, postgres};
use serde_json::json;
use tempfile::TempDir;

pub(crate) const TTL: Duration = Duration::from_secs(60);

/// Makes two tests of each function, one on SQLite and one on PostgreSQL.
macro_rules! on_both {
    ($($test:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test($crate::fixtures::Bed::sqlite()).await })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() { super::$test($crate::fixtures::Bed::postgres().await).await })*
        }
    };
}
pub(crate) use on_both;

/// A database of one test, and the folder of its keys.
pub(crate) struct Bed {
    pub(crate) folder: TempDir,
    pub(crate) database: Option<PostgresDatabase>,
}

impl Bed {
    pub(crate) fn sqlite() -> Self {
        Self { folder: TempDir::new().unwrap(), database: None }
    }

    pub(crate) async fn postgres() -> Self {
        Self { folder: TempDir::new().unwrap(), database: Some(postgres().await.unwrap()) }
    }

    /// Opens the database, as often as one likes: each is as another process.
    pub(crate) async fn open(&self) -> Store {
        open(&self.place(), &self.keys()).await
    }

    /// The database's path or URL.
    pub(crate) fn place(&self) -> String {
        let file = || self.folder.path().join("state.db").to_str().unwrap().to_owned();
        self.database.as_ref().map_or_else(file, PostgresDatabase::url)
    }

    pub(crate) fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// Runs a statement past the store.
    pub(crate) async fn run(&self, statement: &str) -> anyhow::Result<()> {
        if let Some(database) = &self.database {
            return database.run(statement).map(drop);
        }
        sqlx::any::install_default_drivers();
        let pool = sqlx::AnyPool::connect(&format!("sqlite://{}", self.place())).await?;
        let done = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await;
        pool.close().await;
        Ok(done.map(drop)?)
    }
}

pub(crate) async fn open(place: &str, keys: &Path) -> Store {
    Store::open(place).await.unwrap().with_key_folder(keys.to_owned())
}

pub(crate) fn dev() -> EnvironmentName {
    "dev".parse().unwrap()
}

pub(crate) fn job() -> JobId {
    "finance/load".parse().unwrap()
}

/// A moment, so many seconds after a fixed one.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap() + TimeDelta::seconds(seconds)
}

pub(crate) fn holder(pid: u32) -> Holder {
    Holder { host: "here".to_owned(), pid, started: 7 }
}

pub(crate) fn nobody_is_dead(_: &Holder) -> bool {
    false
}

pub(crate) fn group(name: &str) -> Arc<Resource> {
    Arc::new(serde_json::from_value(json!({"kind": "group", "name": name, "members": []})).unwrap())
}

/// A step that makes a group, and completes that.
pub(crate) fn put(number: u32, name: &str) -> StepRecord {
    let resource = group(name);
    let completes = Some((resource.address(), Some(resource.clone())));
    StepRecord { number, entry: Some(EntryChange::Put(resource)), completes, detail: String::new() }
}

pub(crate) fn table(number: usize, columns: usize) -> Resource {
    let columns: Vec<_> = (0..columns).map(|c| json!({"name": format!("column_{c}"), "type": "string"})).collect();
    serde_json::from_value(json!({
        "kind": "table",
        "name": format!("finance.bronze.customer{number}_v1"),
        "dataset": {"domain": "finance", "name": format!("customer{number}"), "version": "v1"},
        "owner": "finance-owners",
        "location": {"provider": "aws", "bucket": "dev-finance", "prefix": format!("bronze/customer{number}_v1")},
        "format": "delta",
        "columns": columns,
    }))
    .unwrap()
}

/// Begins an operation on top of whatever is recorded.
pub(crate) async fn begin(store: &Store, pid: u32, seconds: i64) -> Begun {
    let parent_serial = store.serial(&dev()).await.unwrap();
    let holder = holder(pid);
    let new = NewOperation {
        environment: &dev(),
        kind: "apply",
        plan: "{\"steps\":[]}",
        parent_serial,
        holder: &holder,
        ttl: TTL,
        now: at(seconds),
    };
    store.begin(&new, &nobody_is_dead).await.unwrap()
}

pub(crate) async fn begun(store: &Store, pid: u32, seconds: i64) -> Operation {
    match begin(store, pid, seconds).await {
        Begun::Started(operation) => operation,
        other => panic!("{other:?}"),
    }
}
