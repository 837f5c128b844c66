//! Objects that catalog clients made: entries of the metastore that no file declares, with what the catalog's protocol knows of
//! them beyond the entry. One that files declare later is theirs from then on, and no longer found here.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use polder_model::{Address, EnvironmentName, Kind, Location, PrincipalName, Resource, Securable, TableName};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::error::{Result, StoreError};
use crate::staging::{self, StagingTable};
use crate::store::Store;
use crate::work::{Cells, Work, time_text};
use crate::{commits, directory, entries, object_times, resources};

/// An object that a client made, beyond its entry.
#[derive(Debug, Clone, PartialEq)]
pub struct MadeObject {
    /// Where its entry is.
    pub address: Address,
    /// What its clients know it by.
    pub id: Uuid,
    /// Whether its files are where the client said, and stay when it is dropped.
    pub external: bool,
    /// The properties that its client gave it.
    pub properties: BTreeMap<String, String>,
    /// What only the catalog's protocol knows, as JSON.
    pub detail: Json,
    /// Grows with every change.
    pub revision: u64,
    /// Who made it.
    pub created_by: PrincipalName,
    /// When.
    pub created: DateTime<Utc>,
    /// Who changed it last.
    pub updated_by: PrincipalName,
    /// When.
    pub updated: DateTime<Utc>,
}

/// An object to be made.
#[derive(Debug, Clone)]
pub struct NewObject<'a> {
    /// Its entry.
    pub resource: &'a Resource,
    /// What its clients will know it by. That of a staging table uses the staging table up.
    pub id: Uuid,
    /// Whether its files are where the client said.
    pub external: bool,
    /// Whether the catalog decides its commits.
    pub managed_commits: bool,
    /// Its properties.
    pub properties: &'a BTreeMap<String, String>,
    /// What only the catalog's protocol knows.
    pub detail: &'a Json,
    /// Who makes it.
    pub by: &'a PrincipalName,
    /// When.
    pub now: DateTime<Utc>,
}

/// A change of an object that a client made.
#[derive(Debug, Clone)]
pub struct Alteration<'a> {
    /// Its entry, as it is to be.
    pub resource: &'a Resource,
    /// Its properties, if they change.
    pub properties: Option<&'a BTreeMap<String, String>>,
    /// What only the catalog's protocol knows, if that changes.
    pub detail: Option<&'a Json>,
}

/// What became of an object to be made.
#[must_use = "what is there already was not made"]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// It is made.
    Done,
    /// Something is at its address already.
    Exists,
    /// The staging table that it was to come of is used up, or was given up.
    NotStaged,
}

const COLUMNS: &str = "select address, id, external, properties, detail, revision, created_by, created, updated_by, updated \
     from made_objects where environment = $1 and not exists (select 1 from recorded \
     where recorded.environment = made_objects.environment and recorded.address = made_objects.address)";

