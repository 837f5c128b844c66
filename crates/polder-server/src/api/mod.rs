//! Our REST API, version 1: a file for each sort of thing, a few short handlers in each.

use utoipa_axum::router::OpenApiRouter;

use crate::state::App;

mod audit;
mod connections;
mod environments;
mod hot;
mod objects;
mod operations;
pub(crate) mod paging;
mod personal;
mod plans;
pub(crate) mod query;
mod requests;
mod runs;
mod shares;
mod upkeep;
mod volumes;

pub(crate) use requests::desk;

/// Every route, relative to `/api/v1`.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(audit::routes())
        .merge(crate::auth::api_routes())
        .merge(connections::routes())
        .merge(environments::routes())
        .merge(hot::routes())
        .merge(objects::routes())
        .merge(operations::routes())
        .merge(personal::routes())
        .merge(plans::routes())
        .merge(query::routes())
        .merge(requests::routes())
        .merge(runs::routes())
        .merge(shares::routes())
        .merge(upkeep::routes())
        .merge(volumes::routes())
}
