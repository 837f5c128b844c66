//! What a caller may know of, as tables: `information_schema`, `SHOW TABLES`, `DESCRIBE`.
//!
//! Made of [`Tables::list`] alone, so that what is hidden is in none of them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use polder_model::Column;

use crate::error::QueryError;
use crate::sql::planner::not_found;
use crate::tables::{TableKind, TableParts, Tables, VisibleTable};

const SCHEMA_NAME: &str = "information_schema";

/// Returns the table of `information_schema` that a name stands for; under a catalog's name, what is in that catalog.
pub(crate) fn table(name: &TableParts, tables: &dyn Tables) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
    let (catalog, table) = match name.parts() {
        [schema, table] if schema == SCHEMA_NAME => (None, table),
        [catalog, schema, table] if schema == SCHEMA_NAME => (Some(catalog), table),
        _ => return Ok(None),
    };
    let visible: Vec<VisibleTable> =
        tables.list().into_iter().filter(|table| catalog.is_none_or(|catalog| part(table, 0) == Some(catalog))).collect();
    let batch = match table.as_str() {
        "tables" => list(&visible),
        "columns" => columns(&visible),
        "schemata" => schemata(&visible),
        _ => return Ok(None),
    }?;
    Ok(Some(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?)))
}

/// Returns the answer to `SHOW TABLES`.
pub(crate) fn show_tables(tables: &dyn Tables) -> Result<RecordBatch, QueryError> {
    list(&tables.list())
}

/// Returns the answer to `DESCRIBE`, as Spark has it.
pub(crate) fn describe(name: &TableParts, tables: &dyn Tables) -> Result<RecordBatch, QueryError> {
    let columns = columns_of(name, tables)?;
    batch([
        ("col_name", text(columns.iter().map(|column| Some(column.name.clone())))),
        ("data_type", text(columns.iter().map(|column| Some(column.data_type.to_string())))),
        ("comment", text(columns.iter().map(|column| Some(column.description.clone()).filter(|text| !text.is_empty())))),
    ])
}

/// The columns of a table that the caller may know of.
fn columns_of(name: &TableParts, tables: &dyn Tables) -> Result<Vec<Column>, QueryError> {
    let mut visible = tables.list();
    match visible.iter().position(|table| table.name == *name) {
        Some(at) => Ok(visible.swap_remove(at).columns),
        None => {
            let known: Vec<TableParts> = visible.into_iter().map(|table| table.name).collect();
            Err(not_found(name, &known))
        }
    }
}

/// Returns the answer to `SHOW COLUMNS`.
pub(crate) fn show_columns(name: &TableParts, tables: &dyn Tables) -> Result<RecordBatch, QueryError> {
    let columns = columns_of(name, tables)?;
    batch([
        ("column_name", text(columns.iter().map(|column| Some(column.name.clone())))),
        ("data_type", text(columns.iter().map(|column| Some(column.data_type.to_string())))),
        ("is_nullable", text(columns.iter().map(|column| Some(yes_no(column.optional))))),
        ("comment", text(columns.iter().map(|column| Some(column.description.clone()).filter(|text| !text.is_empty())))),
    ])
}

/// A part of a full name: 0 the catalog, 1 the schema. Shorter names have fewer.
fn part(table: &VisibleTable, which: usize) -> Option<&String> {
    let parts = table.name.parts();
    (parts.len() + which).checked_sub(3).and_then(|at| parts.get(at))
}

fn list(tables: &[VisibleTable]) -> Result<RecordBatch, QueryError> {
    let kind = |table: &VisibleTable| match table.kind {
        TableKind::Table => "BASE TABLE",
        TableKind::View => "VIEW",
    };
    batch([
        ("table_catalog", text(tables.iter().map(|table| part(table, 0).cloned()))),
        ("table_schema", text(tables.iter().map(|table| part(table, 1).cloned()))),
        ("table_name", text(tables.iter().map(|table| Some(table.name.table().to_owned())))),
        ("table_type", text(tables.iter().map(|table| Some(kind(table).to_owned())))),
        ("comment", text(tables.iter().map(|table| Some(table.comment.clone()).filter(|text| !text.is_empty())))),
    ])
}

fn columns(tables: &[VisibleTable]) -> Result<RecordBatch, QueryError> {
    let rows: Vec<_> =
        tables.iter().flat_map(|table| (1..).zip(&table.columns).map(move |(at, column)| (table, at, column))).collect();
    batch([
        ("table_catalog", text(rows.iter().map(|(table, ..)| part(table, 0).cloned()))),
        ("table_schema", text(rows.iter().map(|(table, ..)| part(table, 1).cloned()))),
        ("table_name", text(rows.iter().map(|(table, ..)| Some(table.name.table().to_owned())))),
        ("column_name", text(rows.iter().map(|(.., column)| Some(column.name.clone())))),
        ("ordinal_position", Arc::new(rows.iter().map(|(_, at, _)| Some(*at)).collect::<Int32Array>())),
        ("is_nullable", text(rows.iter().map(|(.., column)| Some(yes_no(column.optional))))),
        ("data_type", text(rows.iter().map(|(.., column)| Some(column.data_type.to_string())))),
        ("comment", text(rows.iter().map(|(.., column)| Some(column.description.clone()).filter(|text| !text.is_empty())))),
    ])
}

fn schemata(tables: &[VisibleTable]) -> Result<RecordBatch, QueryError> {
    let mut schemas: Vec<_> = tables.iter().map(|table| (part(table, 0).cloned(), part(table, 1).cloned())).collect();
    schemas.sort();
    schemas.dedup();
    batch([
        ("catalog_name", text(schemas.iter().map(|(catalog, _)| catalog.clone()))),
        ("schema_name", text(schemas.iter().map(|(_, schema)| schema.clone()))),
    ])
}

fn text(values: impl Iterator<Item = Option<String>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn yes_no(yes: bool) -> String {
    if yes { "YES" } else { "NO" }.to_owned()
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> Result<RecordBatch, QueryError> {
    let field =
        |(name, array): &(&str, ArrayRef)| Field::new(*name, array.data_type().clone(), *array.data_type() == DataType::Utf8);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(schema), arrays)
        .map_err(|error| QueryError::from(datafusion::error::DataFusionError::from(error)))
}
