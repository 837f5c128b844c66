//! From a logical plan to one that can be run, and with what.

use std::sync::Arc;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::expressions::Literal;

use crate::error::QueryError;
use crate::governed::exec::GovernedExec;
use crate::growth;

/// How deep operators may stand on one another. Each asks the one below for rows with a call within its own, on the stack of
/// whatever thread is at hand, mostly of 2 MB, which is enough for more than a thousand joins. Calls of a debug build take ten times as
/// much of it.
const MAX_DEPTH: usize = if cfg!(debug_assertions) { 64 } else { 500 };

/// A plan with what it is run with.
pub(crate) struct Runnable {
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) context: Arc<TaskContext>,
}

/// Makes a plan that can be run, or says why there is none.
pub(crate) async fn runnable(state: &SessionState, plan: &LogicalPlan) -> Result<Runnable, QueryError> {
    let physical = state.create_physical_plan(plan).await?;
    let mut deepest = 0;
    each(&physical, |_, depth| deepest = deepest.max(depth));
    if deepest > MAX_DEPTH {
        return Err(QueryError::syntax("too many joins, subqueries or views build on each other")
            .with_hint("have a job write part of it to a table"));
    }
    // A constant stands in every row of a batch: large ones leave room for few rows.
    let rows = (growth::MAX_BYTES / constants(&physical).max(1)).max(1);
    if rows >= state.config().batch_size() {
        return Ok(Runnable { plan: physical, context: state.task_ctx() });
    }
    let mut state = state.clone();
    let config = state.config().clone().with_batch_size(rows);
    *state.config_mut() = config;
    // Again, as some tables make batches of the size that was known when they were planned.
    Ok(Runnable { plan: state.create_physical_plan(plan).await?, context: state.task_ctx() })
}

/// How many bytes the constants of a plan have.
fn constants(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let mut bytes = 0_usize;
    each(plan, |operator, _| {
        let counted = operator.apply_expressions(&mut |expr| {
            expr.apply(|part| {
                bytes = bytes.saturating_add(part.downcast_ref::<Literal>().map_or(0, |literal| literal.value().size()));
                Ok(TreeNodeRecursion::Continue)
            })
        });
        debug_assert!(counted.is_ok(), "the walk itself never fails");
    });
    bytes
}

/// Goes over the operators of a plan, each with how deep it is.
fn each<'p>(plan: &'p Arc<dyn ExecutionPlan>, mut visit: impl FnMut(&'p Arc<dyn ExecutionPlan>, usize)) {
    let mut open: Vec<(&Arc<dyn ExecutionPlan>, usize)> = vec![(plan, 1)];
    while let Some((operator, depth)) = open.pop() {
        visit(operator, depth);
        // A barrier shows nothing of what is below it, and yet reads it.
        let below = operator.downcast_ref::<GovernedExec>().map(GovernedExec::input);
        open.extend(operator.children().into_iter().chain(below).map(|input| (input, depth + 1)));
    }
}
