//! Who is asking, and with what: tokens, admin roles, how to sign in.

use chrono::{DateTime, Utc};
use polder_model::{PrincipalName, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Whoever is asking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// The name.
    pub name: String,
    /// How that is known: `token 1f3c...`, `session ...`, `oidc ...`, `local`.
    pub authenticated_by: String,
    /// The admin roles that count.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
    /// What the credentials are good for.
    pub scopes: Vec<String>,
    /// When the credentials end, if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<DateTime<Utc>>,
    /// In a browser: what every request that changes something sends as `X-CSRF-Token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csrf_token: Option<String>,
    /// For account admins: the bootstrap token that is still good, and should be revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_token: Option<String>,
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenSummary {
    /// The part of the token that is no secret.
    pub id: String,
    /// `personal`, `service` or `bootstrap`.
    pub kind: String,
    /// Whom it stands for.
    #[schema(value_type = String)]
    pub principal: PrincipalName,
    /// What it is for, in its owner's words.
    pub label: String,
    /// What it is good for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it ends, if it does.
    pub expires: Option<DateTime<Utc>>,
    /// When it was revoked, if it was.
    pub revoked: Option<DateTime<Utc>>,
    /// When it was last used, within an hour.
    pub used: Option<DateTime<Utc>>,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for, in its owner's words: 1 to 100 characters.
    #[schema(min_length = 1, max_length = 100)]
    pub label: String,
    /// What it is good for: `read`, `query`, `write`, `apply`, `admin`; or `scim`, alone.
    pub scopes: Vec<String>,
    /// For how many days: 90 unless told, 365 at most unless the server is set otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 36500)]
    pub days: Option<u32>,
    /// The service principal that it stands for, if not you. Only account admins name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub principal: Option<PrincipalName>,
}

/// A token that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenMade {
    /// The whole token. It is shown now and never again.
    pub token: String,
    /// What is kept of it.
    pub summary: TokenSummary,
}

/// An admin role that a principal has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleSummary {
    /// Who.
    #[schema(value_type = String)]
    pub principal: PrincipalName,
    /// Which: `account`, `workspace` or `metastore`.
    #[schema(value_type = String)]
    pub role: Role,
    /// Who gave it.
    pub granted_by: String,
    /// When.
    pub granted: DateTime<Utc>,
}

/// How people sign in here: what a command line needs to begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignOnConfig {
    /// The issuer's URL.
    pub issuer: String,
    /// The audience of access tokens.
    pub audience: String,
    /// The client to sign in as.
    pub client_id: String,
    /// What to ask for.
    pub scopes: Vec<String>,
}
