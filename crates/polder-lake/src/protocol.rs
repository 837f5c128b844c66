//! What a table's log promises: the metadata and the features of the Delta protocol that a declared table needs, and whether polder
//! can keep the promises of a table that somebody else made.

use std::collections::{BTreeMap, BTreeSet};

use deltalake_core::kernel::{Metadata, Protocol};
use polder_model::resource::Table;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::schema::{delta_schema, has_timestamp_ntz};

/// The property that keeps row-level changes.
pub(crate) const CHANGE_DATA_FEED: &str = "delta.enableChangeDataFeed";

/// Properties that would bind writers to features that polder does not write.
const REFUSED_PROPERTIES: [&str; 7] = [
    "delta.columnMapping.mode",
    "delta.enableDeletionVectors",
    "delta.enableRowTracking",
    "delta.enableInCommitTimestamps",
    "delta.enableIcebergCompat",
    "delta.enableTypeWidening",
    "delta.constraints.",
];
/// Features a table may have and polder can still write it.
const WRITABLE_FEATURES: [&str; 9] = [
    "appendOnly",
    "invariants",
    "checkConstraints",
    "generatedColumns",
    "changeDataFeed",
    "timestampNtz",
    "vacuumProtocolCheck",
    "v2Checkpoint",
    "domainMetadata",
];
/// Features that readers must know as well as writers.
const READER_FEATURES: [&str; 1] = ["timestampNtz"];
/// The features that the numbered protocol versions of writers stand for, and since which.
const LEGACY_FEATURES: [(&str, u64); 5] =
    [("appendOnly", 2), ("invariants", 2), ("checkConstraints", 3), ("changeDataFeed", 4), ("generatedColumns", 4)];
const FEATURES_WRITER: u64 = 7;
const FEATURES_READER: u64 = 3;

/// Returns the metadata that a declared table's log should hold.
pub(crate) fn metadata(table: &Table, id: &str, created_time: i64) -> Result<Metadata> {
    let unsupported = |what: String| Error::unsupported(&table.name, what);
    let schema = serde_json::to_string(&delta_schema(&table.columns)).map_err(|e| unsupported(e.to_string()))?;
    let value = json!({
        "id": id,
        "name": table.name.to_string(),
        "description": if table.comment.is_empty() { None } else { Some(&table.comment) },
        "format": {"provider": "parquet", "options": {}},
        "schemaString": schema,
        "partitionColumns": partition_columns(table)?,
        "configuration": configuration(table)?,
        "createdTime": created_time,
    });
    serde_json::from_value(value).map_err(|e| unsupported(e.to_string()))
}

/// Whether a table is declared to keep row-level changes.
pub(crate) fn has_history(table: &Table) -> bool {
    table.has_history || table.properties.get(CHANGE_DATA_FEED).is_some_and(|value| value == "true")
}

/// Returns the protocol of a new table.
pub(crate) fn protocol(table: &Table) -> Result<Protocol> {
    let base = json!({"minReaderVersion": 1, "minWriterVersion": 2});
    from_json(table, upgraded(&base, &needs(table)).unwrap_or(base))
}

/// Returns the protocol that an existing table needs to become the declared one; `None` when it has it.
pub(crate) fn upgrade(table: &Table, current: &Protocol) -> Result<Option<Protocol>> {
    let current = serde_json::to_value(current).map_err(|e| Error::unsupported(&table.name, e.to_string()))?;
    upgraded(&current, &needs(table)).map(|value| from_json(table, value)).transpose()
}

/// Why polder must not write a table; `None` when it may.
pub(crate) fn why_not_writable(metadata: &Metadata, protocol: &Protocol) -> Option<String> {
    let value = serde_json::to_value(protocol).unwrap_or_default();
    let writer = value["minWriterVersion"].as_u64().unwrap_or_default();
    let unknown: Vec<&str> = features(&value, "writerFeatures").filter(|name| !WRITABLE_FEATURES.contains(name)).collect();
    if !unknown.is_empty() || writer > FEATURES_WRITER || writer == 5 || writer == 6 {
        let names = if unknown.is_empty() { format!("writer version {writer}") } else { unknown.join(", ") };
        return Some(format!("its log demands {names}, which polder does not write: write it with the engine that made it"));
    }
    let is_constraint = |key: &&String| key.starts_with("delta.constraints.");
    if let Some(constraint) = metadata.configuration().keys().find(is_constraint) {
        return Some(format!("it has the constraint {constraint}, which polder does not check: declare a check in its place"));
    }
    let rules = ["delta.invariants", "delta.generationExpression", "delta.identity."];
    let rule = rules.into_iter().find(|rule| metadata.schema_string().contains(rule))?;
    Some(format!("a column of it has {rule}, which polder does not carry out: write it with the engine that made it"))
}

