//! Objects as clients of the catalog read them. Every field that some client needs is there, whatever the specification says of it.

use polder_model::resource::{Table, TableFormat};
use polder_model::{Column, Resource};
use polder_platform::Platform;
use polder_platform::catalog::CatalogObject;
use serde_json::{Value, json};

use super::types;

/// What every object has.
fn common(object: &CatalogObject) -> Value {
    let times = object.made.as_ref().map(|made| (made.created, made.updated)).or(object.times);
    let millis = |time: Option<chrono::DateTime<chrono::Utc>>| time.map_or(0, |time| time.timestamp_millis());
    let properties = object.made.as_ref().map(|made| made.properties.clone()).unwrap_or_default();
    json!({
        "owner": object.resource.owner(),
        "properties": properties,
        "created_at": millis(times.map(|times| times.0)),
        "created_by": object.made.as_ref().map(|made| &made.created_by),
        "updated_at": millis(times.map(|times| times.1)),
        "updated_by": object.made.as_ref().map(|made| &made.updated_by),
    })
}

/// The one with the fields of the other.
fn with(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

/// A comment, or none.
fn comment(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

/// A catalog.
pub(super) fn catalog(object: &CatalogObject) -> Value {
    let Resource::Catalog(catalog) = &*object.resource else { return Value::Null };
    let own = json!({ "name": catalog.name, "full_name": catalog.name, "comment": comment(&catalog.comment), "id": object.id });
    with(own, common(object))
}

/// A schema.
pub(super) fn schema(object: &CatalogObject, platform: &Platform) -> Value {
    let Resource::Schema(schema) = &*object.resource else { return Value::Null };
    let said = object.made.as_ref().and_then(|made| made.detail.get("comment")?.as_str()).unwrap_or_default();
    let own = json!({
        "name": schema.name,
        "catalog_name": schema.catalog,
        "full_name": format!("{}.{}", schema.catalog, schema.name),
        "comment": comment(said),
        "schema_id": object.id,
        "catalog_type": "MANAGED_CATALOG",
        "metastore_id": platform.metastore_id(),
    });
    with(own, common(object))
}

/// A table or view.
pub(super) fn table(object: &CatalogObject) -> Value {
    let (name, said, columns, partition_columns): (_, _, &[Column], &[String]) = match &*object.resource {
        Resource::Table(table) => (&table.name, &table.comment, &table.columns, &table.partition_columns),
        Resource::ForeignTable(table) => (&table.name, &table.comment, &table.columns, &[]),
        Resource::View(view) => (&view.name, &view.comment, &view.columns, &[]),
        _ => return Value::Null,
    };
    let columns = columns.iter().enumerate().map(|(at, column)| types::shown(column, at, partition_columns));
    let own = json!({
        "name": name.object,
        "catalog_name": name.catalog,
        "schema_name": name.schema,
        "full_name": name,
        "table_type": table_type(object),
        "data_source_format": format(object),
        "columns": columns.collect::<Vec<_>>(),
        "storage_location": object.url,
        "comment": comment(said),
        "table_id": object.id,
    });
    let mut shown = with(own, common(object));
    match &*object.resource {
        Resource::View(view) => shown["view_definition"] = json!(view.sql),
        Resource::Table(table) if object.made.is_none() => shown["properties"] = json!(table.properties),
        _ => {}
    }
    shown
}

/// Whether clients commit to a table's log themselves (external) or by the catalog (managed).
pub(super) fn table_type(object: &CatalogObject) -> &'static str {
    match (&*object.resource, &object.made) {
        (Resource::View(_), _) => "VIEW",
        (Resource::ForeignTable(_), _) => "FOREIGN",
        (_, Some(made)) if !made.external => "MANAGED",
        _ => "EXTERNAL",
    }
}

fn format(object: &CatalogObject) -> Value {
    match &*object.resource {
        Resource::Table(table) => json!(format_name(table)),
        _ => Value::Null,
    }
}

const fn format_name(table: &Table) -> &'static str {
    match table.format {
        TableFormat::Delta => "DELTA",
        TableFormat::Parquet => "PARQUET",
    }
}

/// A volume.
pub(super) fn volume(object: &CatalogObject) -> Value {
    let Resource::Volume(volume) = &*object.resource else { return Value::Null };
    let managed = object.made.as_ref().is_some_and(|made| !made.external);
    let own = json!({
        "name": volume.name.object,
        "catalog_name": volume.name.catalog,
        "schema_name": volume.name.schema,
        "full_name": volume.name,
        "volume_type": if managed { "MANAGED" } else { "EXTERNAL" },
        "storage_location": object.url,
        "volume_id": object.id,
        "comment": comment(&volume.comment),
    });
    let mut shown = with(own, common(object));
    if let Value::Object(fields) = &mut shown {
        fields.shift_remove("properties");
    }
    shown
}
