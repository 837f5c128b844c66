//! `/catalogs` and `/metastore_summary`.

use std::collections::BTreeMap;

use axum::Json;
use polder_model::{DomainName, Securable};
use polder_platform::catalog::{Listing, NewCatalog, TableChange};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Refusal;
use super::lists::{Paging, page};
use super::request::{Asked, Catalog, Force, Name, Named, Sent, existing, new_name};
use super::wire;

const NOUN: &str = "CATALOG";

/// A catalog to be made.
#[derive(Deserialize)]
pub(super) struct Create {
    name: String,
    comment: Option<String>,
    properties: Option<BTreeMap<String, String>>,
    storage_root: Option<String>,
}

/// A change of a catalog or schema.
#[derive(Deserialize)]
pub(super) struct Update {
    pub(super) comment: Option<String>,
    pub(super) properties: Option<BTreeMap<String, String>>,
    pub(super) new_name: Option<String>,
}

impl Update {
    /// The change, if it is one that can be made.
    pub(super) fn change(self) -> Result<TableChange, Refusal> {
        if self.new_name.is_some() {
            return Err(Refusal::invalid("a catalog or schema keeps its name: make another one"));
        }
        Ok(TableChange { comment: self.comment, properties: self.properties, ..TableChange::default() })
    }
}

pub(super) async fn metastore(Catalog(platform): Catalog) -> Json<Value> {
    let name = format!("{}-{}", platform.tenant(), platform.environment());
    Json(json!({ "metastore_id": platform.metastore_id(), "name": name }))
}

pub(super) async fn list(Catalog(platform): Catalog, Asked(paging): Asked<Paging>) -> Result<Json<Value>, Refusal> {
    let found = platform.catalog_list(&Listing::Catalogs).await?;
    page("catalogs", &found, &paging, wire::catalog)
}

pub(super) async fn get(Catalog(platform): Catalog, Named(name): Named<Name>) -> Result<Json<Value>, Refusal> {
    let found = platform.catalog_object(&named(&name.name)?).await;
    Ok(Json(wire::catalog(&found.map_err(of)?)))
}

pub(super) async fn create(Catalog(platform): Catalog, Sent(new): Sent<Create>) -> Result<Json<Value>, Refusal> {
    let new = NewCatalog {
        name: new_name(&new.name)?,
        comment: new.comment.unwrap_or_default(),
        properties: new.properties.unwrap_or_default(),
        storage_root: new.storage_root,
    };
    let made = platform.create_catalog(new).await.map_err(|error| Refusal::from(error).of_new(NOUN))?;
    Ok(Json(wire::catalog(&made)))
}

pub(super) async fn update(
    Catalog(platform): Catalog,
    Named(name): Named<Name>,
    Sent(update): Sent<Update>,
) -> Result<Json<Value>, Refusal> {
    let changed = platform.change_object(&named(&name.name)?, &update.change()?).await;
    Ok(Json(wire::catalog(&changed.map_err(of)?)))
}

pub(super) async fn delete(
    Catalog(platform): Catalog,
    Named(name): Named<Name>,
    Asked(force): Asked<Force>,
) -> Result<Json<Value>, Refusal> {
    platform.drop_object(&named(&name.name)?, force.force).await.map_err(of)?;
    Ok(Json(json!({})))
}

fn named(name: &str) -> Result<Securable, Refusal> {
    let name: DomainName = existing(name).map_err(|refusal| refusal.of(NOUN))?;
    Ok(Securable::Catalog(name))
}

fn of(error: polder_platform::Error) -> Refusal {
    Refusal::from(error).of(NOUN)
}
