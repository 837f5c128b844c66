//! Runs a dataset's checks over a staged write, and shows what breaks them without showing PII.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, Utc};
use datafusion::catalog::TableProvider;
use futures::TryStreamExt;
use polder_access::Permit;
use polder_api::CheckReport;
use polder_engine::{AliasedTables, AnalyzeTable, Engine, QueryError, Resolved, Tables};
use polder_lake::Staged;
use polder_model::Check;
use polder_model::resource::Table;

use super::checks::{self, CheckQuery, Scope};
use crate::error::{Doing, Error, ErrorKind};

/// How many rows that break a check are shown.
const SAMPLE_ROWS: usize = 5;

/// A table's checks, about to be run.
pub(crate) struct Checking<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) table: &'a Table,
    /// The permit to write the table.
    pub(crate) permit: &'a Permit,
    pub(crate) now: DateTime<Utc>,
}

impl Checking<'_> {
    /// Runs every check over the table as the staged write would make it.
    pub(crate) async fn verify(&self, staged: &Staged) -> Result<Vec<CheckReport>, Error> {
        let mut reports = Vec::new();
        for check in &self.table.checks {
            let query = checks::query(check, &self.table.columns, self.now);
            let provider = match query.scope {
                Scope::Added => staged.added_provider(),
                Scope::Table => staged.provider(),
            };
            let what = || format!("cannot run check {} of {}", check.name, self.table.name);
            let verified = self.verify_one(check, &query, provider).await.map_err(QueryError::without_values);
            reports.push(verified.doing(ErrorKind::Failed, what())?);
        }
        Ok(reports)
    }

    async fn verify_one(
        &self,
        check: &Check,
        query: &CheckQuery,
        provider: Arc<dyn TableProvider>,
    ) -> Result<CheckReport, QueryError> {
        let permit = self
            .permit
            .for_checks()
            .ok_or_else(|| QueryError::new(polder_engine::QueryErrorKind::NotAllowed, "checks run under a permit to write"))?;
        let resolved = Resolved::Table { permit, columns: self.table.columns.clone(), provider };
        let this: Arc<dyn Tables> = Arc::new(AliasedTables::default().with("this", resolved));
        let count = format!("SELECT count(*) FROM ({}) AS failing", query.sql);
        let failing_rows = first_count(&self.collect(&count, this.clone()).await?);
        let sample = if failing_rows == 0 { Vec::new() } else { self.sample(query, this).await? };
        Ok(CheckReport { name: check.name.clone(), passed: failing_rows == 0, failing_rows, sample })
    }

    async fn sample(&self, query: &CheckQuery, this: Arc<dyn Tables>) -> Result<Vec<String>, QueryError> {
        let sql = format!("SELECT * FROM ({}) AS failing LIMIT {SAMPLE_ROWS}", query.sql);
        let outline = AnalyzeTable { name: "this".to_owned(), columns: self.table.columns.clone(), measures: Vec::new() };
        let analysis = self.engine.analyze(&sql, &[outline]).await?;
        let is_pii = |name: &str| self.table.columns.iter().any(|c| c.name.eq_ignore_ascii_case(name) && c.is_pii());
        let hidden: Vec<bool> =
            analysis.columns.iter().map(|column| column.derived_from.iter().any(|(_, name)| is_pii(name))).collect();
        let batches = self.collect(&sql, this).await?;
        batches.iter().try_fold(Vec::new(), |mut rows, batch| {
            rows.extend(row_texts(batch, &hidden).map_err(datafusion::error::DataFusionError::from)?);
            Ok(rows)
        })
    }

    async fn collect(&self, sql: &str, tables: Arc<dyn Tables>) -> Result<Vec<RecordBatch>, QueryError> {
        Ok(self.engine.query(sql, tables).await?.stream.try_collect().await?)
    }
}

fn first_count(batches: &[RecordBatch]) -> u64 {
    let column = batches.first().map(|batch| batch.column(0).clone());
    let counts = column.as_ref().and_then(|c| c.as_any().downcast_ref::<arrow::array::Int64Array>());
    counts.filter(|c| !c.is_empty()).and_then(|c| u64::try_from(c.value(0)).ok()).unwrap_or_default()
}

/// Rows as `name=value, name=***`: enough to find them, nothing that is PII.
fn row_texts(batch: &RecordBatch, hidden: &[bool]) -> Result<Vec<String>, arrow::error::ArrowError> {
    let options = FormatOptions::default().with_null("null");
    let formatters = batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options)).collect::<Result<Vec<_>, _>>()?;
    let schema = batch.schema();
    let cell = |row: usize, column: usize| {
        let name = schema.field(column).name();
        let shown = !hidden.get(column).copied().unwrap_or(true);
        if shown { format!("{name}={}", formatters[column].value(row)) } else { format!("{name}=***") }
    };
    Ok((0..batch.num_rows()).map(|row| (0..formatters.len()).map(|c| cell(row, c)).collect::<Vec<_>>().join(", ")).collect())
}
