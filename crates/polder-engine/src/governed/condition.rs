//! Row conditions: SQL over one table's own columns that says which rows are visible.

use std::collections::HashMap;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, ExprSchemable, Volatility};
use datafusion::sql::planner::{PlannerContext, SqlToRel};

use super::Rows;
use crate::config::parser_options;
use crate::error::{QueryError, QueryErrorKind};
use crate::sql::extent;
use crate::sql::functions::{Names, simplified};
use crate::sql::script::Script;
use crate::sql::spelling::Spelling;

/// Reads a condition over columns: a boolean without subqueries, aggregates, windows, or functions whose value changes.
pub(crate) fn read(state: &SessionState, schema: &SchemaRef, text: &str) -> Result<Expr, QueryError> {
    let mut script = Script::read(text)?;
    let mut spelling = Spelling::default();
    spelling.declare(schema);
    script.respell(&spelling);
    let expression = script.parse_expression()?;
    extent::check_expression(&expression)?;
    let names = Names { state, tables: HashMap::new() };
    let planner = SqlToRel::new_with_options(&names, parser_options(state));
    let df_schema = DFSchema::try_from(SchemaRef::clone(schema))?;
    let expr = planner.sql_to_expr(expression, &df_schema, &mut PlannerContext::new())?;
    refuse_unfit(&expr)?;
    // Before folding: `false AND name` is not a condition either.
    let expr = simplified(state, expr, &df_schema)?;
    match expr.get_type(&df_schema)? {
        DataType::Boolean | DataType::Null => Ok(expr),
        other => Err(QueryError::new(
            QueryErrorKind::Type,
            format!("a row filter is true or false for a row, this is of type {other}"),
        )),
    }
}

/// Reads the conditions of which a visible row fulfils at least one.
pub(crate) fn rows(state: &SessionState, schema: &SchemaRef, conditions: Option<&[String]>) -> Result<Rows, QueryError> {
    let Some(conditions) = conditions else { return Ok(Rows::All) };
    let mut any: Option<Expr> = None;
    for condition in conditions {
        let condition = read(state, schema, condition)?;
        any = Some(match any {
            Some(others) => others.or(condition),
            None => condition,
        });
    }
    Ok(any.map_or(Rows::None, Rows::Where))
}

fn refuse_unfit(expr: &Expr) -> Result<(), QueryError> {
    let mut unfit = None;
    expr.apply(|part| {
        unfit = match part {
            Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_) => Some("a subquery"),
            Expr::AggregateFunction(_) | Expr::GroupingSet(_) => Some("an aggregate"),
            Expr::WindowFunction(_) => Some("a window function"),
            Expr::Placeholder(_) | Expr::ScalarVariable(..) => Some("a parameter"),
            Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => {
                Some("a function whose value changes, as that of now() does")
            }
            _ => None,
        };
        Ok(if unfit.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    match unfit {
        Some(what) => Err(QueryError::not_allowed(format!("a row filter cannot hold {what}"))
            .with_hint("compare the table's own columns with constants")),
        None => Ok(()),
    }
}