impl Store {
    /// Returns every object that clients made, by address.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn made(&self, environment: &EnvironmentName) -> Result<BTreeMap<Address, MadeObject>> {
        let mut work = self.read("reading what clients made").await?;
        let rows = work.rows(sqlx::query(COLUMNS).bind(environment.to_string())).await?;
        rows.iter().map(|row| Ok((row.read("address", str::parse::<Address>)?, read(row)?))).collect()
    }

    /// Returns the object that a client made at an address.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn made_at(&self, environment: &EnvironmentName, address: &Address) -> Result<Option<MadeObject>> {
        let mut work = self.read("reading what a client made").await?;
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} and address = $2"));
        let row = work.row(sqlx::query(sql).bind(environment.to_string()).bind(address.to_string())).await?;
        row.map(|row| read(&row)).transpose()
    }

    /// Makes an object, unless something is at its address.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn make(&self, environment: &EnvironmentName, new: &NewObject<'_>) -> Result<Made> {
        let mut work = self.write("making an object").await?;
        let address = new.resource.address();
        if taken(&mut work, environment, &address).await? || !insert(&mut work, environment, new).await? {
            return Ok(Made::Exists);
        }
        let changes = BTreeMap::from([(address.clone(), Some(new.resource))]);
        entries::change(&mut work, environment, &changes).await?;
        object_times::stamp(&mut work, environment, [&address], new.now).await?;
        if let Resource::Table(table) = new.resource {
            object_times::keep_id(&mut work, environment, &table.name, new.id).await?;
            let staged = staging::use_up(&mut work, environment, new.id).await?;
            if new.managed_commits && !staged {
                return Ok(Made::NotStaged);
            }
            if new.managed_commits {
                commits::manage(&mut work, environment, new.id).await?;
            }
        }
        work.commit().await?;
        Ok(Made::Done)
    }

    /// Changes an object that a client made. Returns false when there is none, it has another revision than expected, or its
    /// owner is another: that stays as it is.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn alter_made(
        &self,
        environment: &EnvironmentName,
        alteration: &Alteration<'_>,
        expected_revision: Option<u64>,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut work = self.write("changing an object").await?;
        let altered = alter(&mut work, environment, alteration, expected_revision, by, now).await?;
        work.commit().await?;
        Ok(altered)
    }

    /// Gives a table that a client made another name. Returns false when there is none, something has the new name, or its owner
    /// is another: that stays as it is.
    ///
    /// Grants go with it: they are on the table, whatever it is called.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn rename_made(
        &self,
        environment: &EnvironmentName,
        from: &Address,
        to: &Resource,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut work = self.write("renaming a table").await?;
        let address = to.address();
        if taken(&mut work, environment, &address).await? || !owns(&mut work, environment, from, to.owner()).await? {
            return Ok(false);
        }
        let sql = sqlx::query(
            "update made_objects set address = $3, revision = revision + 1, updated_by = $4, updated = $5 \
             where environment = $1 and address = $2",
        );
        let sql = sql.bind(environment.to_string()).bind(from.to_string()).bind(address.to_string());
        if work.run(sql.bind(by.to_string()).bind(time_text(now))).await? == 0 {
            return Ok(false);
        }
        let changes = BTreeMap::from([(from.clone(), None), (address.clone(), Some(to))]);
        entries::change(&mut work, environment, &changes).await?;
        object_times::unstamp(&mut work, environment, from).await?;
        object_times::stamp(&mut work, environment, [&address], now).await?;
        if let (Resource::Table(table), Ok(old)) = (to, from.name().parse::<TableName>()) {
            let id = made_id(&mut work, environment, &address).await?;
            if let Some(id) = id {
                object_times::keep_id(&mut work, environment, &table.name, id).await?;
            }
            let (before, after) = (Securable::Table(old), Securable::Table(table.name.clone()));
            let (before, after) = (securable_text(&work, &before)?, securable_text(&work, &after)?);
            let sql = sqlx::query("update timed_grants set securable = $3 where environment = $1 and securable = $2");
            work.run(sql.bind(environment.to_string()).bind(before).bind(after)).await?;
        }
        directory::moved(&mut work).await?;
        work.commit().await?;
        Ok(true)
    }

    /// Removes an object that a client made, with the grants on it, so that nothing later has them by having its name. Its files, if
    /// they are to go, are kept in mind until they are gone. Returns false when there is none.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn unmake(
        &self,
        environment: &EnvironmentName,
        object: &Resource,
        files: Option<&Location>,
        by: &PrincipalName,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let address = &object.address();
        let mut work = self.write("removing an object").await?;
        let id = made_id(&mut work, environment, address).await?;
        let Some(id) = id else { return Ok(false) };
        let sql = sqlx::query("delete from made_objects where environment = $1 and address = $2");
        work.run(sql.bind(environment.to_string()).bind(address.to_string())).await?;
        entries::change(&mut work, environment, &BTreeMap::from([(address.clone(), None)])).await?;
        object_times::unstamp(&mut work, environment, address).await?;
        commits::forget(&mut work, id).await?;
        revoke_all(&mut work, environment, object, now).await?;
        if let (Some(location), Ok(table)) = (files, address.name().parse()) {
            let left = StagingTable { id, table, location: location.clone(), created_by: by.clone(), created: now };
            staging::stage(&mut work, environment, &left, true).await?;
        }
        work.commit().await?;
        Ok(true)
    }
}

/// Changes an object within a transaction.
pub(crate) async fn alter(
    work: &mut Work,
    environment: &EnvironmentName,
    alteration: &Alteration<'_>,
    expected_revision: Option<u64>,
    by: &PrincipalName,
    now: DateTime<Utc>,
) -> Result<bool> {
    let address = alteration.resource.address();
    if !owns(work, environment, &address, alteration.resource.owner()).await? {
        return Ok(false);
    }
    let json = |value: std::result::Result<String, serde_json::Error>| {
        value.map_err(|e| StoreError::unreadable(&work.place, "properties".to_owned(), e))
    };
    let properties = alteration.properties.map(|properties| json(serde_json::to_string(properties))).transpose()?;
    let detail = alteration.detail.map(ToString::to_string);
    let sql = sqlx::query(
        "update made_objects set properties = coalesce($3, properties), detail = coalesce($4, detail), revision = revision + 1, \
         updated_by = $5, updated = $6 where environment = $1 and address = $2 and (revision = $7 or $7 = -1)",
    );
    let sql = sql.bind(environment.to_string()).bind(address.to_string()).bind(properties).bind(detail);
    let revision = expected_revision.map_or(-1, crate::work::as_bigint);
    if work.run(sql.bind(by.to_string()).bind(time_text(now)).bind(revision)).await? == 0 {
        return Ok(false);
    }
    let changes = BTreeMap::from([(address.clone(), Some(alteration.resource))]);
    entries::change(work, environment, &changes).await?;
    object_times::stamp(work, environment, [&address], now).await?;
    Ok(true)
}

