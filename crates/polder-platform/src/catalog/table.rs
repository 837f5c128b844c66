//! Changes of what clients made that are no commits: comments, properties, names.

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_access::Action;
use polder_model::{Column, ObjectName, Resource, Securable, TableName};
use polder_store::Alteration;
use serde_json::Value;

use super::{Act, CatalogObject, declared, exists, not_there, showable};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// A change of a table, or of anything else that has some of these.
#[derive(Debug, Clone, Default)]
pub struct TableChange {
    /// The new comment.
    pub comment: Option<String>,
    /// The new columns.
    pub columns: Option<Vec<Column>>,
    /// The new query, of a view.
    pub sql: Option<String>,
    /// The new partition columns.
    pub partition_columns: Option<Vec<String>>,
    /// All of the new properties.
    pub properties: Option<BTreeMap<String, String>>,
    /// What only the catalog's protocol knows, anew.
    pub detail: Option<Value>,
    /// The revision that it must have.
    pub expected_revision: Option<u64>,
}

impl TableChange {
    /// Whether nothing changes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.comment.is_none()
            && self.columns.is_none()
            && self.sql.is_none()
            && self.partition_columns.is_none()
            && self.properties.is_none()
            && self.detail.is_none()
    }

    /// The entry as it would be.
    pub(super) fn of(&self, resource: &Resource) -> Resource {
        let mut resource = resource.clone();
        if let Some(comment) = &self.comment {
            match &mut resource {
                Resource::Catalog(catalog) => catalog.comment.clone_from(comment),
                Resource::Table(table) => table.comment.clone_from(comment),
                Resource::View(view) => view.comment.clone_from(comment),
                Resource::Volume(volume) => volume.comment.clone_from(comment),
                _ => {}
            }
        }
        if let Resource::View(view) = &mut resource {
            if let Some(columns) = &self.columns {
                view.columns.clone_from(columns);
            }
            if let Some(sql) = &self.sql {
                view.sql.clone_from(sql);
            }
        }
        if let Resource::Table(table) = &mut resource {
            if let Some(columns) = &self.columns {
                table.columns.clone_from(columns);
            }
            if let Some(columns) = &self.partition_columns {
                table.partition_columns.clone_from(columns);
            }
        }
        resource
    }
}

impl Platform {
    /// Changes something that a client made.
    ///
    /// # Errors
    /// When the caller may not, files declare it, or it has another revision than expected.
    pub async fn change_object(&self, what: &Securable, change: &TableChange) -> Result<CatalogObject, Error> {
        let act = self.act("change").await?;
        act.demand(Action::Manage, what).await?;
        let object = act.made_object(what).await?;
        let resource = change.of(&object.resource);
        showable(&(&resource, &change.properties, &change.detail))?;
        let alteration =
            Alteration { resource: &resource, properties: change.properties.as_ref(), detail: change.detail.as_ref() };
        let by = &act.caller.principal.name;
        let altered = self.store.alter_made(self.environment(), &alteration, change.expected_revision, by, act.now).await;
        if !altered.doing(ErrorKind::Unavailable, format!("cannot change {what}"))? {
            return Err(Error::new(ErrorKind::Conflict, format!("{what} was changed by someone else")));
        }
        self.dressed_one(Arc::new(resource)).await
    }

    /// Gives a table that a client made another name in its schema.
    ///
    /// # Errors
    /// When the caller may not, files declare it, or something has the new name.
    pub async fn rename_table(&self, name: &TableName, new: &ObjectName) -> Result<(), Error> {
        self.move_table(name, &TableName { object: new.clone(), ..name.clone() }).await
    }

    /// Gives a table that a client made another name, perhaps in another schema of its catalog. What was granted on the table goes
    /// with it; what was granted on the schema that it was in is not its any more.
    ///
    /// # Errors
    /// When the caller may not, files declare it, something has the new name, or that is in another catalog.
    pub async fn move_table(&self, name: &TableName, new: &TableName) -> Result<(), Error> {
        if new.catalog != name.catalog {
            let message = format!("{name} is of catalog {}, whose storage its files are in", name.catalog);
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("clone it there, and drop it here"));
        }
        let act = self.act("rename a table").await?;
        let what = Securable::Table(name.clone());
        act.demand(Action::Manage, &what).await?;
        act.demand(Action::CreateTable, &Securable::Schema(new.catalog.clone(), new.schema.clone())).await?;
        let object = act.made_object(&what).await?;
        let Resource::Table(table) = &*object.resource else { return Err(not_there(&name.to_string())) };
        let mut table = table.clone();
        table.name = new.clone();
        table.dataset.name = new.object.clone();
        let renamed = Resource::Table(table);
        let (from, by) = (object.resource.address(), &act.caller.principal.name);
        let done = self.store.rename_made(self.environment(), &from, &renamed, by, act.now).await;
        match done.doing(ErrorKind::Unavailable, format!("cannot rename {what}"))? {
            true => Ok(()),
            false => Err(exists(&Securable::Table(new.clone()))),
        }
    }
}

impl Act<'_> {
    /// An object that a client made. One that files declare is refused.
    pub(crate) async fn made_object(&self, what: &Securable) -> Result<CatalogObject, Error> {
        let object = self.object(what).await?;
        if object.made.is_some() { Ok(object) } else { Err(declared(what)) }
    }
}
