//! What a credential opens: one folder of one bucket, to read or to read and write. Made of permits.

use polder_access::{Action, Permit};
use polder_model::resource::{Table, Volume};
use polder_model::{BucketName, Location, Provider, Securable};

use crate::error::VendError;

/// What may be done with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// List and read them.
    Read,
    /// List, read, write and delete them.
    ReadWrite,
}

/// One folder of one bucket, and what a credential for it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    location: Location,
    access: Access,
}

impl Scope {
    /// The files of a table. `read` must show the table whole and in clear; with `write` they may be written too.
    ///
    /// Who writes files reads them, and passes no check: a table whose writes are checked is written by jobs only.
    ///
    /// # Errors
    /// When a permit is for something else, the data may not be seen whole, or the table has checks and is to be written.
    pub fn table(read: &Permit, write: Option<&Permit>, table: &Table) -> Result<Self, VendError> {
        let securable = Securable::Table(table.name.clone());
        demand(read, Action::Read, &securable)?;
        if !read.is_whole() {
            return Err(VendError::NotWhole { securable });
        }
        if let Some(write) = write {
            demand(write, Action::Write, &securable)?;
            if !table.checks.is_empty() {
                return Err(VendError::Checked { securable });
            }
        }
        Self::of(&table.location, if write.is_some() { Access::ReadWrite } else { Access::Read })
    }

    /// The files of a volume.
    ///
    /// # Errors
    /// When a permit is for something else.
    pub fn volume(read: &Permit, write: Option<&Permit>, volume: &Volume) -> Result<Self, VendError> {
        let securable = Securable::Volume(volume.name.clone());
        demand(read, Action::ReadFiles, &securable)?;
        if let Some(write) = write {
            demand(write, Action::WriteFiles, &securable)?;
        }
        Self::of(&volume.location, if write.is_some() { Access::ReadWrite } else { Access::Read })
    }

    /// The folder that was set aside for a table that is about to be made in the schema that the permit is for. The caller sees
    /// to it that nothing else is there.
    ///
    /// # Errors
    /// When the permit is not one to create tables.
    pub fn new_table(create: &Permit, location: &Location) -> Result<Self, VendError> {
        match (create.action(), create.securable()) {
            (Action::CreateTable, Securable::Schema(..)) => Self::of(location, Access::ReadWrite),
            (given, securable) => Err(VendError::Permit { needed: Action::CreateTable, given, securable: securable.clone() }),
        }
    }

    /// A folder of a catalog's own storage, for whoever manages the catalog.
    ///
    /// # Errors
    /// When the permit is not one to manage a catalog.
    pub fn managed(manage: &Permit, location: &Location, access: Access) -> Result<Self, VendError> {
        match (manage.action(), manage.securable()) {
            (Action::Manage, Securable::Catalog(_)) => Self::of(location, access),
            (given, securable) => Err(VendError::Permit { needed: Action::Manage, given, securable: securable.clone() }),
        }
    }

    fn of(location: &Location, access: Access) -> Result<Self, VendError> {
        // What the clouds' policies would read as a pattern, a quote or another folder is in no prefix that a credential is for.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '=');
        let part = |part: &str| !matches!(part, "" | "." | "..") && part.chars().all(plain);
        if location.prefix.split('/').all(part) {
            Ok(Self { location: location.clone(), access })
        } else {
            Err(VendError::Prefix { location: location.clone() })
        }
    }

    /// The cloud.
    #[must_use]
    pub const fn provider(&self) -> Provider {
        self.location.provider
    }

    /// The same place, where its store calls the bucket otherwise.
    #[must_use]
    pub fn called(mut self, bucket: BucketName) -> Self {
        self.location.bucket = bucket;
        self
    }

    /// The bucket or container.
    #[must_use]
    pub fn bucket(&self) -> &str {
        self.location.bucket.as_str()
    }

    /// The folder in it, without a slash at either end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.location.prefix
    }

    /// What may be done there.
    #[must_use]
    pub const fn access(&self) -> Access {
        self.access
    }
}

fn demand(permit: &Permit, needed: Action, on: &Securable) -> Result<(), VendError> {
    if permit.action() == needed && permit.securable() == on {
        return Ok(());
    }
    Err(VendError::Permit { needed, given: permit.action(), securable: permit.securable().clone() })
}
