//! `/validate`, `/environments/{environment}/plans` and `/applies`: what is declared, what would change, and changing it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use polder_api::{
    ApplyAnswer, ApplyProgress, ApplyRequest, MeshFiles, MeshVariables, Operation, OperationKind, PlanAnswer, PlanRequest,
    Problem as Refusal, ValidateAnswer, ValidateRequest,
};
use polder_platform::{Apply, Platform};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::identified::Identified;
use crate::operations::Begin;
use crate::problem::{Body, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(validate)).routes(routes!(plan)).routes(routes!(apply))
}

/// Check every file of a mesh
#[utoipa::path(post, path = "/validate", tag = "plans", request_body = ValidateRequest, responses(
    (status = 200, description = "Every fault, and what the mesh declares", body = ValidateAnswer),
    (status = 400, description = "Something sent is no file of a mesh", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not inspect the metastore", body = Refusal),
))]
async fn validate(
    State(app): State<App>,
    Identified(identity): Identified,
    Body(request): Body<ValidateRequest>,
) -> Result<Json<ValidateAnswer>, Problem> {
    let environment = app.default_environment().to_string();
    app.platform(&environment, &identity)?.may_inspect("validate").await?;
    let validation = match request.files {
        Some(files) => polder_platform::validate_files(files, request.variables).await?,
        None => polder_platform::validate(&app.config.root).await?,
    };
    let faults = validation.faults.iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect();
    Ok(Json(ValidateAnswer { faults, summary: validation.summary }))
}

/// Show what an apply would change, and why
#[utoipa::path(post, path = "/environments/{environment}/plans", tag = "plans", request_body = PlanRequest,
    params(("environment" = String, Path)), responses(
    (status = 200, description = "The plan", body = PlanAnswer<serde_json::Value>),
    (status = 400, description = "The mesh has faults", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not see plans", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn plan(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Body(request): Body<PlanRequest>,
) -> Result<Json<PlanAnswer<polder_plan::Plan>>, Problem> {
    let platform = declared(app.platform(&environment, &identity)?, request.files, request.variables)?;
    let planned = platform.plan(request.allow_destroy).await?;
    let warnings = planned.warnings.iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect();
    Ok(Json(PlanAnswer { plan: planned.plan, warnings, shares: planned.shares, losses: planned.losses }))
}

/// Carry a plan out
///
/// Answers with an operation to be watched: its events are the steps, its result what was done.
#[utoipa::path(post, path = "/environments/{environment}/applies", tag = "plans", request_body = ApplyRequest,
    params(("environment" = String, Path)), responses(
    (status = 202, description = "The operation", body = Operation),
    (status = 400, description = "That is no plan", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not apply", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn apply(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Body(request): Body<ApplyRequest>,
) -> Result<(StatusCode, Json<Operation>), Problem> {
    let platform = declared(app.platform(&environment, &identity)?, request.files, request.variables)?;
    let what = match request.plan {
        Some(plan) => Apply::Saved(Box::new(read_plan(plan)?)),
        None => Apply::Fresh { allow_destroy: request.allow_destroy },
    };
    platform.may_apply().await?;
    let begin =
        Begin { environment: platform.environment().clone(), kind: OperationKind::Apply, principal: platform.principal().await? };
    let work = |events: crate::operations::Events| async move {
        let mut observer = move |progress: ApplyProgress| events.progress("steps", &progress);
        let report = platform.apply(what, &mut observer).await?;
        let plan = &report.plan;
        Ok(ApplyAnswer {
            resumed: report.resumed,
            steps: report.steps,
            environment: plan.environment.clone(),
            plan: plan.id.to_string(),
            summary: serde_json::to_value(plan.summary()).map_err(Problem::internal)?,
            held_back: plan.held_back.len(),
            seconds: report.seconds,
        })
    };
    let operation = app.operations.begin(&app.store, begin, work).await?;
    Ok((StatusCode::ACCEPTED, Json(operation)))
}

fn declared(platform: Platform, files: Option<MeshFiles>, variables: MeshVariables) -> Result<Platform, Problem> {
    Ok(match files {
        Some(files) => platform.declared_by(files, variables)?,
        None => platform,
    })
}

fn read_plan(plan: Value) -> Result<polder_plan::Plan, Problem> {
    serde_json::from_value(plan)
        .map_err(|error| Problem::invalid(format!("that is no plan: {error}")).with_hint("send a plan as it was answered"))
}
