//! How large conditions become when each column in them is written as what it is computed from.
//!
//! The optimizer moves conditions and orders down through the queries that compute their columns, and writes those columns out
//! on the way. With each of thirty columns made of the one before twice, a condition on the last has a billion parts.

use std::collections::HashMap;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Distinct, Expr, Join, JoinType, LogicalPlan, Subquery, Unnest};

/// Returns the parts of all conditions and orders of a plan, written out.
pub(super) fn written_out(plan: &LogicalPlan) -> usize {
    let mut walk = Walk { conditions: 0, outer: Vec::new() };
    walk.plan(plan);
    walk.conditions
}

/// The parts of each column of a plan, written out.
type Parts = Vec<usize>;
/// The same by name; of several columns with one name, the most.
type ByName<'p> = HashMap<&'p str, usize>;

struct Walk {
    conditions: usize,
    /// The rows around the subquery at hand, innermost last.
    outer: Vec<HashMap<String, usize>>,
}

impl Walk {
    fn plan(&mut self, plan: &LogicalPlan) -> Parts {
        let inputs = plan.inputs();
        let below: Vec<Parts> = inputs.iter().map(|input| self.plan(input)).collect();
        let mut names = ByName::new();
        for (input, parts) in inputs.iter().zip(&below) {
            for (field, parts) in input.schema().fields().iter().zip(parts) {
                let most = names.entry(field.name()).or_default();
                *most = (*most).max(*parts);
            }
        }
        let mut expressions = Parts::new();
        let walked = plan.apply_expressions(|expr| {
            expressions.push(self.expression(expr, &names));
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok(), "the walk itself never fails");
        if let LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::Sort(_) | LogicalPlan::Distinct(Distinct::On(_)) =
            plan
        {
            self.conditions = expressions.iter().copied().fold(self.conditions, usize::saturating_add);
        }
        let width = plan.schema().fields().len();
        let mut columns = match plan {
            LogicalPlan::Projection(_) => expressions,
            // What is aggregated is not written out. What is grouped by is, and comes first.
            LogicalPlan::Aggregate(aggregate) => expressions.into_iter().take(aggregate.group_expr.len()).collect(),
            LogicalPlan::Distinct(Distinct::On(on)) => expressions.into_iter().skip(on.on_expr.len()).take(width).collect(),
            LogicalPlan::Join(join) => joined(join, below),
            LogicalPlan::Union(_) => most_of(&below, width),
            LogicalPlan::Unnest(unnest) => unnested(unnest, &below),
            _ => below.into_iter().next().unwrap_or_default(),
        };
        columns.resize(width, 1);
        columns
    }

    /// The parts of an expression over columns of these names.
    fn expression(&mut self, expr: &Expr, names: &ByName<'_>) -> usize {
        let mut sum = 0_usize;
        let walked = expr.apply(|part| {
            let parts = match part {
                Expr::Column(column) => names.get(column.name.as_str()).copied().unwrap_or(1),
                Expr::OuterReferenceColumn(_, column) => {
                    self.outer.iter().rev().find_map(|outer| outer.get(&column.name)).copied().unwrap_or(1)
                }
                Expr::ScalarSubquery(subquery) => self.subquery(subquery, names),
                Expr::InSubquery(inside) => self.subquery(&inside.subquery, names),
                Expr::SetComparison(comparison) => self.subquery(&comparison.subquery, names),
                Expr::Exists(exists) => self.subquery(&exists.subquery, names),
                _ => 1,
            };
            sum = sum.saturating_add(parts);
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok(), "the walk itself never fails");
        sum
    }

    /// The parts of a subquery's value; its conditions count too.
    fn subquery(&mut self, subquery: &Subquery, names: &ByName<'_>) -> usize {
        self.outer.push(names.iter().map(|(name, parts)| ((*name).to_owned(), *parts)).collect());
        let columns = self.plan(&subquery.subquery);
        self.outer.pop();
        columns.first().copied().unwrap_or(1)
    }
}

fn joined(join: &Join, below: Vec<Parts>) -> Parts {
    match join.join_type {
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => below.into_iter().next_back().unwrap_or_default(),
        // What is too much is cut off: the columns of the left side are first.
        _ => below.concat(),
    }
}

/// The most parts of each column in any of the inputs.
fn most_of(below: &[Parts], width: usize) -> Parts {
    (0..width).map(|at| below.iter().filter_map(|parts| parts.get(at)).copied().max().unwrap_or(1)).collect()
}

fn unnested(unnest: &Unnest, below: &[Parts]) -> Parts {
    let of = |at: &usize| below.first().and_then(|parts| parts.get(*at)).copied().unwrap_or(1);
    unnest.dependency_indices.iter().map(of).collect()
}
