//! Making catalogs, schemas, tables, views and volumes, by whoever has the right to, where production allows it.

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_access::Action;
use polder_model::resource::{Catalog, Schema, Table, TableFormat, View, ViewRights, Volume};
use polder_model::{Column, DatasetId, DomainName, Location, Resource, SchemaName, Securable, TableName};
use polder_store::{Made, NewObject};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Act, CatalogObject, exists, not_there, showable};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;
use crate::views;

/// A catalog to be made.
#[derive(Debug, Clone)]
pub struct NewCatalog {
    /// Its name.
    pub name: DomainName,
    /// What is in it.
    pub comment: String,
    /// Properties.
    pub properties: BTreeMap<String, String>,
    /// Where its managed tables go; for a metastore admin to say.
    pub storage_root: Option<String>,
}

/// A schema to be made.
#[derive(Debug, Clone)]
pub struct NewSchema {
    /// The catalog it is in.
    pub catalog: DomainName,
    /// Its name.
    pub name: SchemaName,
    /// What is in it.
    pub comment: String,
    /// Properties.
    pub properties: BTreeMap<String, String>,
}

/// A table to be made. Its files are there already, or its client makes them next.
#[derive(Debug, Clone)]
pub struct NewTable {
    /// Its name.
    pub name: TableName,
    /// What it holds.
    pub comment: String,
    /// How its files are kept.
    pub format: TableFormat,
    /// Its columns.
    pub columns: Vec<Column>,
    /// The columns its folders are split by.
    pub partition_columns: Vec<String>,
    /// Properties.
    pub properties: BTreeMap<String, String>,
    /// What only the catalog's protocol knows of it.
    pub detail: Value,
    /// Where its files are.
    pub url: String,
    /// Whether they are where the client says, rather than in a folder that was set aside.
    pub external: bool,
}

/// A view to be made.
#[derive(Debug, Clone)]
pub struct NewView {
    /// Its name.
    pub name: TableName,
    /// What it shows.
    pub comment: String,
    /// The query, over full names.
    pub sql: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Properties.
    pub properties: BTreeMap<String, String>,
}

/// A volume to be made.
#[derive(Debug, Clone)]
pub struct NewVolume {
    /// Its name.
    pub name: TableName,
    /// What it holds.
    pub comment: String,
    /// Where its files are; a folder is set aside for a managed one.
    pub url: Option<String>,
}

impl Platform {
    /// Makes a catalog.
    ///
    /// # Errors
    /// When the caller may not, or there is one of this name.
    pub async fn create_catalog(&self, new: NewCatalog) -> Result<CatalogObject, Error> {
        let act = self.act("create a catalog").await?;
        act.demand(Action::CreateCatalog, &Securable::Metastore).await?;
        let root = match &new.storage_root {
            None => Value::Null,
            Some(url) => {
                act.demand(Action::Manage, &Securable::Metastore).await?;
                let location = self.elsewhere(&act, url)?;
                serde_json::to_value(location).doing(ErrorKind::Failed, "cannot keep the catalog's storage")?
            }
        };
        let owner = act.caller.principal.name.clone();
        let catalog = Resource::Catalog(Catalog { name: new.name, owner, comment: new.comment });
        act.make(catalog, Uuid::new_v4(), false, false, &new.properties, &json!({ "storage_root": root })).await
    }

    /// Makes a schema.
    ///
    /// # Errors
    /// When the caller may not, or there is one of this name.
    pub async fn create_schema(&self, new: NewSchema) -> Result<CatalogObject, Error> {
        let act = self.act("create a schema").await?;
        act.demand(Action::CreateSchema, &Securable::Catalog(new.catalog.clone())).await?;
        let owner = act.caller.principal.name.clone();
        let schema = Resource::Schema(Schema { catalog: new.catalog, name: new.name, owner });
        act.make(schema, Uuid::new_v4(), false, false, &new.properties, &json!({ "comment": new.comment })).await
    }

    /// Makes a table: a managed one in a folder that was set aside for it, an external one where its files are.
    ///
    /// # Errors
    /// When the caller may not, there is a table or view of this name, or the place is not the table's to have.
    pub async fn create_table(&self, new: NewTable) -> Result<CatalogObject, Error> {
        let act = self.act("create a table").await?;
        let schema = Securable::Schema(new.name.catalog.clone(), new.name.schema.clone());
        act.demand(Action::CreateTable, &schema).await?;
        act.vacant(&act.table_or_view(&new.name))?;
        let (id, location) = if new.external {
            // Whoever may point a table at files may read them all: they are the catalog owner's to give.
            act.demand_storage(&new.name.catalog).await?;
            (Uuid::new_v4(), act.in_own_storage(&new.name.catalog, &new.url)?)
        } else {
            let staged = self.staged_for(&act, &new.name, &new.url).await?;
            (staged.id, staged.location)
        };
        let managed_commits = !new.external;
        let table = Table {
            dataset: dataset(&new.name)?,
            name: new.name,
            owner: act.caller.principal.name.clone(),
            comment: new.comment,
            location,
            placement_reason: String::new(),
            format: new.format,
            columns: new.columns,
            partition_columns: new.partition_columns,
            has_history: false,
            properties: BTreeMap::new(),
            hot_storage: None,
            usage: None,
            row_filters: Vec::new(),
            checks: Vec::new(),
        };
        let resource = Resource::Table(Box::new(table));
        act.make(resource, id, new.external, managed_commits, &new.properties, &new.detail).await
    }

