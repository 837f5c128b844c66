//! Which tables a statement names, found from its text alone.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DFStatement;
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, Query, Statement, TableFactor, VisitMut, VisitorMut};

use crate::error::QueryError;
use crate::sql::functions::reference_parts;
use crate::sql::literals::written;
use crate::sql::script::Script;
use crate::sql::spelling::Spelling;
use crate::sql::statement::{Request, parts, places};
use crate::tables::TableParts;

/// The tables and views that a query names, each once, in the order in which it names them. Names that it gives its own
/// subqueries (`WITH`) are not among them.
///
/// # Errors
/// When the text is not one query.
pub fn tables_named(sql: &str) -> Result<Vec<TableParts>, QueryError> {
    let mut script = Script::read(sql)?;
    let mut spelling = Spelling::default();
    spelling.learn(&script);
    script.respell(&spelling);
    let (Request::Query(query) | Request::Explain { query, .. }) = Request::of(script.parse()?)? else { return Ok(Vec::new()) };
    let travelled = |name: TableParts| script.travel(&name).map_or(name.clone(), |(table, _)| table.clone());
    let mut tables: Vec<TableParts> = Vec::new();
    for name in references(query)?.into_iter().map(travelled) {
        if !tables.contains(&name) {
            tables.push(name);
        }
    }
    Ok(tables)
}

/// The same query over its tables as they are now, whichever of their states it names.
///
/// # Errors
/// When the text is not one query.
pub fn without_time_travel(sql: &str) -> Result<String, QueryError> {
    let script = Script::read(sql)?;
    let Request::Query(mut query) = Request::of(script.parse()?)? else {
        return Err(QueryError::syntax("the statement is not a query"));
    };
    struct Now<'a>(&'a Script);
    impl VisitorMut for Now<'_> {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, .. } = factor
                && let Some((table, _)) = self.0.travel(&parts(name))
            {
                *name = quoted(table);
            }
            ControlFlow::Continue(())
        }
    }
    let _ = VisitMut::visit(&mut query, &mut Now(&script));
    Ok(written(&query))
}

/// The same query over other tables: `to` says over which, of those that are another. Columns that it names with their table's full name
/// follow.
///
/// # Errors
/// When the text is not one query, or it reads a past state of a table: that is one table's own.
pub fn with_tables(sql: &str, to: &dyn Fn(&TableParts) -> Option<TableParts>) -> Result<String, QueryError> {
    struct Renamed<'a> {
        script: &'a Script,
        to: &'a dyn Fn(&TableParts) -> Option<TableParts>,
    }
    impl VisitorMut for Renamed<'_> {
        type Break = QueryError;

        fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<QueryError> {
            let TableFactor::Table { name, .. } = factor else { return ControlFlow::Continue(()) };
            if self.script.travel(&parts(name)).is_some() {
                return ControlFlow::Break(QueryError::syntax("it reads a past state of a table"));
            }
            if let Some(table) = (self.to)(&parts(name)) {
                *name = quoted(&table);
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
            if let Expr::CompoundIdentifier(name) = expr
                && let Some((column, table)) = name.split_last()
                && let Some(table) = (self.to)(&TableParts::new(table.iter().map(|part| &part.value)))
            {
                *name = idents(&table).chain([column.clone()]).collect();
            }
            ControlFlow::Continue(())
        }
    }
    let script = Script::read(sql)?;
    let Request::Query(mut query) = Request::of(script.parse()?)? else {
        return Err(QueryError::syntax("the statement is not a query"));
    };
    match VisitMut::visit(&mut query, &mut Renamed { script: &script, to }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(written(&query)),
    }
}

fn idents(table: &TableParts) -> impl Iterator<Item = Ident> {
    table.parts().iter().map(|part| Ident::with_quote('"', part))
}

fn quoted(table: &TableParts) -> ObjectName {
    ObjectName::from(idents(table).collect::<Vec<_>>())
}

/// The names of tables in a parsed query, as it spells them, in order.
pub(crate) fn references(query: Box<Query>) -> Result<Vec<TableParts>, QueryError> {
    let places = places(&query);
    let place = |name: &TableParts| places.iter().position(|(place, _)| place == name);
    let statement = DFStatement::Statement(Box::new(Statement::Query(query)));
    let (references, _) = resolve_table_references(&statement, false)?;
    let mut placed: Vec<(usize, TableParts)> =
        references.iter().map(reference_parts).filter_map(|name| Some((place(&name)?, name))).collect();
    placed.sort();
    placed.dedup();
    Ok(placed.into_iter().map(|(_, name)| name).collect())
}
