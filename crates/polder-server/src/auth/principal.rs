//! Whom a name stands for: only who is declared, or kept by an identity provider and active, is anyone here.

use polder_identity::Subject;
use polder_model::{PrincipalKind, PrincipalName, Roles};
use polder_store::TokenStanding;

use crate::problem::Problem;
use crate::state::App;

/// The kind of a principal that some environment of the tenant knows now, and that nobody has switched off.
pub(super) async fn kind(app: &App, name: &PrincipalName) -> Result<Option<PrincipalKind>, Problem> {
    if app.store.user_named(name).await?.is_some_and(|user| !user.active) {
        return Ok(None);
    }
    for platform in app.environments() {
        if let Some(principal) = platform.known(name).await? {
            return Ok(Some(principal.kind));
        }
    }
    Ok(None)
}

/// The same of whom a token stands for, as it was read with the token.
pub(super) async fn kind_of(app: &App, name: &PrincipalName, standing: &TokenStanding) -> Result<Option<PrincipalKind>, Problem> {
    if standing.user.as_ref().is_some_and(|user| !user.active) {
        return Ok(None);
    }
    for platform in app.environments() {
        if let Some(principal) = platform.known_at(name, &standing.versions).await? {
            return Ok(Some(principal.kind));
        }
    }
    Ok(None)
}

/// The admin roles that a principal has, by itself and by its groups wherever it is known.
pub(super) async fn roles(app: &App, name: &PrincipalName) -> Result<Roles, Problem> {
    let mut roles = Roles::NONE;
    for platform in app.environments() {
        roles = platform.roles_of(name).await?.iter().fold(roles, Roles::with);
    }
    Ok(roles)
}

/// The principal that an issuer's subject is here, if it is one.
pub(super) async fn of_subject(app: &App, subject: &Subject) -> Result<Option<PrincipalName>, Problem> {
    let (name, wanted) = match subject {
        Subject::User(claimed) => (user(app, claimed).await?, PrincipalKind::User),
        Subject::Service(client) => (PrincipalName::new(client).ok(), PrincipalKind::ServicePrincipal),
    };
    let Some(name) = name else { return Ok(None) };
    Ok((kind(app, &name).await? == Some(wanted)).then_some(name))
}

/// The user whom an issuer calls so. Whom an identity provider keeps goes by what that calls them and by nothing else: names that
/// were changed to fit our alphabet would let one person be another.
async fn user(app: &App, claimed: &str) -> Result<Option<PrincipalName>, Problem> {
    if let Some(user) = app.store.user_called(claimed).await? {
        return Ok(user.active.then_some(user.name));
    }
    let Ok(name) = PrincipalName::new(claimed) else { return Ok(None) };
    Ok(app.store.user_named(&name).await?.is_none().then_some(name))
}