    /// Makes a view. It reads with the rights of whoever makes it, and shows each reader what the reader may see.
    ///
    /// # Errors
    /// When the caller may not, there is a table or view of this name, or its query names no table.
    pub async fn create_view(&self, new: NewView) -> Result<CatalogObject, Error> {
        let act = self.act("create a view").await?;
        let schema = Securable::Schema(new.name.catalog.clone(), new.name.schema.clone());
        act.demand(Action::CreateTable, &schema).await?;
        act.vacant(&act.table_or_view(&new.name))?;
        let owner = act.caller.principal.name.clone();
        let dataset = dataset(&new.name)?;
        let view = View {
            name: new.name,
            dataset,
            owner,
            comment: new.comment,
            sql: new.sql,
            columns: new.columns,
            measures: Vec::new(),
            rights: ViewRights::Definer,
        };
        if views::names(&view).is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "the view's definition is no query over tables by their full names"));
        }
        act.make(Resource::View(view), Uuid::new_v4(), false, false, &new.properties, &Value::Null).await
    }

    /// Makes a volume.
    ///
    /// # Errors
    /// When the caller may not, there is one of this name, or the place is not the volume's to have.
    pub async fn create_volume(&self, new: NewVolume) -> Result<CatalogObject, Error> {
        let act = self.act("create a volume").await?;
        let schema = Securable::Schema(new.name.catalog.clone(), new.name.schema.clone());
        act.demand(Action::CreateVolume, &schema).await?;
        let id = Uuid::new_v4();
        let location = match &new.url {
            Some(url) => {
                act.demand_storage(&new.name.catalog).await?;
                act.in_own_storage(&new.name.catalog, url)?
            }
            None => self.managed_folder(&act, &new.name.catalog, id).await?,
        };
        act.vacant(&Securable::Volume(new.name.clone()))?;
        let made = self.lake.make_folder(&location).await;
        made.doing(ErrorKind::Unavailable, "cannot make the volume's folder")?;
        let owner = act.caller.principal.name.clone();
        let volume = Volume { dataset: dataset(&new.name)?, name: new.name, owner, comment: new.comment, location };
        act.make(Resource::Volume(volume), id, new.url.is_some(), false, &BTreeMap::new(), &Value::Null).await
    }

    /// A place that nothing else has, for a catalog's own storage.
    fn elsewhere(&self, act: &Act<'_>, url: &str) -> Result<Location, Error> {
        let location = self.lake.locate(url).ok_or_else(|| not_storage(url))?;
        act.unused(&location)?;
        Ok(location)
    }
}

impl Act<'_> {
    /// Writes the entry, if nothing has its address.
    pub(crate) async fn make(
        &self,
        resource: Resource,
        id: Uuid,
        external: bool,
        managed_commits: bool,
        properties: &BTreeMap<String, String>,
        detail: &Value,
    ) -> Result<CatalogObject, Error> {
        showable(&(&resource, properties, detail))?;
        let platform = self.platform;
        let by = &self.caller.principal.name;
        let new = NewObject { resource: &resource, id, external, managed_commits, properties, detail, by, now: self.now };
        let made = platform.store.make(platform.environment(), &new).await;
        let what = resource.securable().unwrap_or(Securable::Metastore);
        match made.doing(ErrorKind::Unavailable, format!("cannot make {what}"))? {
            Made::Done => {}
            Made::Exists => return Err(exists(&what)),
            Made::NotStaged => return Err(not_there("staging table of this location")),
        }
        platform.dressed_one(Arc::new(resource)).await
    }

    /// Sees that nothing has a name.
    pub(super) fn vacant(&self, what: &Securable) -> Result<(), Error> {
        let taken = what.address().is_some_and(|address| self.metastore.resources().contains_key(&address));
        if taken { Err(exists(what)) } else { Ok(()) }
    }

    /// The place that a client's URL means, in the storage of a catalog and used by nothing.
    pub(super) fn in_own_storage(&self, catalog: &DomainName, url: &str) -> Result<Location, Error> {
        let location = self.platform.lake.locate(url).ok_or_else(|| not_storage(url))?;
        let is_own = self.metastore.resources().values().any(|entry| match &**entry {
            Resource::Bucket(bucket) => {
                bucket.domain == *catalog && bucket.provider == location.provider && bucket.name == location.bucket
            }
            _ => false,
        });
        if !is_own && location.bucket != self.own_bucket(catalog)? {
            return Err(not_storage(url).with_hint(format!("it has to be in a bucket of {catalog}")));
        }
        self.unused(&location)?;
        Ok(location)
    }

    /// Sees that no table or volume has its files in a place, around it or in it.
    fn unused(&self, location: &Location) -> Result<(), Error> {
        let within =
            |inner: &str, outer: &str| inner == outer || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
        let overlaps = |other: &Location| {
            (other.provider, &other.bucket) == (location.provider, &location.bucket)
                && (within(&other.prefix, &location.prefix) || within(&location.prefix, &other.prefix))
        };
        let used = self.metastore.resources().values().any(|entry| match &**entry {
            Resource::Table(table) => overlaps(&table.location),
            Resource::Volume(volume) => overlaps(&volume.location),
            _ => false,
        });
        // What uses it is not told: the caller may not know of it.
        let reserved =
            location.prefix == super::stage::FOLDER || location.prefix.starts_with(&format!("{}/", super::stage::FOLDER));
        match used || reserved {
            true => Err(Error::new(ErrorKind::Invalid, "that place is used by something else")),
            false => Ok(()),
        }
    }
}

fn not_storage(url: &str) -> Error {
    let shown: String = url.split('?').next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    Error::new(ErrorKind::Invalid, format!("{shown:?} is no place in the storage of this environment"))
}

/// The dataset that a table is, which a client made: version 1 of its name.
pub(super) fn dataset(name: &TableName) -> Result<DatasetId, Error> {
    let version = polder_model::Version::new(1).doing(ErrorKind::Failed, "cannot number the table")?;
    Ok(DatasetId { domain: name.catalog.clone(), name: name.object.clone(), version })
}
