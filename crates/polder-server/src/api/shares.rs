//! `/environments/{environment}/shares`: what is shared with whom, for those who govern it. Recipients ask at `/delta-sharing`.

use axum::Json;
use axum::extract::State;
use polder_api::{Page, PageQuery, Problem as Refusal, ShareSummary};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::paging;
use crate::identified::Identified;
use crate::problem::{Parameters, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the shares that you govern
///
/// Each with the form in which every recipient gets every table: its own files, or a copy of what the recipient may see.
#[utoipa::path(get, path = "/environments/{environment}/shares", tag = "shares",
    params(("environment" = String, Path), PageQuery), responses(
    (status = 200, description = "A page, by name", body = Page<ShareSummary>),
    (status = 400, description = "There is no such page", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Json<Page<ShareSummary>>, Problem> {
    let shares = app.platform(&environment, &identity)?.shares().await?;
    paging::page(shares, &page, |share| share.name.clone()).map(Json)
}
