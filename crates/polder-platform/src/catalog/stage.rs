//! Folders for tables that clients are about to make: cheap to set aside, emptied when nothing came of them.

use chrono::TimeDelta;
use polder_access::Action;
use polder_model::resource::Bucket;
use polder_model::{BucketName, DomainName, Location, Provider, Resource, Securable, TableName};
use polder_store::StagingTable;
use uuid::Uuid;

use super::{Act, exists, not_there};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// The folder of a bucket in which tables are that clients made.
pub(super) const FOLDER: &str = "managed";
/// How long a client has to make a table of a folder that it asked for.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// A folder that was set aside.
#[derive(Debug, Clone)]
pub struct Staged {
    /// The id that the table will have.
    pub id: Uuid,
    /// The table's name.
    pub table: TableName,
    /// The folder.
    pub url: String,
}

impl Platform {
    /// Sets a folder aside for a table.
    ///
    /// # Errors
    /// When the caller may not make tables there, there is one of this name, or the catalog has no storage.
    pub async fn stage_table(&self, table: &TableName) -> Result<Staged, Error> {
        let act = self.act("stage a table").await?;
        act.demand(Action::CreateTable, &Securable::Schema(table.catalog.clone(), table.schema.clone())).await?;
        let what = act.table_or_view(table);
        if what.address().is_some_and(|address| act.metastore.resources().contains_key(&address)) {
            return Err(exists(&what));
        }
        let id = Uuid::new_v4();
        let location = self.managed_folder(&act, &table.catalog, id).await?;
        let url = self.lake.url(&location).doing(ErrorKind::Failed, "cannot name the table's folder")?;
        let created_by = act.caller.principal.name.clone();
        let staging = StagingTable { id, table: table.clone(), location: location.clone(), created_by, created: act.now };
        let kept = self.store.stage_table(self.environment(), &staging).await;
        kept.doing(ErrorKind::Unavailable, "cannot set a folder aside")?;
        self.lake.set_aside(&location).await.doing(ErrorKind::Unavailable, "cannot make the table's folder")?;
        Ok(Staged { id, table: table.clone(), url })
    }

    /// Empties the folders of tables that nobody made in time, and of those that were dropped. Returns how many.
    ///
    /// # Errors
    /// When the store or a folder cannot be reached; what was not emptied is tried again the next time.
    pub async fn collect_staging_tables(&self, now: chrono::DateTime<chrono::Utc>) -> Result<usize, Error> {
        let unavailable = "cannot read which tables nobody made";
        let abandoned = self.store.abandoned_staging_tables(self.environment(), now - PATIENCE).await;
        let abandoned = abandoned.doing(ErrorKind::Unavailable, unavailable)?;
        for staging in &abandoned {
            self.empty(staging.id, &staging.location).await?;
        }
        Ok(abandoned.len())
    }

    /// Empties a folder of which no table comes any more.
    pub(super) async fn empty(&self, id: Uuid, location: &Location) -> Result<(), Error> {
        self.lake.drop_table(location).await.doing(ErrorKind::Unavailable, "cannot delete the files of a table")?;
        let forgotten = self.store.forget_staging_table(self.environment(), id).await;
        forgotten.doing(ErrorKind::Unavailable, "cannot forget the folder of a table")
    }

    /// The folder that the caller was given for a table of this name, by its URL.
    pub(super) async fn staged_for(&self, act: &Act<'_>, table: &TableName, url: &str) -> Result<StagingTable, Error> {
        let absent = || {
            Error::new(ErrorKind::Invalid, format!("no folder at this location was set aside for {table}"))
                .with_hint("POST staging-tables sets one aside, and says where")
        };
        let id = url.trim_end_matches('/').rsplit('/').next().and_then(|last| last.parse::<Uuid>().ok()).ok_or_else(absent)?;
        let found = self.staging_of(act, id).await.map_err(|_| absent())?;
        let same_place = self.lake.locate(url).as_ref() == Some(&found.location);
        if found.table == *table && same_place { Ok(found) } else { Err(absent()) }
    }

    /// The folder of an id, if it is the caller's.
    pub(super) async fn staging_of(&self, act: &Act<'_>, id: Uuid) -> Result<StagingTable, Error> {
        let found = self.store.staging_table(self.environment(), id).await;
        let found = found.doing(ErrorKind::Unavailable, "cannot read which folders were set aside")?;
        found.filter(|staging| staging.created_by == act.caller.principal.name).ok_or_else(|| not_there(&id.to_string()))
    }

    /// A folder of its own in a catalog's storage.
    pub(super) async fn managed_folder(&self, act: &Act<'_>, catalog: &DomainName, id: Uuid) -> Result<Location, Error> {
        let entry = polder_model::Address::new(polder_model::Kind::Catalog, catalog);
        let made = self.store.made_at(self.environment(), &entry).await;
        let made = made.doing(ErrorKind::Unavailable, "cannot read the catalog's storage")?;
        let root = made.and_then(|made| serde_json::from_value::<Location>(made.detail.get("storage_root")?.clone()).ok());
        if let Some(root) = root {
            return Ok(Location { prefix: format!("{}/{FOLDER}/{id}", root.prefix), ..root });
        }
        let (provider, bucket) = match act.bucket_of(catalog) {
            Some(bucket) => (bucket.provider, bucket.name.clone()),
            None => (self.local_provider(catalog)?, act.own_bucket(catalog)?),
        };
        Ok(Location { provider, bucket, prefix: format!("{FOLDER}/{id}") })
    }

    /// A provider whose buckets are folders here. Elsewhere a bucket is infrastructure, which files declare.
    fn local_provider(&self, catalog: &DomainName) -> Result<Provider, Error> {
        let local = Provider::ALL.into_iter().find(|provider| self.lake.provider(*provider).is_none());
        local.ok_or_else(|| {
            Error::new(ErrorKind::Invalid, format!("catalog {catalog} has no storage"))
                .with_hint("declare a dataset of the domain, or make the catalog with a storage_root")
        })
    }
}

impl Act<'_> {
    /// The bucket of a domain in which everything has a place that no dataset says another of.
    pub(crate) fn bucket_of(&self, domain: &DomainName) -> Option<&Bucket> {
        let buckets = self.metastore.resources().values().filter_map(|entry| match &**entry {
            Resource::Bucket(bucket) if bucket.domain == *domain => Some(bucket),
            _ => None,
        });
        buckets.min_by_key(|bucket| (!bucket.is_home, bucket.provider, &bucket.name))
    }

    /// The bucket of a catalog that no domain has declared one for. It is nobody else's.
    pub(super) fn own_bucket(&self, catalog: &DomainName) -> Result<BucketName, Error> {
        let name = BucketName::new(&format!("{}-{catalog}", self.platform.environment()));
        let name = name.doing(ErrorKind::Invalid, format!("catalog {catalog} has too long a name for storage of its own"))?;
        let is_anothers = |entry: &Resource| matches!(entry, Resource::Bucket(b) if b.name == name && b.domain != *catalog);
        if self.metastore.resources().values().any(|entry| is_anothers(entry)) {
            return Err(Error::new(ErrorKind::Conflict, format!("the storage that catalog {catalog} would have is a domain's"))
                .with_hint("give the catalog another name"));
        }
        Ok(name)
    }
}
