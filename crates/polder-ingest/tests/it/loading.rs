//! Loads files from a folder of their own and shows what came of them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use object_store::ObjectStore;
use polder_arrow::to_schema as arrow_schema;
use polder_ingest::{Cause, FileReport, Limits, Piece, ReadSpec, Rejected, SourceFile, Stores, find, read};
use polder_model::Column;
use polder_model::job::{BadRows, CsvOptions, FileFormat, FileSource};
use url::Url;

/// No object stores.
pub(crate) struct NoStores;

impl Stores for NoStores {
    fn store(&self, bucket: &Url) -> Result<Arc<dyn ObjectStore>, Cause> {
        Err(format!("no store for {bucket}").into())
    }
}

/// `name type`, with `?` after the type when optional and `!` when pii.
pub(crate) fn columns(text: &str) -> Vec<Column> {
    let column = |text: &str| {
        let (name, data_type) = text.trim().split_once(' ').unwrap();
        let word = data_type.trim_end_matches(['?', '!']);
        Column {
            name: name.to_owned(),
            data_type: word.parse().unwrap(),
            optional: data_type.contains('?'),
            description: String::new(),
            tags: if data_type.contains('!') { ["pii".to_owned()].into() } else { [].into() },
            mask: None,
        }
    };
    text.split(';').map(column).collect()
}

pub(crate) fn source(format: FileFormat) -> FileSource {
    FileSource { files: "*".to_owned(), format, csv: CsvOptions::default(), columns: BTreeMap::new() }
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) rows: Vec<String>,
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) files: Vec<FileReport>,
    pub(crate) batches: Vec<RecordBatch>,
}

impl Loaded {
    /// Each refused row as `line: reason`.
    pub(crate) fn reasons(&self) -> Vec<String> {
        self.rejected.iter().map(|row| format!("{}: {}", row.line, row.reason)).collect()
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(future)
}

/// Loads files that lie in a folder of their own; the error with its causes.
pub(crate) fn load(files: &[(&str, &[u8])], spec: ReadSpec) -> Result<Loaded, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    load_folder(folder.path(), spec)
}

pub(crate) fn load_folder(folder: &Path, spec: ReadSpec) -> Result<Loaded, String> {
    block_on(async {
        let found = find(&spec.source, folder, &NoStores).await.map_err(|error| chain(&error))?;
        drain(found, spec).await
    })
}

pub(crate) async fn drain(files: Vec<SourceFile>, spec: ReadSpec) -> Result<Loaded, String> {
    let schema = arrow_schema(&spec.columns);
    let mut reading = read(files, spec).map_err(|error| chain(&error))?;
    let mut loaded = Loaded::default();
    while let Some(piece) = reading.next().await {
        match piece.map_err(|error| chain(&error))? {
            Piece::Rows(batch) => {
                assert_eq!(batch.schema(), schema);
                loaded.rows.extend(shown(&batch));
                loaded.batches.push(batch);
            }
            Piece::Rejected(rows) => loaded.rejected.extend(rows),
        }
    }
    let report = reading.report();
    assert_eq!(report.rows(), loaded.rows.len() as u64);
    assert_eq!(report.rejected(), loaded.rejected.len() as u64);
    loaded.files = report.files.clone();
    Ok(loaded)
}

pub(crate) fn shown(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let formatters: Vec<_> = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let row = |row: usize| formatters.iter().map(|f| f.value(row).to_string()).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Reads one text as the columns say: rows, and refused rows with line and reason.
pub(crate) fn check(format: FileFormat, text: &[u8], declared: &str, rows: &[&str], refused: &[&str]) {
    let spec = ReadSpec::new(columns(declared), source(format), BadRows::Quarantine);
    let loaded = load(&[("data", text)], spec).unwrap_or_else(|error| panic!("{error} in {}", String::from_utf8_lossy(text)));
    assert_eq!(loaded.rows, rows, "rows of {}", String::from_utf8_lossy(text));
    assert_eq!(loaded.reasons(), refused, "refused rows of {}", String::from_utf8_lossy(text));
}

/// The error of a text that must fit as a whole.
pub(crate) fn failure(format: FileFormat, text: &[u8], declared: &str) -> String {
    load(&[("data", text)], ReadSpec::new(columns(declared), source(format), BadRows::Fail)).unwrap_err()
}

pub(crate) fn small(mut spec: ReadSpec, field_bytes: usize, row_bytes: usize) -> ReadSpec {
    spec.limits = Limits { field_bytes, row_bytes };
    spec
}
