//! Unity Catalog's REST interface, for clients that know it: at `/api/2.1/unity-catalog` for the default environment, and at
//! `/environments/{environment}/api/2.1/unity-catalog` for each.
//!
//! Shapes only: what may be seen and done is decided by `polder_platform::catalog`. Answers follow the specification where real
//! clients leave a choice, and what they need beyond it: never an empty `next_page_token`, never a missing `properties`.

mod catalogs;
mod commits;
pub(crate) mod credentials;
mod delta;
pub(crate) mod error;
mod lists;
mod permissions;
pub(crate) mod request;
mod schemas;
mod tables;
mod types;
mod volumes;
mod wire;

use axum::Router;
use axum::routing::{get, post};

use crate::environments;
use crate::state::App;

pub(crate) use error::in_its_form;

const PREFIX: &str = "/api/2.1/unity-catalog";

/// The routes, for the default environment and for each.
pub(crate) fn routes() -> Router<App> {
    environments::nested(PREFIX, catalog)
}

fn catalog() -> Router<App> {
    Router::new()
        .route("/metastore_summary", get(catalogs::metastore))
        .route("/catalogs", get(catalogs::list).post(catalogs::create))
        .route("/catalogs/{name}", get(catalogs::get).patch(catalogs::update).delete(catalogs::delete))
        .route("/schemas", get(schemas::list).post(schemas::create))
        .route("/schemas/{full_name}", get(schemas::get).patch(schemas::update).delete(schemas::delete))
        .route("/tables", get(tables::list).post(tables::create))
        .route("/tables/{full_name}", get(tables::get).delete(tables::delete))
        .route("/staging-tables", post(commits::stage))
        .route("/delta/preview/commits", get(commits::list).post(commits::commit))
        .route("/volumes", get(volumes::list).post(volumes::create))
        .route("/volumes/{full_name}", get(volumes::get).patch(volumes::update).delete(volumes::delete))
        .route("/functions", get(lists::functions).post(lists::unsupported))
        .route("/functions/{full_name}", get(lists::no_function).delete(lists::no_function))
        .route("/models", get(lists::models).post(lists::unsupported))
        .route("/models/{full_name}", get(lists::no_model).patch(lists::no_model).delete(lists::no_model))
        .route("/models/{full_name}/versions", get(lists::no_model))
        .route("/external-locations", get(lists::external_locations).post(lists::unsupported))
        .route("/credentials", get(lists::credentials).post(lists::unsupported))
        .route("/permissions/{kind}/{full_name}", get(permissions::list).patch(permissions::update))
        .route("/effective-permissions/{kind}/{full_name}", get(permissions::effective))
        .route("/temporary-table-credentials", post(credentials::of_table))
        .route("/temporary-volume-credentials", post(credentials::of_volume))
        .route("/temporary-path-credentials", post(credentials::of_path))
        .nest("/delta/v1", delta::routes())
        .fallback(error::nothing_here)
        .method_not_allowed_fallback(error::not_that_way)
}
