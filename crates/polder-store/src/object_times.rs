//! When objects of the catalog were made and last changed, and the ids of tables.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use polder_model::{Address, EnvironmentName, Kind, TableName};
use uuid::Uuid;

use crate::bulk::{self, Value};
use crate::error::Result;
use crate::store::Store;
use crate::work::{Cells, Work, time_text};

impl Store {
    /// Returns when catalogs, schemas, tables, views and volumes were made and last changed, for addresses that begin so.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn object_times(
        &self,
        environment: &EnvironmentName,
        prefix: &str,
    ) -> Result<BTreeMap<Address, (DateTime<Utc>, DateTime<Utc>)>> {
        let mut work = self.read("reading when objects were made").await?;
        let sql = sqlx::query(
            "select address, created, updated from object_times where environment = $1 and substr(address, 1, $2) = $3",
        );
        let length = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
        let rows = work.rows(sql.bind(environment.to_string()).bind(length).bind(prefix.to_owned())).await?;
        let time = |row: &Cells| Ok((row.read("address", str::parse::<Address>)?, (row.time("created")?, row.time("updated")?)));
        rows.iter().map(time).collect()
    }

    /// Returns when one of them was made and last changed.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn object_time(
        &self,
        environment: &EnvironmentName,
        address: &Address,
    ) -> Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
        let mut work = self.read("reading when an object was made").await?;
        let sql = sqlx::query("select created, updated from object_times where environment = $1 and address = $2");
        let row = work.row(sql.bind(environment.to_string()).bind(address.to_string())).await?;
        row.map(|row| Ok((row.time("created")?, row.time("updated")?))).transpose()
    }

    /// Returns the ids of tables whose names begin so.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn table_ids(&self, environment: &EnvironmentName, prefix: &str) -> Result<BTreeMap<TableName, Uuid>> {
        let mut work = self.read("reading tables' ids").await?;
        let sql =
            sqlx::query("select table_name, table_id from table_ids where environment = $1 and substr(table_name, 1, $2) = $3");
        let length = i32::try_from(prefix.chars().count()).unwrap_or(i32::MAX);
        let rows = work.rows(sql.bind(environment.to_string()).bind(length).bind(prefix.to_owned())).await?;
        let id = |row: &Cells| Ok((row.read("table_name", str::parse::<TableName>)?, row.read("table_id", Uuid::parse_str)?));
        rows.iter().map(id).collect()
    }

    /// Returns the table that has an id.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn table_of_id(&self, environment: &EnvironmentName, id: Uuid) -> Result<Option<TableName>> {
        let mut work = self.read("finding a table by its id").await?;
        let sql = sqlx::query("select table_name from table_ids where environment = $1 and table_id = $2");
        let row = work.row(sql.bind(environment.to_string()).bind(id.to_string())).await?;
        row.map(|row| row.read("table_name", str::parse::<TableName>)).transpose()
    }
}

/// Notes that objects were changed, and that those that are new were made.
pub(crate) async fn stamp<'a>(
    work: &mut Work,
    environment: &EnvironmentName,
    addresses: impl IntoIterator<Item = &'a Address>,
    now: DateTime<Utc>,
) -> Result<()> {
    let shown =
        |kind| matches!(kind, Kind::Catalog | Kind::Schema | Kind::Table | Kind::ForeignTable | Kind::View | Kind::Volume);
    let row = |address: &Address| {
        let (environment, now) = (Value::Text(environment.to_string()), Value::Text(time_text(now)));
        [environment, Value::Text(address.to_string()), now.clone(), now]
    };
    let rows = addresses.into_iter().filter(|address| shown(address.kind())).map(row).collect();
    let into = "object_times (environment, address, created, updated)";
    bulk::insert(work, into, "on conflict (environment, address) do update set updated = excluded.updated", rows).await
}

/// Forgets when an object was made.
pub(crate) async fn unstamp(work: &mut Work, environment: &EnvironmentName, address: &Address) -> Result<()> {
    let sql = sqlx::query("delete from object_times where environment = $1 and address = $2");
    work.run(sql.bind(environment.to_string()).bind(address.to_string())).await?;
    Ok(())
}

/// Keeps a table's id.
pub(crate) async fn keep_id(work: &mut Work, environment: &EnvironmentName, table: &TableName, id: Uuid) -> Result<()> {
    let sql = sqlx::query(
        "insert into table_ids (environment, table_name, table_id) values ($1, $2, $3) \
         on conflict (environment, table_name) do update set table_id = excluded.table_id",
    );
    work.run(sql.bind(environment.to_string()).bind(table.to_string()).bind(id.to_string())).await?;
    Ok(())
}
