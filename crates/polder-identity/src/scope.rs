//! What a token is good for, at most. A scope gives no right: it leaves out rights that the principal has.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A part of what a principal may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// See what there is: names, descriptions, runs, plans, the catalog.
    Read,
    /// Read rows, and be handed credentials that read files.
    Query,
    /// Write rows, run jobs, and be handed credentials that write files.
    Write,
    /// Change what there is: plan, apply, the catalog's objects, grants and access requests.
    Apply,
    /// Use the admin roles.
    Admin,
    /// Keep users and groups by SCIM.
    Scim,
    /// Read the shares that are offered to the principal.
    Share,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 7] = [Self::Read, Self::Query, Self::Write, Self::Apply, Self::Admin, Self::Scim, Self::Share];

    /// The scope's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Query => "query",
            Self::Write => "write",
            Self::Apply => "apply",
            Self::Admin => "admin",
            Self::Scim => "scim",
            Self::Share => "share",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}: use read, query, write, apply, admin, scim or share")]
pub struct ScopeError(String);

impl FromStr for Scope {
    type Err = ScopeError;
    fn from_str(text: &str) -> Result<Self, ScopeError> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| ScopeError(text.to_owned()))
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);
    /// Every scope: what somebody who signed in has.
    pub const ALL: Self = Self(0b111_1111);

    /// Whether the scope is among them.
    #[must_use]
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether all of these are among the others.
    #[must_use]
    pub const fn within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// The scopes, in order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |&scope| self.has(scope))
    }

    /// Their words, in order.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        self.iter().map(|scope| scope.to_string()).collect()
    }

    /// Reads words.
    ///
    /// # Errors
    /// When one names no scope.
    pub fn read<T: AsRef<str>>(words: &[T]) -> Result<Self, ScopeError> {
        words.iter().map(|word| word.as_ref().parse::<Scope>()).collect()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | scope.bit()))
    }
}
