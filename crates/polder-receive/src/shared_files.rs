//! The files of a shared table as the source of a scan: each part reads some of them, one after the other, from the local disk.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::common::ScalarValue;
use datafusion::common::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::{ExecutionPlan as _, PhysicalExpr};
use futures::StreamExt as _;
use object_store::ObjectMeta;
use object_store::path::Path;
use polder_foreign::{ForeignSource, Taker, Unread, declared};
use polder_model::TableName;

use crate::cache::Held;
use crate::fetch::Fetch;
use crate::wire::SharedFile;

/// How many files are fetched at a time.
const PARTS: usize = 4;
/// How long a scan may take.
const TIME: Duration = Duration::from_mins(10);

/// How a table's columns are in its files.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// Those in the files, by the files' names.
    pub(crate) file: SchemaRef,
    /// Those that are told beside a file.
    pub(crate) partition: Vec<FieldRef>,
    /// The place of each declared column among both.
    pub(crate) order: HashMap<String, usize>,
}

impl Layout {
    /// All of them.
    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.file.fields().iter().chain(&self.partition).cloned().collect::<Vec<_>>()))
    }
}

/// The files of one scan of a shared table.
pub(crate) struct SharedFiles {
    pub(crate) table: TableName,
    pub(crate) fetch: Fetch,
    pub(crate) layout: Layout,
    pub(crate) predicate: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) schema: SchemaRef,
    pub(crate) parts: usize,
}

/// How reading a file ended.
enum End {
    /// All of it was given on.
    Read,
    /// Nobody reads any more.
    Left,
    /// It cannot be read, and nothing of it was given on.
    Unreadable,
}

#[async_trait]
impl ForeignSource for SharedFiles {
    fn table(&self) -> &TableName {
        &self.table
    }

    fn sent(&self) -> String {
        serde_json::to_string(&self.fetch.listing.question).unwrap_or_default()
    }

    fn place(&self) -> &'static str {
        "share"
    }

    fn time(&self) -> Duration {
        TIME
    }

    fn parts(&self) -> usize {
        self.parts.clamp(1, PARTS)
    }

    async fn read(&self, part: usize, context: &Arc<TaskContext>, to: &Taker) -> Result<(), Unread> {
        let files = self.fetch.listing.files().await?;
        for file in files.iter().skip(part).step_by(self.parts()) {
            let key = self.fetch.key(&self.fetch.listing.metadata.id, file);
            let mut end = End::Unreadable;
            for _ in 0..2 {
                let held = self.fetch.file(&key, file).await?;
                end = self.give(file, &held, context, to).await?;
                if !matches!(end, End::Unreadable) {
                    break;
                }
                // What was kept may have been damaged since: it is fetched once more.
                drop(held);
                let key = key.clone();
                self.fetch.on_disk(move |cache| cache.forget(&key)).await?;
            }
            match end {
                End::Read => {}
                End::Left => return Ok(()),
                End::Unreadable => return Err("a file of it is no Parquet file with the columns that the share told".into()),
            }
        }
        Ok(())
    }
}

impl SharedFiles {
    async fn give(&self, file: &SharedFile, held: &Held, context: &Arc<TaskContext>, to: &Taker) -> Result<End, Unread> {
        let Ok(mut batches) = self.batches(file, held, context) else { return Ok(self.unreadable()) };
        let mut given = false;
        while let Some(batch) = batches.next().await {
            let batch = match batch {
                Ok(batch) => declared(&self.schema, batch.columns().to_vec(), batch.num_rows())?,
                Err(_) if given => {
                    self.unreadable();
                    return Err("a file of it is damaged".into());
                }
                Err(_) => return Ok(self.unreadable()),
            };
            given = true;
            if !to.give(batch).await {
                return Ok(End::Left);
            }
        }
        Ok(End::Read)
    }

    /// What the reader says may hold values, and is not in the log either.
    fn unreadable(&self) -> End {
        tracing::warn!(table = %self.table, "a file of a share cannot be read");
        End::Unreadable
    }

    fn batches(
        &self,
        file: &SharedFile,
        held: &Held,
        context: &Arc<TaskContext>,
    ) -> datafusion::error::Result<SendableRecordBatchStream> {
        let mut options = TableParquetOptions::default();
        // Instants as old writers have them reach further in microseconds than in nanoseconds.
        options.global.coerce_int96 = Some("us".to_owned());
        options.global.coerce_int96_tz = Some("UTC".to_owned());
        let table =
            TableSchema::builder(Arc::clone(&self.layout.file)).with_table_partition_cols(self.layout.partition.clone()).build();
        let mut source = ParquetSource::new(table).with_table_parquet_options(options);
        if let Some(predicate) = &self.predicate {
            source = source.with_predicate(Arc::clone(predicate));
        }
        let location = Path::from_absolute_path(held.path()).map_err(|error| DataFusionError::External(Box::new(error)))?;
        let meta = ObjectMeta { location, last_modified: chrono::Utc::now(), size: file.size, e_tag: None, version: None };
        let partitioned = PartitionedFile::new_from_meta(meta).with_partition_values(self.values(file)?);
        let projection = self.schema.fields().iter().filter_map(|field| self.layout.order.get(field.name()).copied()).collect();
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(source))
            .with_file(partitioned)
            .with_batch_size(Some(context.session_config().batch_size()))
            .with_projection_indices(Some(projection))?
            .build();
        DataSourceExec::from_data_source(config).execute(0, Arc::clone(context))
    }

    /// The values that are told beside a file, each as its declared type.
    fn values(&self, file: &SharedFile) -> datafusion::error::Result<Vec<ScalarValue>> {
        let value = |field: &FieldRef| {
            let text = file.partition_values.get(field.name()).cloned().flatten().filter(|text| !text.is_empty());
            let text = ScalarValue::Utf8(text);
            text.cast_to(field.data_type())
        };
        self.layout.partition.iter().map(value).collect()
    }
}
