//! `/environments/{environment}/hot`: what this server holds of tables whose rows are looked up by key. Rows themselves are at `/data`.

use axum::Json;
use axum::extract::State;
use polder_api::{HotSummary, Page, PageQuery, Problem as Refusal};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::paging;
use crate::identified::Identified;
use crate::problem::{Parameters, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the tables with hot storage that you govern or look after
///
/// Each with what the server that answers holds of it, and how far that is behind the table.
#[utoipa::path(get, path = "/environments/{environment}/hot", tag = "objects",
    params(("environment" = String, Path), PageQuery), responses(
    (status = 200, description = "A page, by name", body = Page<HotSummary>),
    (status = 400, description = "There is no such page", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Json<Page<HotSummary>>, Problem> {
    let tables = app.platform(&environment, &identity)?.hot_storage().await?;
    paging::page(tables, &page, |table| table.table.to_string()).map(Json)
}
