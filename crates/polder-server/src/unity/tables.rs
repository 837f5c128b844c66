//! `/tables`: tables, and views as tables.

use std::collections::BTreeMap;

use axum::Json;
use polder_model::TableName;
use polder_model::resource::TableFormat;
use polder_platform::catalog::{Listing, NewTable, NewView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::Refusal;
use super::lists::{Paging, page};
use super::request::{Asked, Catalog, FullName, Named, Sent, existing, new_name};
use super::types::{self, SentColumn};
use super::wire;

const NOUN: &str = "TABLE";

/// Which tables or volumes.
#[derive(Deserialize)]
pub(super) struct Of {
    pub(super) catalog_name: String,
    pub(super) schema_name: String,
}

/// A table or view to be made.
#[derive(Deserialize)]
pub(super) struct Create {
    name: String,
    catalog_name: String,
    schema_name: String,
    table_type: String,
    data_source_format: Option<String>,
    columns: Option<Vec<SentColumn>>,
    storage_location: Option<String>,
    comment: Option<String>,
    properties: Option<BTreeMap<String, String>>,
    view_definition: Option<String>,
}

pub(super) async fn list(
    Catalog(platform): Catalog,
    Asked(of): Asked<Of>,
    Asked(paging): Asked<Paging>,
) -> Result<Json<Value>, Refusal> {
    let catalog = existing(&of.catalog_name).map_err(|refusal| refusal.of("CATALOG"))?;
    let schema = existing(&of.schema_name).map_err(|refusal| refusal.of("SCHEMA"))?;
    let found = platform.catalog_list(&Listing::Tables(catalog, schema)).await;
    page("tables", &found.map_err(|error| Refusal::from(error).of("SCHEMA"))?, &paging, wire::table)
}

pub(super) async fn get(Catalog(platform): Catalog, Named(name): Named<FullName>) -> Result<Json<Value>, Refusal> {
    let found = platform.catalog_table(&named(&name.full_name)?).await;
    Ok(Json(wire::table(&found.map_err(of)?)))
}

pub(super) async fn create(Catalog(platform): Catalog, Sent(new): Sent<Create>) -> Result<Json<Value>, Refusal> {
    let name = full_name(&new.catalog_name, &new.schema_name, &new.name)?;
    let (columns, partition_columns) = types::read(new.columns.as_deref().unwrap_or_default())?;
    let (comment, properties) = (new.comment.unwrap_or_default(), new.properties.unwrap_or_default());
    let made = match new.table_type.as_str() {
        "VIEW" => {
            let sql = new.view_definition.ok_or_else(|| Refusal::invalid("a view needs its view_definition"))?;
            platform.create_view(NewView { name, comment, sql, columns, properties }).await
        }
        kind @ ("MANAGED" | "EXTERNAL") => {
            let url = new.storage_location.ok_or_else(|| Refusal::invalid("a table needs its storage_location"))?;
            let format = format(new.data_source_format.as_deref(), kind)?;
            let (external, detail) = (kind == "EXTERNAL", json!({}));
            let table = NewTable { name, comment, format, columns, partition_columns, properties, detail, url, external };
            platform.create_table(table).await
        }
        _ => return Err(Refusal::invalid("table_type has to be MANAGED, EXTERNAL or VIEW")),
    };
    Ok(Json(wire::table(&made.map_err(|error| Refusal::from(error).of("SCHEMA").of_new(NOUN))?)))
}

pub(super) async fn delete(Catalog(platform): Catalog, Named(name): Named<FullName>) -> Result<Json<Value>, Refusal> {
    platform.drop_table(&named(&name.full_name)?).await.map_err(of)?;
    Ok(Json(json!({})))
}

/// The name of a table or volume that is to be made.
pub(super) fn full_name(catalog: &str, schema: &str, name: &str) -> Result<TableName, Refusal> {
    let catalog = existing(catalog).map_err(|refusal| refusal.of("CATALOG"))?;
    let schema = existing(schema).map_err(|refusal| refusal.of("SCHEMA"))?;
    Ok(TableName { catalog, schema, object: new_name(name)? })
}

fn format(said: Option<&str>, kind: &str) -> Result<TableFormat, Refusal> {
    match said.unwrap_or("DELTA") {
        "DELTA" => Ok(TableFormat::Delta),
        "PARQUET" if kind == "EXTERNAL" => Ok(TableFormat::Parquet),
        _ => Err(Refusal::invalid("data_source_format has to be DELTA, or PARQUET for an external table")),
    }
}

fn named(name: &str) -> Result<TableName, Refusal> {
    existing(name).map_err(|refusal| refusal.of(NOUN))
}

fn of(error: polder_platform::Error) -> Refusal {
    Refusal::from(error).of(NOUN)
}
