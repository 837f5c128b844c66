//! The lines that clients read, in both forms.

use std::collections::BTreeMap;

use polder_share::Form;
use polder_share::lines::{Extent, File, FileKind, Lines};
use serde_json::{Value, json};

fn file(kind: FileKind) -> File {
    File {
        kind,
        id: "f1".to_owned(),
        url: "https://example.org/f1".to_owned(),
        size: 10,
        partition_values: BTreeMap::from([("country".to_owned(), Some("NL".to_owned())), ("year".to_owned(), None)]),
        stats: Some(r#"{"numRecords":1}"#.to_owned()),
        version: None,
        timestamp_millis: None,
        expires_millis: 5_000,
        modified_millis: 4_000,
        data_change: true,
        deletion_vector: None,
    }
}

fn written(form: Form, write: impl FnOnce(&mut Lines) -> serde_json::Result<()>) -> Vec<Value> {
    let mut lines = Lines::new(form);
    write(&mut lines).unwrap();
    let bytes = String::from_utf8(lines.into_bytes()).unwrap();
    bytes.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn table(lines: &mut Lines) -> serde_json::Result<()> {
    lines.protocol(&json!({"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"]}))?;
    let metadata = json!({"id": "t", "name": null, "format": {"provider": "parquet", "options": {}}, "schemaString": "{}", "partitionColumns": [], "configuration": {}, "createdTime": 1});
    lines.metadata(&metadata, Some(Extent { version: 3, size: 10, files: 1 }), None)
}

#[test]
fn the_parquet_form_needs_nothing_of_delta() {
    let lines = written(Form::Parquet, |lines| {
        table(lines)?;
        lines.file(file(FileKind::Snapshot))
    });
    assert_eq!(lines[0], json!({"protocol": {"minReaderVersion": 1}}));
    let metadata = json!({"id": "t", "format": {"provider": "parquet"}, "schemaString": "{}", "partitionColumns": [], "configuration": {}, "version": 3, "size": 10, "numFiles": 1});
    assert_eq!(lines[1], json!({ "metaData": metadata }));
    let expected = json!({"url": "https://example.org/f1", "id": "f1", "partitionValues": {"country": "NL", "year": null}, "size": 10, "expirationTimestamp": 5000, "stats": "{\"numRecords\":1}"});
    assert_eq!(lines[2], json!({ "file": expected }));
}

#[test]
fn the_delta_form_is_a_log() {
    let descriptor =
        json!({"storageType": "u", "pathOrInlineDv": "ab^-aqEH.-t@S}K{vb[*k^", "offset": 4, "sizeInBytes": 40, "cardinality": 6});
    let lines = written(Form::Delta, |lines| {
        table(lines)?;
        let vector = Some((descriptor, Some("https://example.org/dv".to_owned())));
        lines.file(File { deletion_vector: vector, ..file(FileKind::Snapshot) })?;
        lines.file(File { version: Some(3), timestamp_millis: Some(9), ..file(FileKind::Remove) })
    });
    assert_eq!(lines[0]["protocol"]["deltaProtocol"]["minReaderVersion"], 3);
    assert_eq!(lines[1]["metaData"]["deltaMetadata"]["createdTime"], 1);
    let add = &lines[2]["file"]["deltaSingleAction"]["add"];
    assert_eq!((&add["path"], &add["modificationTime"]), (&json!("https://example.org/f1"), &json!(4000)));
    assert_eq!(add["deletionVector"]["storageType"], "p");
    assert_eq!(add["deletionVector"]["pathOrInlineDv"], "https://example.org/dv");
    assert_eq!(lines[2]["file"]["deletionVectorFileId"], "f1-dv");
    let removed = &lines[3]["file"];
    assert_eq!((&removed["version"], &removed["timestamp"]), (&json!(3), &json!(9)));
    assert_eq!(removed["deltaSingleAction"]["remove"]["deletionTimestamp"], 4000);
}
