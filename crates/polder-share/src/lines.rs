//! Answers about a table, line by line: its protocol and metadata, then its files, in the form that the client reads.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::capabilities::Form;
use crate::json::line;

/// The content type of answers in lines.
pub const CONTENT_TYPE: &str = "application/x-ndjson; charset=utf-8";

/// What a file's line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A file of the version that was asked for.
    Snapshot,
    /// A file that came with a version.
    Add,
    /// A file that went with a version.
    Remove,
    /// A file of rows that changed with a version.
    Cdc,
}

/// A file to be told.
#[derive(Debug, Clone)]
pub struct File {
    /// What the line is about.
    pub kind: FileKind,
    /// The same for the same file, always.
    pub id: String,
    /// Where it can be fetched.
    pub url: String,
    /// Its bytes.
    pub size: u64,
    /// The values of the partition columns.
    pub partition_values: BTreeMap<String, Option<String>>,
    /// The statistics of its columns, in JSON.
    pub stats: Option<String>,
    /// The version that it came or went with, where one version's files are not what is asked for.
    pub version: Option<u64>,
    /// The time of that version, in milliseconds since 1970.
    pub timestamp_millis: Option<i64>,
    /// When the address ends, in milliseconds since 1970.
    pub expires_millis: i64,
    /// When it was made or removed, in milliseconds since 1970.
    pub modified_millis: i64,
    /// Whether rows changed by it.
    pub data_change: bool,
    /// Which of its rows do not count: what the log says, and where the file of it can be fetched.
    pub deletion_vector: Option<(Value, Option<String>)>,
}

/// How large a table is, for its metadata's line.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extent {
    /// The version.
    pub version: u64,
    /// Its bytes.
    pub size: u64,
    /// Its files.
    pub files: u64,
}

/// Lines in one form.
#[derive(Debug)]
pub struct Lines {
    form: Form,
    written: Vec<u8>,
}

impl Lines {
    /// Begins an answer.
    #[must_use]
    pub const fn new(form: Form) -> Self {
        Self { form, written: Vec::new() }
    }

    /// Writes the protocol: the table's own where the client reads Delta, and nothing but Parquet where it does not.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which a log's own JSON can.
    pub fn protocol(&mut self, delta: &Value) -> serde_json::Result<()> {
        let said = match self.form {
            Form::Parquet => json!({ "minReaderVersion": 1 }),
            Form::Delta => json!({ "deltaProtocol": delta }),
        };
        line(&json!({ "protocol": said }), &mut self.written)
    }

    /// Writes the metadata. A version is given where it changed with one.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn metadata(&mut self, delta: &Value, extent: Option<Extent>, version: Option<u64>) -> serde_json::Result<()> {
        let mut said = match self.form {
            Form::Parquet => parquet_metadata(delta),
            Form::Delta => Map::from_iter([("deltaMetadata".to_owned(), delta.clone())]),
        };
        if let Some(version) = version.or(extent.map(|extent| extent.version)) {
            said.insert("version".to_owned(), version.into());
        }
        if let Some(Extent { size, files, .. }) = extent {
            said.insert("size".to_owned(), size.into());
            said.insert("numFiles".to_owned(), files.into());
        }
        line(&json!({ "metaData": said }), &mut self.written)
    }

    /// Writes a file.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn file(&mut self, file: File) -> serde_json::Result<()> {
        let said = match self.form {
            Form::Parquet => parquet_file(file),
            Form::Delta => delta_file(file),
        };
        line(&said, &mut self.written)
    }

    /// What was written.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.written
    }
}

fn parquet_metadata(delta: &Value) -> Map<String, Value> {
    let mut said = Map::new();
    for name in ["id", "name", "description", "format", "schemaString", "partitionColumns", "configuration"] {
        if let Some(value) = delta.get(name).filter(|value| !value.is_null()) {
            said.insert(name.to_owned(), value.clone());
        }
    }
    // No more of the format than its name: its options are the table's own business.
    said.insert("format".to_owned(), json!({ "provider": "parquet" }));
    said
}

fn parquet_file(file: File) -> Value {
    let kind = match file.kind {
        FileKind::Snapshot => "file",
        FileKind::Add => "add",
        FileKind::Remove => "remove",
        FileKind::Cdc => "cdf",
    };
    let mut said = json!({
        "url": file.url,
        "id": file.id,
        "partitionValues": file.partition_values,
        "size": file.size,
        "expirationTimestamp": file.expires_millis,
    });
    let stats = file.stats.map(Value::from);
    let more =
        [("stats", stats), ("version", file.version.map(Value::from)), ("timestamp", file.timestamp_millis.map(Value::from))];
    for (name, value) in more {
        if let Some(value) = value {
            said[name] = value;
        }
    }
    json!({ kind: said })
}

fn delta_file(file: File) -> Value {
    let mut action =
        json!({ "path": file.url, "partitionValues": file.partition_values, "size": file.size, "dataChange": file.data_change });
    let kind = match file.kind {
        FileKind::Snapshot | FileKind::Add => {
            action["modificationTime"] = file.modified_millis.into();
            if let Some(stats) = file.stats {
                action["stats"] = stats.into();
            }
            "add"
        }
        FileKind::Remove => {
            action["deletionTimestamp"] = file.modified_millis.into();
            action["extendedFileMetadata"] = true.into();
            "remove"
        }
        FileKind::Cdc => {
            // Rows that changed are no change of the table's files.
            action["dataChange"] = false.into();
            "cdc"
        }
    };
    let mut said = json!({ "id": file.id, "expirationTimestamp": file.expires_millis });
    if let Some((mut descriptor, url)) = file.deletion_vector {
        if let Some(url) = url {
            descriptor["storageType"] = "p".into();
            descriptor["pathOrInlineDv"] = url.into();
            said["deletionVectorFileId"] = format!("{}-dv", file.id).into();
        }
        action["deletionVector"] = descriptor;
    }
    if let Some(version) = file.version {
        said["version"] = version.into();
    }
    if let Some(timestamp) = file.timestamp_millis {
        said["timestamp"] = timestamp.into();
    }
    said["deltaSingleAction"] = json!({ kind: action });
    json!({ "file": said })
}
