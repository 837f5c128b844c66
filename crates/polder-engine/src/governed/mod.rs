//! A table as one caller may see it: masked columns, visible rows, and a barrier that nothing reads around.
//!
//! ```text
//!   the query's own operators: see masked values and visible rows only
//!   ---------------------------------------------------------------- GovernedExec, a leaf to all of them: masks; stops
//!                                                                    filters, sorts, statistics, error texts, EXPLAIN
//!   FilterExec: the permit's row conditions
//!   the provider's scan
//! ```
//!
//! **Invariant:** of the query, only *leak-proof* filters over unmasked columns ([`leak_proof`]) get below the barrier. They
//! cannot fail and cannot tell of a row that the row conditions hide, so evaluating them first changes speed, not answers.
//! A permit without masks and conditions puts nothing in between: the provider itself is read.

mod below;
pub(crate) mod condition;
pub(crate) mod exec;
pub(crate) mod found;
pub(crate) mod leak_proof;
pub(crate) mod mask;

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExecBuilder;

use polder_access::Permit;
use polder_foreign::ForeignScan;
use polder_model::Mask;

use crate::tables::TableParts;
use exec::{GovernedExec, Output};
use mask::MaskKey;

/// What is governed, for errors and plans.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: TableParts,
    pub(crate) is_view: bool,
}

/// Which rows are visible.
#[derive(Debug, Clone)]
pub(crate) enum Rows {
    All,
    None,
    Where(Expr),
}

/// One column as the caller sees it.
#[derive(Debug, Clone)]
struct Shown {
    /// Its place in the provider's schema.
    index: usize,
    mask: Option<Mask>,
    /// Whether leak-proof filters over it may go below the barrier.
    open: bool,
}

/// A provider behind a permit.
pub(crate) struct GovernedTable {
    source: Source,
    inner: Arc<dyn TableProvider>,
    shown: Vec<Shown>,
    schema: SchemaRef,
    rows: Rows,
    key: MaskKey,
}

impl fmt::Debug for GovernedTable {
    /// Says nothing of conditions and masks: plans are printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GovernedTable({})", self.source.name)
    }
}

impl GovernedTable {
    /// Puts a permit before a provider. `declared` are the columns that may be shown at all; `open` tells which of the
    /// provider's columns are read as they are stored, so that a filter over them may be applied early.
    pub(crate) fn new(
        source: Source,
        inner: Arc<dyn TableProvider>,
        permit: &Permit,
        declared: impl Fn(&str) -> bool,
        open: impl Fn(usize) -> bool,
        rows: Rows,
        key: MaskKey,
    ) -> Self {
        let rule = |column: &str| permit.column_rules().iter().find(|rule| same_name(&rule.column, column)).map(|rule| rule.mask);
        let inner_schema = inner.schema();
        let mut shown = Vec::new();
        let mut fields = Vec::new();
        for (index, field) in inner_schema.fields().iter().enumerate().filter(|(_, field)| declared(field.name())) {
            let mask = rule(field.name());
            shown.push(Shown { index, mask, open: mask.is_none() && open(index) });
            fields.push(if mask.is_some() { Arc::new(masked_field(field)) } else { Arc::clone(field) });
        }
        Self { source, inner, shown, schema: Arc::new(Schema::new(fields)), rows, key }
    }

    fn is_open(&self, column: &str) -> bool {
        self.schema.index_of(column).is_ok_and(|at| self.shown[at].open)
    }

    fn condition(&self) -> Option<&Expr> {
        match &self.rows {
            Rows::Where(condition) => Some(condition),
            Rows::All | Rows::None => None,
        }
    }

