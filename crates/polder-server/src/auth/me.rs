//! `/me`: who is asking.

use axum::extract::State;
use axum::{Extension, Json};
use polder_api::{Me, Problem as Refusal};
use polder_identity::secret;
use polder_model::{Role, Roles};
use polder_platform::Who;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Standing, principal};
use crate::identified::Identified;
use crate::problem::Problem;
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(me))
}

/// Say who is asking
#[utoipa::path(get, path = "/me", tag = "identity", responses(
    (status = 200, description = "You, as this server knows you", body = Me),
    (status = 401, description = "Nobody is signed in", body = Refusal),
))]
async fn me(
    State(app): State<App>,
    Identified(identity): Identified,
    Extension(standing): Extension<Standing>,
) -> Result<Json<Me>, Problem> {
    let roles: Roles = match &identity.who {
        Who::LocalAdmin | Who::Bootstrap => Role::ALL.into_iter().collect(),
        Who::Named(name) if identity.admin => principal::roles(&app, name).await?,
        Who::Named(_) => Roles::NONE,
    };
    let bootstrap_token = if roles.has(Role::Account) { app.store.bootstrap_token().await?.map(|token| token.id) } else { None };
    Ok(Json(Me {
        name: identity.name().to_owned(),
        authenticated_by: identity.authenticated_by.clone(),
        roles: roles.into(),
        scopes: standing.scopes.words(),
        expires: standing.expires,
        csrf_token: standing.session.map(|session| secret::derive(&session, "csrf").expose().to_owned()),
        bootstrap_token,
    }))
}
