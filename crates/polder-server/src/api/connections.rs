//! `/environments/{environment}/connections`: what is kept of shares that are received, for those who govern the connection.

use axum::Json;
use axum::extract::State;
use polder_api::{ConnectionCache, Problem as Refusal};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identified::Identified;
use crate::problem::{PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(cache))
}

/// Show what is kept of a share that is received
///
/// How many files of it are on this server's disk, and how much of what was read did not have to be fetched.
#[utoipa::path(get, path = "/environments/{environment}/connections/{name}/cache", tag = "objects",
    params(("environment" = String, Path), ("name" = String, Path, description = "The connection")), responses(
    (status = 200, description = "What is kept", body = ConnectionCache),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You do not govern the connection", body = Refusal),
    (status = 404, description = "There is no such connection to a share", body = Refusal),
))]
async fn cache(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, name)): PathOf<(String, String)>,
) -> Result<Json<ConnectionCache>, Problem> {
    Ok(Json(app.platform(&environment, &identity)?.connection_cache(&name).await?))
}