    /// What another database is sent, as far as the query says it: what row conditions add is not for the caller to read.
    async fn sent(
        &self,
        state: &dyn Session,
        wanted: &[usize],
        filters: &[Expr],
        visible: &Arc<dyn ExecutionPlan>,
    ) -> Result<Option<String>> {
        let sent = |plan: &Arc<dyn ExecutionPlan>| plan.downcast_ref::<ForeignScan>().map(ForeignScan::sent);
        Ok(match &self.rows {
            Rows::All => sent(visible),
            Rows::Where(_) if visible.children().into_iter().any(|plan| plan.is::<ForeignScan>()) => {
                sent(&self.inner.scan(state, Some(&wanted.to_vec()), filters, None).await?)
            }
            Rows::Where(_) | Rows::None => None,
        })
    }

    /// Reads the provider's columns at `wanted`, in that order, the visible rows only.
    async fn visible(
        &self,
        state: &dyn Session,
        wanted: &[usize],
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let stored = self.inner.schema();
        let Some(condition) = self.condition() else {
            return match self.rows {
                Rows::None => Ok(Arc::new(EmptyExec::new(Arc::new(stored.project(wanted)?)))),
                _ => self.inner.scan(state, Some(&wanted.to_vec()), filters, limit).await,
            };
        };
        let mut read = wanted.to_vec();
        for column in condition.column_refs() {
            let at = stored.index_of(&column.name)?;
            if !read.contains(&at) {
                read.push(at);
            }
        }
        let mut filters = filters.to_vec();
        // The provider may prune partitions and files by the condition; the rows are filtered here all the same.
        if self.inner.supports_filters_pushdown(&[condition])? != [TableProviderFilterPushDown::Unsupported] {
            filters.push(condition.clone());
        }
        let scan = self.inner.scan(state, Some(&read), &filters, None).await?;
        let schema = DFSchema::try_from(Arc::new(stored.project(&read)?))?;
        let predicate = state.create_physical_expr(condition.clone(), &schema)?;
        let wanted_only = (read.len() > wanted.len()).then(|| (0..wanted.len()).collect());
        Ok(Arc::new(FilterExecBuilder::new(predicate, scan).apply_projection(wanted_only)?.build()?))
    }
}

/// The field of a masked column: any value may be missing, and nothing of the stored field's metadata is shown.
fn masked_field(field: &Field) -> Field {
    Field::new(field.name(), field.data_type().clone(), true)
}

/// Whether two column names are the same.
pub(crate) fn same_name(a: &str, b: &str) -> bool {
    a == b || a.to_lowercase() == b.to_lowercase()
}

#[async_trait]
impl TableProvider for GovernedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let may_pass = |expr: &&Expr| leak_proof::logical(expr, &self.schema, &|column| self.is_open(column));
        let passing: Vec<&Expr> = filters.iter().copied().filter(may_pass).collect();
        let mut answers = self.inner.supports_filters_pushdown(&passing)?.into_iter();
        let answer = |filter: &&Expr| {
            if may_pass(filter) {
                answers.next().unwrap_or(TableProviderFilterPushDown::Unsupported)
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(answer).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize>;
        let projection = match projection {
            Some(projection) => projection,
            None => {
                all = (0..self.shown.len()).collect();
                &all
            }
        };
        // The promise of `supports_filters_pushdown` is checked again: it is the barrier.
        let passing: Vec<Expr> = filters
            .iter()
            .filter(|expr| leak_proof::logical(expr, &self.schema, &|column| self.is_open(column)))
            .cloned()
            .collect();
        // A projection may name a column twice, a scan need not read it twice.
        let mut wanted: Vec<usize> = projection.iter().map(|at| self.shown[*at].index).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let visible = self.visible(state, &wanted, &passing, limit).await?;
        let sent = self.sent(state, &wanted, &passing, &visible).await?;
        let output = |at: &usize| {
            let Shown { index, mask, open } = self.shown[*at];
            Output { from: wanted.partition_point(|i| *i < index), mask, open }
        };
        let outputs = projection.iter().map(output).collect();
        let schema = Arc::new(self.schema.project(projection)?);
        let all_rows = matches!(self.rows, Rows::All);
        let governed = GovernedExec::new(self.source.clone(), visible, schema, outputs, all_rows, self.key.clone());
        Ok(Arc::new(governed.sending(sent)))
    }
}
