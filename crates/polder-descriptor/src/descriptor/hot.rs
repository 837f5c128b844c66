//! `hotStorage`: the key by which rows of a table are looked up, and how much may be kept for that.

use polder_model::Column;
use polder_model::resource::{HotStorage, TableFormat};

use crate::descriptor::dataset::Shape;
use crate::descriptor::{column, megabytes};
use crate::fault::Span;
use crate::reader::{Fields, Reader, Spanned};

/// Reads `hotStorage`, which a dataset need not have.
pub(crate) fn read(r: &mut Reader<'_>, dataset: &mut Fields<'_>, columns: &[Spanned<Column>]) -> Option<HotStorage> {
    let mut fields = dataset.fields(r, "hotStorage")?;
    let written = fields.require(r, "keyColumns", "name the columns that rows are looked up by, such as [id]");
    let names = fields.list::<String>(r, "keyColumns");
    if let Some(node) = written.filter(|node| names.is_empty() && r.items(node, "'keyColumns'", true).is_empty()) {
        r.error(node.span, "no-key-column", "keyColumns", "'keyColumns' names no column").help =
            Some("name the columns that rows are looked up by, or take hotStorage out".to_owned());
    }
    let key_columns = key_columns(r, &names, columns);
    let max_megabytes =
        megabytes::read(r, &mut fields, "maxMegabytes", 1, "write how much memory a server may use for the table");
    let max_megabytes = max_megabytes.unwrap_or(HotStorage::DEFAULT_MEGABYTES);
    fields.finish(r);
    (!key_columns.is_empty()).then_some(HotStorage { key_columns, max_megabytes })
}

/// Says what only a Delta table can have of what is none.
pub(crate) fn fits(r: &mut Reader<'_>, span: Span, shape: &Shape, format: TableFormat) {
    let (what, help) = match shape {
        Shape::View(_) => ("a view has no hot storage: it keeps no rows", "put it on the tables that the view reads"),
        Shape::Volume => ("a volume has no hot storage: it has no rows", "take it out"),
        Shape::Table if format == TableFormat::Parquet => {
            let what = "a folder of Parquet files has no hot storage: it has no versions to keep up with";
            (what, "write format: delta, or take hotStorage out")
        }
        Shape::Table => return,
    };
    r.error(span, "does-not-apply", "hotStorage", what).help = Some(help.to_owned());
}

fn key_columns(r: &mut Reader<'_>, names: &[Spanned<String>], columns: &[Spanned<Column>]) -> Vec<String> {
    let mut known: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let Some(column) = column::find(r, columns, name, "the key column") else { continue };
        if !column.data_type.is_key() {
            let message = format!("rows cannot be looked up by '{}', which is of type {}", column.name, column.data_type);
            r.error(name.span, "key-type", &name.value, message).help =
                Some("look up by a text, whole number, decimal, date, timestamp or boolean".to_owned());
        } else if known.contains(&column.name) {
            let message = format!("the key column '{}' stands here a second time", column.name);
            r.error(name.span, "duplicate-column", &name.value, message).help = Some("remove it".to_owned());
        } else {
            known.push(column.name.clone());
        }
    }
    known
}
