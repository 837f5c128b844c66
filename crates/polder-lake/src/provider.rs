//! A snapshot's files as a table of the query engine.
//!
//! The plan is the one the engine makes for a folder of Parquet files, with its reader, caches and pushdown. What it need not do is
//! list the folder and read every footer: files, row counts and bounds come from the log, and files that no row can come from are
//! left out of the plan.

use std::sync::{Arc, OnceLock};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PrunableStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{DFSchema, Result, ScalarValue, Statistics, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::file_format::FileFormat;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;

use crate::place::Place;
use crate::snapshot::{DataFile, Shape};
use crate::statistics::with_partition;

/// The column that [`FileTable::numbered`] adds.
pub(crate) const FILE_NUMBER: &str = "__polder_file";

/// Files as a table.
#[derive(Debug)]
pub(crate) struct FileTable {
    place: Place,
    shape: Arc<Shape>,
    files: Arc<Vec<Arc<DataFile>>>,
    /// Whether there is one more column, with each row's file as its number in `files`.
    is_numbered: bool,
    schema: SchemaRef,
    table_schema: TableSchema,
    order: Vec<usize>,
    whole: OnceLock<Statistics>,
}

impl FileTable {
    /// Returns files as a table.
    pub(crate) fn new(place: Place, shape: Arc<Shape>, files: Arc<Vec<Arc<DataFile>>>) -> Self {
        Self::build(place, shape, files, false)
    }

    /// Returns files as a table that says of each row which file it is in.
    pub(crate) fn numbered(place: Place, shape: Arc<Shape>, files: Arc<Vec<Arc<DataFile>>>) -> Self {
        Self::build(place, shape, files, true)
    }

    fn build(place: Place, shape: Arc<Shape>, files: Arc<Vec<Arc<DataFile>>>, is_numbered: bool) -> Self {
        let mut fields: Vec<FieldRef> = shape.view_schema.fields().iter().cloned().collect();
        let mut partitions = shape.partition_fields.clone();
        let mut order = shape.order.clone();
        if is_numbered {
            let number: FieldRef = Arc::new(Field::new(FILE_NUMBER, DataType::UInt32, false));
            order.push(shape.file_schema.fields().len() + partitions.len());
            fields.push(Arc::clone(&number));
            partitions.push(number);
        }
        let table_schema = TableSchema::builder(Arc::clone(&shape.file_schema)).with_table_partition_cols(partitions).build();
        let schema = Arc::new(Schema::new(fields));
        Self { place, shape, files, is_numbered, schema, table_schema, order, whole: OnceLock::new() }
    }

    /// The statistics of a file's columns, its partition columns and its number, in that order.
    fn statistics_of(&self, number: usize) -> Arc<Statistics> {
        let statistics = self.files[number].statistics(&self.shape);
        if !self.is_numbered {
            return Arc::clone(statistics);
        }
        Arc::new(with_partition(statistics.as_ref().clone(), &[file_number(number)]))
    }

    fn merged(&self, numbers: &[usize]) -> Result<Statistics> {
        let each: Vec<_> = numbers.iter().map(|&number| self.statistics_of(number)).collect();
        Statistics::try_merge_iter(each.iter().map(AsRef::as_ref), self.table_schema.table_schema())
    }

    /// The files that may hold rows for which all filters hold, by number.
    fn matching(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<usize>> {
        let all: Vec<usize> = (0..self.files.len()).collect();
        let Some(filter) = conjunction(filters.iter().cloned()) else {
            return Ok(all);
        };
        let schema = Arc::clone(self.table_schema.table_schema());
        let filter = state.create_physical_expr(filter, &DFSchema::try_from(Arc::clone(&schema))?)?;
        // A filter that says nothing about bounds prunes nothing.
        let Ok(predicate) = PruningPredicateBuilder::new().with_file_schema(Arc::clone(&schema)).try_build(filter) else {
            return Ok(all);
        };
        let statistics = all.iter().map(|&number| self.statistics_of(number)).collect();
        let may_match = predicate.prune(&PrunableStatistics::new(statistics, schema))?;
        Ok(all.into_iter().zip(may_match).filter(|(_, may)| *may).map(|(number, _)| number).collect())
    }

    /// As many of the files as are sure to hold so many rows.
    fn enough(&self, numbers: Vec<usize>, limit: usize) -> Vec<usize> {
        let mut rows = 0;
        let is_needed = |number: &usize| {
            let needed = rows < limit;
            if let Precision::Exact(count) = self.statistics_of(*number).num_rows {
                rows += count;
            }
            needed
        };
        numbers.into_iter().take_while(is_needed).collect()
    }

    fn to_scan(&self, number: usize) -> PartitionedFile {
        let file = &self.files[number];
        let meta = ObjectMeta {
            location: self.place.file(&file.add.path),
            last_modified: chrono::DateTime::from_timestamp_millis(file.add.modification_time).unwrap_or_default(),
            size: file.size(),
            e_tag: None,
            version: None,
        };
        let mut values = file.partition_values(&self.shape);
        if self.is_numbered {
            values.push(file_number(number));
        }
        let mut scan = PartitionedFile::new_from_meta(meta).with_partition_values(values);
        scan.statistics = Some(self.statistics_of(number));
        scan
    }
}

#[async_trait]
impl TableProvider for FileTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn statistics(&self) -> Option<Statistics> {
        let all: Vec<usize> = (0..self.files.len()).collect();
        if self.whole.get().is_none() {
            let mut merged = self.merged(&all).ok()?;
            merged.column_statistics = self.order.iter().map(|&i| merged.column_statistics[i].clone()).collect();
            let _ = self.whole.set(merged);
        }
        self.whole.get().cloned()
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Files are left out and the reader skips what it can; which rows remain, the engine decides.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut numbers = self.matching(state, filters)?;
        if let (Some(limit), true) = (limit, filters.is_empty()) {
            numbers = self.enough(numbers, limit);
        }
        if numbers.is_empty() {
            return Ok(Arc::new(EmptyExec::new(project_schema(&self.schema, projection)?)));
        }
        state.runtime_env().register_object_store(self.place.store_url.as_ref(), Arc::clone(&self.place.store));
        let columns = match projection {
            Some(projection) => projection.iter().map(|&column| self.order[column]).collect(),
            None => self.order.clone(),
        };
        let statistics = self.merged(&numbers)?;
        let files = FileGroup::new(numbers.into_iter().map(|number| self.to_scan(number)).collect());
        let format = ParquetFormat::default().with_options(state.default_table_options().parquet);
        let source = format.file_source(self.table_schema.clone());
        let config = FileScanConfigBuilder::new(self.place.store_url.clone(), source)
            .with_file_groups(files.split_files(state.config().target_partitions()))
            .with_statistics(statistics)
            .with_projection_indices(Some(columns))?
            .with_limit(limit)
            .build();
        format.create_physical_plan(state, config).await
    }
}

fn file_number(number: usize) -> ScalarValue {
    ScalarValue::UInt32(u32::try_from(number).ok())
}
