//! Who may keep users and groups: account admins, and tokens that are made for SCIM.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use polder_identity::Scope;
use polder_model::Role;
use polder_model::principal::SCIM;
use polder_platform::{Identity, Who};

use super::answer::Refusal;
use super::audit;
use crate::auth::{self, Standing};
use crate::identified::Identified;
use crate::problem::Problem;
use crate::state::App;

/// Somebody who may keep users and groups. Every handler here asks for one.
pub(super) struct ScimClient(pub(super) Identity);

impl FromRequestParts<App> for ScimClient {
    type Rejection = Response;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        let Identified(identity) = Identified::from_request_parts(parts, app).await.map_err(IntoResponse::into_response)?;
        match may(app, parts, &identity).await {
            Ok(()) => Ok(Self(identity)),
            Err(refusal) => Err(refusal.into_response()),
        }
    }
}

async fn may(app: &App, parts: &Parts, identity: &Identity) -> Result<(), Refusal> {
    // A scope gives a right only here, and only to the principal that account admins make such tokens for.
    let for_scim = parts.extensions.get::<Standing>().is_some_and(|standing| standing.scopes.has(Scope::Scim));
    if for_scim && matches!(&identity.who, Who::Named(name) if name.as_str() == SCIM) {
        return Ok(());
    }
    if auth::has_role(app, identity, Role::Account).await? {
        return Ok(());
    }
    audit::refused(app, identity).await?;
    Err(Problem::denied("users and groups are kept by account admins and by tokens for SCIM")
        .with_hint("an account admin makes one: `polder token create --label WORDS --scope scim`")
        .into())
}
