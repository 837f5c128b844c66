//! The barrier in the physical plan: below it is what the table holds, above it what the caller may see.
//!
//! It lets down leak-proof filters over open columns, lets up statistics of those columns, and puts a plain sentence in
//! place of errors from below, whose text may hold values of hidden rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{ReplaceChildrenOptions, apply_expression_roots, reset_plan_states};
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::StreamExt;

use polder_model::Mask;

use super::mask::{MaskKey, masked};
use super::{Source, below, leak_proof};

/// One column that leaves the barrier.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// Its place in the input.
    pub(crate) from: usize,
    pub(crate) mask: Option<Mask>,
    /// Whether leak-proof filters over it may pass, and its statistics be told.
    pub(crate) open: bool,
}

/// Masks its input's columns and keeps what is below from being seen.
pub(crate) struct GovernedExec {
    source: Source,
    input: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    outputs: Arc<[Output]>,
    /// Whether every row of the table is visible.
    all_rows: bool,
    key: MaskKey,
    /// What another database is sent for it, if its rows come from one.
    sent: Option<Arc<str>>,
    /// The query's dynamic filters that the input reads, as they are above the barrier.
    let_down: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
}

impl GovernedExec {
    pub(crate) fn new(
        source: Source,
        input: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        outputs: Arc<[Output]>,
        all_rows: bool,
        key: MaskKey,
    ) -> Self {
        let properties = Arc::new(properties(&input, &schema, &outputs));
        Self { source, input, schema, outputs, all_rows, key, sent: None, let_down: Vec::new(), properties }
    }

    /// The same, which tells what another database is sent for it.
    pub(crate) fn sending(self, sent: Option<String>) -> Self {
        Self { sent: sent.map(Arc::from), ..self }
    }

    /// What it reads.
    pub(crate) const fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }

    /// The same barrier, which reads another input of the same columns.
    pub(crate) fn reading(&self, input: Arc<dyn ExecutionPlan>) -> Self {
        self.over(input, self.let_down.clone())
    }

    /// The same barrier over another input of the same columns.
    fn over(&self, input: Arc<dyn ExecutionPlan>, let_down: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Self {
            source: self.source.clone(),
            properties: Arc::new(properties(&input, &self.schema, &self.outputs)),
            input,
            schema: Arc::clone(&self.schema),
            outputs: Arc::clone(&self.outputs),
            all_rows: self.all_rows,
            key: self.key.clone(),
            sent: self.sent.clone(),
            let_down,
        }
    }

    /// A filter as the input would read it, if it may.
    fn inward(&self, filter: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let open = |at: usize| self.outputs.get(at).is_some_and(|output| output.open);
        if !leak_proof::physical(filter, &self.schema, &open) {
            return Ok(None);
        }
        let moved = Arc::clone(filter).transform_down(|expr| {
            Ok(match expr.downcast_ref::<Column>() {
                Some(column) => {
                    let from = Column::new(column.name(), self.outputs[column.index()].from);
                    // The replacement is not walked again: its place is the input's now.
                    Transformed::new(Arc::new(from) as Arc<dyn PhysicalExpr>, true, TreeNodeRecursion::Jump)
                }
                None => Transformed::no(expr),
            })
        })?;
        Ok(Some(moved.data))
    }
}

fn properties(input: &Arc<dyn ExecutionPlan>, schema: &SchemaRef, outputs: &[Output]) -> PlanProperties {
    let mut equivalence = EquivalenceProperties::new(Arc::clone(schema));
    if let Some(ordering) = open_ordering(input, schema, outputs) {
        equivalence.add_ordering(ordering);
    }
    let inner = input.properties();
    let partitioning = Partitioning::UnknownPartitioning(input.output_partitioning().partition_count());
    PlanProperties::new(equivalence, partitioning, inner.emission_type, inner.boundedness)
        .with_scheduling_type(inner.scheduling_type)
}

/// The input's ordering as far as it is by open columns: a masked column is not in the order of its stored values.
fn open_ordering(input: &Arc<dyn ExecutionPlan>, schema: &SchemaRef, outputs: &[Output]) -> Option<LexOrdering> {
    let outward = |sort: &PhysicalSortExpr| {
        let column = sort.expr.downcast_ref::<Column>()?;
        let at = outputs.iter().position(|output| output.open && output.from == column.index())?;
        let expr: Arc<dyn PhysicalExpr> = Arc::new(Column::new(schema.field(at).name(), at));
        Some(PhysicalSortExpr::new(expr, sort.options))
    };
    LexOrdering::new(input.output_ordering()?.iter().map_while(outward))
}

impl fmt::Debug for GovernedExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GovernedExec({})", self.source.name)
    }
}

impl DisplayAs for GovernedExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "GovernedScan: table={}, columns=[{}]", self.source.name, columns.join(", "))?;
        self.sent.iter().try_for_each(|sent| write!(f, ", sent={sent}"))
    }
}

