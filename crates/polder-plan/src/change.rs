//! Changes: what becomes different at one address, and why.

use std::fmt;
use std::sync::Arc;

use polder_model::{Address, DomainName, Kind, Origin, Provider, Resource};
use serde::{Deserialize, Serialize};

use crate::difference::Difference;

/// What happens at one address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Where.
    pub address: Address,
    /// What.
    pub action: Action,
    /// Whether something happened outside polder since the last apply that this change puts right.
    pub drift: bool,
    /// Why, for people. Nothing branches on them.
    pub reasons: Vec<Reason>,
    /// What is there now; `None` when nothing is.
    pub before: Option<Arc<Resource>>,
    /// What will be there; `None` when nothing will.
    pub after: Option<Arc<Resource>>,
    /// The place in the files that declares it.
    pub origin: Option<Origin>,
}

/// What a change does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Makes what is not there.
    Create,
    /// Changes what is there and keeps its data.
    Update,
    /// Destroys what is there, data included, and makes it anew.
    Replace,
    /// Destroys what is there.
    Delete,
    /// Drops the record of what is already gone.
    Forget,
}

impl Action {
    /// Every action, in the order in which plans show them.
    pub const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Replace, Self::Delete, Self::Forget];

    /// The action's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Forget => "forget",
        }
    }

    /// The sign that stands before a change of this action.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Create => "+",
            Self::Update => "~",
            Self::Replace => "-/+",
            Self::Delete | Self::Forget => "-",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a change is made. For people: nothing branches on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The files declare it and it was never made.
    New(Origin),
    /// The files left the place open and the platform chose.
    Placed {
        /// The cloud chosen.
        provider: Provider,
        /// Why.
        why: String,
    },
    /// No file declares it any more.
    NoLongerDeclared,
    /// It was made, and is gone.
    Gone(Kind),
    /// It is there, yet neither declared nor made by polder.
    NotOurs(Kind),
    /// It is already as declared, but the last apply did not leave it so.
    AlreadySo,
    /// It is there, though no apply made it.
    AlreadyThere,
    /// The declaration asks for this.
    Declared(Difference),
    /// This happened outside polder since the last apply.
    Outside(Difference),
    /// Whoever goes has personal copies in this catalog.
    LeavesCopies(DomainName),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New(origin) => write!(f, "new in {origin}"),
            Self::Placed { provider, why } => write!(f, "placed on {provider}: {why}"),
            Self::NoLongerDeclared => f.write_str("no longer declared"),
            Self::Gone(Kind::Table) => f.write_str("table folder is gone"),
            Self::Gone(Kind::Volume) => f.write_str("volume folder is gone"),
            Self::Gone(Kind::Bucket) => f.write_str("bucket is gone"),
            Self::Gone(kind) => write!(f, "{} was removed outside polder", kind_words(*kind)),
            Self::NotOurs(kind) => write!(f, "{} was made outside polder and is not declared", kind_words(*kind)),
            Self::AlreadySo => f.write_str("already as declared, though not by the last apply"),
            Self::AlreadyThere => f.write_str("already there, though no apply made it"),
            Self::Declared(difference) => write!(f, "{difference}"),
            Self::Outside(difference) => write!(f, "{difference} outside polder"),
            Self::LeavesCopies(catalog) => {
                write!(f, "the personal copies in {catalog} are nobody's from then on, and go when their time is over")
            }
        }
    }
}

/// The kind in words for a sentence.
pub(crate) const fn kind_words(kind: Kind) -> &'static str {
    match kind {
        Kind::ServicePrincipal => "service principal",
        Kind::ForeignTable => "foreign table",
        other => other.as_str(),
    }
}
