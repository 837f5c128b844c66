//! A table of a share as the engine's planner sees it: declared columns, and filters that are hints.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use polder_foreign::ForeignScan;
use polder_model::TableName;
use serde_json::{Map, Value};
use tokio::sync::{Mutex, OnceCell};

use crate::cache::FileCache;
use crate::client::{Client, Place};
use crate::column::Reading;
use crate::fetch::Fetch;
use crate::hints;
use crate::known::KnownTables;
use crate::listing::Listing;
use crate::shared_files::{Layout, SharedFiles};
use crate::wire::Metadata;

/// A table of a share, in one version.
pub(crate) struct SharedProvider {
    pub(crate) table: TableName,
    pub(crate) client: Arc<Client>,
    pub(crate) cache: Arc<FileCache>,
    pub(crate) known: Arc<KnownTables>,
    pub(crate) place: Place,
    pub(crate) metadata: Metadata,
    /// In the order of the schema's fields.
    pub(crate) columns: Vec<Reading>,
    pub(crate) schema: SchemaRef,
}

impl fmt::Debug for SharedProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedProvider({})", self.table)
    }
}

impl SharedProvider {
    /// How the columns are read: those of the files first, then those that are told beside them.
    fn layout(&self) -> Layout {
        let field = |reading: &Reading| Field::new(&reading.source, polder_arrow::to_arrow(&reading.declared.data_type), true);
        let of = |partition: bool| -> Vec<&Reading> {
            self.columns.iter().filter(|reading| reading.is_partition == partition).collect()
        };
        let (stored, beside) = (of(false), of(true));
        let file = Arc::new(Schema::new(stored.iter().copied().map(field).collect::<Vec<_>>()));
        let partition = beside.iter().copied().map(|reading| Arc::new(field(reading))).collect();
        let order = stored.iter().chain(&beside).enumerate().map(|(at, reading)| (reading.declared.name.clone(), at)).collect();
        Layout { file, partition, order }
    }

    /// What a scan asks the share: a hint, and how many rows are wanted where no filter takes any away.
    fn question(&self, filters: &[Expr], limit: Option<usize>) -> Map<String, Value> {
        let mut question = Map::new();
        if let Some(hint) = hints::of(filters, &self.columns) {
            question.insert("jsonPredicateHints".to_owned(), hint.to_string().into());
        }
        if let Some(limit) = limit.filter(|_| filters.is_empty()) {
            question.insert("limitHint".to_owned(), limit.into());
        }
        question
    }

    /// The filters over the files' own names, by which groups of rows are left out. None where they cannot be said so.
    fn predicate(&self, state: &dyn Session, filters: &[Expr], layout: &Layout) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(all) = conjunction(filters.iter().cloned()) else { return Ok(None) };
        let names: HashMap<&str, &str> =
            self.columns.iter().map(|reading| (reading.declared.name.as_str(), reading.source.as_str())).collect();
        let renamed = all.transform(|expr| {
            Ok(match &expr {
                Expr::Column(column) => match names.get(column.name.as_str()) {
                    Some(source) => Transformed::yes(Expr::Column(Column::new_unqualified(*source))),
                    None => Transformed::no(expr),
                },
                _ => Transformed::no(expr),
            })
        })?;
        let schema = DFSchema::try_from(layout.schema())?;
        state.create_physical_expr(renamed.data, &schema).map(Some)
    }
}

#[async_trait]
impl TableProvider for SharedProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let schema = Arc::new(self.schema.project(projection.unwrap_or(&all))?);
        let layout = self.layout();
        let predicate = self.predicate(state, filters, &layout)?;
        let listing = Arc::new(Listing {
            client: Arc::clone(&self.client),
            known: Arc::clone(&self.known),
            place: self.place.clone(),
            question: self.question(filters, limit),
            metadata: self.metadata.clone(),
            files: OnceCell::new(),
            later: Mutex::default(),
        });
        let fetch = Fetch { client: Arc::clone(&self.client), cache: Arc::clone(&self.cache), listing };
        let files = SharedFiles {
            table: self.table.clone(),
            fetch,
            layout,
            predicate,
            schema: Arc::clone(&schema),
            parts: state.config().target_partitions(),
        };
        Ok(Arc::new(ForeignScan::new(Arc::new(files), schema)))
    }
}
