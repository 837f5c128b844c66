//! What a decimal becomes beside a double: a double, as in standard SQL.
//!
//! DataFusion makes both a `decimal(30,15)` where it compares them or takes one of them. That fails on doubles that are large
//! or no number, and `0.5` is a decimal. So decimals become doubles before DataFusion settles types.

use arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::{NamePreserver, coerce_plan_expr_for_schema};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Between, Expr, ExprSchemable, LogicalPlan, Union, cast};
use datafusion::optimizer::AnalyzerRule;

use crate::governed::leak_proof::is_comparison;

/// The functions that return one of their arguments or compare them.
const CHOOSING: [&str; 7] = ["coalesce", "greatest", "least", "make_array", "nullif", "nvl", "nvl2"];

/// Casts decimals beside doubles, all over a plan. To be run before types are settled.
#[derive(Debug)]
pub(crate) struct DoublesOverDecimals;

impl AnalyzerRule for DoublesOverDecimals {
    fn name(&self) -> &str {
        "doubles_over_decimals"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|plan| {
            let mut schema = merge_schema(&plan.inputs());
            if let LogicalPlan::TableScan(scan) = &plan {
                schema.merge(&DFSchema::try_from_qualified_schema(scan.table_name.clone(), &scan.source.schema())?);
            }
            let names = NamePreserver::new(&plan);
            let plan = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(Transformed::yes(name.restore(evened(expr, &schema)?)))
            })?;
            let plan = match plan.data {
                LogicalPlan::Union(union) => LogicalPlan::Union(even_union(union)?),
                other => other,
            };
            Ok(Transformed::yes(plan.recompute_schema()?))
        });
        Ok(rewritten?.data)
    }
}

/// An expression in which no decimal is beside a double.
pub(crate) fn evened(expr: Expr, schema: &dyn ExprSchema) -> Result<Expr> {
    let rewritten = expr.transform_up(|mut expr| {
        match &mut expr {
            Expr::BinaryExpr(binary) if is_comparison(binary.op) => {
                even([&mut *binary.left, &mut *binary.right], schema);
            }
            Expr::Between(Between { expr, low, high, .. }) => even([&mut **expr, &mut **low, &mut **high], schema),
            Expr::InList(InList { expr, list, .. }) => even(std::iter::once(&mut **expr).chain(list), schema),
            Expr::Case(case) => even_case(case, schema),
            Expr::ScalarFunction(ScalarFunction { func, args }) if CHOOSING.contains(&func.name()) => even(args, schema),
            _ => return Ok(Transformed::no(expr)),
        }
        Ok(Transformed::yes(expr))
    });
    Ok(rewritten?.data)
}

fn even_case(case: &mut Case, schema: &dyn ExprSchema) {
    let (whens, thens): (Vec<&mut Expr>, Vec<&mut Expr>) =
        case.when_then_expr.iter_mut().map(|(when, then)| (&mut **when, &mut **then)).unzip();
    if let Some(base) = &mut case.expr {
        even(whens.into_iter().chain([&mut **base]), schema);
    }
    even(thens.into_iter().chain(case.else_expr.as_deref_mut()), schema);
}

fn even<'e>(exprs: impl IntoIterator<Item = &'e mut Expr>, schema: &dyn ExprSchema) {
    let typed: Vec<(&mut Expr, Option<DataType>)> = exprs
        .into_iter()
        .map(|expr| {
            let data_type = expr.get_type(schema).ok();
            (expr, data_type)
        })
        .collect();
    if !typed.iter().any(|(_, data_type)| data_type.as_ref().is_some_and(DataType::is_floating)) {
        return;
    }
    for (expr, _) in typed.into_iter().filter(|(_, data_type)| data_type.as_ref().is_some_and(DataType::is_decimal)) {
        *expr = cast(std::mem::take(expr), DataType::Float64);
    }
}

fn even_union(union: Union) -> Result<Union> {
    let Union { inputs, schema } = union;
    let is = |at: usize, kind: fn(&DataType) -> bool| inputs.iter().any(|input| kind(input.schema().field(at).data_type()));
    let width = inputs.iter().map(|input| input.schema().fields().len()).min().unwrap_or_default();
    let mixed: Vec<usize> = (0..width).filter(|at| is(*at, DataType::is_floating) && is(*at, DataType::is_decimal)).collect();
    if mixed.is_empty() {
        return Ok(Union { inputs, schema });
    }
    let input = |input: &LogicalPlan| {
        let fields = input.schema().iter().enumerate().map(|(at, (table, field))| {
            let as_double = mixed.contains(&at) && field.data_type().is_decimal();
            let data_type = if as_double { DataType::Float64 } else { field.data_type().clone() };
            (table.cloned(), std::sync::Arc::new(field.as_ref().clone().with_data_type(data_type)))
        });
        let wanted = DFSchema::new_with_metadata(fields.collect(), input.schema().as_arrow().metadata().clone())?;
        coerce_plan_expr_for_schema(input.clone(), &wanted).map(std::sync::Arc::new)
    };
    // Its types are those of the first input; settling types goes by them.
    Union::try_new_with_loose_types(inputs.iter().map(|plan| input(plan)).collect::<Result<_>>()?)
}
