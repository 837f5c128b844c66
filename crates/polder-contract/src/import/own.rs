//! What stands under our own custom property: what a descriptor says and the standard has no word for.

use polder_descriptor::literal;
use polder_descriptor::yaml::{Node, Value as Tree};
use serde_json::{Map, Value};

use super::fields::{Fields, LeftOut, items};

/// What a descriptor has from it.
pub(super) struct Own {
    pub(super) kind: &'static str,
    pub(super) storage: Map<String, Value>,
    pub(super) rest: Map<String, Value>,
}

const PATH: &str = "customProperties.polder";

/// Reads it: only what descriptors know, so that a contract of others brings nothing else along.
pub(super) fn read(own: Option<&Node>, object: &mut Fields<'_>, left_out: &mut LeftOut) -> Own {
    let physical = object.get("physicalType");
    let mut read = Own { kind: "parallelread", storage: Map::new(), rest: Map::new() };
    let Some(mut fields) = own.and_then(|own| Fields::of(own, PATH)) else {
        if let Some(node) = physical.filter(|node| node.text().is_some_and(|text| !text.eq_ignore_ascii_case("table"))) {
            let path = object.at("physicalType");
            left_out.say(node, &path, "it becomes a table: a view needs a query, which a contract has not");
        }
        return read;
    };
    read.kind = match fields.text("type").as_deref() {
        Some("view") => "view",
        Some("volume") => "volume",
        _ => "parallelread",
    };
    if let Some(mut cold) = fields.get("coldStorage").and_then(|node| Fields::of(node, format!("{PATH}.coldStorage"))) {
        for key in ["format", "hasHistory"] {
            put(&mut read.storage, key, cold.get(key));
        }
        if let Some(mut location) = cold.get("location").and_then(|node| Fields::of(node, format!("{PATH}.coldStorage.location")))
        {
            let mut place = Map::new();
            for key in ["prefix", "provider", "bucket"] {
                put(&mut place, key, location.get(key));
            }
            location.finish(left_out);
            read.storage.insert("location".to_owned(), place.into());
        }
        cold.finish(left_out);
    }
    for key in ["hotStorage", "usage", "properties", "rights", "sql"] {
        put(&mut read.rest, key, fields.get(key));
    }
    // All of them or a fault: a condition that was left out would show rows.
    put(&mut read.rest, "rowFilters", fields.get("rowFilters").filter(|node| !items(node).is_empty()));
    fields.finish(left_out);
    read
}

fn put(map: &mut Map<String, Value>, key: &str, node: Option<&Node>) {
    if let Some(node) = node {
        map.insert(key.to_owned(), copy(node));
    }
}

/// A tree as a descriptor writes it: every text means itself.
fn copy(node: &Node) -> Value {
    match &node.value {
        Tree::Scalar(scalar) => {
            let value = node.to_json();
            // A number that JSON writes otherwise stays as it was written.
            let written = value.to_string();
            let is_same = !value.is_string() && *written == *scalar.text;
            if is_same { value } else { literal(&scalar.text).into() }
        }
        Tree::List(items) => items.iter().map(copy).collect(),
        Tree::Map(entries) => entries.iter().map(|entry| (entry.key.to_string(), copy(&entry.value))).collect(),
    }
}
