//! Privileges: Unity Catalog's, and one of ours for the PII level.
//!
//! Source of the names and of what each applies to: Unity Catalog's "privileges and securable objects" documentation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::securable::SecurableKind;

/// What a grant allows. A privilege on a catalog or schema holds for all that is in it, now and later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Privilege {
    /// `USE CATALOG`: needed for anything in the catalog.
    UseCatalog,
    /// `USE SCHEMA`: needed for anything in the schema.
    UseSchema,
    /// `SELECT`: read rows, `pii` columns masked.
    Select,
    /// `MODIFY`: add, change and delete rows.
    Modify,
    /// `CREATE CATALOG`, on the metastore.
    CreateCatalog,
    /// `CREATE SCHEMA`
    CreateSchema,
    /// `CREATE TABLE`, which views need too.
    CreateTable,
    /// `CREATE VOLUME`
    CreateVolume,
    /// `READ VOLUME`
    ReadVolume,
    /// `WRITE VOLUME`
    WriteVolume,
    /// `BROWSE`: know that it exists and read its description.
    Browse,
    /// `MANAGE`: grant, revoke, change and drop; gives no access to data.
    Manage,
    /// `READ PII`: see `pii` columns in clear where one may read at all. Polder's own; not part of `ALL PRIVILEGES`.
    ReadPii,
    /// `ALL PRIVILEGES`: every privilege that applies, except `MANAGE` and `READ PII`.
    AllPrivileges,
}

impl Privilege {
    /// Every privilege.
    pub const ALL: [Self; 14] = [
        Self::UseCatalog,
        Self::UseSchema,
        Self::Select,
        Self::Modify,
        Self::CreateCatalog,
        Self::CreateSchema,
        Self::CreateTable,
        Self::CreateVolume,
        Self::ReadVolume,
        Self::WriteVolume,
        Self::Browse,
        Self::Manage,
        Self::ReadPii,
        Self::AllPrivileges,
    ];

    /// The privilege as SQL and descriptors write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UseCatalog => "USE CATALOG",
            Self::UseSchema => "USE SCHEMA",
            Self::Select => "SELECT",
            Self::Modify => "MODIFY",
            Self::CreateCatalog => "CREATE CATALOG",
            Self::CreateSchema => "CREATE SCHEMA",
            Self::CreateTable => "CREATE TABLE",
            Self::CreateVolume => "CREATE VOLUME",
            Self::ReadVolume => "READ VOLUME",
            Self::WriteVolume => "WRITE VOLUME",
            Self::Browse => "BROWSE",
            Self::Manage => "MANAGE",
            Self::ReadPii => "READ PII",
            Self::AllPrivileges => "ALL PRIVILEGES",
        }
    }

    /// Whether the privilege can be granted on a securable of this kind, for itself or for what is in it.
    #[must_use]
    pub const fn applies_to(self, kind: SecurableKind) -> bool {
        use SecurableKind::{Catalog, ForeignTable, Metastore, Schema, Table, View, Volume};
        match self {
            Self::CreateCatalog => matches!(kind, Metastore),
            Self::UseCatalog | Self::CreateSchema => matches!(kind, Catalog),
            Self::UseSchema | Self::CreateTable | Self::CreateVolume => matches!(kind, Catalog | Schema),
            Self::Select | Self::ReadPii => matches!(kind, Catalog | Schema | Table | ForeignTable | View),
            Self::Modify => matches!(kind, Catalog | Schema | Table),
            Self::ReadVolume | Self::WriteVolume => matches!(kind, Catalog | Schema | Volume),
            Self::Browse | Self::AllPrivileges => !matches!(kind, Metastore),
            Self::Manage => true,
        }
    }

    /// Whether the privilege can be granted on a securable of this kind in the catalog of a connection, in which there are foreign tables
    /// alone, and nothing is made or written.
    #[must_use]
    pub const fn applies_in_connection(self, kind: SecurableKind) -> bool {
        let inside = matches!(self, Self::UseCatalog | Self::UseSchema) || self.applies_to(SecurableKind::ForeignTable);
        inside && self.applies_to(kind)
    }

    /// Whether `ALL PRIVILEGES` includes it.
    #[must_use]
    pub const fn in_all_privileges(self) -> bool {
        !matches!(self, Self::Manage | Self::ReadPii | Self::AllPrivileges)
    }
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no privilege.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no privilege {0:?}")]
pub struct PrivilegeError(String);

impl FromStr for Privilege {
    type Err = PrivilegeError;
    /// Reads a privilege in any case, with spaces or underscores between its words.
    fn from_str(text: &str) -> Result<Self, PrivilegeError> {
        let wanted = text.trim().replace('_', " ");
        let found = Self::ALL.into_iter().find(|p| p.as_str().eq_ignore_ascii_case(&wanted));
        found.ok_or_else(|| PrivilegeError(text.to_owned()))
    }
}

impl TryFrom<String> for Privilege {
    type Error = PrivilegeError;
    fn try_from(text: String) -> Result<Self, PrivilegeError> {
        text.parse()
    }
}

impl From<Privilege> for String {
    fn from(privilege: Privilege) -> Self {
        privilege.as_str().to_owned()
    }
}
