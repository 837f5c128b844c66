//! The engine: takes a statement and what its names lead to, gives back a stream of rows.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::StreamExt as _;

use polder_access::Permit;
use polder_model::Column;
use polder_model::resource::View;

use crate::analyze::{self, Analysis, AnalyzeTable};
use crate::config::{EngineConfig, session_state};
use crate::deep::{deep, deeply};
use crate::error::{QueryError, QueryErrorKind};
use crate::governed::found::{Shown, show};
use crate::governed::mask::MaskKey;
use crate::governed::{Source, condition};
use crate::parameters::{self, Prepared};
use crate::physical::{Runnable, runnable};
use crate::spill::SpillFolder;
use crate::sql::aggregated;
use crate::sql::metrics::{self, Checking};
use crate::sql::planner::{Planned, Planner, Scope, invalid_filter, require_read};
use crate::tables::{TableParts, Tables};
use crate::{explain, given_up, growth, information};

/// A query's answer. Nothing is computed before the stream is polled; dropping it cancels the query.
pub struct QueryResult {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows, in batches. Turn its errors into [`QueryError`] with `From`.
    pub stream: SendableRecordBatchStream,
}

/// Plans and runs SQL under governance. One per process and tenant: its queries share one limit on memory.
pub struct Engine {
    state: SessionState,
    key: MaskKey,
    /// Held while the engine lives; the last to go, after what is spilled.
    spill: Option<SpillFolder>,
}

impl Engine {
    /// The folder of this engine alone for what does not fit into memory, removed by a later one if this one is killed; `None` where
    /// nothing is written.
    #[must_use]
    pub fn spill_folder(&self) -> Option<&Path> {
        self.spill.as_ref().map(SpillFolder::path)
    }

    /// Sets an engine up, and removes what killed engines left in the folder for spilling.
    pub fn new(config: EngineConfig) -> Result<Self, QueryError> {
        let spill = config.spill_dir.as_deref().map(SpillFolder::claim).transpose()?;
        let state = session_state(&config, spill.as_ref().map(SpillFolder::path))?;
        Ok(Self { state, key: MaskKey::new(&config.mask_key), spill })
    }

    /// Answers one statement that reads. Every name in it is resolved through `tables`, and read as its permit says.
    pub async fn query(&self, sql: &str, tables: Arc<dyn Tables>) -> Result<QueryResult, QueryError> {
        self.query_with(sql, Vec::new(), tables).await
    }

    /// The same of a statement with parameters: `$1` in it stands for the first of the values, and so on.
    pub async fn query_with(
        &self,
        sql: &str,
        values: Vec<ScalarValue>,
        tables: Arc<dyn Tables>,
    ) -> Result<QueryResult, QueryError> {
        deeply(self.answer(sql, values, tables)).await
    }

    /// The same of one of several queries that share their values: it may use some of them only.
    pub async fn query_sharing(
        &self,
        sql: &str,
        values: &[ScalarValue],
        tables: Arc<dyn Tables>,
    ) -> Result<QueryResult, QueryError> {
        let state = self.started();
        deeply(async {
            let Planned::Rows(plan) = Planner::new(&state, &self.key).plan(sql, &Scope::Governed(&tables)).await? else {
                return Err(QueryError::not_allowed("this is not a query").with_hint("write a SELECT"));
            };
            let plan = parameters::bind_some(plan, values)?;
            let Runnable { plan, context } = runnable(&state, &plan).await?;
            let (stream, _) = given_up::run(plan, context)?;
            Ok(QueryResult { schema: stream.schema(), stream })
        })
        .await
    }

    async fn answer(&self, sql: &str, values: Vec<ScalarValue>, tables: Arc<dyn Tables>) -> Result<QueryResult, QueryError> {
        let state = self.started();
        match Planner::new(&state, &self.key).plan(sql, &Scope::Governed(&tables)).await? {
            Planned::Rows(plan) => {
                let plan = parameters::bind(plan, values)?;
                let Runnable { plan, context } = runnable(&state, &plan).await?;
                let (stream, _) = given_up::run(plan, context)?;
                Ok(QueryResult { schema: stream.schema(), stream })
            }
            Planned::Explain { plan, analyze } => {
                let plan = parameters::bind(plan, values)?;
                Ok(QueryResult::of(explain::explain(&state, &plan, analyze).await?))
            }
            Planned::ShowTables => Ok(QueryResult::of(information::show_tables(tables.as_ref())?)),
            Planned::Describe(name) => Ok(QueryResult::of(information::describe(&name, tables.as_ref())?)),
            Planned::ShowColumns(name) => Ok(QueryResult::of(information::show_columns(&name, tables.as_ref())?)),
        }
    }

