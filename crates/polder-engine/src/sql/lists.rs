//! How long the lists of a query may be. Planning goes over a list many times, and over some kinds for each of its items.

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArguments, GroupByExpr, OrderByKind, Query, Select, SetExpr, Spanned, WindowType,
};

use crate::error::QueryError;

/// How many values a list may have: `IN (...)`, an array, the arguments of a function, the cases of a `CASE`.
const MAX_VALUES: usize = 10_000;
/// How many rows `VALUES` may have.
const MAX_ROWS: usize = 50_000;
/// How many columns a `SELECT` or `VALUES` may write.
const MAX_COLUMNS: usize = 5_000;
/// How many tables and queries may stand behind one `FROM`, joined ones too. Time grows with the third power.
const MAX_RELATIONS: usize = 200;
/// How many expressions one `GROUP BY` may have.
const MAX_GROUP_KEYS: usize = 1_000;
/// How many sets `GROUPING SETS`, `CUBE` and `ROLLUP` may make together: each makes a copy of every row.
const MAX_GROUPING_SETS: usize = 4_096;
/// How many expressions one `ORDER BY` or `PARTITION BY` may have. Time grows with the second power.
const MAX_ORDER_KEYS: usize = 250;

/// Refuses a query that has too long a list of its own, those of queries inside it not being its own.
pub(super) fn check_query(query: &Query) -> Result<(), QueryError> {
    if let Some(OrderByKind::Expressions(keys)) = query.order_by.as_ref().map(|order_by| &order_by.kind) {
        at_most(MAX_ORDER_KEYS, keys.len(), "expressions in an ORDER BY", query)?;
    }
    if let SetExpr::Values(values) = &*query.body {
        at_most(MAX_ROWS, values.rows.len(), "rows in a VALUES", query)?;
        let width = values.rows.iter().map(|row| row.content.len()).max().unwrap_or_default();
        at_most(MAX_COLUMNS, width, "columns in a VALUES", query)?;
    }
    Ok(())
}

/// Refuses a `SELECT` that has too long a list of its own.
pub(super) fn check_select(select: &Select) -> Result<(), QueryError> {
    at_most(MAX_COLUMNS, select.projection.len(), "columns in a SELECT", select)?;
    let relations = select.from.iter().map(|from| 1 + from.joins.len()).sum();
    at_most(MAX_RELATIONS, relations, "tables in a FROM", select)?;
    if let GroupByExpr::Expressions(keys, _) = &select.group_by {
        at_most(MAX_GROUP_KEYS, keys.len(), "expressions in a GROUP BY", select)?;
        let sets = keys.iter().map(grouping_sets).fold(1, usize::saturating_mul);
        at_most(MAX_GROUPING_SETS, sets, "grouping sets", select)?;
    }
    Ok(())
}

/// Refuses an expression that is too long a list.
pub(super) fn check_expr(expr: &Expr) -> Result<(), QueryError> {
    match expr {
        Expr::InList { list, .. } => at_most(MAX_VALUES, list.len(), "values in an IN (...)", expr),
        Expr::Array(array) => at_most(MAX_VALUES, array.elem.len(), "values in an array", expr),
        Expr::Tuple(values) | Expr::Struct { values, .. } => at_most(MAX_VALUES, values.len(), "values in a row", expr),
        Expr::Dictionary(fields) => at_most(MAX_VALUES, fields.len(), "values in a row", expr),
        Expr::Map(map) => at_most(MAX_VALUES, map.entries.len(), "values in a map", expr),
        Expr::Case { conditions, .. } => at_most(MAX_VALUES, conditions.len(), "cases in a CASE", expr),
        Expr::Function(function) => check_call(function, expr),
        _ => Ok(()),
    }
}

fn check_call(function: &Function, expr: &Expr) -> Result<(), QueryError> {
    if let FunctionArguments::List(list) = &function.args {
        at_most(MAX_VALUES, list.args.len(), "arguments of a function", expr)?;
    }
    if let Some(WindowType::WindowSpec(window)) = &function.over {
        at_most(MAX_ORDER_KEYS, window.partition_by.len(), "expressions in a PARTITION BY", expr)?;
        at_most(MAX_ORDER_KEYS, window.order_by.len(), "expressions in an ORDER BY", expr)?;
    }
    Ok(())
}

/// How many sets a part of a `GROUP BY` stands for.
fn grouping_sets(key: &Expr) -> usize {
    match key {
        Expr::GroupingSets(sets) => sets.len(),
        Expr::Rollup(keys) => keys.len() + 1,
        Expr::Cube(keys) => u32::try_from(keys.len()).ok().and_then(|keys| 2_usize.checked_pow(keys)).unwrap_or(usize::MAX),
        _ => 1,
    }
}

pub(super) fn at_most(limit: usize, found: usize, what: &str, place: &impl Spanned) -> Result<(), QueryError> {
    if found <= limit {
        return Ok(());
    }
    let start = place.span().start;
    Err(QueryError::syntax(format!("there are {found} {what}, and at most {limit} are planned"))
        .with_hint("write them to a table, or ask in several queries")
        .at(start.line, start.column))
}
