//! Who acts: the local account admin, or whom `--as` names. And how a denial becomes an error.

use polder_access::{Authorizer, Caller, Denial};
use polder_model::principal::LOCAL_ADMIN;
use polder_model::{EnvironmentName, Principal, PrincipalKind, PrincipalName};

use crate::error::{Error, ErrorKind};

/// The caller: whom `act_as` names, or the local account admin.
pub(crate) fn caller(
    act_as: Option<&PrincipalName>,
    authorizer: &Authorizer,
    environment: &EnvironmentName,
) -> Result<Caller, Error> {
    let Some(name) = act_as else { return local_admin() };
    let principal = authorizer.principal(name).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("there is no principal {name} in environment {environment}"))
            .with_hint("users, groups and service principals come from polder.yaml and the domains, once they are applied")
    })?;
    if principal.kind == PrincipalKind::Group {
        return Err(Error::new(ErrorKind::Invalid, format!("{name} is a group, and a group does not act"))
            .with_hint("name a user or a service principal with `--as`"));
    }
    Ok(Caller { principal, local_admin: false })
}

/// The person at their own machine.
pub(crate) fn local_admin() -> Result<Caller, Error> {
    let name = PrincipalName::new(LOCAL_ADMIN).map_err(|e| Error::new(ErrorKind::Failed, e.to_string()))?;
    Ok(Caller { principal: Principal { kind: PrincipalKind::User, name }, local_admin: true })
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
