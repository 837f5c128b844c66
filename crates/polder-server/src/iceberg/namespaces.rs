//! Namespaces: the schemas of the catalog that the prefix names.

use axum::Json;
use axum::http::StatusCode;
use polder_model::{DomainName, Resource, SchemaName, Securable};
use polder_platform::Platform;
use polder_platform::catalog::Listing;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::unity::error::Refusal;
use crate::unity::request::{Asked, Catalog, Named, existing};

/// `{prefix}`, `{namespace}` and `{table}` in a path.
#[derive(Deserialize)]
pub(super) struct On {
    prefix: String,
    #[serde(default)]
    namespace: String,
    #[serde(default)]
    pub(super) table: String,
}

impl On {
    pub(super) fn catalog(&self) -> Result<DomainName, Refusal> {
        existing(&self.prefix).map_err(|refusal| refusal.of("CATALOG"))
    }

    /// The catalog and the schema. A namespace of several levels is none.
    pub(super) fn schema(&self) -> Result<(DomainName, SchemaName), Refusal> {
        Ok((self.catalog()?, existing(&self.namespace).map_err(|refusal| refusal.of("SCHEMA"))?))
    }

    async fn found(&self, platform: &Platform) -> Result<SchemaName, Refusal> {
        let (catalog, schema) = self.schema()?;
        let what = Securable::Schema(catalog, schema.clone());
        platform.catalog_object(&what).await.map_err(|error| Refusal::from(error).of("SCHEMA"))?;
        Ok(schema)
    }
}

/// Below what namespaces are listed.
#[derive(Deserialize)]
pub(super) struct Below {
    parent: Option<String>,
}

pub(super) async fn list(
    Catalog(platform): Catalog,
    Named(on): Named<On>,
    Asked(below): Asked<Below>,
) -> Result<Json<Value>, Refusal> {
    let catalog = on.catalog()?;
    if let Some(parent) = below.parent.filter(|parent| !parent.is_empty()) {
        let within: On = On { prefix: on.prefix, namespace: parent, table: String::new() };
        within.found(&platform).await?;
        return Ok(Json(json!({ "namespaces": [] })));
    }
    let found = platform.catalog_list(&Listing::Schemas(catalog)).await.map_err(|error| Refusal::from(error).of("CATALOG"))?;
    let names = found.iter().filter_map(|object| match &*object.resource {
        Resource::Schema(schema) => Some(json!([schema.name])),
        _ => None,
    });
    Ok(Json(json!({ "namespaces": names.collect::<Vec<_>>() })))
}

pub(super) async fn get(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<Json<Value>, Refusal> {
    let name = on.found(&platform).await?;
    Ok(Json(json!({ "namespace": [name], "properties": {} })))
}

pub(super) async fn exists(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<StatusCode, Refusal> {
    on.found(&platform).await.map(|_| StatusCode::NO_CONTENT)
}

/// The views that clients of Iceberg could read: none, for ours are read by SQL.
pub(super) async fn views(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<Json<Value>, Refusal> {
    on.found(&platform).await?;
    Ok(Json(json!({ "identifiers": [] })))
}
