//! Dropping what clients made. What files declare goes when they no longer declare it.

use std::sync::Arc;

use polder_access::Action;
use polder_model::connection::Database;
use polder_model::{Address, Kind, Resource, Securable, TableName};

use super::{Act, declared, not_there};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

impl Platform {
    /// Drops something that a client made; with `force`, also all that is in it.
    ///
    /// # Errors
    /// When the caller may not, files declare it or something in it, something is in it, or others keep it.
    pub async fn drop_object(&self, what: &Securable, force: bool) -> Result<(), Error> {
        let act = self.act("drop").await?;
        act.is_here(what).await?;
        act.demand(Action::Manage, what).await?;
        let contents = act.contents(what);
        if !contents.is_empty() && !force {
            return Err(Error::new(ErrorKind::Conflict, format!("{what} is not empty"))
                .with_hint("drop what is in it, or all of it at once: CASCADE in SQL, `force` over the API"));
        }
        let mut going: Vec<Arc<Resource>> = contents;
        let entry = what.address().and_then(|address| act.metastore.resources().get(&address).cloned());
        going.push(entry.ok_or_else(|| not_there(&what.full_name()))?);
        // All of it is looked at before any of it goes.
        let made = self.store.made(self.environment()).await;
        let made = made.doing(ErrorKind::Unavailable, "cannot read what clients made")?;
        if going.iter().any(|entry| !made.contains_key(&entry.address())) {
            return Err(declared(what));
        }
        for entry in &going {
            let external = made.get(&entry.address()).is_none_or(|made| made.external);
            act.drop_one(entry, external).await?;
        }
        Ok(())
    }

    /// Drops the table or view of a name.
    ///
    /// # Errors
    /// As [`Platform::drop_object`].
    pub async fn drop_table(&self, name: &TableName) -> Result<(), Error> {
        let what = self.act("drop").await?.table_or_view(name);
        self.drop_object(&what, false).await
    }
}

impl Act<'_> {
    /// Refuses what others keep, with where it is declared, to whoever may know of it.
    async fn is_here(&self, what: &Securable) -> Result<(), Error> {
        let Some(connection) = what.catalog().and_then(|catalog| self.metastore.connection(catalog)) else { return Ok(()) };
        let what = match what {
            Securable::Table(name) => &self.table_or_view(name),
            other => other,
        };
        self.demand(Action::Browse, what).await?;
        let (name, domain) = (&connection.name, &connection.domain);
        let keeps = match connection.database {
            Database::DeltaSharing(_) => "share",
            _ => "database",
        };
        let message = format!("{what} is of the connection {name}: it is kept by a {keeps} of others, and is not dropped here");
        let hint = format!(
            "take it out of the connection's descriptor in domains/{domain}/connections/ and apply: then it is not shown"
        );
        Err(Error::new(ErrorKind::Conflict, message).with_hint(hint))
    }

    /// All that is in a catalog or schema, the innermost first.
    pub(crate) fn contents(&self, what: &Securable) -> Vec<Arc<Resource>> {
        if !matches!(what, Securable::Catalog(_) | Securable::Schema(..)) {
            return Vec::new();
        }
        let prefix = format!("{}.", what.full_name());
        let kinds = [Kind::Table, Kind::ForeignTable, Kind::View, Kind::Volume, Kind::Schema];
        let inside = kinds.into_iter().flat_map(|kind| {
            let from = Address::new(kind, &prefix);
            let entries = self.metastore.resources().range(from..);
            entries.take_while(|(address, _)| address.kind() == kind && address.name().starts_with(&prefix)).collect::<Vec<_>>()
        });
        inside.map(|(_, entry)| entry.clone()).collect()
    }

    pub(crate) async fn drop_one(&self, entry: &Resource, external: bool) -> Result<(), Error> {
        let platform = self.platform;
        let files = match entry {
            Resource::Table(table) if !external => Some(&table.location),
            Resource::Volume(volume) if !external => Some(&volume.location),
            _ => None,
        };
        let by = &self.caller.principal.name;
        let made = platform.store.made_at(platform.environment(), &entry.address()).await;
        let made = made.doing(ErrorKind::Unavailable, "cannot read what clients made")?;
        let unmade = platform.store.unmake(platform.environment(), entry, files, by, self.now).await;
        if unmade.doing(ErrorKind::Unavailable, format!("cannot drop {}", entry.address()))?
            && let (Some(location), Some(made)) = (files, made)
        {
            platform.empty(made.id, location).await?;
        }
        Ok(())
    }
}
