//! `/roles`: who administers. Account admins alone see and change it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::Utc;
use polder_api::{Problem as Refusal, RoleSummary};
use polder_model::{PrincipalName, Role};
use polder_store::{RoleGrant, RoleRevoked};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{audit, demand, principal};
use crate::identified::Identified;
use crate::problem::{PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(grant, revoke))
}

/// List who has which admin role
#[utoipa::path(get, path = "/roles", tag = "identity", responses(
    (status = 200, description = "Every role that somebody has", body = Vec<RoleSummary>),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "Only account admins see this", body = Refusal),
))]
async fn list(State(app): State<App>, Identified(identity): Identified) -> Result<Json<Vec<RoleSummary>>, Problem> {
    demand(&app, &identity, Role::Account).await?;
    let summary = |grant: RoleGrant| RoleSummary {
        principal: grant.principal,
        role: grant.role,
        granted_by: grant.granted_by,
        granted: grant.granted,
    };
    Ok(Json(app.store.roles().await?.into_iter().map(summary).collect()))
}

/// Grant an admin role
///
/// To a user, a service principal or a group; a group's members have it too.
#[utoipa::path(put, path = "/roles/{principal}/{role}", tag = "identity",
    params(("principal" = String, Path), ("role" = String, Path, description = "account, workspace or metastore")), responses(
    (status = 204, description = "They have it, now or before"),
    (status = 400, description = "That is no role, or no principal's name", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "Only account admins change this", body = Refusal),
    (status = 404, description = "There is no such principal", body = Refusal),
))]
async fn grant(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(path): PathOf<(String, String)>,
) -> Result<StatusCode, Problem> {
    demand(&app, &identity, Role::Account).await?;
    let (principal, role) = read(&path)?;
    if principal::kind(&app, &principal).await?.is_none() {
        return Err(Problem::not_found(format!("there is no principal {principal}"))
            .with_hint("users and groups come by SCIM, or from the mesh's files once they are applied"));
    }
    audit::record(&app, &identity, "GRANT_ROLE", &format!("role {role}"), true, &format!("to {principal}")).await?;
    let granted_by = identity.name().to_owned();
    app.store.grant_role(&RoleGrant { principal, role, granted_by, granted: Utc::now() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take an admin role away
#[utoipa::path(delete, path = "/roles/{principal}/{role}", tag = "identity",
    params(("principal" = String, Path), ("role" = String, Path, description = "account, workspace or metastore")), responses(
    (status = 204, description = "They no longer have it"),
    (status = 400, description = "That is no role, or no principal's name", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "Only account admins change this", body = Refusal),
    (status = 404, description = "They do not have it", body = Refusal),
    (status = 409, description = "Nobody else has the account role", body = Refusal),
))]
async fn revoke(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(path): PathOf<(String, String)>,
) -> Result<StatusCode, Problem> {
    demand(&app, &identity, Role::Account).await?;
    let (principal, role) = read(&path)?;
    audit::record(&app, &identity, "REVOKE_ROLE", &format!("role {role}"), true, &format!("from {principal}")).await?;
    match app.store.revoke_role(&principal, role).await? {
        RoleRevoked::Revoked => Ok(StatusCode::NO_CONTENT),
        RoleRevoked::NotHeld => Err(Problem::not_found(format!("{principal} does not have the role {role}"))),
        RoleRevoked::LastAccountAdmin => Err(Problem::conflict(format!("nobody but {principal} has the account role"))
            .with_hint("grant it to somebody else first")),
    }
}

fn read((principal, role): &(String, String)) -> Result<(PrincipalName, Role), Problem> {
    let principal = principal.parse::<PrincipalName>().map_err(|error| Problem::invalid(error.to_string()))?;
    let role = role.parse::<Role>().map_err(|error| Problem::invalid(error.to_string()))?;
    Ok((principal, role))
}
