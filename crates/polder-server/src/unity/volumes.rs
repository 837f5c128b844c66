//! `/volumes`.

use axum::Json;
use polder_model::Securable;
use polder_platform::catalog::{Listing, NewVolume, TableChange, securable_named};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Refusal;
use super::lists::{Paging, page};
use super::request::{Asked, Catalog, FullName, Named, Sent, existing};
use super::tables::{Of, full_name};
use super::wire;

const NOUN: &str = "VOLUME";

/// A volume to be made.
#[derive(Deserialize)]
pub(super) struct Create {
    catalog_name: String,
    schema_name: String,
    name: String,
    volume_type: String,
    comment: Option<String>,
    storage_location: Option<String>,
}

/// A change of a volume.
#[derive(Deserialize)]
pub(super) struct Update {
    comment: Option<String>,
    new_name: Option<String>,
}

pub(super) async fn list(
    Catalog(platform): Catalog,
    Asked(of): Asked<Of>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, Refusal> {
    let catalog = existing(&of.catalog_name).map_err(|refusal| refusal.of("CATALOG"))?;
    let schema = existing(&of.schema_name).map_err(|refusal| refusal.of("SCHEMA"))?;
    let found = platform.catalog_list(&Listing::Volumes(catalog, schema)).await;
    page("volumes", &found.map_err(|error| Refusal::from(error).of("SCHEMA"))?, &paging, wire::volume)
}

pub(super) async fn get(Catalog(platform): Catalog, Named(name): Named<FullName>) -> Result<Json<Value>, Refusal> {
    let found = platform.catalog_object(&named(&name.full_name)?).await;
    Ok(Json(wire::volume(&found.map_err(of)?)))
}

pub(super) async fn create(Catalog(platform): Catalog, Sent(new): Sent<Create>) -> Result<Json<Value>, Refusal> {
    let name = full_name(&new.catalog_name, &new.schema_name, &new.name)?;
    let url = match (new.volume_type.as_str(), new.storage_location) {
        ("MANAGED", None) => None,
        ("EXTERNAL", Some(url)) => Some(url),
        _ => return Err(Refusal::invalid("a volume is MANAGED without a storage_location, or EXTERNAL with one")),
    };
    let made = platform.create_volume(NewVolume { name, comment: new.comment.unwrap_or_default(), url }).await;
    Ok(Json(wire::volume(&made.map_err(|error| Refusal::from(error).of("SCHEMA").of_new(NOUN))?)))
}

pub(super) async fn update(
    Catalog(platform): Catalog,
    Named(name): Named<FullName>,
    Sent(update): Sent<Update>,
) -> Result<Json<Value>, Refusal> {
    if update.new_name.is_some() {
        return Err(Refusal::invalid("a volume keeps its name: make another one"));
    }
    let change = TableChange { comment: update.comment, ..TableChange::default() };
    let changed = platform.change_object(&named(&name.full_name)?, &change).await;
    Ok(Json(wire::volume(&changed.map_err(of)?)))
}

pub(super) async fn delete(Catalog(platform): Catalog, Named(name): Named<FullName>) -> Result<Json<Value>, Refusal> {
    platform.drop_object(&named(&name.full_name)?, false).await.map_err(of)?;
    Ok(Json(json!({})))
}

fn named(name: &str) -> Result<Securable, Refusal> {
    securable_named("volume", name).map_err(of)
}

fn of(error: polder_platform::Error) -> Refusal {
    Refusal::from(error).of(NOUN)
}
