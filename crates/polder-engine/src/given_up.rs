//! Queries whose reader is gone end soon, whatever they are at.
//!
//! A task ends where it waits, and an operator that makes many rows of few does not wait for long: a join of a million rows with a million
//! others takes its input once and is at work from then on. So each query runs in a task of its own, of which its reader can let go at any
//! time; joins give way now and then between batches; and their conditions, which may reject rows for minutes on end within one, make room for
//! others and ask whether anybody still reads.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema};
use datafusion::common::exec_err;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, NestedLoopJoinExecBuilder, SortMergeJoinExec, SymmetricHashJoinExec,
};
use datafusion::physical_plan::stream::{RecordBatchReceiverStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr, execute_stream};
use futures::{StreamExt as _, stream};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::governed::exec::GovernedExec;

/// How many batches are computed ahead of the reader.
const AHEAD: usize = 1;

/// How long a condition keeps a thread of the runtime to itself, in milliseconds. Others could not even let go of the query meanwhile.
const HOLD_MILLIS: u64 = 100;

/// A query that is at work.
#[derive(Debug)]
struct Running {
    begun: Instant,
    /// When a thread was last given to others, in milliseconds since the beginning.
    gave_way: AtomicU64,
    given_up: AtomicBool,
}

impl Running {
    fn begin() -> Arc<Self> {
        Arc::new(Self { begun: Instant::now(), gave_way: AtomicU64::new(0), given_up: AtomicBool::new(false) })
    }

    /// Gives the thread's place in the runtime to others, where it was long enough since that was done.
    fn give_way(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        let last = self.gave_way.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(last) >= HOLD_MILLIS
            && self.gave_way.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        let has_others = || Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
        if is_due && has_others() {
            tokio::task::block_in_place(|| {});
        }
    }
}

/// Gives the query up when it is dropped.
struct Reader(Arc<Running>);

impl Drop for Reader {
    fn drop(&mut self) {
        self.0.given_up.store(true, Ordering::Relaxed);
    }
}

/// Runs a plan in a task of its own, which begins when the rows are asked for and ends when they are let go of. With the plan that runs,
/// which counts what it does.
pub(crate) fn run(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
) -> Result<(SendableRecordBatchStream, Arc<dyn ExecutionPlan>)> {
    let running = Running::begin();
    let plan = mindful(plan, &running)?;
    let mut rows = execute_stream(Arc::clone(&plan), context)?;
    let schema = rows.schema();
    let answer = Arc::clone(&schema);
    let begun = stream::once(async move {
        let mut task = RecordBatchReceiverStream::builder(answer, AHEAD);
        let out = task.tx();
        task.spawn(async move {
            while let Some(batch) = rows.next().await {
                if out.send(batch).await.is_err() {
                    break;
                }
            }
            Ok(())
        });
        task.build()
    });
    let reader = Reader(running);
    let read = begun.flatten().map(move |batch| {
        let _held = &reader;
        batch
    });
    Ok((Box::pin(RecordBatchStreamAdapter::new(schema, read)), plan))
}

/// The same plan, whose joins give way and look whether it is given up.
fn mindful(plan: Arc<dyn ExecutionPlan>, running: &Arc<Running>) -> Result<Arc<dyn ExecutionPlan>> {
    let mindful = plan.transform_up(|operator| {
        // A barrier shows nothing of what is below it, and yet reads it.
        if let Some(barrier) = operator.downcast_ref::<GovernedExec>() {
            let input = mindful(Arc::clone(barrier.input()), running)?;
            let is_same = Arc::ptr_eq(&input, barrier.input());
            return Ok(if is_same { Transformed::no(operator) } else { Transformed::yes(Arc::new(barrier.reading(input))) });
        }
        let join: Arc<dyn ExecutionPlan> = if let Some(join) = operator.downcast_ref::<NestedLoopJoinExec>() {
            let filter = join.filter().map(|filter| asking(filter, running));
            Arc::new(NestedLoopJoinExecBuilder::from(join).with_filter(filter).build()?)
        } else if let Some(join) = operator.downcast_ref::<HashJoinExec>() {
            match join.filter() {
                Some(filter) => join.builder().with_filter(Some(asking(filter, running))).build_exec()?,
                None => operator,
            }
        } else if operator.is::<CrossJoinExec>() || operator.is::<SortMergeJoinExec>() || operator.is::<SymmetricHashJoinExec>() {
            operator
        } else {
            return Ok(Transformed::no(operator));
        };
        Ok(Transformed::yes(Arc::new(CooperativeExec::new(join))))
    })?;
    Ok(mindful.data)
}

/// The same condition, which is an error once the query is given up.
fn asking(filter: &JoinFilter, running: &Arc<Running>) -> JoinFilter {
    let condition = Arc::new(Asking { condition: Arc::clone(filter.expression()), running: Arc::clone(running) });
    JoinFilter::new(condition, filter.column_indices().to_vec(), Arc::clone(filter.schema()))
}

/// A condition that is an error once the query is given up, and itself until then.
#[derive(Debug, Clone)]
struct Asking {
    condition: Arc<dyn PhysicalExpr>,
    running: Arc<Running>,
}

impl fmt::Display for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}

impl PartialEq for Asking {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for Asking {}

impl Hash for Asking {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}

impl PhysicalExpr for Asking {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.running.give_way();
        if self.running.given_up.load(Ordering::Relaxed) {
            return exec_err!("nobody reads the query's rows any more");
        }
        self.condition.evaluate(batch)
    }

    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.condition.return_field(input_schema)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        match children.pop() {
            Some(condition) => Ok(Arc::new(Self { condition, running: Arc::clone(&self.running) })),
            None => exec_err!("a condition was lost"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }
}
