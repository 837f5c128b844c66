//! A table of another database as the engine's planner sees it: declared columns, and the filters that may go down.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use polder_foreign::ForeignScan;
use polder_model::TableName;
use sqlx::AnyPool;

use crate::column::Reading;
use crate::dialect::Dialect;
use crate::filter::{Filters, Kept};
use crate::select::Select;
use crate::statement::Statement;

/// Where a table's rows come from.
pub(crate) struct Source {
    pub(crate) table: TableName,
    pub(crate) dialect: Dialect,
    /// The table as the database has it, quoted.
    pub(crate) from: String,
    pub(crate) pool: AnyPool,
    /// How long a scan may take.
    pub(crate) scan: Duration,
}

/// A table of another database.
pub(crate) struct ForeignProvider {
    pub(crate) source: Arc<Source>,
    /// In the order of the schema's fields.
    pub(crate) columns: Vec<Reading>,
    pub(crate) schema: SchemaRef,
}

impl fmt::Debug for ForeignProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ForeignProvider({})", self.source.table)
    }
}

impl ForeignProvider {
    fn filters(&self) -> Filters<'_> {
        Filters { dialect: self.source.dialect, columns: &self.columns }
    }

    /// The `SELECT` of a scan. It has the limit only where every filter is the database's and keeps exactly what ours would.
    fn statement(&self, columns: &[&Reading], filters: &[Expr], limit: Option<usize>) -> Statement {
        let mut statement = Statement::new(self.source.dialect);
        let selected: Vec<&str> = columns.iter().map(|column| column.selected.as_str()).collect();
        statement.push("SELECT ");
        statement.push(if selected.is_empty() { "1" } else { "" });
        statement.push(&selected.join(", "));
        statement.push(" FROM ");
        statement.push(&self.source.from);
        let mut before = " WHERE ";
        let mut exactly = true;
        for filter in filters {
            // A filter that turns out not to be one to send leaves half a condition behind: that goes into a copy.
            let mut with = statement.clone();
            with.push(before);
            match self.filters().write(filter, &mut with) {
                Some(kept) => {
                    exactly &= kept == Kept::Exactly;
                    statement = with;
                    before = " AND ";
                }
                None => exactly = false,
            }
        }
        if let Some(limit) = limit.filter(|_| exactly) {
            statement.push(&format!(" LIMIT {limit}"));
        }
        statement
    }
}

#[async_trait]
impl TableProvider for ForeignProvider {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|filter| self.filters().pushdown(filter)).collect())
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.columns.len()).collect();
        let projection = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(projection)?);
        let columns: Vec<&Reading> = projection.iter().filter_map(|at| self.columns.get(*at)).collect();
        let statement = self.statement(&columns, filters, limit);
        let columns = columns.into_iter().map(|reading| reading.declared.clone()).collect();
        let select = Select { source: Arc::clone(&self.source), statement, columns, schema: Arc::clone(&schema) };
        Ok(Arc::new(ForeignScan::new(Arc::new(select), schema)))
    }
}
