//! What commands answer, as rows.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use polder_engine::Command;

use crate::error::{Doing, Error, ErrorKind};
use crate::run::copy::Copied;

/// The columns of a command's answer.
pub(crate) fn schema(command: &Command) -> SchemaRef {
    match command {
        Command::ShowGrants { .. } => grants(),
        Command::History { .. } => history(),
        Command::Optimize { .. } => optimized(),
        Command::Vacuum { .. } => vacuumed(),
        Command::Insert(_) | Command::Change(_) => counted(),
        Command::CopyInto(_) => loaded(),
        _ => done(),
    }
}

fn of(fields: &[(&str, DataType, bool)]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(|(name, of, missing)| Field::new(*name, of.clone(), *missing)).collect::<Vec<_>>()))
}

fn text(name: &str) -> (&str, DataType, bool) {
    (name, DataType::Utf8, false)
}

fn number(name: &str) -> (&str, DataType, bool) {
    (name, DataType::Int64, true)
}

fn done() -> SchemaRef {
    of(&[text("result")])
}

fn counted() -> SchemaRef {
    of(&[number("affected_rows"), number("version")])
}

fn loaded() -> SchemaRef {
    of(&[number("affected_rows"), number("version"), number("files_loaded"), number("files_skipped")])
}

/// The columns of `SHOW GRANTS`.
pub(super) fn grants() -> SchemaRef {
    of(&[text("principal"), text("privilege"), text("object_kind"), text("object")])
}

/// The columns of `DESCRIBE HISTORY`.
pub(super) fn history() -> SchemaRef {
    let at = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    of(&[number("version"), ("timestamp", at, true), text("operation"), text("info")])
}

/// The columns of `OPTIMIZE`.
pub(super) fn optimized() -> SchemaRef {
    of(&[number("version"), number("files_added"), number("files_removed")])
}

/// The columns of `VACUUM`.
pub(super) fn vacuumed() -> SchemaRef {
    of(&[text("path")])
}

/// Rows of these columns.
pub(super) fn rows(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, Error> {
    RecordBatch::try_new(schema, columns).doing(ErrorKind::Failed, "cannot tell what was done")
}

/// That something was done, in words.
pub(super) fn told(words: impl Into<String>) -> Result<RecordBatch, Error> {
    rows(done(), vec![texts([words.into()])])
}

/// How many rows changed, and in which version of the table.
pub(super) fn changed(count: u64, version: u64) -> Result<RecordBatch, Error> {
    rows(counted(), vec![numbers([count]), numbers([version])])
}

/// What was loaded of files.
pub(super) fn copied(copied: &Copied) -> Result<RecordBatch, Error> {
    let Copied { rows: count, version, loaded: files, skipped } = copied;
    rows(loaded(), [count, version, files, skipped].map(|number| numbers([*number])).to_vec())
}

pub(super) fn texts<T: Into<String>>(values: impl IntoIterator<Item = T>) -> ArrayRef {
    Arc::new(values.into_iter().map(|value| Some(value.into())).collect::<StringArray>())
}

pub(super) fn numbers(values: impl IntoIterator<Item = u64>) -> ArrayRef {
    Arc::new(values.into_iter().map(|value| i64::try_from(value).ok()).collect::<Int64Array>())
}
