//! `/environments/{environment}/runs`: running jobs, and what came of them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use polder_api::{Operation, OperationKind, PageQuery, Problem as Refusal, RunEvent, RunRequest, RunSummary};
use polder_platform::{RunOptions, Selection};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::paging;
use crate::identified::Identified;
use crate::operations::Begin;
use crate::problem::{Body, Parameters, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, start))
}

/// List the latest runs, newest first
#[utoipa::path(get, path = "/environments/{environment}/runs", tag = "runs",
    params(("environment" = String, Path), PageQuery), responses(
    (status = 200, description = "Runs of the jobs whose sinks you may know of", body = Vec<RunSummary>),
    (status = 400, description = "Too many", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Json<Vec<RunSummary>>, Problem> {
    let limit = u32::try_from(paging::limit(&page)?).unwrap_or(u32::MAX);
    Ok(Json(app.platform(&environment, &identity)?.runs(limit).await?))
}

/// Run a job, or every job
///
/// Answers with an operation to be watched: its events are those of the jobs, its result what came of each.
#[utoipa::path(post, path = "/environments/{environment}/runs", tag = "runs", request_body = RunRequest,
    params(("environment" = String, Path)), responses(
    (status = 202, description = "The operation", body = Operation),
    (status = 400, description = "That names no job", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn start(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Body(request): Body<RunRequest>,
) -> Result<(StatusCode, Json<Operation>), Problem> {
    let platform = app.platform(&environment, &identity)?;
    let selection = match &request.job {
        Some(job) => Selection::One(job.parse().map_err(|error| Problem::invalid(format!("{job:?} names no job: {error}")))?),
        None => Selection::All,
    };
    if request.adopt && (request.job.is_none() || request.force) {
        return Err(Problem::invalid("to adopt takes one job, and is not to be forced"));
    }
    let parallel = match request.parallel.unwrap_or(2) {
        parallel @ 1..=64 => usize::from(parallel),
        parallel => return Err(Problem::invalid(format!("from 1 to 64 jobs may be at work at once, not {parallel}"))),
    };
    let RunRequest { force, adopt, personal, .. } = request;
    let options = RunOptions { force, adopt, personal, parallel };
    let begin =
        Begin { environment: platform.environment().clone(), kind: OperationKind::Run, principal: platform.principal().await? };
    let work = |events: crate::operations::Events| async move {
        let observer = move |event: RunEvent| match &event {
            RunEvent::Rows { job, .. } => events.progress(format!("rows of {job}"), &event),
            _ => events.tell(&event),
        };
        Ok(platform.run(selection, options, &observer).await?)
    };
    let operation = app.operations.begin(&app.store, begin, work).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)))
}
