//! `/environments/{environment}/objects`: tables, views and volumes as whoever asks may know of them.

use axum::Json;
use axum::extract::State;
use polder_api::{ObjectSummary, Page, PageQuery, Problem as Refusal};
use polder_model::PrincipalName;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::paging;
use crate::identified::Identified;
use crate::problem::{Parameters, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(describe)).routes(routes!(history)).routes(routes!(explain))
}

/// List the objects that you may know of
#[utoipa::path(get, path = "/environments/{environment}/objects", tag = "objects",
    params(("environment" = String, Path), PageQuery), responses(
    (status = 200, description = "A page, by name", body = Page<ObjectSummary>),
    (status = 400, description = "There is no such page", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Json<Page<ObjectSummary>>, Problem> {
    let objects = app.platform(&environment, &identity)?.objects().await?;
    paging::page(objects, &page, |object| object.name.to_string()).map(Json)
}

/// Describe an object
#[utoipa::path(get, path = "/environments/{environment}/objects/{name}", tag = "objects",
    params(("environment" = String, Path), ("name" = String, Path, description = "catalog.schema.object, or domain/name/version with %2F")),
    responses(
    (status = 200, description = "The object as you see it", body = ObjectSummary),
    (status = 400, description = "It is no table, view or volume", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such object, or you may not know of it", body = Refusal),
))]
async fn describe(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, name)): PathOf<(String, String)>,
) -> Result<Json<ObjectSummary>, Problem> {
    Ok(Json(app.platform(&environment, &identity)?.describe(&name).await?))
}

/// List the commits of a table
#[utoipa::path(get, path = "/environments/{environment}/objects/{name}/history", tag = "objects",
    params(("environment" = String, Path), ("name" = String, Path), PageQuery), responses(
    (status = 200, description = "The latest commits, newest first", body = Vec<Object>),
    (status = 400, description = "It is no table", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not read it", body = Refusal),
    (status = 404, description = "There is no such object, or you may not know of it", body = Refusal),
))]
async fn history(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, name)): PathOf<(String, String)>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Json<serde_json::Value>, Problem> {
    let limit = paging::limit(&page)?;
    let commits = app.platform(&environment, &identity)?.history(&name, limit).await?;
    serde_json::to_value(commits).map(Json).map_err(Problem::internal)
}

/// Explain who may see an object, and why
#[utoipa::path(get, path = "/environments/{environment}/objects/{name}/access/{principal}", tag = "objects",
    params(("environment" = String, Path), ("name" = String, Path), ("principal" = String, Path)), responses(
    (status = 200, description = "Whether it may be read, and what determines that", body = Object),
    (status = 400, description = "That is no principal's name", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may ask only about yourself", body = Refusal),
    (status = 404, description = "There is no such object, or you may not know of it", body = Refusal),
))]
async fn explain(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, name, principal)): PathOf<(String, String, String)>,
) -> Result<Json<serde_json::Value>, Problem> {
    let principal: PrincipalName = principal.parse().map_err(|error| Problem::invalid(format!("{error}")))?;
    let explanation = app.platform(&environment, &identity)?.explain_access(&principal, &name).await?;
    serde_json::to_value(explanation).map(Json).map_err(Problem::internal)
}