/// Whether an address has an entry. Tables and views share their names.
async fn taken(work: &mut Work, environment: &EnvironmentName, address: &Address) -> Result<bool> {
    let other = match address.kind() {
        Kind::Table => Address::new(Kind::View, address.name()),
        Kind::View => Address::new(Kind::Table, address.name()),
        _ => address.clone(),
    };
    let sql = sqlx::query("select address from entries where environment = $1 and address in ($2, $3)");
    let sql = sql.bind(environment.to_string()).bind(address.to_string()).bind(other.to_string());
    Ok(work.row(sql).await?.is_some())
}

/// Whether an entry has this owner. One that was read before its owner was removed must not bring that owner back.
async fn owns(work: &mut Work, environment: &EnvironmentName, address: &Address, owner: Option<&PrincipalName>) -> Result<bool> {
    let sql = sqlx::query("select address, resource from entries where environment = $1 and address = $2");
    let found = resources::load(work, sql.bind(environment.to_string()).bind(address.to_string())).await?;
    Ok(found.get(address).is_some_and(|entry| entry.owner() == owner))
}

/// Notes that objects were changed by something else than their clients.
pub(crate) async fn touch<'a>(
    work: &mut Work,
    environment: &EnvironmentName,
    addresses: impl IntoIterator<Item = &'a Address> + Clone,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    for address in addresses.clone() {
        let sql = sqlx::query(
            "update made_objects set revision = revision + 1, updated_by = $3, updated = $4 \
             where environment = $1 and address = $2",
        );
        let sql = sql.bind(environment.to_string()).bind(address.to_string());
        work.run(sql.bind(by.to_owned()).bind(time_text(now))).await?;
    }
    object_times::stamp(work, environment, addresses, now).await
}

async fn insert(work: &mut Work, environment: &EnvironmentName, new: &NewObject<'_>) -> Result<bool> {
    let properties =
        serde_json::to_string(new.properties).map_err(|e| StoreError::unreadable(&work.place, "properties".to_owned(), e))?;
    let sql = sqlx::query(
        "insert into made_objects (environment, address, id, external, properties, detail, revision, created_by, created, \
         updated_by, updated) values ($1, $2, $3, $4, $5, $6, 1, $7, $8, $7, $8) on conflict do nothing",
    );
    let sql = sql.bind(environment.to_string()).bind(new.resource.address().to_string()).bind(new.id.to_string());
    let sql = sql.bind(i64::from(new.external)).bind(properties).bind(new.detail.to_string());
    Ok(work.run(sql.bind(new.by.to_string()).bind(time_text(new.now))).await? > 0)
}

async fn made_id(work: &mut Work, environment: &EnvironmentName, address: &Address) -> Result<Option<Uuid>> {
    let sql = sqlx::query("select id from made_objects where environment = $1 and address = $2");
    let row = work.row(sql.bind(environment.to_string()).bind(address.to_string())).await?;
    row.map(|row| row.read("id", Uuid::parse_str)).transpose()
}

async fn revoke_all(work: &mut Work, environment: &EnvironmentName, object: &Resource, now: DateTime<Utc>) -> Result<()> {
    let Some(securable) = object.securable() else { return Ok(()) };
    let on = securable_text(work, &securable)?;
    let sql = sqlx::query("update timed_grants set revoked = $3 where environment = $1 and securable = $2 and revoked is null");
    work.run(sql.bind(environment.to_string()).bind(on).bind(time_text(now))).await?;
    directory::moved(work).await
}

/// A securable as grants keep it.
pub(crate) fn securable_text(work: &Work, securable: &Securable) -> Result<String> {
    serde_json::to_string(securable).map_err(|e| StoreError::unreadable(&work.place, "a securable".to_owned(), e))
}

fn read(row: &Cells) -> Result<MadeObject> {
    Ok(MadeObject {
        address: row.read("address", str::parse::<Address>)?,
        id: row.read("id", Uuid::parse_str)?,
        external: row.number("external")? != 0,
        properties: row.json("properties")?,
        detail: row.json("detail")?,
        revision: row.count("revision")?,
        created_by: row.read("created_by", PrincipalName::new)?,
        created: row.time("created")?,
        updated_by: row.read("updated_by", PrincipalName::new)?,
        updated: row.time("updated")?,
    })
}
