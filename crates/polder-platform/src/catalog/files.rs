//! Files that are to be opened to a client: which, and to do what. Only what the caller may read whole and in clear.

use polder_access::{Action, Permit};
use polder_model::{BucketName, Location, Resource, Securable};
use polder_vend::{Access, Scope, StoreSettings, VendError};
use uuid::Uuid;

use super::{Act, not_there};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

/// What a client wants to open.
#[derive(Debug, Clone)]
pub enum FilesOf {
    /// The files of a table, by its id; or the folder that was set aside for one.
    Table {
        /// The id.
        id: Uuid,
        /// Whether to write too.
        write: bool,
    },
    /// The files of a volume, by its id.
    Volume {
        /// The id.
        id: Uuid,
        /// Whether to write too.
        write: bool,
    },
    /// Whatever has its files at a URL.
    Path {
        /// The URL.
        url: String,
        /// Whether to write too.
        write: bool,
        /// Whether a table is to be made there.
        create: bool,
    },
}

/// Files that may be opened.
#[derive(Debug, Clone)]
pub struct OpenFiles {
    /// Where they are.
    pub url: String,
    /// What a credential for them may do.
    pub scope: Scope,
    /// The settings of the store that they are in; `None` for files of the local disk, which no credential opens.
    pub settings: Option<StoreSettings>,
}

impl Platform {
    /// Decides whether files may be opened to the caller.
    ///
    /// # Errors
    /// When they are not there, or the caller may not know of them, nor read them whole, nor write them.
    pub async fn open_files(&self, of: &FilesOf) -> Result<OpenFiles, Error> {
        let act = self.act("open files").await?;
        match of {
            FilesOf::Table { id, write } => match self.named_by(&act, *id).await? {
                Some(what @ (Securable::Table(_) | Securable::ForeignTable(_) | Securable::View(_))) => {
                    act.object_files(&what, *write).await
                }
                _ => act.staged_files(*id).await,
            },
            FilesOf::Volume { id, write } => match self.named_by(&act, *id).await? {
                Some(what @ Securable::Volume(_)) => act.object_files(&what, *write).await,
                _ => Err(not_there(&id.to_string())),
            },
            FilesOf::Path { url, write, create } => act.path_files(url, *write, *create).await,
        }
    }

    fn opened(&self, location: &Location, scope: Result<Scope, VendError>) -> Result<OpenFiles, Error> {
        let scope = scope.map_err(refused)?;
        let url = self.lake.url(location).doing(ErrorKind::Failed, "cannot name the files' place")?;
        let Some(config) = self.lake.provider(location.provider) else {
            return Ok(OpenFiles { url, scope, settings: None });
        };
        let (name, options) = config.of_bucket(location.provider, &location.bucket);
        let name = BucketName::new(name).doing(ErrorKind::Failed, "cannot name the files' bucket")?;
        Ok(OpenFiles { url, scope: scope.called(name), settings: Some(StoreSettings::new(&options)) })
    }
}

impl Act<'_> {
    async fn object_files(&self, what: &Securable, write: bool) -> Result<OpenFiles, Error> {
        self.demand(Action::Browse, what).await?;
        let entry = what.address().and_then(|address| self.metastore.resources().get(&address));
        match entry.map(|entry| &**entry) {
            Some(Resource::Table(table)) => {
                let (read, write) = self.permits(what, write, [Action::Read, Action::Write]).await?;
                self.platform.opened(&table.location, Scope::table(&read, write.as_ref(), table))
            }
            Some(Resource::Volume(volume)) => {
                let (read, write) = self.permits(what, write, [Action::ReadFiles, Action::WriteFiles]).await?;
                self.platform.opened(&volume.location, Scope::volume(&read, write.as_ref(), volume))
            }
            _ => Err(Error::new(ErrorKind::Invalid, format!("{what} has no files: read it by SQL"))),
        }
    }

    async fn permits(
        &self,
        what: &Securable,
        write: bool,
        [read, change]: [Action; 2],
    ) -> Result<(Permit, Option<Permit>), Error> {
        let read = self.demand(read, what).await?;
        let write = if write { Some(self.demand(change, what).await?) } else { None };
        Ok((read, write))
    }

    async fn staged_files(&self, id: Uuid) -> Result<OpenFiles, Error> {
        let staging = self.platform.staging_of(self, id).await?;
        let schema = Securable::Schema(staging.table.catalog.clone(), staging.table.schema.clone());
        let permit = self.demand(Action::CreateTable, &schema).await?;
        self.platform.opened(&staging.location, Scope::new_table(&permit, &staging.location))
    }

    async fn path_files(&self, url: &str, write: bool, create: bool) -> Result<OpenFiles, Error> {
        let absent = || not_there("place of this URL");
        let location = self.platform.lake.locate(url).ok_or_else(absent)?;
        if let Some(what) = self.occupant(&location).filter(|_| !create) {
            // The answer tells of the table that is there only to whoever may know of it.
            return self.object_files(&what, write).await.map_err(|error| match error.kind() {
                ErrorKind::NotFound => absent(),
                _ => error,
            });
        }
        let last = location.prefix.rsplit('/').next().and_then(|last| last.parse::<Uuid>().ok());
        if let Some(id) = last
            && let Ok(staging) = self.platform.staging_of(self, id).await
            && staging.location == location
        {
            return self.staged_files(id).await;
        }
        // A free place of a domain's storage is its owner's.
        let domain = self.metastore.resources().values().find_map(|entry| match &**entry {
            Resource::Bucket(bucket) if (bucket.provider, &bucket.name) == (location.provider, &location.bucket) => {
                Some(bucket.domain.clone())
            }
            _ => None,
        });
        let catalog = domain.ok_or_else(absent)?;
        let permit = self.demand_storage(&catalog).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => absent(),
            _ => error,
        })?;
        self.in_own_storage(&catalog, url)?;
        let access = if write { Access::ReadWrite } else { Access::Read };
        self.platform.opened(&location, Scope::managed(&permit, &location, access))
    }

    /// The table or volume whose files are at a place, or around it.
    fn occupant(&self, location: &Location) -> Option<Securable> {
        let is_in = |other: &Location| {
            let inside =
                || location.prefix.strip_prefix(&other.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            (other.provider, &other.bucket) == (location.provider, &location.bucket) && inside()
        };
        self.metastore.resources().values().find_map(|entry| match &**entry {
            Resource::Table(table) if is_in(&table.location) => Some(Securable::Table(table.name.clone())),
            Resource::Volume(volume) if is_in(&volume.location) => Some(Securable::Volume(volume.name.clone())),
            _ => None,
        })
    }
}

pub(super) fn refused(error: VendError) -> Error {
    let kind = match error {
        VendError::NotWhole { .. } | VendError::Checked { .. } | VendError::Permit { .. } => ErrorKind::Denied,
        _ => ErrorKind::Invalid,
    };
    Error::new(kind, error.to_string())
}
