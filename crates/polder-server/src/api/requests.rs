//! `/environments/{environment}/access-requests` and `/grants`: access on request.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use polder_api::{
    AccessAct, AccessComment, AccessExport, AccessGrant, AccessQuery, AccessRequest, AskAccess, Page, PageQuery,
    Problem as Refusal,
};
use polder_platform::AccessDesk;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::paging;
use crate::identified::Identified;
use crate::problem::{Body, Parameters, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, ask))
        .routes(routes!(show))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(revoke))
        .routes(routes!(review))
        .routes(routes!(grants))
        .routes(routes!(export))
}

/// The desk of the tenant that is served.
pub(crate) fn desk(app: &App) -> Result<AccessDesk, Problem> {
    Ok(AccessDesk::new(&app.config.root, &app.settings, Some(&app.outbound))?)
}

/// What is told is as of now, also where no server sweeps, as on a laptop.
async fn caught_up(app: &App, environment: &str, desk: &AccessDesk, now: DateTime<Utc>) {
    let Some(platform) = app.environments().find(|platform| platform.environment().as_str() == environment) else { return };
    if let Err(error) = platform.sweep_access(desk, now).await {
        tracing::error!(%environment, %error, "access that is due was not looked at");
    }
}

/// List the requests for access that concern you
#[utoipa::path(get, path = "/environments/{environment}/access-requests", tag = "access",
    params(("environment" = String, Path), AccessQuery), responses(
    (status = 200, description = "A page, newest first", body = Page<AccessRequest>),
    (status = 400, description = "There is no such page or state", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment, or no such dataset that you may know of", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(query): Parameters<AccessQuery>,
) -> Result<Json<Page<AccessRequest>>, Problem> {
    let page = PageQuery { limit: query.limit, cursor: query.cursor.clone() };
    let limit = paging::limit(&page)?;
    let wrong = |_| Problem::invalid("that is no cursor").with_hint("a cursor is the `next_cursor` of the page before, as it is");
    let before = paging::after(&page)?.map(|id| Uuid::try_parse(&id).map_err(wrong)).transpose()?;
    let (platform, desk, now) = (app.platform(&environment, &identity)?, desk(&app)?, Utc::now());
    caught_up(&app, &environment, &desk, now).await;
    let (items, next) = platform.access_requests(&desk, &query, before, limit, now).await?;
    Ok(Json(Page { items, next_cursor: next.map(|id| paging::cursor(&id.to_string())) }))
}

/// Ask for access to a dataset
#[utoipa::path(post, path = "/environments/{environment}/access-requests", tag = "access", request_body = AskAccess,
    params(("environment" = String, Path)), responses(
    (status = 201, description = "The request", body = AccessRequest, headers(("ETag" = String), ("Location" = String))),
    (status = 400, description = "It cannot be asked for so", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You cannot ask for that beneficiary", body = Refusal),
    (status = 404, description = "There is no such dataset, or you may not know of it", body = Refusal),
    (status = 409, description = "The same is asked already", body = Refusal),
    (status = 415, description = "The body is not JSON", body = Refusal),
))]
async fn ask(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Body(wish): Body<AskAccess>,
) -> Result<Response, Problem> {
    let platform = app.platform(&environment, &identity)?;
    let request = platform.request_access(&desk(&app)?, wish, Utc::now()).await?;
    let location = format!("/api/v1/environments/{}/access-requests/{}", request.environment, request.id);
    let location = HeaderValue::try_from(location).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], tagged(request)?).into_response())
}

/// Show a request for access, with all that happened to it
#[utoipa::path(get, path = "/environments/{environment}/access-requests/{id}", tag = "access",
    params(("environment" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, description = "The request", body = AccessRequest, headers(("ETag" = String))),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such request, or you may not know of it", body = Refusal),
))]
async fn show(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, id)): PathOf<(String, Uuid)>,
) -> Result<Response, Problem> {
    let (platform, desk, now) = (app.platform(&environment, &identity)?, desk(&app)?, Utc::now());
    caught_up(&app, &environment, &desk, now).await;
    tagged(platform.access_request(&desk, id, now).await?)
}

