//! What values become beside others of another type, where DataFusion's choice would make them fail.
//!
//! A decimal beside a double becomes a double, as in standard SQL. DataFusion makes both a `decimal(30,15)` where it compares
//! them or takes one of them. That fails on doubles that are large or no number, and `0.5` is a decimal. Beside a timestamp,
//! what becomes a timestamp becomes one of microseconds: see [`crate::moments`].

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Case, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::{NamePreserver, coerce_plan_expr_for_schema};
use datafusion::logical_expr::{Between, Expr, ExprSchemable, LogicalPlan, Union, cast};
use datafusion::optimizer::AnalyzerRule;

use crate::governed::leak_proof::is_comparison;
use crate::moments;
use crate::sql::functions::columns_below;

/// The functions that return one of their arguments or compare them.
const CHOOSING: [&str; 7] = ["coalesce", "greatest", "least", "make_array", "nullif", "nvl", "nvl2"];

/// Casts what is beside a value of a wider type, all over a plan. To be run before types are settled.
#[derive(Debug)]
pub(crate) struct EvenTypes;

impl AnalyzerRule for EvenTypes {
    fn name(&self) -> &str {
        "even_types"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|plan| {
            let schema = columns_below(&plan)?;
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

/// An expression in which no decimal is beside a double, and nothing turns microseconds into nanoseconds.
pub(crate) fn evened(expr: Expr, schema: &dyn ExprSchema) -> Result<Expr> {
    let rewritten = expr.transform_up(|mut expr| {
        match &mut expr {
            Expr::BinaryExpr(binary) if is_comparison(binary.op) => {
                even_compared([&mut *binary.left, &mut *binary.right], schema);
            }
            Expr::Between(Between { expr, low, high, .. }) => even_compared([&mut **expr, &mut **low, &mut **high], schema),
            Expr::InList(InList { expr, list, .. }) => even_compared(std::iter::once(&mut **expr).chain(list), schema),
            Expr::Case(case) => even_case(case, schema),
            Expr::ScalarFunction(ScalarFunction { func, args }) if CHOOSING.contains(&func.name()) => even(args, schema),
            Expr::Cast(_) | Expr::TryCast(_) => return Ok(Transformed::yes(moments::of_seconds(moments::in_zone(expr), schema))),
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
        even_compared(whens.into_iter().chain([&mut **base]), schema);
    }
    even(thens.into_iter().chain(case.else_expr.as_deref_mut()), schema);
}

/// Evens values of which one is chosen.
fn even<'e>(exprs: impl IntoIterator<Item = &'e mut Expr>, schema: &dyn ExprSchema) {
    even_as(exprs, schema, moments::beside);
}

/// Evens values that are compared with one another.
fn even_compared<'e>(exprs: impl IntoIterator<Item = &'e mut Expr>, schema: &dyn ExprSchema) {
    even_as(exprs, schema, moments::compared);
}

fn even_as<'e>(exprs: impl IntoIterator<Item = &'e mut Expr>, schema: &dyn ExprSchema, moment: Moment) {
    let typed = |expr: &'e mut Expr| expr.get_type(schema).ok().map(|data_type| (expr, data_type));
    let typed: Vec<(&mut Expr, DataType)> = exprs.into_iter().filter_map(typed).collect();
    let Some(others) = Others::of(typed.iter().map(|(_, data_type)| data_type), moment) else {
        return;
    };
    for (expr, data_type) in typed {
        if let Some(to) = others.even(&data_type) {
            *expr = cast(std::mem::take(expr), to);
        }
    }
}

/// What a type becomes beside a timestamp of microseconds in a zone; `None` when it stays.
type Moment = fn(&DataType, Option<&Arc<str>>) -> Option<DataType>;

/// The widest of the types that are beside one another, where others have to become like it.
enum Others {
    Double,
    Microseconds(Option<Arc<str>>, Moment),
}

impl Others {
    fn of<'t>(types: impl Iterator<Item = &'t DataType>, moment: Moment) -> Option<Self> {
        let wide = |data_type: &DataType| match data_type {
            DataType::Timestamp(TimeUnit::Microsecond, zone) => Some(Self::Microseconds(zone.clone(), moment)),
            double if double.is_floating() => Some(Self::Double),
            _ => None,
        };
        types.into_iter().find_map(wide)
    }

    /// What a type becomes; `None` when it stays.
    fn even(&self, data_type: &DataType) -> Option<DataType> {
        match self {
            Self::Double => data_type.is_decimal().then_some(DataType::Float64),
            Self::Microseconds(zone, moment) => moment(data_type, zone.as_ref()),
        }
    }
}

fn even_union(union: Union) -> Result<Union> {
    let Union { inputs, schema } = union;
    let width = inputs.iter().map(|input| input.schema().fields().len()).min().unwrap_or_default();
    let others = |at: usize| Others::of(inputs.iter().map(|input| input.schema().field(at).data_type()), moments::beside);
    let others: Vec<Option<Others>> = (0..width).map(others).collect();
    let evened = |at: usize, data_type: &DataType| others.get(at)?.as_ref()?.even(data_type);
    let is_uneven = |input: &Arc<LogicalPlan>| (0..width).any(|at| evened(at, input.schema().field(at).data_type()).is_some());
    if !inputs.iter().any(is_uneven) {
        return Ok(Union { inputs, schema });
    }
    let input = |input: &LogicalPlan| {
        let fields = input.schema().iter().enumerate().map(|(at, (table, field))| {
            let data_type = evened(at, field.data_type()).unwrap_or_else(|| field.data_type().clone());
            (table.cloned(), Arc::new(field.as_ref().clone().with_data_type(data_type)))
        });
        let wanted = DFSchema::new_with_metadata(fields.collect(), input.schema().as_arrow().metadata().clone())?;
        coerce_plan_expr_for_schema(input.clone(), &wanted).map(Arc::new)
    };
    // Its types are those of the first input; settling types goes by them.
    Union::try_new_with_loose_types(inputs.iter().map(|plan| input(plan)).collect::<Result<_>>()?)
}
