//! Jobs: what makes data. Loading is a job too, so sources, schedules, checks, lineage and cost have one model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::dataset::{DatasetId, JobId};
use crate::name::PrincipalName;
use crate::securable::TableName;

/// A job, resolved for one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// What it does.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// The service principal it runs as. `None`: whoever starts it, which production refuses.
    pub run_as: Option<PrincipalName>,
    /// The datasets it reads, each under the name its SQL uses.
    pub sources: Vec<DatasetRef>,
    /// The dataset it writes.
    pub sink: Option<DatasetRef>,
    /// How it makes the data.
    pub work: Work,
    /// How the data gets into the sink.
    pub write: WriteMode,
    /// What happens to rows that do not fit the sink. Loading only.
    pub bad_rows: BadRows,
    /// Sink columns that derive from `pii` columns and are not tagged so, each with the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub declassify: BTreeMap<String, String>,
    /// When it is due: a cron expression of five fields, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
}

/// A dataset as a job names it, with where that is in this environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetRef {
    /// The dataset.
    pub dataset: DatasetId,
    /// Its table or view.
    pub table: TableName,
    /// The name the job's SQL uses for it; by default the dataset's entity name.
    pub alias: String,
}

/// How a job makes data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Reads files into the sink.
    Ingest(FileSource),
    /// Runs a query over the sources.
    Sql {
        /// The query's file, relative to the mesh's folder.
        file: String,
        /// The query.
        text: String,
    },
    /// Anything else: kept, planned and shown, and run by whatever runs its framework.
    External {
        /// The framework's kind, such as `spark-3.4.1-k8s-livy-scala`.
        kind: String,
        /// The framework as declared.
        settings: serde_json::Value,
    },
}

/// Files to load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileSource {
    /// A glob below the mesh's folder or an absolute path, or an object-store URL (`s3://`, `az://`, `gs://`) with a glob in its path.
    pub files: String,
    /// How the files are written.
    pub format: FileFormat,
    /// How CSV files are written. Ignored for other formats.
    #[serde(default)]
    pub csv: CsvOptions,
    /// For each sink column whose field has another name in the files: that name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
}

/// How files to load are written. Files that end in `.gz` or `.zst` are decompressed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Comma-separated values (RFC 4180).
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
}

/// How CSV files are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CsvOptions {
    /// Whether the first line holds the columns' names. Without it, fields come in the sink's order.
    pub header: bool,
    /// What stands between fields: one ASCII character.
    pub delimiter: char,
    /// What stands around a field that holds delimiters: one ASCII character.
    pub quote: char,
    /// The texts that mean a missing value. An empty field always does, except in a string column when quoted.
    pub nulls: Vec<String>,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self { header: true, delimiter: ',', quote: '"', nulls: Vec::new() }
    }
}

/// How data gets into the sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// Rows are added.
    Append,
    /// Rows replace all rows.
    Overwrite,
    /// A row replaces the row with the same key, or is added.
    Merge {
        /// The key columns.
        keys: Vec<String>,
    },
}

impl WriteMode {
    /// The mode's word in descriptors.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Overwrite => "overwrite",
            Self::Merge { .. } => "merge",
        }
    }
}

/// What happens to rows that do not fit the sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BadRows {
    /// The run fails and writes nothing.
    Fail,
    /// They go to the sink's quarantine table, with the reason.
    Quarantine,
}
