//! Whose a name is. One namespace holds users, service principals and groups, and each name in it has one owner: the mesh's files, an
//! identity provider, or polder itself.

use polder_model::principal::{EVERYONE, RESERVED};
use polder_model::{Address, Kind, PrincipalName, Resource};
use polder_scim::{ResourceKind, ScimError, ScimType};

use super::answer::Refusal;
use crate::state::App;

/// The name of the principal that a user or group is.
pub(super) fn principal(kind: ResourceKind, called: &str) -> Result<PrincipalName, ScimError> {
    let refuse = |e| ScimError::new(ScimType::InvalidValue, format!("the {} cannot be a principal here: {e}", kind.as_str()));
    PrincipalName::from_text(called).map_err(refuse)
}

/// Refuses a name that is not an identity provider's to use.
///
/// A user may be declared in files too, under that very name: the files then say what it may do, the identity provider whether it is in.
/// Of a name that had to be changed to be a principal's, nobody can say that the same person is meant.
pub(super) async fn check(app: &App, kind: ResourceKind, called: &str, name: &PrincipalName) -> Result<(), Refusal> {
    let own = RESERVED.iter().map(|(reserved, _)| *reserved).chain([EVERYONE]);
    if own.into_iter().any(|own| own == name.as_str()) {
        return Err(taken(format!("the name {name} is polder's own")).into());
    }
    for platform in app.environments() {
        for declared in [Kind::User, Kind::ServicePrincipal, Kind::Group] {
            let Some(found) = app.store.entry(platform.environment(), &Address::new(declared, name)).await? else { continue };
            let is_theirs = match (kind, found) {
                (ResourceKind::Group, Resource::Group(group)) => group.managed_by_scim,
                (ResourceKind::User, Resource::User(_)) => called.eq_ignore_ascii_case(name.as_str()),
                _ => false,
            };
            if !is_theirs {
                return Err(owned_by_files(kind, declared, name).into());
            }
        }
    }
    Ok(())
}

fn owned_by_files(kind: ResourceKind, declared: Kind, name: &PrincipalName) -> ScimError {
    let hint = match (kind, declared) {
        (ResourceKind::Group, Kind::Group) => "say `managedBy: scim` for it in polder.yaml and apply, or choose another name",
        _ => "choose another name",
    };
    taken(format!("the files of the mesh declare a {} {name}: {hint}", declared.as_str().replace('_', " ")))
}

fn taken(detail: String) -> ScimError {
    ScimError::new(ScimType::Uniqueness, detail)
}
