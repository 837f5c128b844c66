//! Making of somebody's copies what they are to be. What is cut short is gone on with by the next apply: what is being made is written
//! down before it is.

use std::collections::BTreeMap;

use chrono::Utc;
use polder_api::{ApplyProgress, PersonalAnswer};
use polder_model::job::Job;
use polder_model::resource::{Catalog, Table};
use polder_model::{Address, DomainName, Kind, Location, PrincipalName, Resource, SchemaName, Securable, fault};
use polder_plan::personal::{Decision, Kept, Prefix};
use polder_store::PersonalRow;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{PREFIX, Wanted, kept, right_beside};
use crate::apply::ApplyObserver;
use crate::catalog::{Act, NativeTable, NewSchema};
use crate::error::{Doing, Error, ErrorKind};
use crate::lease_guard::LeaseGuard;
use crate::platform::Platform;
use crate::run::job_lease;

/// The folder of copies in a domain's bucket. Layers' folders begin with a letter.
const FOLDER: &str = "_personal";

impl Platform {
    /// Makes of the caller's personal copies what the files change by now: copies that are new or have another definition begin empty,
    /// those of what does not differ any more go.
    ///
    /// # Errors
    /// As [`Platform::plan_personal`]; when another process is at it; when the storage or the state cannot be reached.
    pub async fn apply_personal(&self, observer: ApplyObserver<'_>) -> Result<PersonalAnswer, Error> {
        let days = self.allowed_days()?;
        self.sweep_personal(Utc::now()).await?;
        let _alone = self.alone_with(&self.act("find personal copies").await?.caller.principal.name).await?;
        // Looked at once nobody else changes them.
        let act = self.act("make personal copies").await?;
        let wanted = self.wanted_personal(&act, days).await?;
        // The first copies have no prefix until now, by which others would remove them.
        let _first = match self.personal_row(&wanted.principal).await? {
            Some(_) => None,
            None => Some(self.alone_with_prefix(wanted.prefix.as_str()).await?),
        };
        let answer = self.answer(&wanted);
        for original in wanted.originals.copied.values() {
            if let Some(Securable::Table(name) | Securable::View(name)) = original.resource.securable() {
                let (action, on) = right_beside(&act, &name);
                let _permit = act.demand(action, &on).await?;
            }
        }
        act.trail.done(&act.caller, "make personal copies of", wanted.prefix.as_str());
        act.record().await?;
        self.make_of(&act, wanted, observer).await?;
        Ok(answer)
    }

    /// Removes the personal copies of a prefix.
    ///
    /// # Errors
    /// When there are none, or they are somebody else's and the caller does not manage the metastore.
    pub async fn remove_personal(&self, prefix: &str) -> Result<(), Error> {
        let act = self.act("remove personal copies").await?;
        let own = |row: &PersonalRow| row.principal.as_ref() == Some(&act.caller.principal.name);
        let rows = self.personal_rows().await?;
        let found = rows.into_iter().find(|row| row.prefix == prefix);
        let none = || Error::new(ErrorKind::NotFound, "there are no such personal copies, or you may not know of them");
        let found = found.ok_or_else(|| none().with_hint("`polder personal list` lists those that you may know of"))?;
        if !own(&found) {
            act.demand(polder_access::Action::Manage, &Securable::Metastore).await.map_err(|_| none())?;
        }
        // Not before: whoever may not know of them is not told either that somebody changes them.
        let _alone = self.alone_with_prefix(prefix).await?;
        act.trail.done(&act.caller, "remove personal copies of", prefix);
        act.record().await?;
        let (act, rows) = (self.act("remove personal copies").await?, self.personal_rows().await?);
        match rows.iter().find(|row| row.prefix == prefix) {
            Some(row) => self.take_away(&act, row).await,
            None => Err(none()),
        }
    }

