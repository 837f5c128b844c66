//! The barrier in the physical plan: below it is what the table holds, above it what the caller may see.
//!
//! It lets down leak-proof filters over open columns, lets up statistics of those columns, and puts a plain sentence in
//! place of errors from below, whose text may hold values of hidden rows.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ColumnStatistics, Statistics};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{CardinalityEffect, ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::filter_pushdown::{ChildFilterDescription, FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::StreamExt;

use polder_model::Mask;

use super::leak_proof;
use super::mask::{MaskKey, masked};
use crate::tables::TableParts;

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
    name: TableParts,
    input: Arc<dyn ExecutionPlan>,
    schema: SchemaRef,
    outputs: Arc<[Output]>,
    /// Whether every row of the table is visible.
    all_rows: bool,
    key: MaskKey,
    properties: Arc<PlanProperties>,
}

impl GovernedExec {
    pub(crate) fn new(
        name: TableParts,
        input: Arc<dyn ExecutionPlan>,
        schema: SchemaRef,
        outputs: Arc<[Output]>,
        all_rows: bool,
        key: MaskKey,
    ) -> Result<Self> {
        let mut equivalence = EquivalenceProperties::new(Arc::clone(&schema));
        if let Some(ordering) = open_ordering(&input, &schema, &outputs) {
            equivalence.add_ordering(ordering);
        }
        let inner = input.properties();
        let properties = PlanProperties::new(
            equivalence,
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            inner.emission_type,
            inner.boundedness,
        )
        .with_scheduling_type(inner.scheduling_type);
        Ok(Self { name, input, schema, outputs, all_rows, key, properties: Arc::new(properties) })
    }

    fn is_open(&self, at: usize) -> bool {
        self.outputs.get(at).is_some_and(|output| output.open)
    }
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
        write!(f, "GovernedExec({})", self.name)
    }
}

impl DisplayAs for GovernedExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "GovernedScan: table={}, columns=[{}]", self.name, columns.join(", "))
    }
}

impl ExecutionPlan for GovernedExec {
    fn name(&self) -> &'static str {
        "GovernedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Hashing is worth a core of its own; handing columns through is not.
        vec![self.outputs.iter().any(|output| output.mask.is_some())]
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
        let Some(input) = children.pop() else {
            return Err(DataFusionError::Internal("a governed scan has one input".to_owned()));
        };
        let (schema, outputs) = (Arc::clone(&self.schema), Arc::clone(&self.outputs));
        Ok(Arc::new(Self::new(self.name.clone(), input, schema, outputs, self.all_rows, self.key.clone())?))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let name = self.name.clone();
        let input = self.input.execute(partition, context).map_err(|error| told(&name, error))?;
        let (schema, outputs, key) = (Arc::clone(&self.schema), Arc::clone(&self.outputs), self.key.clone());
        let stream = input
            .map(move |batch| batch.and_then(|batch| shown(&batch, &schema, &outputs, &key)).map_err(|error| told(&name, error)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), stream)))
    }

    fn child_stats_requests(&self, partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(partition)]
    }

    fn statistics_from_inputs(&self, inputs: &[Arc<Statistics>], _args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let Some(input) = inputs.first() else { return Ok(Arc::new(Statistics::new_unknown(&self.schema))) };
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

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn gather_filters_for_pushdown(
        &self,
        _phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let open: HashSet<usize> = (0..self.outputs.len()).filter(|at| self.is_open(*at)).collect();
        // A filter over a column that does not exist cannot be handed to the child: it takes the place of those that may not.
        let stopped: Arc<dyn PhysicalExpr> = Arc::new(Column::new("stopped at the barrier", usize::MAX));
        let passing = |filter: &Arc<dyn PhysicalExpr>| {
            if leak_proof::physical(filter, &self.schema, &|at| open.contains(&at)) {
                Arc::clone(filter)
            } else {
                Arc::clone(&stopped)
            }
        };
        let passing: Vec<_> = parent_filters.iter().map(passing).collect();
        let child = ChildFilterDescription::from_child_with_allowed_indices(&passing, open.clone(), &self.input)?;
        Ok(FilterDescription::new().with_child(child))
    }
}

fn shown(batch: &RecordBatch, schema: &SchemaRef, outputs: &[Output], key: &MaskKey) -> Result<RecordBatch> {
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
fn told(name: &TableParts, error: DataFusionError) -> DataFusionError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) | DataFusionError::ObjectStore(_) | DataFusionError::IoError(_) => error,
        _ => {
            tracing::warn!(table = %name, %error, "reading a governed table failed");
            DataFusionError::Execution(format!(
                "the table {name} could not be read: a row filter failed on a row, or a file is damaged; its owner can see which"
            ))
        }
    }
}
