//! Rows that come in from a client as CSV: kept on the disk until all of them are there, and then added to a table in one commit.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, SchemaRef};
use futures::StreamExt;
use polder_engine::TableParts;
use polder_engine::command::{Need, filled};
use polder_ingest::{Piece, ReadSpec, SourceFile};
use polder_lake::{Staged, WriteOptions};
use polder_model::job::{BadRows, CsvOptions, FileFormat, FileSource, WriteMode};
use polder_model::text::with_causes;
use polder_model::{Column, TableName};
use tempfile::TempPath;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;

use super::rows::Target;
use super::table_name;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;
use crate::query::query_error;

/// How much may come at once. More is loaded from a volume.
const MOST_BYTES: u64 = 16 << 30;
/// What the rows are called in errors.
const NAME: &str = "STDIN";

/// Rows on their way into a table.
pub struct Incoming {
    platform: Platform,
    table: TableName,
    /// The columns that come, in their order.
    columns: Vec<String>,
    types: Vec<DataType>,
    csv: CsvOptions,
    file: File,
    path: TempPath,
    bytes: u64,
}

impl Platform {
    /// Begins to take rows for a table, of some of its columns or, where none is named, of all. The rest are missing in them.
    ///
    /// # Errors
    /// When the caller or its credentials may not write the table, it is not there, or has no such columns or needs others.
    pub async fn take_rows(&self, table: &str, columns: &[String], csv: CsvOptions) -> Result<Incoming, Error> {
        self.demand_scope(Need::Write)?;
        let name = table_name(&TableParts::dotted(table))?;
        let target = self.target(&name, "COPY").await?;
        let chosen = chosen(&target.table.columns, columns)?;
        let types = chosen.iter().map(|column| polder_arrow::to_arrow(&column.data_type)).collect();
        let columns = chosen.into_iter().map(|column| column.name).collect();
        let folder = self.engine.spill_folder().map_or_else(std::env::temp_dir, PathBuf::from);
        let made = tokio::task::spawn_blocking(move || tempfile::Builder::new().prefix("copy-").tempfile_in(folder)).await;
        let made = made.map_err(io::Error::other).and_then(|made| made).doing(ErrorKind::Unavailable, KEEPING)?;
        let (file, path) = made.into_parts();
        Ok(Incoming { platform: self.clone(), table: name, columns, types, csv, file: File::from_std(file), path, bytes: 0 })
    }

    async fn stage_incoming(&self, target: &Target, incoming: &Incoming) -> Result<Staged, Error> {
        let failed = || format!("cannot add rows to {}", target.table.name);
        let columns = chosen(&target.table.columns, &incoming.columns)?;
        let source = FileSource {
            files: NAME.to_owned(),
            format: FileFormat::Csv,
            csv: incoming.csv.clone(),
            columns: Default::default(),
        };
        let spec = ReadSpec {
            partition_columns: target.table.partition_columns.clone(),
            ..ReadSpec::new(columns, source, BadRows::Fail)
        };
        let file = SourceFile::on_disk(NAME.to_owned(), incoming.path.to_path_buf()).await;
        let file = file.doing(ErrorKind::Unavailable, failed())?;
        let mut reading = polder_ingest::read(vec![file], spec).map_err(|error| refused(&target.table.name, &error))?;
        let options = WriteOptions { commit_info: target.notes(), ..WriteOptions::new(WriteMode::Append) };
        let mut writer = target.handle.append(options).doing(ErrorKind::Unavailable, failed())?;
        let whole = polder_arrow::to_schema(&target.table.columns);
        while let Some(piece) = reading.next().await {
            if let Piece::Rows(batch) = piece.map_err(|error| refused(&target.table.name, &error))? {
                let batch = widened(&batch, &whole).doing(ErrorKind::Failed, failed())?;
                writer.write(&batch).await.doing(ErrorKind::Failed, failed())?;
            }
        }
        let unknown = reading.report().files.iter().flat_map(|file| file.ignored_fields.keys()).next();
        if let Some(field) = unknown {
            let message = format!("the header names {field:?}, which is no column that comes");
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("name columns of the table, or leave the header out"));
        }
        writer.finish().await.doing(ErrorKind::Failed, failed())
    }
}

const KEEPING: &str = "cannot keep the rows that come until all are there";

impl Incoming {
    /// The types of the columns that come.
    #[must_use]
    pub fn types(&self) -> Vec<DataType> {
        self.types.clone()
    }

    /// Takes some bytes, which may end anywhere.
    ///
    /// # Errors
    /// When there are too many, or no place for them.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes += bytes.len() as u64;
        if self.bytes > MOST_BYTES {
            let message = format!("more than {} GiB came at once", MOST_BYTES >> 30);
            return Err(Error::new(ErrorKind::Invalid, message).with_hint("load it in parts, or from a volume: COPY INTO"));
        }
        self.file.write_all(bytes).await.doing(ErrorKind::Unavailable, KEEPING)
    }

    /// Adds the rows to the table: how many. `sql` is what the caller said, for the record.
    ///
    /// # Errors
    /// When a row does not fit, a check does not hold, or the caller may no longer write the table. None of the rows is in it then.
    pub async fn finish(mut self, sql: &str) -> Result<u64, Error> {
        self.file.flush().await.doing(ErrorKind::Unavailable, KEEPING)?;
        let platform = self.platform.clone();
        let mut tries = platform.tries(&self.table, sql);
        loop {
            let target = tries.next(|target| !target.table.checks.is_empty()).await?;
            let staged = platform.stage_incoming(&target, &self).await?;
            let count = staged.rows();
            if count == 0 {
                staged.discard().await;
                return Ok(0);
            }
            if tries.commit(&target, staged).await?.is_some() {
                return Ok(count);
            }
        }
    }
}

fn refused(table: &TableName, error: &polder_ingest::ReadError) -> Error {
    Error::new(ErrorKind::Invalid, format!("cannot add rows to {table}: {}", with_causes(error)))
}

/// The columns that come, if those that are not among them may be missing.
fn chosen(columns: &[Column], names: &[String]) -> Result<Vec<Column>, Error> {
    let chosen = filled(columns, names.iter().map(String::as_str)).map_err(query_error)?;
    match columns.iter().find(|column| !column.optional && !chosen.iter().any(|other| other.name == column.name)) {
        None => Ok(chosen),
        Some(column) => {
            Err(Error::new(ErrorKind::Invalid, format!("column {} is required and is not among those that come", column.name)))
        }
    }
}

/// The rows with all columns of the table.
fn widened(batch: &RecordBatch, whole: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let column = |field: &Arc<arrow::datatypes::Field>| -> ArrayRef {
        let found = batch.column_by_name(field.name()).cloned();
        found.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    };
    RecordBatch::try_new(Arc::clone(whole), whole.fields().iter().map(column).collect())
}
