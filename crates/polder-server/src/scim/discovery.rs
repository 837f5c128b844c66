//! What the service says of itself.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use polder_scim::{ScimError, Window, list_response};
use serde_json::{Map, Value};

use super::access::ScimClient;
use super::answer::{Refusal, answer};
use super::body::Asked;
use crate::state::App;

pub(super) async fn service_provider_config(State(app): State<App>, _: ScimClient) -> Response {
    answer(StatusCode::OK, &polder_scim::service_provider_config(&super::base(&app)))
}

pub(super) async fn resource_types(State(app): State<App>, _: ScimClient, asked: Asked) -> Result<Response, Refusal> {
    all(polder_scim::resource_types(&super::base(&app)), &asked)
}

pub(super) async fn resource_type(State(app): State<App>, _: ScimClient, Path(id): Path<String>) -> Result<Response, Refusal> {
    one(polder_scim::resource_types(&super::base(&app)), "resource type", &id)
}

pub(super) async fn schemas(State(app): State<App>, _: ScimClient, asked: Asked) -> Result<Response, Refusal> {
    all(polder_scim::schemas(&super::base(&app)), &asked)
}

pub(super) async fn schema(State(app): State<App>, _: ScimClient, Path(id): Path<String>) -> Result<Response, Refusal> {
    one(polder_scim::schemas(&super::base(&app)), "schema", &id)
}

/// `/Me` and `/Bulk`: the standard knows them, this service does not.
pub(super) async fn not_supported(_: ScimClient) -> Refusal {
    ScimError::status(501, "this is not supported: ServiceProviderConfig says what is").into()
}

fn all(described: Vec<Map<String, Value>>, asked: &Asked) -> Result<Response, Refusal> {
    // RFC 7644, section 4: a filter here must not be passed over.
    if asked.parameters().any(|(name, _)| name == "filter") {
        return Err(ScimError::status(403, "what the service says of itself cannot be filtered").into());
    }
    let total = described.len() as u64;
    Ok(answer(StatusCode::OK, &list_response(total, Window::default(), described)))
}

fn one(described: Vec<Map<String, Value>>, what: &str, id: &str) -> Result<Response, Refusal> {
    let found = described.into_iter().find(|one| one["id"] == id);
    let found = found.ok_or_else(|| ScimError::not_found(&format!("{what} {id}")))?;
    Ok(answer(StatusCode::OK, &found.into()))
}
