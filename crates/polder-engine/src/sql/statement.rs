//! What a statement asks for, and which statements are answered at all: those that read.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{ObjectName, Query, Select, SetExpr, Spanned, Statement, TableFactor, Visit, Visitor};
use datafusion::sql::sqlparser::tokenizer::Location;

use super::{extent, headings};
use crate::error::QueryError;
use crate::tables::TableParts;

/// What a statement asks for.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// Rows.
    Query(Box<Query>),
    /// How rows would be found; with `analyze`, how they were.
    Explain { query: Box<Query>, analyze: bool },
    /// The objects the caller may know of.
    ShowTables,
    /// What the columns of one are, and mean.
    Describe(TableParts),
    /// Its columns, and which may lack a value.
    ShowColumns(TableParts),
}

const READS_ONLY: &str = "a query is SELECT, WITH, VALUES, EXPLAIN, SHOW TABLES, SHOW COLUMNS or DESCRIBE; of the statements that change something \
                          there are INSERT, UPDATE, DELETE, MERGE, COPY INTO, CREATE, ALTER, DROP, GRANT, REVOKE, OPTIMIZE and others";

impl Request {
    /// Tells what a statement asks for, or refuses it.
    pub(crate) fn of(statement: Statement) -> Result<Self, QueryError> {
        match statement {
            Statement::Query(query) => Ok(Self::Query(reading(query)?)),
            Statement::Explain { analyze, statement, options, .. } => match *statement {
                Statement::Query(query) => {
                    let asked = options.iter().flatten().any(|option| option.name.value.eq_ignore_ascii_case("analyze"));
                    Ok(Self::Explain { query: reading(query)?, analyze: analyze || asked })
                }
                _ => Err(QueryError::not_allowed("EXPLAIN takes a query").with_hint(READS_ONLY)),
            },
            Statement::ExplainTable { table_name, .. } => Ok(Self::Describe(parts(&table_name))),
            Statement::ShowTables { .. } => Ok(Self::ShowTables),
            Statement::ShowColumns { show_options, .. } => match show_options.show_in.and_then(|place| place.parent_name) {
                Some(name) => Ok(Self::ShowColumns(parts(&name))),
                None => Err(QueryError::syntax("SHOW COLUMNS takes FROM and a table's name")),
            },
            other => Err(refused(&other)),
        }
    }
}

fn refused(statement: &Statement) -> QueryError {
    let text = statement.to_string();
    let verb: String = text.split_whitespace().next().unwrap_or_default().to_uppercase();
    QueryError::not_allowed(format!("{verb} is not allowed in a query")).with_hint(READS_ONLY)
}

/// Refuses a query that is too large, or writes somewhere inside: `WITH x AS (INSERT ...)`, `SELECT ... INTO t`, `SELECT ... FOR UPDATE`.
fn reading(mut query: Box<Query>) -> Result<Box<Query>, QueryError> {
    extent::of(&query, &|_| 1)?;
    match Visit::visit(&query, &mut Writes) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => {
            headings::distinguish(&mut query);
            Ok(query)
        }
    }
}

struct Writes;

impl Visitor for Writes {
    type Break = QueryError;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<QueryError> {
        ControlFlow::Break(refused(statement))
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<QueryError> {
        match &*query.body {
            SetExpr::Insert(inner) | SetExpr::Update(inner) | SetExpr::Delete(inner) | SetExpr::Merge(inner) => {
                ControlFlow::Break(refused(inner))
            }
            _ if !query.locks.is_empty() => {
                ControlFlow::Break(QueryError::not_allowed("rows cannot be locked").with_hint("leave out the FOR clause"))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<QueryError> {
        if select.into.is_some() {
            return ControlFlow::Break(QueryError::not_allowed("SELECT INTO is not allowed in a query").with_hint(READS_ONLY));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<QueryError> {
        // `TABLESAMPLE` and hints would be passed over in silence, and give another answer than the one asked for.
        if let TableFactor::Table { sample: Some(_), .. } = factor {
            return ControlFlow::Break(QueryError::syntax("this is not supported: TABLESAMPLE"));
        }
        if let TableFactor::Table { version: Some(_), .. } = factor {
            return ControlFlow::Break(QueryError::syntax("a table's state is chosen by VERSION AS OF or TIMESTAMP AS OF"));
        }
        ControlFlow::Continue(())
    }
}

/// A name's parts, in lower case.
pub(crate) fn parts(name: &ObjectName) -> TableParts {
    TableParts::new(name.0.iter().map(|part| part.as_ident().map_or_else(|| part.to_string(), |ident| ident.value.clone())))
}

/// Where the tables that a query names stand, in order. A function's name in the place of a table is none.
pub(crate) fn places(query: &Query) -> Vec<(TableParts, Location)> {
    struct Places(Vec<(TableParts, Location)>);
    impl Visitor for Places {
        type Break = ();
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table { name, args: None, .. } = factor {
                self.0.push((parts(name), name.span().start));
            }
            ControlFlow::Continue(())
        }
    }
    let mut places = Places(Vec::new());
    let _ = query.visit(&mut places);
    places.0
}
