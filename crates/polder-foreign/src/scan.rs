//! The scan of a table of others as an operator of a plan. Rows come as they are read; nobody reading ends the scan there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties};
use polder_model::TableName;
use tokio::sync::mpsc::Sender;

use crate::unread::Unread;

/// How many batches wait for whoever reads them.
const WAITING: usize = 2;

/// Where the rows of one scan come from.
#[async_trait]
pub trait ForeignSource: Send + Sync + 'static {
    /// The table.
    fn table(&self) -> &TableName;

    /// What others are sent for it. It may hold values of the query.
    fn sent(&self) -> String;

    /// What is asked, in a word: a database or a share.
    fn place(&self) -> &'static str;

    /// How long a scan may take.
    fn time(&self) -> Duration;

    /// How many parts it has, which are read side by side.
    fn parts(&self) -> usize;

    /// Reads one part, in batches of the scan's schema, until all is given on or nobody takes any more.
    async fn read(&self, part: usize, context: &Arc<TaskContext>, to: &Taker) -> Result<(), Unread>;
}

/// Whoever takes the rows of a scan.
pub struct Taker(Sender<Result<RecordBatch>>);

impl Taker {
    /// Gives rows on, and waits until there is room for them. `false`: nobody takes them any more.
    pub async fn give(&self, rows: RecordBatch) -> bool {
        self.0.send(Ok(rows)).await.is_ok()
    }
}

/// Reads a table of others.
pub struct ForeignScan {
    source: Arc<dyn ForeignSource>,
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
}

impl ForeignScan {
    /// A scan whose rows have these columns.
    #[must_use]
    pub fn new(source: Arc<dyn ForeignSource>, schema: SchemaRef) -> Self {
        let equivalence = EquivalenceProperties::new(Arc::clone(&schema));
        let partitioning = Partitioning::UnknownPartitioning(source.parts());
        let properties = PlanProperties::new(equivalence, partitioning, EmissionType::Incremental, Boundedness::Bounded);
        Self { source, schema, properties: Arc::new(properties) }
    }

    /// What others are sent for it.
    #[must_use]
    pub fn sent(&self) -> String {
        self.source.sent()
    }
}

impl fmt::Debug for ForeignScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignScan({})", self.source.table())
    }
}

impl DisplayAs for ForeignScan {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignScan: table={}, sent={}", self.source.table(), self.source.sent())
    }
}

impl ExecutionPlan for ForeignScan {
    fn name(&self) -> &'static str {
        "ForeignScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
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

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), WAITING);
        let (source, to) = (Arc::clone(&self.source), Taker(builder.tx()));
        // The stream ends the task when it is dropped, wherever that stands.
        builder.spawn(async move {
            let read = tokio::time::timeout(source.time(), source.read(partition, &context, &to)).await;
            let read = read.unwrap_or_else(|_| Err(format!("its {} took longer than a query may take", source.place()).into()));
            read.map_err(|why| why.of(source.table()))
        });
        Ok(builder.build())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::array::{ArrayRef, Int64Array};
    use datafusion::error::DataFusionError;
    use futures::StreamExt as _;

    use super::*;

    /// Gives so many batches of one row, waits for ever unless it is to end, and counts those who are gone.
    struct Source {
        table: TableName,
        batches: i64,
        end: Option<Unread>,
        gone: Arc<AtomicUsize>,
    }

    struct Gone(Arc<AtomicUsize>);

    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[async_trait]
    impl ForeignSource for Source {
        fn table(&self) -> &TableName {
            &self.table
        }

        fn sent(&self) -> String {
            "a question".to_owned()
        }

        fn place(&self) -> &'static str {
            "database"
        }

        fn time(&self) -> Duration {
            Duration::from_millis(200)
        }

        fn parts(&self) -> usize {
            2
        }

        async fn read(&self, part: usize, _context: &Arc<TaskContext>, to: &Taker) -> Result<(), Unread> {
            let _gone = Gone(Arc::clone(&self.gone));
            for at in 0..self.batches {
                let value: ArrayRef = Arc::new(Int64Array::from(vec![at + 100 * part as i64]));
                if !to.give(RecordBatch::try_from_iter([("id", value)]).unwrap()).await {
                    return Ok(());
                }
            }
            match &self.end {
                Some(why) => Err(why.clone()),
                None => std::future::pending().await,
            }
        }
    }

    fn scan(batches: i64, end: Option<Unread>) -> (ForeignScan, Arc<AtomicUsize>) {
        let gone = Arc::default();
        let source = Source { table: "crm.public.t".parse().unwrap(), batches, end, gone: Arc::clone(&gone) };
        let value: ArrayRef = Arc::new(Int64Array::from(vec![0]));
        let schema = RecordBatch::try_from_iter([("id", value)]).unwrap().schema();
        (ForeignScan::new(Arc::new(source), schema), gone)
    }

    fn error(read: Option<Result<RecordBatch>>) -> String {
        let Some(Err(error @ DataFusionError::IoError(_))) = read else { panic!("{read:?}") };
        error.to_string()
    }

    #[tokio::test]
    async fn rows_come_before_it_is_told_why_there_are_no_more() {
        let (scan, _) = scan(3, Some("it broke off".into()));
        let mut rows = scan.execute(1, Arc::default()).unwrap();
        for expect in 100..103 {
            let batch = rows.next().await.unwrap().unwrap();
            assert_eq!(batch.column(0).as_ref(), &Int64Array::from(vec![expect]));
        }
        assert!(error(rows.next().await).ends_with("the table crm.public.t could not be read: it broke off"));
        assert!(rows.next().await.is_none());
        assert_eq!((scan.properties().partitioning.partition_count(), scan.sent().as_str()), (2, "a question"));
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up() {
        let (scan, gone) = scan(1, None);
        let mut rows = scan.execute(0, Arc::default()).unwrap();
        assert!(rows.next().await.unwrap().is_ok());
        assert!(error(rows.next().await).contains("its database took longer than a query may take"));
        assert_eq!(gone.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_scan_that_nobody_reads_any_more_ends() {
        let (scan, gone) = scan(i64::MAX, None);
        let mut rows = scan.execute(0, Arc::default()).unwrap();
        assert!(rows.next().await.unwrap().is_ok());
        drop(rows);
        while gone.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    }
}
