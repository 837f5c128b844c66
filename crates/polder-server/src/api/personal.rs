//! `/environments/{environment}/personal`: a developer's own copies of what the developer changes.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::Utc;
use polder_api::{ApplyProgress, Operation, OperationKind, PersonalAnswer, PersonalRequest, PersonalSummary, Problem as Refusal};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identified::Identified;
use crate::operations::Begin;
use crate::problem::{Body, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(plan)).routes(routes!(apply)).routes(routes!(remove))
}

/// List who has personal copies: you, or everybody where you manage the metastore
#[utoipa::path(get, path = "/environments/{environment}/personal", tag = "personal",
    params(("environment" = String, Path)), responses(
    (status = 200, description = "By the prefix of their names", body = Vec<PersonalSummary>),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
) -> Result<Json<Vec<PersonalSummary>>, Problem> {
    Ok(Json(app.platform(&environment, &identity)?.personal(Utc::now()).await?))
}

/// Show of what you would have personal copies
#[utoipa::path(post, path = "/environments/{environment}/personal/plans", tag = "personal", request_body = PersonalRequest,
    params(("environment" = String, Path)), responses(
    (status = 200, description = "What becomes of each copy", body = PersonalAnswer),
    (status = 400, description = "The mesh has faults, or the environment has no personal copies", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment, or nothing is applied in it", body = Refusal),
))]
async fn plan(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Body(request): Body<PersonalRequest>,
) -> Result<Json<PersonalAnswer>, Problem> {
    let platform = app.platform(&environment, &identity)?.declared_by(request.files, request.variables)?;
    Ok(Json(platform.plan_personal().await?))
}

/// Make your personal copies what the files change
///
/// Answers with an operation to be watched: its events are the steps, its result what became of each copy.
#[utoipa::path(post, path = "/environments/{environment}/personal/applies", tag = "personal", request_body = PersonalRequest,
    params(("environment" = String, Path)), responses(
    (status = 202, description = "The operation", body = Operation),
    (status = 400, description = "Something sent is no file of a mesh", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn apply(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Body(request): Body<PersonalRequest>,
) -> Result<(StatusCode, Json<Operation>), Problem> {
    let platform = app.platform(&environment, &identity)?.declared_by(request.files, request.variables)?;
    let begin = Begin {
        environment: platform.environment().clone(),
        kind: OperationKind::Personal,
        principal: platform.principal().await?,
    };
    let work = |events: crate::operations::Events| async move {
        let mut observer = move |progress: ApplyProgress| events.progress("steps", &progress);
        Ok(platform.apply_personal(&mut observer).await?)
    };
    let operation = app.operations.begin(&app.store, begin, work).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)))
}

/// Remove personal copies: yours, or anybody's where you manage the metastore
#[utoipa::path(delete, path = "/environments/{environment}/personal/{prefix}", tag = "personal",
    params(("environment" = String, Path), ("prefix" = String, Path, description = "What their names begin with")), responses(
    (status = 204, description = "They are gone, with their rows"),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment, or none of this prefix that you may know of", body = Refusal),
    (status = 409, description = "Another process changes them", body = Refusal),
))]
async fn remove(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, prefix)): PathOf<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.platform(&environment, &identity)?.remove_personal(&prefix).await?;
    Ok(StatusCode::NO_CONTENT)
}