/// Whether rows may only be added.
pub(crate) fn is_append_only(metadata: &Metadata) -> bool {
    is_on(metadata, "delta.appendOnly")
}

/// Whether row-level changes are kept.
pub(crate) fn keeps_changes(metadata: &Metadata) -> bool {
    is_on(metadata, CHANGE_DATA_FEED)
}

/// Whether columns have other names in the files than in the table.
pub(crate) fn maps_columns(metadata: &Metadata) -> bool {
    metadata.configuration().get("delta.columnMapping.mode").is_some_and(|mode| mode != "none")
}

/// The partition columns, as the columns themselves are spelled.
fn partition_columns(table: &Table) -> Result<Vec<&str>> {
    let spelled = |name: &String| {
        let column = table.column(name);
        column.map(|c| c.name.as_str()).ok_or_else(|| Error::schema(&table.name, format!("partition column {name} is no column")))
    };
    table.partition_columns.iter().map(spelled).collect()
}

fn configuration(table: &Table) -> Result<BTreeMap<&str, &str>> {
    let mut properties: BTreeMap<&str, &str> = table.properties.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let is_refused = |(key, value): &(&&str, &&str)| {
        REFUSED_PROPERTIES.iter().any(|refused| key.starts_with(refused)) && !matches!(**value, "false" | "none")
    };
    if let Some((key, _)) = properties.iter().find(is_refused) {
        return Err(Error::unsupported(
            &table.name,
            format!("property {key} needs a Delta feature that polder does not write: take it out"),
        ));
    }
    if table.has_history {
        properties.insert(CHANGE_DATA_FEED, "true");
    }
    Ok(properties)
}

fn needs(table: &Table) -> BTreeSet<&'static str> {
    let mut needs = BTreeSet::new();
    if has_history(table) {
        needs.insert("changeDataFeed");
    }
    if table.columns.iter().any(|column| has_timestamp_ntz(&column.data_type)) {
        needs.insert("timestampNtz");
    }
    needs
}

fn upgraded(current: &Value, needs: &BTreeSet<&'static str>) -> Option<Value> {
    let writer = current["minWriterVersion"].as_u64().unwrap_or_default();
    let reader = current["minReaderVersion"].as_u64().unwrap_or_default();
    let legacy = LEGACY_FEATURES.iter().filter(|(_, since)| writer < FEATURES_WRITER && *since <= writer).map(|(name, _)| *name);
    let mut writer_features: BTreeSet<&str> = features(current, "writerFeatures").chain(legacy).collect();
    if needs.is_subset(&writer_features) {
        return None;
    }
    // Every engine knows the numbered versions: they are left only for what has no number.
    if needs.iter().all(|need| *need == "changeDataFeed") && writer < 4 {
        return Some(json!({"minReaderVersion": reader, "minWriterVersion": 4}));
    }
    writer_features.extend(needs);
    let mut reader_features: BTreeSet<&str> = features(current, "readerFeatures").collect();
    reader_features.extend(needs.iter().filter(|need| READER_FEATURES.contains(need)));
    if reader_features.is_empty() {
        return Some(json!({"minReaderVersion": reader, "minWriterVersion": FEATURES_WRITER, "writerFeatures": writer_features}));
    }
    Some(json!({
        "minReaderVersion": FEATURES_READER,
        "minWriterVersion": FEATURES_WRITER,
        "readerFeatures": reader_features,
        "writerFeatures": writer_features,
    }))
}

fn features<'a>(protocol: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    protocol[key].as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn is_on(metadata: &Metadata, property: &str) -> bool {
    metadata.configuration().get(property).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

fn from_json(table: &Table, value: Value) -> Result<Protocol> {
    serde_json::from_value(value).map_err(|e| Error::unsupported(&table.name, e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(current: Value, needs: &[&'static str], expect: Option<Value>) {
        assert_eq!(upgraded(&current, &needs.iter().copied().collect()), expect);
    }

    #[test]
    fn a_protocol_grows_no_more_than_it_must() {
        let base = || json!({"minReaderVersion": 1, "minWriterVersion": 2});
        check(base(), &[], None);
        check(base(), &["changeDataFeed"], Some(json!({"minReaderVersion": 1, "minWriterVersion": 4})));
        check(json!({"minReaderVersion": 1, "minWriterVersion": 4}), &["changeDataFeed"], None);
        let with_features = |features: &[&str]| json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["timestampNtz"], "writerFeatures": features});
        check(base(), &["timestampNtz"], Some(with_features(&["appendOnly", "invariants", "timestampNtz"])));
        check(
            with_features(&["timestampNtz"]),
            &["changeDataFeed", "timestampNtz"],
            Some(with_features(&["changeDataFeed", "timestampNtz"])),
        );
    }
}
