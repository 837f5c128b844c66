//! Objects as the catalog shows them: the entry, its id, its URL and its times. Lists and single ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use polder_access::Action;
use polder_model::{Address, DomainName, Kind, Resource, SchemaName, Securable, TableName};
use polder_store::MadeObject;
use uuid::Uuid;

use super::{Act, not_there};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// An object with what clients of the catalog know it by.
#[derive(Debug, Clone)]
pub struct CatalogObject {
    /// Its entry.
    pub resource: Arc<Resource>,
    /// Its id.
    pub id: Uuid,
    /// Where its files are.
    pub url: Option<String>,
    /// When it was made and last changed.
    pub times: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// What a client that made it said of it; `None` when files declare it.
    pub made: Option<MadeObject>,
}

/// What is listed.
#[derive(Debug, Clone)]
pub enum Listing {
    /// Every catalog.
    Catalogs,
    /// The schemas of a catalog.
    Schemas(DomainName),
    /// The tables and views of a schema.
    Tables(DomainName, SchemaName),
    /// The volumes of a schema.
    Volumes(DomainName, SchemaName),
}

impl Listing {
    fn within(&self) -> Option<Securable> {
        match self {
            Self::Catalogs => None,
            Self::Schemas(catalog) => Some(Securable::Catalog(catalog.clone())),
            Self::Tables(catalog, schema) | Self::Volumes(catalog, schema) => {
                Some(Securable::Schema(catalog.clone(), schema.clone()))
            }
        }
    }

    const fn kinds(&self) -> &'static [Kind] {
        match self {
            Self::Catalogs => &[Kind::Catalog],
            Self::Schemas(_) => &[Kind::Schema],
            Self::Tables(..) => &[Kind::Table, Kind::ForeignTable, Kind::View],
            Self::Volumes(..) => &[Kind::Volume],
        }
    }

    fn prefix(&self) -> String {
        self.within().map(|within| format!("{}.", within.full_name())).unwrap_or_default()
    }
}

impl Platform {
    /// What the caller may know of, by name.
    ///
    /// # Errors
    /// When what it is in is not there, or the caller may not know of it.
    pub async fn catalog_list(&self, listing: &Listing) -> Result<Vec<CatalogObject>, Error> {
        let act = self.act("list").await?;
        if let Some(within) = listing.within() {
            act.demand(Action::Browse, &within).await?;
        }
        let prefix = listing.prefix();
        let mut found: Vec<Arc<Resource>> = Vec::new();
        for &kind in listing.kinds() {
            let from = Address::new(kind, &prefix);
            let entries = act.metastore.resources().range(from..);
            let inside = entries.take_while(|(address, _)| address.kind() == kind && address.name().starts_with(&prefix));
            let seen = inside.filter(|(_, entry)| {
                entry.securable().is_some_and(|securable| act.metastore.authorizer().visible(&act.caller, &securable))
            });
            found.extend(seen.map(|(_, entry)| entry.clone()));
        }
        act.trail.done(&act.caller, "list", &listing.within().map_or_else(|| "catalogs".to_owned(), |within| within.to_string()));
        act.record().await?;
        let mut objects = self.dressed(found, listing.kinds(), &prefix).await?;
        objects.sort_by_cached_key(|object| object.resource.address().name().to_owned());
        Ok(objects)
    }

    /// One object.
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it.
    pub async fn catalog_object(&self, what: &Securable) -> Result<CatalogObject, Error> {
        let act = self.act("describe").await?;
        act.object(what).await
    }

    /// The table or view of a name.
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it.
    pub async fn catalog_table(&self, name: &TableName) -> Result<CatalogObject, Error> {
        let act = self.act("describe").await?;
        let what = act.table_or_view(name);
        act.object(&what).await
    }

    /// The table, view or volume of an id.
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it.
    pub async fn catalog_object_of_id(&self, id: Uuid) -> Result<CatalogObject, Error> {
        let act = self.act("describe").await?;
        match self.named_by(&act, id).await? {
            Some(what) => act.object(&what).await,
            None => Err(not_there(&id.to_string())),
        }
    }