macro_rules! act {
    ($(#[$summary:meta])* $name:ident, $path:literal, $act:expr) => {
        $(#[$summary])*
        #[utoipa::path(post, path = $path, tag = "access", request_body = AccessComment,
            params(("environment" = String, Path), ("id" = Uuid, Path),
                   ("If-Match" = Option<String>, Header, description = "the ETag of the request that you looked at")),
            responses(
            (status = 200, description = "The request as it is now", body = AccessRequest, headers(("ETag" = String))),
            (status = 400, description = "The comment is no line of text", body = Refusal),
            (status = 401, description = "Nobody is signed in", body = Refusal),
            (status = 403, description = "You have no say in this", body = Refusal),
            (status = 404, description = "There is no such request, or you may not know of it", body = Refusal),
            (status = 409, description = "It cannot be done now", body = Refusal),
            (status = 412, description = "Someone changed it meanwhile", body = Refusal),
            (status = 415, description = "The body is not JSON", body = Refusal),
        ))]
        async fn $name(
            State(app): State<App>,
            Identified(identity): Identified,
            PathOf((environment, id)): PathOf<(String, Uuid)>,
            headers: HeaderMap,
            Body(said): Body<AccessComment>,
        ) -> Result<Response, Problem> {
            decide(&app, &identity, (&environment, id), $act, &headers, &said).await
        }
    };
}

act! {
    /// Approve a request for access
    approve, "/environments/{environment}/access-requests/{id}/approve", AccessAct::Approve
}
act! {
    /// Turn a request for access down, or take your own back
    reject, "/environments/{environment}/access-requests/{id}/reject", AccessAct::Reject
}
act! {
    /// End access before its time
    revoke, "/environments/{environment}/access-requests/{id}/revoke", AccessAct::Revoke
}
act! {
    /// Confirm that access is still needed
    review, "/environments/{environment}/access-requests/{id}/review", AccessAct::Review
}

async fn decide(
    app: &App,
    identity: &polder_platform::Identity,
    (environment, id): (&str, Uuid),
    act: AccessAct,
    headers: &HeaderMap,
    said: &AccessComment,
) -> Result<Response, Problem> {
    let platform = app.platform(environment, identity)?;
    let (desk, now) = (desk(app)?, Utc::now());
    let version = expected(headers)?;
    if let Some(version) = version {
        // Before anything else, so that a refusal for another reason is not taken for this one.
        let found = platform.access_request(&desk, id, now).await?;
        if found.version != version {
            return Err(Problem::precondition("the request is another by now").with_hint("look at it again, and decide anew"));
        }
    }
    tagged(platform.decide_access(&desk, id, act, &said.comment, version, now).await?)
}

/// List the grants that no file declares: your own, and those on what you govern
#[utoipa::path(get, path = "/environments/{environment}/grants", tag = "access", params(("environment" = String, Path)), responses(
    (status = 200, description = "The grants that hold now, oldest first", body = Vec<AccessGrant>),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn grants(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
) -> Result<Json<Vec<AccessGrant>>, Problem> {
    let platform = app.platform(&environment, &identity)?;
    Ok(Json(platform.access_grants(&desk(&app)?, Utc::now()).await?))
}

/// Write the grants that hold as a file of the repository
#[utoipa::path(get, path = "/environments/{environment}/grants/export", tag = "access", params(("environment" = String, Path)), responses(
    (status = 200, description = "The file", body = AccessExport),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not inspect the metastore", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn export(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
) -> Result<Json<AccessExport>, Problem> {
    Ok(Json(app.platform(&environment, &identity)?.export_grants(Utc::now()).await?))
}

fn tagged(request: AccessRequest) -> Result<Response, Problem> {
    let tag = HeaderValue::try_from(format!("\"{}\"", request.version)).map_err(Problem::internal)?;
    Ok(([(header::ETAG, tag)], Json(request)).into_response())
}

/// The version that `If-Match` asks for.
fn expected(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).and_then(|digits| digits.parse().ok());
    // What is no ETag of ours matches no request.
    version
        .map(Some)
        .ok_or_else(|| Problem::precondition("that is no ETag of a request").with_hint("send the ETag as it was given"))
}
