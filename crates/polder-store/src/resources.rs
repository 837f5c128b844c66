//! Resources in rows: reading many at once, on every core, and writing them.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use polder_model::{Address, EnvironmentName, Kind, Resource};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::bulk::{self, Value};
use crate::error::{Result, StoreError};
use crate::work::{Sql, Work};

/// How many rows one task reads: enough to be worth a task, few enough that all cores get some.
const CHUNK: usize = 2_000;

/// Reads the rows of a query for `address` and `resource`, in that order. Rows are parsed while more of them arrive.
pub(crate) async fn load(work: &mut Work, sql: Sql<'_>) -> Result<Vec<(Address, Resource)>> {
    let place = work.place.clone();
    let doing = work.doing;
    let mut rows = sql.fetch(&mut *work.transaction).try_chunks(CHUNK);
    let mut parsed = Vec::new();
    loop {
        match rows.try_next().await {
            Ok(Some(chunk)) => {
                let place = place.clone();
                parsed.push(tokio::task::spawn_blocking(move || {
                    chunk.iter().map(|row| read(row, &place, doing)).collect::<Result<Vec<_>>>()
                }));
            }
            Ok(None) => break,
            Err(e) => return Err(StoreError::new(&place, doing, e.1)),
        }
    }
    let mut resources = Vec::with_capacity(parsed.len() * CHUNK);
    for task in parsed {
        let chunk = task.await.map_err(|e| StoreError::unreadable(&place, "resources".to_owned(), e))?;
        resources.extend(chunk?);
    }
    Ok(resources)
}

fn read(row: &AnyRow, place: &str, doing: &'static str) -> Result<(Address, Resource)> {
    let text = |column: usize| row.try_get::<&str, _>(column).map_err(|e| StoreError::new(place, doing, e));
    let address: Address = text(0)?.parse().map_err(|e| StoreError::unreadable(place, "an address".to_owned(), e))?;
    let resource = parse(address.kind(), text(1)?);
    let resource = resource.map_err(|e| StoreError::unreadable(place, address.to_string(), e))?;
    Ok((address, resource))
}

/// Reads a resource whose kind is known. Serde's own way to find the kind keeps a copy of every value on the way, which
/// takes three times as long.
fn parse(kind: Kind, text: &str) -> serde_json::Result<Resource> {
    use serde_json::from_str;
    Ok(match kind {
        Kind::Tenant => Resource::Tenant(from_str(text)?),
        Kind::Environment => Resource::Environment(from_str(text)?),
        Kind::Department => Resource::Department(from_str(text)?),
        Kind::User => Resource::User(from_str(text)?),
        Kind::ServicePrincipal => Resource::ServicePrincipal(from_str(text)?),
        Kind::Group => Resource::Group(from_str(text)?),
        Kind::Policy => Resource::Policy(from_str(text)?),
        Kind::Domain => Resource::Domain(from_str(text)?),
        Kind::Bucket => Resource::Bucket(from_str(text)?),
        Kind::Catalog => Resource::Catalog(from_str(text)?),
        Kind::Schema => Resource::Schema(from_str(text)?),
        Kind::Table => Resource::Table(from_str(text)?),
        Kind::View => Resource::View(from_str(text)?),
        Kind::Volume => Resource::Volume(from_str(text)?),
        Kind::Grant => Resource::Grant(from_str(text)?),
        Kind::Job => Resource::Job(from_str(text)?),
    })
}

/// A table of resources, by environment and address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kept {
    /// What past applies did.
    Recorded,
    /// The metastore's entries, each with its kind.
    Entries,
}

/// Writes the resources that there are to be at these addresses, and removes those that are not.
pub(crate) async fn change(
    work: &mut Work,
    kept: Kept,
    environment: &EnvironmentName,
    changes: &BTreeMap<Address, Option<&Resource>>,
) -> Result<()> {
    let mut rows = Vec::new();
    let mut gone = Vec::new();
    for (address, resource) in changes {
        match resource {
            Some(resource) => {
                let resource = text(&work.place, resource)?;
                let row = [environment.to_string(), address.to_string(), resource, address.kind().as_str().to_owned()];
                rows.push(row.map(Value::Text));
            }
            None => gone.push(address.to_string()),
        }
    }
    match kept {
        Kept::Recorded => {
            let tail = "on conflict (environment, address) do update set resource = excluded.resource";
            let rows = rows.into_iter().map(|[environment, address, resource, _]| [environment, address, resource]).collect();
            bulk::insert(work, "recorded (environment, address, resource)", tail, rows).await?;
            bulk::delete(work, "recorded", "address", environment.as_str(), gone).await
        }
        Kept::Entries => {
            let tail = "on conflict (environment, address) do update set resource = excluded.resource, kind = excluded.kind";
            bulk::insert(work, "entries (environment, address, resource, kind)", tail, rows).await?;
            bulk::delete(work, "entries", "address", environment.as_str(), gone).await
        }
    }
}

fn text(place: &str, resource: &Resource) -> Result<String> {
    serde_json::to_string(resource).map_err(|e| StoreError::unreadable(place, resource.address().to_string(), e))
}