    /// Says what a statement that reads would give, and which values it takes. Nothing is computed.
    pub async fn prepare(&self, sql: &str, tables: Arc<dyn Tables>) -> Result<Prepared, QueryError> {
        let state = self.started();
        deeply(async {
            match Planner::new(&state, &self.key).plan(sql, &Scope::Governed(&tables)).await? {
                Planned::Rows(plan) => parameters::describe(&state, &plan).await,
                Planned::Explain { plan, .. } => {
                    let Prepared { parameters, .. } = parameters::describe(&state, &plan).await?;
                    Ok(Prepared { schema: explain::schema(), parameters })
                }
                Planned::ShowTables => Ok(Prepared::without_parameters(information::show_tables(tables.as_ref())?.schema())),
                Planned::Describe(name) => {
                    Ok(Prepared::without_parameters(information::describe(&name, tables.as_ref())?.schema()))
                }
                Planned::ShowColumns(name) => {
                    Ok(Prepared::without_parameters(information::show_columns(&name, tables.as_ref())?.schema()))
                }
            }
        })
        .await
    }

    /// Plans a query over columns without data: what its columns would be and what they are derived from.
    pub async fn analyze(&self, sql: &str, tables: &[AnalyzeTable]) -> Result<Analysis, QueryError> {
        let state = self.started();
        deeply(async {
            match Planner::new(&state, &self.key).plan(sql, &Scope::Outline(tables)).await? {
                Planned::Rows(plan) => {
                    let analysis = analyze::analyze(&state, &plan, tables)?;
                    // What no plan can be made of would fail only when it is to be run.
                    runnable(&state, &plan).await?;
                    Ok(analysis)
                }
                _ => Err(QueryError::not_allowed("this is not a query").with_hint("write a SELECT")),
            }
        })
        .await
    }

    /// Plans one measure of a view over columns without data, where `body` are the columns of the view's query: what it would be, and
    /// what it is derived from. Whatever in it is no aggregate is an error.
    pub async fn analyze_measure(
        &self,
        view: &View,
        at: usize,
        body: &[String],
        tables: &[AnalyzeTable],
    ) -> Result<Analysis, QueryError> {
        let Checking { sql, aggregate } = deep(|| metrics::checking(&view.sql, &view.columns, &view.measures, at, body))?;
        let analysis = self.analyze(&sql, tables).await.map_err(|error| QueryError { position: None, ..error });
        // A function that is not there may have been meant as an aggregate.
        if !matches!(&analysis, Err(error) if error.kind == QueryErrorKind::NotFound) {
            let is_aggregate = |name: &str| self.state.aggregate_functions().contains_key(&name.to_lowercase());
            deep(|| aggregated::check(&aggregate, &is_aggregate))?;
        }
        let mut analysis = analysis?;
        // The first counts rows, to make it a query of aggregates.
        analysis.columns.remove(0);
        Ok(analysis)
    }

    /// Checks a row filter's condition over a table's columns.
    pub fn condition(&self, condition: &str, columns: &[Column]) -> Result<(), QueryError> {
        deep(|| condition::read(&self.state, &polder_arrow::to_schema(columns), condition).map(drop))
    }

    /// Shows rows of a table that were found in another way than by a query as a permit shows them: the rows that it shows, masked. All
    /// columns that its conditions name have to be among those of the rows, as they are stored.
    pub fn show(&self, name: &TableParts, permit: &Permit, found: &RecordBatch) -> Result<Shown, QueryError> {
        require_read(name, permit)?;
        if permit.is_whole() {
            return Ok(Shown { rows: found.clone(), visible: None });
        }
        let rows = deep(|| condition::rows(&self.state, &found.schema(), permit.row_conditions()));
        let rows = rows.map_err(|error| invalid_filter(name, &error))?;
        let source = Source { name: name.clone(), is_view: false };
        Ok(show(&self.state, &self.key, &source, permit, &rows, found)?)
    }

    /// The state of a query that starts now: `now()` is one moment throughout it.
    fn started(&self) -> SessionState {
        let mut state = self.state.clone();
        growth::begin(&mut state);
        state.mark_start_execution();
        state
    }
}

impl QueryResult {
    /// An answer that is there as a whole.
    #[must_use]
    pub fn of(batch: RecordBatch) -> Self {
        let schema = batch.schema();
        let rows = futures::stream::once(futures::future::ready(Ok(batch)));
        Self { schema: Arc::clone(&schema), stream: Box::pin(RecordBatchStreamAdapter::new(schema, rows)) }
    }

    /// The same rows under other names: those of a schema with the same types.
    #[must_use]
    pub fn named(self, schema: SchemaRef) -> Self {
        let names = Arc::clone(&schema);
        let rows = self.stream.map(move |rows| Ok(RecordBatch::try_new(Arc::clone(&names), rows?.columns().to_vec())?));
        Self { schema: Arc::clone(&schema), stream: Box::pin(RecordBatchStreamAdapter::new(schema, rows)) }
    }
}
