//! What happens below the barrier, out of the optimizer's sight: filters that were let down are moved into the scan, and
//! the scan is divided over the cores.

use std::fmt;
use std::sync::{Arc, Mutex};

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_optimizer::projection_pushdown::ProjectionPushdown;
use datafusion::physical_plan::execution_plan::{ReplaceChildrenOptions, replace_children_if_necessary};
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties};

/// Divides a scan over more partitions, if it can be; through the filter of row conditions.
pub(super) fn repartitioned(
    plan: &Arc<dyn ExecutionPlan>,
    target_partitions: usize,
    config: &ConfigOptions,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    match plan.children().as_slice() {
        [] => plan.repartitioned(target_partitions, config),
        [input] if plan.is::<FilterExec>() => match repartitioned(input, target_partitions, config)? {
            Some(input) => Ok(Some(replace_children_if_necessary(Arc::clone(plan), vec![input])?)),
            None => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Moves filters, and those already in the plan, as far down as they go. Tells of each filter whether the plan now applies
/// it to every row.
pub(super) fn push_down(
    plan: Arc<dyn ExecutionPlan>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    phase: FilterPushdownPhase,
    config: &ConfigOptions,
) -> Result<(Arc<dyn ExecutionPlan>, Vec<PushedDown>)> {
    let answers = Arc::new(Mutex::new(vec![PushedDown::No; filters.len()]));
    let feed: Arc<dyn ExecutionPlan> = Arc::new(Feed { input: plan, filters, answers: Arc::clone(&answers) });
    let feed = match phase {
        FilterPushdownPhase::Pre => {
            let pushed = FilterPushdown::new().optimize(feed, config)?;
            ProjectionPushdown::new().optimize(pushed, config)?
        }
        FilterPushdownPhase::Post => FilterPushdown::new_post_optimization().optimize(feed, config)?,
    };
    let input = feed.children().first().map(|input| Arc::clone(input));
    let taken = answers.lock().map(|answers| answers.clone()).unwrap_or_default();
    match input {
        Some(input) => Ok((input, taken)),
        None => Err(DataFusionError::Internal("a governed scan lost its input".to_owned())),
    }
}

/// Stands over a plan while filters are moved into it; never run.
struct Feed {
    input: Arc<dyn ExecutionPlan>,
    filters: Vec<Arc<dyn PhysicalExpr>>,
    answers: Arc<Mutex<Vec<PushedDown>>>,
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

impl DisplayAs for Feed {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

impl ExecutionPlan for Feed {
    fn name(&self) -> &'static str {
        "Feed"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self { input, filters: self.filters.clone(), answers: Arc::clone(&self.answers) }))
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let input = children.pop().unwrap_or_else(|| Arc::clone(&self.input));
        Ok(Arc::new(Self { input, filters: self.filters.clone(), answers: Arc::clone(&self.answers) }))
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        Err(DataFusionError::Internal("a plan was run while filters were moved into it".to_owned()))
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let child = ChildFilterDescription::from_child(&parent_filters, &self.input)?.with_self_filters(self.filters.clone());
        Ok(FilterDescription::new().with_child(child))
    }

    fn handle_child_pushdown_result(
        &self,
        _phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        _config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        if let (Some(own), Ok(mut answers)) = (result.self_filters.first(), self.answers.lock()) {
            *answers = own.iter().map(|filter| filter.discriminant).collect();
        }
        Ok(FilterPushdownPropagation::if_all(result))
    }
}
