//! `/schemas`.

use std::collections::BTreeMap;

use axum::Json;
use polder_model::Securable;
use polder_platform::catalog::{Listing, NewSchema, TableChange, securable_named};
use serde::Deserialize;
use serde_json::{Value, json};

use super::catalogs::Update;
use super::error::Refusal;
use super::lists::{Paging, page};
use super::request::{Asked, Catalog, Force, FullName, Named, Sent, existing, new_name};
use super::wire;

const NOUN: &str = "SCHEMA";

/// Which schemas.
#[derive(Deserialize)]
pub(super) struct Of {
    catalog_name: String,
}

/// A schema to be made.
#[derive(Deserialize)]
pub(super) struct Create {
    name: String,
    catalog_name: String,
    comment: Option<String>,
    properties: Option<BTreeMap<String, String>>,
}

pub(super) async fn list(
    Catalog(platform): Catalog,
    Asked(of): Asked<Of>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, Refusal> {
    let catalog = existing(&of.catalog_name).map_err(|refusal| refusal.of("CATALOG"))?;
    let found = platform.catalog_list(&Listing::Schemas(catalog)).await.map_err(|error| Refusal::from(error).of("CATALOG"))?;
    page("schemas", &found, &paging, |object| wire::schema(object, &platform))
}

pub(super) async fn get(Catalog(platform): Catalog, Named(name): Named<FullName>) -> Result<Json<Value>, Refusal> {
    let found = platform.catalog_object(&named(&name.full_name)?).await.map_err(of)?;
    Ok(Json(wire::schema(&found, &platform)))
}

pub(super) async fn create(Catalog(platform): Catalog, Sent(new): Sent<Create>) -> Result<Json<Value>, Refusal> {
    let new = NewSchema {
        catalog: existing(&new.catalog_name).map_err(|refusal| refusal.of("CATALOG"))?,
        name: new_name(&new.name)?,
        comment: new.comment.unwrap_or_default(),
        properties: new.properties.unwrap_or_default(),
    };
    let made = platform.create_schema(new).await.map_err(|error| Refusal::from(error).of("CATALOG").of_new(NOUN))?;
    Ok(Json(wire::schema(&made, &platform)))
}

pub(super) async fn update(
    Catalog(platform): Catalog,
    Named(name): Named<FullName>,
    Sent(update): Sent<Update>,
) -> Result<Json<Value>, Refusal> {
    let comment = update.comment.clone();
    let change = update.change()?;
    // A schema's entry has no room for a comment.
    let change = TableChange { detail: comment.map(|comment| json!({ "comment": comment })), comment: None, ..change };
    let changed = platform.change_object(&named(&name.full_name)?, &change).await.map_err(of)?;
    Ok(Json(wire::schema(&changed, &platform)))
}

pub(super) async fn delete(
    Catalog(platform): Catalog,
    Named(name): Named<FullName>,
    Asked(force): Asked<Force>,
) -> Result<Json<Value>, Refusal> {
    platform.drop_object(&named(&name.full_name)?, force.force).await.map_err(of)?;
    Ok(Json(json!({})))
}

fn named(name: &str) -> Result<Securable, Refusal> {
    securable_named("schema", name).map_err(of)
}

fn of(error: polder_platform::Error) -> Refusal {
    Refusal::from(error).of(NOUN)
}