impl ExecutionPlan for GovernedExec {
    fn name(&self) -> &'static str {
        "GovernedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    /// None: optimizer rules move sorts and limits through nodes by what they say of themselves, and errors print plans.
    /// What has no children is neither entered nor printed.
    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    /// Shows the dynamic filters that were let down, by which a join knows that its filter has a reader.
    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(self.let_down.iter(), f)
    }

    fn replace_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
        _options: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(self: Arc<Self>, _children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(self.over(reset_plan_states(Arc::clone(&self.input))?, self.let_down.clone())))
    }

    fn repartitioned(&self, target_partitions: usize, config: &ConfigOptions) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let input = below::repartitioned(&self.input, target_partitions, config)?;
        Ok(input.map(|input| Arc::new(self.over(input, self.let_down.clone())) as Arc<dyn ExecutionPlan>))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let source = self.source.clone();
        let input = self.input.execute(partition, context).map_err(|error| told(&source, error))?;
        let (schema, outputs, key) = (Arc::clone(&self.schema), Arc::clone(&self.outputs), self.key.clone());
        let stream = input.map(move |batch| {
            batch.and_then(|batch| shown(&batch, &schema, &outputs, &key)).map_err(|error| told(&source, error))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream)))
    }

    fn statistics_from_inputs(&self, _inputs: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let input = StatisticsContext::new().compute(self.input.as_ref(), args)?;
        let column = |output: &Output| match input.column_statistics.get(output.from) {
            Some(statistics) if output.open && self.all_rows => statistics.clone(),
            Some(statistics) if output.open => statistics.clone().to_inexact(),
            _ => ColumnStatistics::new_unknown(),
        };
        Ok(Arc::new(Statistics {
            num_rows: if self.all_rows { input.num_rows } else { rough(input.num_rows) },
            total_byte_size: Precision::Absent,
            column_statistics: self.outputs.iter().map(column).collect(),
        }))
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        asked: ChildPushdownResult,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<Arc<dyn PhysicalExpr>> = asked.parent_filters.into_iter().map(|asked| asked.filter).collect();
        let inward: Vec<Option<Arc<dyn PhysicalExpr>>> =
            filters.iter().map(|filter| self.inward(filter)).collect::<Result<_>>()?;
        let passing: Vec<Arc<dyn PhysicalExpr>> = inward.iter().flatten().cloned().collect();
        // The first phase also moves the row conditions into the scan; the second only brings dynamic filters.
        if phase == FilterPushdownPhase::Post && passing.is_empty() {
            return Ok(FilterPushdownPropagation::with_parent_pushdown_result(vec![PushedDown::No; filters.len()]));
        }
        let (input, taken) = below::push_down(Arc::clone(&self.input), passing, phase, config)?;
        let mut taken = taken.into_iter();
        let answers = inward.iter().map(|inward| match inward {
            Some(_) => taken.next().unwrap_or(PushedDown::No),
            None => PushedDown::No,
        });
        let answers: Vec<PushedDown> = answers.collect();
        let mut let_down = self.let_down.clone();
        if phase == FilterPushdownPhase::Post {
            let_down
                .extend(filters.iter().zip(&inward).filter(|(_, inward)| inward.is_some()).map(|(filter, _)| Arc::clone(filter)));
        }
        let node: Arc<dyn ExecutionPlan> = Arc::new(self.over(input, let_down));
        Ok(FilterPushdownPropagation::with_parent_pushdown_result(answers).with_updated_node(node))
    }
}

pub(super) fn shown(batch: &RecordBatch, schema: &SchemaRef, outputs: &[Output], key: &MaskKey) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(outputs.len());
    for output in outputs {
        let column = batch.column(output.from);
        columns.push(match output.mask {
            Some(mask) => masked(column, mask, key)?,
            None => Arc::clone(column),
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// A row count to plan by that does not tell how many rows are hidden.
fn rough(rows: Precision<usize>) -> Precision<usize> {
    match rows {
        Precision::Exact(rows) | Precision::Inexact(rows) => Precision::Inexact(rows.checked_next_power_of_two().unwrap_or(rows)),
        Precision::Absent => Precision::Absent,
    }
}

/// What the caller is told of an error below the barrier. Storage and memory speak of files and bytes; everything else
/// may quote a hidden value, so it goes to the log of the one who runs the engine.
pub(super) fn told(source: &Source, error: DataFusionError) -> DataFusionError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) | DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => error,
        _ => {
            let Source { name, is_view } = source;
            tracing::warn!(table = %name, %error, "reading a governed table or view failed");
            DataFusionError::Execution(match is_view {
                true => format!(
                    "the view {name} could not be read: a value its query computes failed, a row filter failed on a row, or a \
                     file is damaged; its owner can see which"
                ),
                false => format!(
                    "the table {name} could not be read: a row filter failed on a row, or a file is damaged; its owner can see which"
                ),
            })
        }
    }
}
