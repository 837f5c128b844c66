//! Who acts: the local account admin, whom `--as` names, or whoever a server has found out. And how a denial becomes an error.

use std::sync::Arc;

use polder_access::{Caller, Denial};
use polder_catalog::Metastore;
pub use polder_model::principal::BOOTSTRAP;
use polder_model::principal::LOCAL_ADMIN;
use polder_model::{EnvironmentName, Principal, PrincipalKind, PrincipalName, Roles};
use polder_store::Versions;
use uuid::Uuid;

use crate::error::{Error, ErrorKind};

/// On whose behalf something is done, and how that is known.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who acts.
    pub who: Who,
    /// Whether the admin roles that the principal was given count: a token may leave them out.
    pub admin: bool,
    /// Whether the credentials are good for writing rows.
    pub writes: bool,
    /// Whether they are good for changing what there is, and who may see it.
    pub applies: bool,
    /// How that is known, for the audit: `local`, `token 1f3c...`, `oidc https://...`.
    pub authenticated_by: String,
    /// Where the request came from, for the audit; empty for this machine's own command line.
    pub source: String,
    /// What ties together all that one request does.
    pub request_id: String,
    /// The versions of the state when it was found out, where that was for one request: what that does at once need not ask again.
    pub seen: Option<Arc<Versions>>,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The person at their own machine, with no server: an account admin to whom the files are open anyway.
    LocalAdmin,
    /// A user or service principal, with the rights it has in the environment.
    Named(PrincipalName),
    /// Whoever holds the secret that a new platform is set up with: every admin role, and no data.
    Bootstrap,
}

impl Identity {
    /// The person at their own machine, who may act as anyone.
    #[must_use]
    pub fn local(act_as: Option<PrincipalName>) -> Self {
        Self {
            who: act_as.map_or(Who::LocalAdmin, Who::Named),
            admin: true,
            writes: true,
            applies: true,
            authenticated_by: "local".to_owned(),
            source: String::new(),
            request_id: Uuid::now_v7().to_string(),
            seen: None,
        }
    }

    /// The name by which logs and limits know who acts.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.who {
            Who::LocalAdmin => LOCAL_ADMIN,
            Who::Named(name) => name.as_str(),
            Who::Bootstrap => BOOTSTRAP,
        }
    }
}

/// The caller that an identity is in an environment.
pub(crate) fn caller(identity: &Identity, metastore: &Metastore, environment: &EnvironmentName) -> Result<Caller, Error> {
    let name = match &identity.who {
        Who::LocalAdmin => return local_admin(),
        Who::Bootstrap => return bootstrap(),
        Who::Named(name) => name,
    };
    let principal = metastore.authorizer().principal(name).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("there is no principal {name} in environment {environment}"))
            .with_hint("users, groups and service principals come from polder.yaml and the domains, once they are applied")
    })?;
    if principal.kind == PrincipalKind::Group {
        return Err(Error::new(ErrorKind::Invalid, format!("{name} is a group, and a group does not act"))
            .with_hint("name a user or a service principal with `--as`"));
    }
    let roles = if identity.admin { metastore.roles_of(name) } else { Roles::NONE };
    Ok(Caller { roles, ..Caller::new(principal) })
}

/// The person at their own machine.
pub(crate) fn local_admin() -> Result<Caller, Error> {
    let principal = Principal { kind: PrincipalKind::User, name: well_known(LOCAL_ADMIN)? };
    Ok(Caller { local_admin: true, ..Caller::new(principal) })
}

/// Whoever sets a new platform up. A service principal, as in production only those apply.
fn bootstrap() -> Result<Caller, Error> {
    let principal = Principal { kind: PrincipalKind::ServicePrincipal, name: well_known(BOOTSTRAP)? };
    Ok(Caller { roles: polder_model::Role::ALL.into_iter().collect(), ..Caller::new(principal) })
}

fn well_known(name: &str) -> Result<PrincipalName, Error> {
    PrincipalName::new(name).map_err(|e| Error::new(ErrorKind::Failed, e.to_string()))
}

/// What a caller is told of a denial: not found when it may not know, denied otherwise.
pub(crate) fn denied(denial: &Denial) -> Error {
    let kind = if denial.hidden { ErrorKind::NotFound } else { ErrorKind::Denied };
    let error = Error::new(kind, denial.to_string());
    match denial.guardrail() {
        Some("production") => error.with_hint("in production only service principals change anything: act as one with `--as`"),
        Some(policy) => error.with_hint(format!("the guardrail is policies/{policy}.cedar")),
        None if denial.hidden => error.with_hint("`polder ls` lists what you may know of"),
        None => error,
    }
}
