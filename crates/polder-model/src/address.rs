//! Addresses: the key of a node in the graph, within one environment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What kind of node an address names. The order is the order in which kinds are created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An isolated identity and control plane.
    Tenant,
    /// dev, stg, prod.
    Environment,
    /// A line of business.
    Department,
    /// A person.
    User,
    /// An identity that programs act as.
    ServicePrincipal,
    /// A set of principals.
    Group,
    /// A Cedar guardrail.
    Policy,
    /// A team's area.
    Domain,
    /// Storage at a provider.
    Bucket,
    /// Another database that a domain reads from.
    Connection,
    /// A domain's catalog in the metastore.
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
    /// What one principal may do with one securable.
    Grant,
    /// Anything that makes data.
    Job,
    /// Datasets offered to recipients outside.
    Share,
}

impl Kind {
    /// Every kind, in creation order.
    pub const ALL: [Self; 19] = [
        Self::Tenant,
        Self::Environment,
        Self::Department,
        Self::User,
        Self::ServicePrincipal,
        Self::Group,
        Self::Policy,
        Self::Domain,
        Self::Bucket,
        Self::Connection,
        Self::Catalog,
        Self::Schema,
        Self::Table,
        Self::ForeignTable,
        Self::View,
        Self::Volume,
        Self::Grant,
        Self::Job,
        Self::Share,
    ];

    /// The kind's word in addresses, errors and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Environment => "environment",
            Self::Department => "department",
            Self::User => "user",
            Self::ServicePrincipal => "service_principal",
            Self::Group => "group",
            Self::Policy => "policy",
            Self::Domain => "domain",
            Self::Bucket => "bucket",
            Self::Connection => "connection",
            Self::Catalog => "catalog",
            Self::Schema => "schema",
            Self::Table => "table",
            Self::ForeignTable => "foreign_table",
            Self::View => "view",
            Self::Volume => "volume",
            Self::Grant => "grant",
            Self::Job => "job",
            Self::Share => "share",
        }
    }

    /// Whether destroying a node of this kind loses data that no apply can bring back.
    #[must_use]
    pub const fn holds_data(self) -> bool {
        matches!(self, Self::Bucket | Self::Table | Self::Volume)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The key of a node: its kind and its full name, written `table:finance.bronze.customer_v1`.
///
/// The full name of each kind is made in [`crate::resource`]; a grant's is its securable's address and its principal:
/// `grant:table:finance.bronze.customer_v1:analysts`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    kind: Kind,
    name: Box<str>,
}

/// A text that is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an address is a kind and a name, such as 'table:finance.bronze.customer_v1', not {0:?}")]
pub struct AddressError(String);

impl Address {
    /// Returns the address of the node of this kind and full name.
    #[must_use]
    pub fn new(kind: Kind, name: impl fmt::Display) -> Self {
        Self { kind, name: name.to_string().into_boxed_str() }
    }

    /// What kind of node it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The node's full name, without its kind.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}

impl FromStr for Address {
    type Err = AddressError;
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || AddressError(text.to_owned());
        let (kind, name) = text.split_once(':').ok_or_else(wrong)?;
        let kind = Kind::ALL.into_iter().find(|k| k.as_str() == kind).ok_or_else(wrong)?;
        if name.is_empty() { Err(wrong()) } else { Ok(Self { kind, name: name.into() }) }
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_written() {
        for text in ["table:finance.bronze.customer_v1", "grant:table:finance.bronze.customer_v1:analysts"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "table", "table:", "tabel:x", ":x"] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}
