//! Objects that clients made and whose owner is removed: whoever is called so later does not come into them.
//!
//! Every object has an owner. What is in a catalog becomes its owner's, who has all rights to it anyway, so that those who ask for
//! access still find somebody. Where there is no such owner, or more rights would follow, it is nobody's, and nobody is called so.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use polder_model::principal::NOBODY;
use polder_model::{Address, DomainName, EnvironmentName, PrincipalName, Resource};

use crate::error::{Result, StoreError};
use crate::work::Work;
use crate::{entries, made, resources};

/// Gives the objects that clients made, and no file declares, to others than an owner who is removed.
pub(crate) async fn bequeath(work: &mut Work, owner: &PrincipalName, by: &str, now: DateTime<Utc>) -> Result<()> {
    let rows = work.rows(sqlx::query("select distinct environment from made_objects")).await?;
    let environments: Vec<_> = rows.iter().map(|row| row.read("environment", EnvironmentName::new)).collect::<Result<_>>()?;
    for environment in environments {
        bequeath_in(work, &environment, owner, by, now).await?;
    }
    Ok(())
}

/// The same in one environment, out of which alone the owner is taken.
pub(crate) async fn bequeath_in(
    work: &mut Work,
    environment: &EnvironmentName,
    owner: &PrincipalName,
    by: &str,
    now: DateTime<Utc>,
) -> Result<()> {
    let nobody = PrincipalName::new(NOBODY).map_err(|e| StoreError::unreadable(&work.place, NOBODY.to_owned(), e))?;
    let mut objects = owned(work, environment, owner).await?;
    if objects.is_empty() {
        return Ok(());
    }
    let catalogs = owners_of_catalogs(work, environment).await?;
    for object in objects.values_mut() {
        give(object, &catalogs, &nobody);
    }
    let changes = objects.iter().map(|(address, object)| (address.clone(), Some(object))).collect();
    entries::change(work, environment, &changes).await?;
    made::touch(work, environment, objects.keys(), by, now).await
}

/// The objects of an owner that clients made and no file declares.
async fn owned(work: &mut Work, environment: &EnvironmentName, owner: &PrincipalName) -> Result<BTreeMap<Address, Resource>> {
    let sql = sqlx::query(
        "select address, resource from entries where environment = $1 and resource like $2 \
         and address in (select address from made_objects where environment = $1) \
         and address not in (select address from recorded where environment = $1)",
    );
    // This lets more through than it should: a name may have '_', which stands for any letter. It spares reading all the others.
    let pattern = format!("%\"owner\":\"{owner}\"%");
    let mut found = resources::load(work, sql.bind(environment.to_string()).bind(pattern)).await?;
    found.retain(|_, object| object.owner() == Some(owner));
    Ok(found)
}

async fn owners_of_catalogs(work: &mut Work, environment: &EnvironmentName) -> Result<BTreeMap<DomainName, PrincipalName>> {
    let sql = sqlx::query("select address, resource from entries where environment = $1 and kind = 'catalog'");
    let found = resources::load(work, sql.bind(environment.to_string())).await?;
    let owner = |entry| match entry {
        Resource::Catalog(catalog) => Some((catalog.name, catalog.owner)),
        _ => None,
    };
    Ok(found.into_values().filter_map(owner).collect())
}

/// Gives an object to the owner of the catalog that it is in, or to nobody.
fn give(object: &mut Resource, catalogs: &BTreeMap<DomainName, PrincipalName>, nobody: &PrincipalName) {
    let (owner, catalog) = match object {
        Resource::Schema(schema) => (&mut schema.owner, Some(&schema.catalog)),
        Resource::Table(table) => (&mut table.owner, Some(&table.name.catalog)),
        Resource::Volume(volume) => (&mut volume.owner, Some(&volume.name.catalog)),
        // A view reads by its owner's rights: by those of the catalog's owner it would show more than it did.
        Resource::View(view) => (&mut view.owner, None),
        Resource::Catalog(catalog) => (&mut catalog.owner, None),
        // Clients make nothing else.
        _ => return,
    };
    let heir = catalog.and_then(|catalog| catalogs.get(catalog)).filter(|heir| **heir != *owner);
    owner.clone_from(heir.unwrap_or(nobody));
}
