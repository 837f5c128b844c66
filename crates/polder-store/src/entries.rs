//! The metastore's entries, generic, by address; and each table's id. Every change moves the metastore's version on, so that
//! whoever keeps a copy knows when it is old.

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_model::{Address, EnvironmentName, Kind, Resource, TableName};
use uuid::Uuid;

use crate::bulk;
use crate::counters::{self, Counter};
use crate::directory::{self, Directory};
use crate::error::Result;
use crate::resources::{self, Kept};
use crate::store::{Dialect, Store};
use crate::work::Work;

/// A change of one entry.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryChange {
    /// Writes it, in place of any that is there.
    Put(Arc<Resource>),
    /// Removes it, if it is there.
    Remove(Address),
}

/// Which entries. The default is all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct EntryFilter<'a> {
    /// Only this kind.
    pub kind: Option<Kind>,
    /// Only addresses that begin so: `table:finance.`.
    pub prefix: &'a str,
}

/// An environment's entries at one moment.
#[derive(Debug, Clone)]
pub struct MetastoreEntries {
    /// The metastore's version.
    pub version: u64,
    /// Every entry, by address.
    pub resources: BTreeMap<Address, Arc<Resource>>,
}

impl Store {
    /// Returns the number that grows with every change of an environment's entries.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn metastore_version(&self, environment: &EnvironmentName) -> Result<u64> {
        let mut work = self.read("reading the metastore's version").await?;
        counters::read(&mut work, environment, Counter::MetastoreVersion).await
    }

    /// Returns all of an environment's entries with the version they are at.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn metastore(&self, environment: &EnvironmentName) -> Result<MetastoreEntries> {
        let mut work = self.read("reading the metastore").await?;
        metastore(&mut work, self.dialect(), environment).await
    }

    /// Returns an environment's entries and the directory, as of one moment.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn metastore_and_directory(&self, environment: &EnvironmentName) -> Result<(MetastoreEntries, Directory)> {
        let mut work = self.read("reading the metastore").await?;
        let entries = metastore(&mut work, self.dialect(), environment).await?;
        Ok((entries, directory::read(&mut work, environment).await?))
    }

    /// Says whether any table of an environment declares hot storage, without reading the others.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn has_hot_storage(&self, environment: &EnvironmentName) -> Result<bool> {
        let mut work = self.read("looking for tables with hot storage").await?;
        // Within a text, a quote is escaped: this is the field's name and nothing that somebody wrote.
        let sql = sqlx::query(
            "select 1 as one from entries where environment = $1 and kind = $2 and resource like '%\"hot_storage\":{%' limit 1",
        );
        let row = work.row(sql.bind(environment.to_string()).bind(Kind::Table.as_str())).await?;
        Ok(row.is_some())
    }

    /// Returns the versions of an environment's entries and of the directory, as of one moment.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn versions(&self, environment: &EnvironmentName) -> Result<(u64, u64)> {
        let (store, wanted) = (self.clone(), environment.clone());
        let read = move || {
            let (store, wanted) = (store.clone(), wanted.clone());
            async move { store.read_versions(&wanted).await }
        };
        self.joined.versions.read(environment.clone(), self.place(), "reading the metastore's version", read).await
    }

    async fn read_versions(&self, environment: &EnvironmentName) -> Result<(u64, u64)> {
        let mut work = self.read("reading the metastore's version").await?;
        let sql = sqlx::query(
            "select coalesce((select metastore_version from environments where environment = $1), 0) as metastore, version \
             from directory where one = 1",
        );
        let row = work.row(sql.bind(environment.to_string())).await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.count("metastore")?, row.count("version")?)))
    }

    /// Returns the entries that a filter lets through, by address.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn entries(&self, environment: &EnvironmentName, filter: EntryFilter<'_>) -> Result<Vec<Resource>> {
        let mut work = self.read("reading the metastore's entries").await?;
        let sql = sqlx::query(
            "select address, resource from entries \
             where environment = $1 and ($2 = '' or kind = $2) and substr(address, 1, $3) = $4",
        );
        let kind = filter.kind.map_or("", Kind::as_str);
        let length = i32::try_from(filter.prefix.chars().count()).unwrap_or(i32::MAX);
        let sql = sql.bind(environment.to_string()).bind(kind).bind(length).bind(filter.prefix.to_owned());
        Ok(resources::load(&mut work, sql).await?.into_values().collect())
    }

    /// Returns the entry at an address.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn entry(&self, environment: &EnvironmentName, address: &Address) -> Result<Option<Resource>> {
        let mut work = self.read("reading an entry of the metastore").await?;
        let sql = sqlx::query("select address, resource from entries where environment = $1 and address = $2");
        let found = resources::load(&mut work, sql.bind(environment.to_string()).bind(address.to_string())).await?;
        Ok(found.into_values().next())
    }

    /// Writes an entry, in place of any that is there.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn put_entry(&self, environment: &EnvironmentName, resource: &Resource) -> Result<()> {
        let mut work = self.write("writing an entry of the metastore").await?;
        change(&mut work, environment, &BTreeMap::from([(resource.address(), Some(resource))])).await?;
        work.commit().await
    }

    /// Removes an entry, if it is there.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn remove_entry(&self, environment: &EnvironmentName, address: &Address) -> Result<()> {
        let mut work = self.write("removing an entry of the metastore").await?;
        change(&mut work, environment, &BTreeMap::from([(address.clone(), None)])).await?;
        work.commit().await
    }

    /// Returns a table's id.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn table_id(&self, environment: &EnvironmentName, table: &TableName) -> Result<Option<Uuid>> {
        let mut work = self.read("reading a table's id").await?;
        let sql = sqlx::query("select table_id from table_ids where environment = $1 and table_name = $2");
        let row = work.row(sql.bind(environment.to_string()).bind(table.to_string())).await?;
        row.map(|row| row.read("table_id", Uuid::parse_str)).transpose()
    }

    /// Keeps the id that a table's log bears. It goes when the table's entry goes.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn set_table_id(&self, environment: &EnvironmentName, table: &TableName, id: Uuid) -> Result<()> {
        let mut work = self.write("keeping a table's id").await?;
        let sql = sqlx::query(
            "insert into table_ids (environment, table_name, table_id) values ($1, $2, $3) \
             on conflict (environment, table_name) do update set table_id = excluded.table_id",
        );
        work.run(sql.bind(environment.to_string()).bind(table.to_string()).bind(id.to_string())).await?;
        work.commit().await
    }
}

pub(crate) async fn metastore(work: &mut Work, dialect: Dialect, environment: &EnvironmentName) -> Result<MetastoreEntries> {
    let version = counters::read(work, environment, Counter::MetastoreVersion).await?;
    let resources = resources::load_all(work, dialect, Kept::Entries, environment).await?;
    Ok(MetastoreEntries { version, resources })
}

/// Changes the entries at these addresses and moves the metastore's version on.
pub(crate) async fn change(
    work: &mut Work,
    environment: &EnvironmentName,
    changes: &BTreeMap<Address, Option<&Resource>>,
) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    resources::change(work, Kept::Entries, environment, changes).await?;
    let tables_gone = changes.iter().filter(|(address, resource)| resource.is_none() && address.kind() == Kind::Table);
    let tables_gone = tables_gone.map(|(address, _)| address.name().to_owned()).collect();
    bulk::delete(work, "table_ids", "table_name", environment.as_str(), tables_gone).await?;
    counters::advance(work, environment, Counter::MetastoreVersion, 1).await
}