    /// What has an id, whoever may know of it.
    pub(super) async fn named_by(&self, act: &Act<'_>, id: Uuid) -> Result<Option<Securable>, Error> {
        let unavailable = "cannot read ids of the catalog";
        let table = self.store.table_of_id(self.environment(), id).await.doing(ErrorKind::Unavailable, unavailable)?;
        if let Some(table) = table {
            return Ok(Some(Securable::Table(table)));
        }
        let made = self.store.made(self.environment()).await.doing(ErrorKind::Unavailable, unavailable)?;
        let made = made.into_values().find(|made| made.id == id).map(|made| made.address);
        let derived = || {
            let mut addresses = act.metastore.resources().keys().skip_while(|address| address.kind() < Kind::Table);
            addresses.find(|address| self.derived_id(&address.to_string()) == id).cloned()
        };
        let entry = made.or_else(derived).and_then(|address| act.metastore.resources().get(&address));
        Ok(entry.and_then(|entry| entry.securable()))
    }

    /// Entries with their ids, URLs and times.
    pub(super) async fn dressed(
        &self,
        entries: Vec<Arc<Resource>>,
        kinds: &[Kind],
        prefix: &str,
    ) -> Result<Vec<CatalogObject>, Error> {
        let environment = self.environment();
        let unavailable = "cannot read what the catalog knows of objects";
        let mut made = self.store.made(environment).await.doing(ErrorKind::Unavailable, unavailable)?;
        let mut times = BTreeMap::new();
        for &kind in kinds {
            let addresses = format!("{}", Address::new(kind, prefix));
            times.extend(self.store.object_times(environment, &addresses).await.doing(ErrorKind::Unavailable, unavailable)?);
        }
        let ids = match kinds.contains(&Kind::Table) {
            true => self.store.table_ids(environment, prefix).await.doing(ErrorKind::Unavailable, unavailable)?,
            false => BTreeMap::new(),
        };
        let dress = |resource: Arc<Resource>| {
            let address = resource.address();
            let made = made.remove(&address);
            let of_table = match &*resource {
                Resource::Table(table) => ids.get(&table.name).copied(),
                _ => None,
            };
            let id = made.as_ref().map(|made| made.id).or(of_table).unwrap_or_else(|| self.derived_id(&address.to_string()));
            CatalogObject { url: self.url_of(&resource), times: times.get(&address).copied(), id, made, resource }
        };
        Ok(entries.into_iter().map(dress).collect())
    }

    /// One entry with its id, URL and times: found by keys, however many there are.
    pub(super) async fn dressed_one(&self, resource: Arc<Resource>) -> Result<CatalogObject, Error> {
        let (environment, address) = (self.environment(), resource.address());
        let unavailable = "cannot read what the catalog knows of an object";
        let made = self.store.made_at(environment, &address).await.doing(ErrorKind::Unavailable, unavailable)?;
        let times = self.store.object_time(environment, &address).await.doing(ErrorKind::Unavailable, unavailable)?;
        let of_table = match (&*resource, &made) {
            (Resource::Table(table), None) => {
                self.store.table_id(environment, &table.name).await.doing(ErrorKind::Unavailable, unavailable)?
            }
            _ => None,
        };
        let id = made.as_ref().map(|made| made.id).or(of_table).unwrap_or_else(|| self.derived_id(&address.to_string()));
        Ok(CatalogObject { url: self.url_of(&resource), times, id, made, resource })
    }

    fn url_of(&self, resource: &Resource) -> Option<String> {
        let location = match resource {
            Resource::Table(table) => &table.location,
            Resource::Volume(volume) => &volume.location,
            _ => return None,
        };
        self.lake.url(location).ok()
    }
}

impl Act<'_> {
    /// An object that the caller may know of.
    pub(super) async fn object(&self, what: &Securable) -> Result<CatalogObject, Error> {
        self.demand(Action::Browse, what).await?;
        let entry = what.address().and_then(|address| self.metastore.resources().get(&address));
        let entry = entry.ok_or_else(|| not_there(&what.full_name()))?;
        self.platform.dressed_one(entry.clone()).await
    }
}
