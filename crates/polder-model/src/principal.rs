//! Who acts: users, service principals and groups of either.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::name::PrincipalName;

/// What kind of principal a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// A person.
    User,
    /// An identity that programs act as.
    ServicePrincipal,
    /// A set of principals.
    Group,
}

impl fmt::Display for PrincipalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "user",
            Self::ServicePrincipal => "service principal",
            Self::Group => "group",
        })
    }
}

/// The group that every known user and service principal is in, declared or not.
pub const EVERYONE: &str = "everyone";

/// The user that the person at their own machine is, as the audit and guardrails name it. It is declared nowhere.
pub const LOCAL_ADMIN: &str = "local";

/// The service principal that the secret of a new platform stands for. It is declared nowhere.
pub const BOOTSTRAP: &str = "bootstrap";

/// The service principal that tokens for SCIM stand for. It is declared nowhere and may do nothing else.
pub const SCIM: &str = "scim";

/// Whoever bore no good credentials, as the audit names them. It is declared nowhere and may do nothing.
pub const NOBODY: &str = "nobody";

/// The service principal that the platform is in what it does by itself. It is declared nowhere.
pub const PLATFORM: &str = "polder";

/// The names of principals that nobody may declare, each with whom it means.
pub const RESERVED: [(&str, &str); 5] = [
    (LOCAL_ADMIN, "whoever runs polder at their own machine"),
    (BOOTSTRAP, "whoever sets a new platform up"),
    (SCIM, "whoever keeps users and groups by SCIM"),
    (NOBODY, "whoever bore no good credentials"),
    (PLATFORM, "what the platform does by itself"),
];

/// A principal with its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// What it is.
    pub kind: PrincipalKind,
    /// Its name, unique over all kinds.
    pub name: PrincipalName,
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
