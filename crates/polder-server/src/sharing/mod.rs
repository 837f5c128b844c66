//! Delta Sharing: what is offered to a recipient, and files by signed addresses. At `/delta-sharing` for the default environment, and at
//! `/environments/{environment}/delta-sharing` for each.
//!
//! Shapes only: what a recipient is offered, and in which form, is decided in `polder_platform`.

mod error;
mod files;
mod lists;
mod tables;

use std::net::IpAddr;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::routing::{get, post};
use polder_platform::Platform;
use serde::Deserialize;

use crate::auth;
use crate::environments::{self, Here};
use crate::state::App;

use error::Refusal;
pub(crate) use error::in_its_form;

/// Where it is, below the server's URL or an environment's.
pub(crate) const PREFIX: &str = "/delta-sharing";

/// The routes, for the default environment and for each.
pub(crate) fn routes() -> Router<App> {
    environments::nested(PREFIX, sharing)
}

fn sharing() -> Router<App> {
    const TABLE: &str = "/shares/{share}/schemas/{schema}/tables/{table}";
    Router::new()
        .route("/shares", get(lists::shares))
        .route("/shares/{share}", get(lists::share))
        .route("/shares/{share}/schemas", get(lists::schemas))
        .route("/shares/{share}/schemas/{schema}/tables", get(lists::tables))
        .route("/shares/{share}/all-tables", get(lists::all_tables))
        // Older clients ask for the version so.
        .route(TABLE, axum::routing::head(tables::version))
        .route(&format!("{TABLE}/version"), get(tables::version))
        .route(&format!("{TABLE}/metadata"), get(tables::metadata))
        .route(&format!("{TABLE}/query"), post(tables::query))
        .route(&format!("{TABLE}/changes"), get(tables::changes))
        .route("/files/{address}", get(files::file))
        .fallback(error::nothing_here)
        .method_not_allowed_fallback(error::not_that_way)
}

/// `{share}` in a path.
#[derive(Deserialize)]
struct InShare {
    share: String,
}

/// `{share}` and `{schema}` in a path.
#[derive(Deserialize)]
struct InSchema {
    share: String,
    schema: String,
}

/// `{share}`, `{schema}` and `{table}` in a path.
#[derive(Deserialize)]
struct OfTable {
    share: String,
    schema: String,
    table: String,
}

/// The environment that a request is about, on behalf of whoever asks, and from where that is.
pub(crate) struct Recipient {
    platform: Platform,
    from: Option<IpAddr>,
}

impl FromRequestParts<App> for Recipient {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refusal> {
        let Here { platform, .. } = Here::from_request_parts(parts, app).await?;
        Ok(Self { platform, from: auth::address(&parts.extensions) })
    }
}
