//! `/environments/{environment}/objects/{name}/optimize` and `/vacuum`: looking after tables.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use polder_api::{Operation, OperationKind, Problem as Refusal, VacuumRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identified::Identified;
use crate::operations::Begin;
use crate::problem::{Body, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(optimize)).routes(routes!(vacuum))
}

/// Rewrite small files of a table into larger ones
#[utoipa::path(post, path = "/environments/{environment}/objects/{name}/optimize", tag = "objects",
    params(("environment" = String, Path), ("name" = String, Path)), responses(
    (status = 202, description = "The operation", body = Operation),
    (status = 400, description = "It is no table", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not maintain it", body = Refusal),
    (status = 404, description = "There is no such table, or you may not know of it", body = Refusal),
))]
async fn optimize(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, name)): PathOf<(String, String)>,
) -> Result<(StatusCode, Json<Operation>), Problem> {
    let platform = app.platform(&environment, &identity)?;
    platform.may_maintain(&name).await?;
    let (environment, principal) = (platform.environment().clone(), platform.principal().await?);
    let begin = Begin { environment, kind: OperationKind::Optimize, principal };
    let work = |_| async move { Ok(platform.optimize(&name).await?) };
    let operation = app.operations.begin(&app.store, begin, work).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)))
}

/// Remove files of a table that no version needs
#[utoipa::path(post, path = "/environments/{environment}/objects/{name}/vacuum", tag = "objects", request_body = VacuumRequest,
    params(("environment" = String, Path), ("name" = String, Path)), responses(
    (status = 202, description = "The operation", body = Operation),
    (status = 400, description = "It is no table", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not maintain it", body = Refusal),
    (status = 404, description = "There is no such table, or you may not know of it", body = Refusal),
))]
async fn vacuum(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, name)): PathOf<(String, String)>,
    Body(request): Body<VacuumRequest>,
) -> Result<(StatusCode, Json<Operation>), Problem> {
    let platform = app.platform(&environment, &identity)?;
    platform.may_maintain(&name).await?;
    let (environment, principal) = (platform.environment().clone(), platform.principal().await?);
    let begin = Begin { environment, kind: OperationKind::Vacuum, principal };
    let VacuumRequest { retain_seconds, dry_run, allow_short } = request;
    let retain = Duration::from_secs(retain_seconds);
    let work = move |_| async move { Ok(platform.vacuum(&name, retain, dry_run, allow_short).await?) };
    let operation = app.operations.begin(&app.store, begin, work).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)))
}
