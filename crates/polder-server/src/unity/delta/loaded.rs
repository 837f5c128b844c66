//! A table as Delta clients load it: its metadata, and the commits that are not in its log yet.

use polder_model::Resource;
use polder_model::resource::TableFormat;
use polder_platform::catalog::CommitsAnswer;
use polder_store::Commit;
use serde_json::{Map, Value, json};

use super::error::Fault;
use crate::unity::error::Refusal;
use crate::unity::types::{self, Spelling};
use crate::unity::wire;

/// The answer to loading a table.
pub(super) fn loaded(answer: &CommitsAnswer) -> Result<Value, Fault> {
    let object = &answer.object;
    let Resource::Table(table) = &*object.resource else {
        return Err(Refusal::not_found("there is no table of this name").of("TABLE").into());
    };
    if table.format != TableFormat::Delta {
        let refusal = Refusal::invalid("the table is not a Delta table");
        return Err(Fault::of_kind(refusal, "UnsupportedTableFormatException"));
    }
    let detail = object.made.as_ref().map_or(&Value::Null, |made| &made.detail);
    let fields = || {
        let fields: Vec<Value> = table.columns.iter().map(|column| types::field(column, Spelling::Kebab)).collect();
        json!({ "type": "struct", "fields": fields })
    };
    // The schema as its client wrote it: fields have metadata that only Delta clients understand.
    let columns = detail.get("columns").filter(|columns| !columns.is_null()).cloned().unwrap_or_else(fields);
    let times = object.made.as_ref().map(|made| (made.created, made.updated)).or(object.times);
    let millis = |time: Option<chrono::DateTime<chrono::Utc>>| time.map_or(0, |time| time.timestamp_millis());
    let mut metadata = json!({
        "etag": etag(answer),
        "table-type": wire::table_type(object),
        "table-uuid": object.id,
        "location": object.url,
        "created-time": millis(times.map(|times| times.0)),
        "updated-time": millis(times.map(|times| times.1)),
        "columns": columns,
        "partition-columns": table.partition_columns,
        "properties": properties(answer, detail),
    });
    for name in ["last-commit-version", "last-commit-timestamp-ms"] {
        if let Some(value) = detail.get(name) {
            metadata[name] = value.clone();
        }
    }
    let mut shown = json!({ "metadata": metadata });
    if let Some(commits) = &answer.commits {
        // Newest first.
        shown["commits"] = commits.commits.iter().rev().map(commit).collect();
        shown["latest-table-version"] = json!(commits.latest);
    }
    Ok(shown)
}

/// What changes with every change of a table's metadata.
pub(super) fn etag(answer: &CommitsAnswer) -> String {
    let object = &answer.object;
    let revision = object.made.as_ref().map_or(0, |made| made.revision);
    let declared = || object.times.map_or(0, |times| times.1.timestamp_micros());
    format!("{}-{}", object.id.simple(), if revision > 0 { revision.to_string() } else { format!("f{}", declared()) })
}

/// The properties, with what clients expect to find of the protocol among them.
fn properties(answer: &CommitsAnswer, detail: &Value) -> Map<String, Value> {
    let object = &answer.object;
    let own = match (&object.made, &*object.resource) {
        (Some(made), _) => made.properties.clone(),
        (None, Resource::Table(table)) => table.properties.clone(),
        _ => Default::default(),
    };
    let mut shown: Map<String, Value> = own.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let protocol = detail.get("protocol");
    let mut set = |name: String, value: String| shown.insert(name, Value::String(value));
    for (name, field) in [("delta.minReaderVersion", "min-reader-version"), ("delta.minWriterVersion", "min-writer-version")] {
        if let Some(version) = protocol.and_then(|protocol| protocol.get(field)?.as_u64()) {
            set(name.to_owned(), version.to_string());
        }
    }
    for list in ["reader-features", "writer-features"] {
        let features = protocol.and_then(|protocol| protocol.get(list)?.as_array());
        for feature in features.into_iter().flatten().filter_map(Value::as_str) {
            set(format!("delta.feature.{feature}"), "supported".to_owned());
        }
    }
    for (name, field) in
        [("delta.lastUpdateVersion", "last-commit-version"), ("delta.lastCommitTimestamp", "last-commit-timestamp-ms")]
    {
        if let Some(number) = detail.get(field).and_then(Value::as_i64) {
            set(name.to_owned(), number.to_string());
        }
    }
    shown
}

fn commit(commit: &Commit) -> Value {
    json!({
        "version": commit.version,
        "timestamp": commit.timestamp,
        "file-name": commit.file_name,
        "file-size": commit.file_size,
        "file-modification-timestamp": commit.file_modified,
    })
}
