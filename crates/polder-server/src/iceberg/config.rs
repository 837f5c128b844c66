//! `/config`: what a client begins with.

use axum::Json;
use polder_model::{DomainName, Securable};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::unity::error::Refusal;
use crate::unity::request::{Asked, Catalog, existing};

/// Which warehouse.
#[derive(Deserialize)]
pub(super) struct Of {
    warehouse: Option<String>,
}

/// What may be asked, below [`super::PREFIX`]: nothing that writes, so that clients refuse that themselves.
const ENDPOINTS: [(&str, &str); 9] = [
    ("GET", super::NAMESPACES),
    ("GET", super::NAMESPACE),
    ("HEAD", super::NAMESPACE),
    ("GET", super::TABLES),
    ("GET", super::TABLE),
    ("HEAD", super::TABLE),
    ("POST", "/{prefix}/namespaces/{namespace}/tables/{table}/plan"),
    ("POST", "/{prefix}/namespaces/{namespace}/tables/{table}/metrics"),
    ("GET", "/{prefix}/namespaces/{namespace}/views"),
];

/// What the warehouse has: its catalog is the prefix of every address.
pub(super) async fn config(Catalog(platform): Catalog, Asked(of): Asked<Of>) -> Result<Json<Value>, Refusal> {
    let Some(warehouse) = of.warehouse.filter(|name| !name.is_empty()) else {
        return Err(Refusal::invalid("name the catalog as the warehouse, such as warehouse=finance"));
    };
    let name: DomainName = existing(&warehouse).map_err(|refusal| refusal.of("CATALOG"))?;
    let what = Securable::Catalog(name.clone());
    platform.catalog_object(&what).await.map_err(|error| Refusal::from(error).of("CATALOG"))?;
    let endpoints: Vec<String> = ENDPOINTS.iter().map(|(method, path)| format!("{method} /v1{path}")).collect();
    Ok(Json(json!({ "defaults": {}, "overrides": { "prefix": name }, "endpoints": endpoints })))
}