    /// Takes all of somebody's copies away.
    pub(super) async fn take_away(&self, act: &Act<'_>, row: &PersonalRow) -> Result<(), Error> {
        let kept = kept(row)?;
        let _at_rest = self.at_rest(&kept.jobs).await?;
        for catalog in &kept.catalogs {
            self.drop_catalog(act, catalog).await?;
        }
        fault::point("personal.removed");
        let forgotten = self.store.forget_personal(&self.environment.name, &row.prefix).await;
        forgotten.doing(ErrorKind::Unavailable, "cannot forget personal copies")
    }

    /// Keeps jobs from running until it is dropped: what they write is about to go.
    async fn at_rest(&self, jobs: &[Job]) -> Result<Vec<LeaseGuard>, Error> {
        let mut held = Vec::new();
        for job in jobs {
            let name = job_lease(&self.environment.name, &job.id);
            held.push(LeaseGuard::take(&self.store, &name, &format!("job {} is already running", job.id)).await?);
        }
        Ok(held)
    }

    /// Keeps everybody else out of one's copies until it is dropped.
    async fn alone_with(&self, principal: &PrincipalName) -> Result<LeaseGuard, Error> {
        match self.personal_row(principal).await? {
            Some(row) => self.alone_with_prefix(&row.prefix).await,
            // Nobody else has a prefix like this: none begins with a separator.
            None => self.alone_with_prefix(&format!("/{principal}")).await,
        }
    }

    pub(super) async fn alone_with_prefix(&self, prefix: &str) -> Result<LeaseGuard, Error> {
        let name = format!("personal {} {prefix}", self.environment.name);
        LeaseGuard::take(&self.store, &name, "these personal copies are being changed").await
    }

    async fn make_of(&self, act: &Act<'_>, wanted: Wanted, observer: ApplyObserver<'_>) -> Result<(), Error> {
        let Wanted { principal, prefix, kept, decisions, .. } = wanted;
        if decisions.is_empty() && kept == Kept::default() && self.personal_row(&principal).await?.is_none() {
            return Ok(());
        }
        let _at_rest = self.at_rest(&kept.jobs).await?;
        let going: Vec<&Address> = decisions.iter().filter(|decision| decision.removes()).map(|going| &going.address).collect();
        let making: Vec<&Resource> = decisions.iter().filter_map(Decision::makes).collect();
        let total = going.len() + making.len();
        let mut done = 0;
        let mut tell = |step: String| {
            observer(ApplyProgress { done, total, step });
            done += 1;
        };

        let mut now = kept.amid(&decisions);
        self.keep_copies_of(&principal, prefix.as_str(), &now).await?;
        fault::point("personal.begun");

        for address in going {
            tell(format!("remove {}", address.name()));
            if let Some(entry) = act.metastore.resources().get(address) {
                act.drop_one(entry, false).await?;
            }
            fault::point("personal.dropped");
        }
        for copy in making {
            tell(format!("make {}", copy.address().name()));
            self.make_copy(copy.clone(), prefix.as_str()).await?;
            fault::point("personal.made");
            now.made(copy);
        }
        now.objects.retain(|_, digest| digest.is_some());
        self.drop_what_is_empty(&mut now).await?;
        self.keep_copies_of(&principal, prefix.as_str(), &now).await
    }

