//! The schemas and the reader know the same keys.

use polder_descriptor::{DescriptorKind, File, json_schema, parse, schema_files};
use serde_json::Value;

use crate::support::files;

fn path(kind: DescriptorKind) -> &'static str {
    match kind {
        DescriptorKind::Polder => "polder.yaml",
        DescriptorKind::Domain => "domains/finance/domain.yaml",
        DescriptorKind::Dataset => "domains/finance/datasets/x.yaml",
        DescriptorKind::Job => "domains/finance/jobs/x.yaml",
        DescriptorKind::Share => "domains/finance/shares/x.yaml",
        DescriptorKind::Connection => "domains/finance/connections/x.yaml",
        DescriptorKind::Access => "access/x.yaml",
    }
}

/// A value with every key that a schema knows, and one that it does not know in every map with known keys.
fn example(schema: &Value, key: &str) -> Value {
    if let Some(properties) = schema["properties"].as_object() {
        let mut map: serde_json::Map<String, Value> =
            properties.iter().map(|(key, schema)| (key.clone(), example(schema, key))).collect();
        map.insert("zzzzzzzzzzzz".to_owned(), 1.into());
        return map.into();
    }
    if let Some(items) = schema.get("items") {
        return vec![example(items, key)].into();
    }
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return example(choices.last().filter(|s| s.get("properties").is_some()).unwrap_or(&choices[0]), key);
    }
    if schema["type"] == "object" {
        Value::Object(serde_json::Map::new())
    } else if key == "kind" {
        "ingest".into()
    } else {
        "v1".into()
    }
}

fn count_unknown(value: &Value) -> usize {
    match value {
        Value::Object(map) => usize::from(map.contains_key("zzzzzzzzzzzz")) + map.values().map(count_unknown).sum::<usize>(),
        Value::Array(items) => items.iter().map(count_unknown).sum(),
        _ => 0,
    }
}

#[test]
fn every_key_of_a_schema_is_read_and_no_other() {
    for kind in DescriptorKind::ALL {
        let value = example(&json_schema(kind), "");
        let unknown = count_unknown(&value);
        // JSON is YAML.
        let file = path(kind);
        let mut files = files(&[]);
        files.retain(|known| &*known.path != file);
        files.push(File { path: file.into(), bytes: value.to_string().into_bytes() });
        let (_, faults) = parse(files);
        let found: Vec<_> =
            faults.iter().filter(|f| f.code == "unknown-key" && &*f.file == file).map(|f| f.offending.as_str()).collect();
        assert_eq!(found, vec!["zzzzzzzzzzzz"; unknown], "{kind}");
    }
}

#[test]
fn schemas_are_written_for_editors() {
    let files = schema_files();
    assert_eq!(files.len(), 7);
    for (path, text) in files {
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{path}");
    }
    assert_eq!("dataset".parse::<DescriptorKind>().unwrap(), DescriptorKind::Dataset);
    assert!("datasets".parse::<DescriptorKind>().is_err());
}
