//! An environment's counters: each tells whoever keeps a copy of something when the copy is old.

use polder_model::EnvironmentName;

use crate::error::Result;
use crate::work::{Work, as_bigint};

/// What is counted. It is 0 where nothing has happened yet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Counter {
    /// Changes of the recorded state.
    Serial,
    /// Changes of the metastore.
    MetastoreVersion,
}

/// Returns a counter.
pub(crate) async fn read(work: &mut Work, environment: &EnvironmentName, counter: Counter) -> Result<u64> {
    let (sql, column) = match counter {
        Counter::Serial => ("select serial from environments where environment = $1", "serial"),
        Counter::MetastoreVersion => ("select metastore_version from environments where environment = $1", "metastore_version"),
    };
    let row = work.row(sqlx::query(sql).bind(environment.to_string())).await?;
    row.map_or(Ok(0), |row| row.count(column))
}

/// Moves a counter on.
pub(crate) async fn advance(work: &mut Work, environment: &EnvironmentName, counter: Counter, by: u64) -> Result<()> {
    let (serial, version) = match counter {
        Counter::Serial => (by, 0),
        Counter::MetastoreVersion => (0, by),
    };
    let sql = sqlx::query(
        "insert into environments (environment, serial, metastore_version) values ($1, $2, $3) \
         on conflict (environment) do update set serial = environments.serial + excluded.serial, \
         metastore_version = environments.metastore_version + excluded.metastore_version",
    );
    work.run(sql.bind(environment.to_string()).bind(as_bigint(serial)).bind(as_bigint(version))).await?;
    Ok(())
}