    async fn keep_copies_of(&self, principal: &PrincipalName, prefix: &str, kept: &Kept) -> Result<(), Error> {
        let detail = serde_json::to_value(kept).doing(ErrorKind::Failed, "cannot write what personal copies are")?;
        let row = PersonalRow { prefix: prefix.to_owned(), principal: Some(principal.clone()), used: Utc::now(), detail };
        let written = self.store.keep_personal(&self.environment.name, &row).await;
        match written.doing(ErrorKind::Unavailable, "cannot keep what personal copies are")? {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Conflict, format!("somebody else was given the prefix {prefix} just now"))
                .with_hint("apply again: another is found")),
        }
    }

    async fn make_copy(&self, copy: Resource, prefix: &str) -> Result<(), Error> {
        let name = match &copy {
            Resource::Table(table) => table.name.clone(),
            Resource::View(view) => view.name.clone(),
            _ => return Ok(()),
        };
        self.make_room(&name.catalog, &name.schema, prefix).await?;
        let act = self.act("make a personal copy").await?;
        match copy {
            Resource::Table(table) => self.make_copied_table(&act, *table).await,
            view => act.make(view, Uuid::new_v4(), false, false, &BTreeMap::new(), &Value::Null).await.map(drop),
        }
    }

    async fn make_copied_table(&self, act: &Act<'_>, table: Table) -> Result<(), Error> {
        let mut unnamed = self.unnamed_table(act, NativeTable::like(&table, table.name.clone())).await?;
        unnamed.table.dataset = table.dataset;
        let (id, table) = (unnamed.id, unnamed.table.clone());
        let made = match self.lake.create_table(&table, id).await {
            Ok(()) => self.name_table(act, unnamed).await.map(drop),
            Err(error) => Err(error).doing(ErrorKind::Unavailable, format!("cannot make {}", table.name)),
        };
        if made.is_err() {
            self.abandon_table(id, &table).await;
        }
        made
    }

    /// Makes the catalog and the schema of a copy, where they are not there. Its storage is a folder in that of the domain.
    async fn make_room(&self, catalog: &DomainName, schema: &SchemaName, prefix: &str) -> Result<(), Error> {
        let act = self.act("make room for personal copies").await?;
        let there = |what: Securable| what.address().is_some_and(|address| act.metastore.resources().contains_key(&address));
        if !there(Securable::Catalog(catalog.clone())) {
            let domain = Prefix::kept(prefix.to_owned()).domain(catalog);
            let root = domain.as_ref().and_then(|domain| act.bucket_of(domain)).map(|bucket| Location {
                provider: bucket.provider,
                bucket: bucket.name.clone(),
                prefix: format!("{FOLDER}/{prefix}"),
            });
            let owner = act.caller.principal.name.clone();
            let comment = format!("Personal copies of what {owner} changes");
            let entry = Resource::Catalog(Catalog { name: catalog.clone(), owner, comment });
            act.make(entry, Uuid::new_v4(), false, false, &BTreeMap::new(), &json!({ "storage_root": root, PREFIX: prefix }))
                .await?;
        }
        if !there(Securable::Schema(catalog.clone(), schema.clone())) {
            let (comment, properties) = (String::new(), BTreeMap::new());
            self.create_schema(NewSchema { catalog: catalog.clone(), name: schema.clone(), comment, properties }).await?;
        }
        Ok(())
    }

    /// Drops the catalogs and schemas of copies in which nothing is.
    async fn drop_what_is_empty(&self, kept: &mut Kept) -> Result<(), Error> {
        let act = self.act("tidy personal copies").await?;
        for catalog in std::mem::take(&mut kept.catalogs) {
            let holds = |within: &Securable| act.contents(within).iter().any(|entry| entry.kind() != Kind::Schema);
            let whole = Securable::Catalog(catalog.clone());
            if !holds(&whole) {
                self.drop_catalog(&act, &catalog).await?;
                continue;
            }
            for entry in act.contents(&whole) {
                if let Resource::Schema(schema) = &*entry
                    && !holds(&Securable::Schema(schema.catalog.clone(), schema.name.clone()))
                {
                    act.drop_one(&entry, false).await?;
                }
            }
            kept.catalogs.insert(catalog);
        }
        Ok(())
    }

    /// Drops a catalog of copies with all that is in it, what its owner made there by hand too.
    async fn drop_catalog(&self, act: &Act<'_>, catalog: &DomainName) -> Result<(), Error> {
        let what = Securable::Catalog(catalog.clone());
        let made = self.store.made(self.environment()).await;
        let made = made.doing(ErrorKind::Unavailable, "cannot read what clients made")?;
        let own = what.address().and_then(|address| act.metastore.resources().get(&address).cloned());
        for entry in act.contents(&what).iter().chain(&own) {
            // What files declare by now is not a copy any more.
            if let Some(made) = made.get(&entry.address()) {
                act.drop_one(entry, made.external).await?;
            }
        }
        Ok(())
    }
}
