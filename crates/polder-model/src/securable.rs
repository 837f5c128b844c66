//! Securables: what grants are given on. Names nest as in Unity Catalog: metastore, catalog, schema, object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::{Address, Kind};
use crate::name::{DomainName, NameError, ObjectName, SchemaName};

/// What kind of securable a grant is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecurableKind {
    /// The root. Privileges on it are not inherited.
    Metastore,
    /// A domain's catalog.
    Catalog,
    /// A layer in a catalog.
    Schema,
    /// A dataset's table.
    Table,
    /// A table of another database.
    ForeignTable,
    /// A query with a name.
    View,
    /// Files with a name.
    Volume,
}

impl fmt::Display for SecurableKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Metastore => "metastore",
            Self::Catalog => "catalog",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::View => "view",
            Self::Volume => "volume",
        })
    }
}

/// The three-part name of a table, view or volume: `finance.bronze.customer_v1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    /// The catalog, which is the domain.
    pub catalog: DomainName,
    /// The schema, which is the layer.
    pub schema: SchemaName,
    /// The object in the schema.
    pub object: ObjectName,
}

impl TableName {
    /// The table beside it that keeps the rows which a load found not to fit.
    ///
    /// # Errors
    /// A [`NameError`] when its name would be too long.
    pub fn quarantine(&self) -> Result<Self, NameError> {
        Ok(Self { object: ObjectName::new(&format!("{}_quarantine", self.object))?, ..self.clone() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.schema, self.object)
    }
}

/// A text that is not a three-part name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableNameError {
    /// Not three parts.
    #[error("a table's name has three parts, catalog.schema.table, not {0:?}")]
    Parts(String),
    /// A part that is not a name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for TableName {
    type Err = TableNameError;
    fn from_str(text: &str) -> Result<Self, TableNameError> {
        let mut parts = text.split('.');
        let (Some(catalog), Some(schema), Some(object), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(TableNameError::Parts(text.to_owned()));
        };
        Ok(Self { catalog: catalog.parse()?, schema: schema.parse()?, object: object.parse()? })
    }
}

impl TryFrom<String> for TableName {
    type Error = TableNameError;
    fn try_from(text: String) -> Result<Self, TableNameError> {
        text.parse()
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> Self {
        name.to_string()
    }
}

/// Something that privileges are granted on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Securable {
    /// The environment's metastore.
    Metastore,
    /// A catalog.
    Catalog(DomainName),
    /// A schema in a catalog.
    Schema(DomainName, SchemaName),
    /// A table.
    Table(TableName),
    /// A table of another database.
    ForeignTable(TableName),
    /// A view.
    View(TableName),
    /// A volume.
    Volume(TableName),
}

impl Securable {
    /// What kind it is.
    #[must_use]
    pub const fn kind(&self) -> SecurableKind {
        match self {
            Self::Metastore => SecurableKind::Metastore,
            Self::Catalog(_) => SecurableKind::Catalog,
            Self::Schema(..) => SecurableKind::Schema,
            Self::Table(_) => SecurableKind::Table,
            Self::ForeignTable(_) => SecurableKind::ForeignTable,
            Self::View(_) => SecurableKind::View,
            Self::Volume(_) => SecurableKind::Volume,
        }
    }

    /// The securable it is in; a metastore is in none.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self {
            Self::Metastore => None,
            Self::Catalog(_) => Some(Self::Metastore),
            Self::Schema(catalog, _) => Some(Self::Catalog(catalog.clone())),
            Self::Table(name) | Self::ForeignTable(name) | Self::View(name) | Self::Volume(name) => {
                Some(Self::Schema(name.catalog.clone(), name.schema.clone()))
            }
        }
    }

    /// The catalog it is or is in; a metastore is in none.
    #[must_use]
    pub const fn catalog(&self) -> Option<&DomainName> {
        match self {
            Self::Metastore => None,
            Self::Catalog(catalog) | Self::Schema(catalog, _) => Some(catalog),
            Self::Table(name) | Self::ForeignTable(name) | Self::View(name) | Self::Volume(name) => Some(&name.catalog),
        }
    }

    /// Its full name without its kind: `finance`, `finance.bronze`, `finance.bronze.customer_v1`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match self {
            Self::Metastore => "metastore".to_owned(),
            Self::Catalog(catalog) => catalog.to_string(),
            Self::Schema(catalog, schema) => format!("{catalog}.{schema}"),
            Self::Table(name) | Self::ForeignTable(name) | Self::View(name) | Self::Volume(name) => name.to_string(),
        }
    }

    /// The address of its node; a metastore has none.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        let kind = match self {
            Self::Metastore => return None,
            Self::Catalog(_) => Kind::Catalog,
            Self::Schema(..) => Kind::Schema,
            Self::Table(_) => Kind::Table,
            Self::ForeignTable(_) => Kind::ForeignTable,
            Self::View(_) => Kind::View,
            Self::Volume(_) => Kind::Volume,
        };
        Some(Address::new(kind, self.full_name()))
    }
}

/// Written `table finance.bronze.customer_v1`.
impl fmt::Display for Securable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Metastore => f.write_str("metastore"),
            other => write!(f, "{} {}", other.kind(), other.full_name()),
        }
    }
}
