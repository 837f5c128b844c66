//! Iceberg's REST interface to tables that are kept as Delta: at `/iceberg/v1` for the default environment, and at
//! `/environments/{environment}/iceberg/v1` for each. A warehouse is a catalog, a namespace one of its schemas.
//!
//! It reads only, and hands out whole files: a table is open to whoever may read it whole and in clear, which
//! `polder_platform::catalog` decides. What tables look like in Iceberg is `polder-iceberg`'s business. Begin with [`routes`].

mod config;
mod error;
mod kept;
mod namespaces;
mod tables;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::{get, post};

use crate::environments;
use crate::state::App;

pub(crate) use error::in_its_form;

const PREFIX: &str = "/iceberg/v1";
const NAMESPACES: &str = "/{prefix}/namespaces";
const NAMESPACE: &str = "/{prefix}/namespaces/{namespace}";
const TABLES: &str = "/{prefix}/namespaces/{namespace}/tables";
const TABLE: &str = "/{prefix}/namespaces/{namespace}/tables/{table}";

/// The routes, for the default environment and for each.
pub(crate) fn routes() -> Router<App> {
    environments::nested(PREFIX, catalog)
}

fn catalog() -> Router<App> {
    Router::new()
        .route("/config", get(config::config))
        .route(NAMESPACES, get(namespaces::list))
        .route(NAMESPACE, get(namespaces::get).head(namespaces::exists))
        .route(TABLES, get(tables::list))
        .route(TABLE, get(tables::load).head(tables::exists))
        .route(&format!("{TABLE}/plan"), post(tables::plan))
        .route(&format!("{TABLE}/metrics"), post(tables::metrics))
        .route(&format!("{NAMESPACE}/views"), get(namespaces::views))
        .fallback(error::nothing_here)
        .method_not_allowed_fallback(error::not_that_way)
        .layer(map_response(error::in_own_form))
}
