//! `EXPLAIN` and `EXPLAIN ANALYZE`: how a query is answered, down to the barrier of a governed table and no further.
//!
//! A governed scan is a leaf with nothing to tell; DataFusion's own `EXPLAIN VERBOSE` would add statistics to it.

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use futures::TryStreamExt;

use crate::error::QueryError;
use crate::given_up;
use crate::physical::{Runnable, runnable};
use crate::sql::metrics;

/// Tells how a query would be answered; with `analyze`, answers it and tells how that went.
pub(crate) async fn explain(state: &SessionState, plan: &LogicalPlan, analyze: bool) -> Result<RecordBatch, QueryError> {
    let logical = state.optimize(plan)?;
    let Runnable { plan: mut physical, context } = runnable(state, plan).await?;
    if analyze {
        let (rows, running) = given_up::run(physical, context)?;
        // The rows are counted by the operators and then dropped: memory does not grow with the result.
        rows.try_for_each(|_| async { Ok(()) }).await?;
        physical = running;
    }
    let mut rows = vec![("logical_plan", logical.display_indent().to_string())];
    let mut text = String::new();
    draw(&physical, 0, analyze, &mut text);
    rows.push((if analyze { "physical_plan_with_metrics" } else { "physical_plan" }, text));
    batch(&rows)
}

fn draw(plan: &Arc<dyn ExecutionPlan>, depth: usize, analyze: bool, text: &mut String) {
    // It only gives way, and counts nothing.
    if let Some(giving_way) = plan.downcast_ref::<CooperativeExec>() {
        return draw(giving_way.input(), depth, analyze, text);
    }
    let line = DisplayableExecutionPlan::new(plan.as_ref()).one_line().to_string();
    let _ = write!(text, "{:indent$}{}", "", line.trim_end(), indent = depth * 2);
    if analyze && let Some(metrics) = plan.metrics() {
        let metrics = metrics.aggregate_by_name().sorted_for_display().timestamps_removed();
        let _ = write!(text, ", metrics=[{metrics}]");
    }
    text.push('\n');
    for child in plan.children() {
        draw(child, depth + 1, analyze, text);
    }
}

/// The columns of what is told.
pub(crate) fn schema() -> SchemaRef {
    let field = |name: &str| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![field("plan_type"), field("plan")]))
}

fn batch(rows: &[(&str, String)]) -> Result<RecordBatch, QueryError> {
    let kinds = StringArray::from_iter_values(rows.iter().map(|(kind, _)| kind));
    let plans = StringArray::from_iter_values(rows.iter().map(|(_, plan)| metrics::plain(plan.trim_end())));
    RecordBatch::try_new(schema(), vec![Arc::new(kinds), Arc::new(plans)])
        .map_err(|error| QueryError::from(datafusion::error::DataFusionError::from(error)))
}
