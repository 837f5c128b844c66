//! Pages; and lists of what this catalog has none of.

use axum::Json;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use polder_platform::catalog::{CatalogObject, Listing};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error::Refusal;
use super::request::{Asked, Catalog, existing};

/// How much is on a page when the client leaves that to us.
const PAGE: usize = 1000;

/// Which page. Without `max_results` all is answered at once: some clients never ask for a second page.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Paging {
    max_results: Option<i64>,
    page_token: Option<String>,
}

/// Cuts a page out of a list that is in order of its names.
pub(super) fn page(
    field: &str,
    objects: &[CatalogObject],
    paging: &Paging,
    shown: impl Fn(&CatalogObject) -> Value,
) -> Result<Json<Value>, Refusal> {
    let limit = match paging.max_results {
        None => usize::MAX,
        Some(0) => PAGE,
        Some(limit) => usize::try_from(limit).map_err(|_| Refusal::invalid("max_results may not be negative"))?.min(PAGE),
    };
    let after = paging.page_token.as_deref().filter(|token| !token.is_empty()).map(decode).transpose()?;
    let key = |object: &CatalogObject| object.resource.address().name().to_owned();
    let from = after.map_or(0, |after| objects.partition_point(|object| key(object) <= after));
    let rest = &objects[from..];
    let on_page = &rest[..rest.len().min(limit)];
    let next = on_page.last().filter(|_| rest.len() > on_page.len()).map(|last| BASE64_URL_SAFE_NO_PAD.encode(key(last)));
    let mut answer = Map::new();
    answer.insert(field.to_owned(), on_page.iter().map(shown).collect());
    // Absent on the last page: one client takes an empty one for another page, for ever.
    answer.extend(next.map(|next| ("next_page_token".to_owned(), Value::String(next))));
    Ok(Json(Value::Object(answer)))
}

fn decode(token: &str) -> Result<String, Refusal> {
    let decoded = BASE64_URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.ok_or_else(|| Refusal::invalid("that is no page_token: send the next_page_token of the page before"))
}

/// A schema, as parameters name it.
#[derive(Deserialize)]
pub(super) struct InSchema {
    catalog_name: String,
    schema_name: String,
}

impl InSchema {
    /// Sees that the caller may know of the schema.
    async fn seen(&self, Catalog(platform): &Catalog) -> Result<(), Refusal> {
        let (catalog, schema) = (existing(&self.catalog_name), existing(&self.schema_name));
        let (catalog, schema) = (catalog.map_err(|e| e.of("CATALOG"))?, schema.map_err(|e| e.of("SCHEMA"))?);
        platform.catalog_list(&Listing::Volumes(catalog, schema)).await.map_err(|error| Refusal::from(error).of("SCHEMA"))?;
        Ok(())
    }
}

/// There are no functions.
pub(super) async fn functions(catalog: Catalog, Asked(within): Asked<InSchema>) -> Result<Json<Value>, Refusal> {
    within.seen(&catalog).await?;
    Ok(Json(json!({ "functions": [] })))
}

/// There are no models.
pub(super) async fn models(_: Catalog) -> Json<Value> {
    Json(json!({ "registered_models": [] }))
}

/// There are no external locations: where bytes are is the files' to say.
pub(super) async fn external_locations(_: Catalog) -> Json<Value> {
    Json(json!({ "external_locations": [] }))
}

/// Credentials of stores are settings of the platform, and shown to nobody.
pub(super) async fn credentials(_: Catalog) -> Json<Value> {
    Json(json!({ "credentials": [] }))
}

/// No function has this name.
pub(super) async fn no_function(_: Catalog) -> Refusal {
    Refusal::not_found("there is no such function").of("FUNCTION")
}

/// No model has this name.
pub(super) async fn no_model(_: Catalog) -> Refusal {
    Refusal::not_found("there is no such model").of("REGISTERED_MODEL")
}

/// What this catalog has no place for.
pub(super) async fn unsupported(_: Catalog) -> Refusal {
    Refusal::new(axum::http::StatusCode::NOT_IMPLEMENTED, "UNIMPLEMENTED", "this catalog keeps no objects of this kind")
}
