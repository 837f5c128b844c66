//! Our REST API, version 1: a file for each sort of thing, a few short handlers in each.

use utoipa_axum::router::OpenApiRouter;

use crate::state::App;

mod environments;
mod objects;
pub(crate) mod paging;
mod query;

/// Every route, relative to `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(environments::routes()).merge(objects::routes()).merge(query::routes())
}
