//! What there is, as the caller may know of it: catalogs, schemas and tables, filtered as a command says.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use arrow_flight::error::Result;
use arrow_flight::sql::{CommandGetCatalogs, CommandGetDbSchemas, CommandGetTableTypes, CommandGetTables};
use polder_engine::{TableKind, VisibleTable};

/// The kinds of tables there are.
const TABLE: &str = "TABLE";
const VIEW: &str = "VIEW";

/// The catalogs that hold something.
pub(crate) fn catalogs(tables: &[VisibleTable], command: CommandGetCatalogs) -> Result<RecordBatch> {
    let mut rows = command.into_builder();
    let names: BTreeSet<&str> = tables.iter().map(|table| parts(table).0).collect();
    names.into_iter().for_each(|name| rows.append(name));
    rows.build()
}

/// The schemas that hold something.
pub(crate) fn schemas(tables: &[VisibleTable], command: CommandGetDbSchemas) -> Result<RecordBatch> {
    let mut rows = command.into_builder();
    let names: BTreeSet<(&str, &str)> = tables.iter().map(|table| (parts(table).0, parts(table).1)).collect();
    names.into_iter().for_each(|(catalog, schema)| rows.append(catalog, schema));
    rows.build()
}

/// The tables and views, with their columns where the command asks for them.
pub(crate) fn tables(tables: &[VisibleTable], command: CommandGetTables) -> Result<RecordBatch> {
    let mut rows = command.into_builder();
    for table in tables {
        let (catalog, schema, name) = parts(table);
        let kind = if table.kind == TableKind::View { VIEW } else { TABLE };
        rows.append(catalog, schema, name, kind, &polder_arrow::to_schema(&table.columns))?;
    }
    rows.build()
}

/// The kinds of tables there are.
pub(crate) fn table_types(command: CommandGetTableTypes) -> Result<RecordBatch> {
    let mut rows = command.into_builder();
    rows.append(TABLE);
    rows.append(VIEW);
    rows.build()
}

/// Catalog, schema and name. All that is listed has three parts; what lacks one has an empty one in its place.
fn parts(table: &VisibleTable) -> (&str, &str, &str) {
    match table.name.parts() {
        [catalog, schema, name] => (catalog, schema, name),
        [schema, name] => ("", schema, name),
        _ => ("", "", table.name.table()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray as _;
    use polder_engine::TableParts;

    use super::*;

    fn of(name: &str, kind: TableKind) -> VisibleTable {
        VisibleTable { name: TableParts::dotted(name), kind, columns: Vec::new(), comment: String::new() }
    }

    fn some() -> Vec<VisibleTable> {
        vec![of("a.s.one", TableKind::Table), of("a.s.two", TableKind::View), of("b.t.one", TableKind::Table)]
    }

    fn texts(batch: &RecordBatch, column: usize) -> Vec<&str> {
        batch.column(column).as_string::<i32>().iter().flatten().collect()
    }

    #[test]
    fn a_catalog_and_a_schema_are_listed_once() {
        assert_eq!(texts(&catalogs(&some(), CommandGetCatalogs {}).unwrap(), 0), ["a", "b"]);
        let all = CommandGetDbSchemas { catalog: None, db_schema_filter_pattern: None };
        assert_eq!(texts(&schemas(&some(), all).unwrap(), 1), ["s", "t"]);
    }

    #[test]
    fn tables_are_those_of_the_kinds_and_patterns_that_are_asked_for() {
        let asked = |types: &[&str], pattern: Option<&str>| CommandGetTables {
            catalog: None,
            db_schema_filter_pattern: None,
            table_name_filter_pattern: pattern.map(str::to_owned),
            table_types: types.iter().map(|kind| (*kind).to_owned()).collect(),
            include_schema: true,
        };
        let names = |command| texts(&tables(&some(), command).unwrap(), 2).join(" ");
        assert_eq!(names(asked(&[], None)), "one two one");
        assert_eq!(names(asked(&["VIEW"], None)), "two");
        assert_eq!(names(asked(&[], Some("o%"))), "one one");
        assert_eq!(names(asked(&["TEMPORARY"], None)), "");
    }
}
