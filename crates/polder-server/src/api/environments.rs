//! `/environments`: what of the mesh this server serves.

use axum::Json;
use axum::extract::State;
use polder_api::{EnvironmentSummary, Problem as Refusal};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identified::Identified;
use crate::problem::Problem;
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the environments
#[utoipa::path(get, path = "/environments", tag = "environments", responses(
    (status = 200, description = "Every environment of the tenant", body = Vec<EnvironmentSummary>),
    (status = 401, description = "Nobody is signed in", body = Refusal),
))]
async fn list(State(app): State<App>, Identified(_identity): Identified) -> Result<Json<Vec<EnvironmentSummary>>, Problem> {
    let mut summaries = Vec::new();
    for platform in app.environments() {
        summaries.push(EnvironmentSummary {
            name: platform.environment().clone(),
            production: platform.production(),
            default: platform.environment() == app.default_environment(),
            applied: !platform.nothing_is_applied().await?,
        });
    }
    Ok(Json(summaries))
}
