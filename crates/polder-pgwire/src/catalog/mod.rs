//! The catalog of a PostgreSQL, as clients ask it what there is: `pg_catalog`, `information_schema`, and the functions over them.
//!
//! Each session has its own, made of what `Platform::tables` says that its caller may know of, and of nothing else: there are no rows of
//! data in it, no files and no way to any. datafusion-pg-catalog brings what is the same in every PostgreSQL: types, functions,
//! operators, and rules that turn PostgreSQL's SQL into DataFusion's. Begin with [`Catalog::answer`].

mod functions;
mod information;
mod known;
mod own;
mod rewrite;
mod schemas;
mod statics;

pub(crate) use statics::function_named;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::ParamValues;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::sql::parser::Statement as Parsed;
use polder_engine::{QueryError, QueryErrorKind, ScalarValue};
use polder_platform::Platform;

use self::known::Known;
use self::statics::Statics;
use crate::fault::{self, Fault};
use crate::rows::OID_ARRAY_KEY;
use crate::settings::Settings;
use crate::sql::route::{self, Asked};

/// For how long what a caller may know of is not asked again: as long as a reader of rows is not looked up.
const FRESH: Duration = Duration::from_secs(1);

/// What the catalogs of all sessions share.
pub(crate) struct Shared {
    statics: Arc<Statics>,
    runtime: Arc<RuntimeEnv>,
}

impl Shared {
    /// Prepares what is the same for all. All questions together use no more memory than this.
    pub(crate) fn new(memory_bytes: usize) -> Result<Self, DataFusionError> {
        let pool = Arc::new(FairSpillPool::new(memory_bytes));
        let disk = datafusion::execution::disk_manager::DiskManagerBuilder::default()
            .with_mode(datafusion::execution::disk_manager::DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).with_disk_manager_builder(disk).build()?;
        Ok(Self { statics: Statics::get()?, runtime: Arc::new(runtime) })
    }
}

/// Whose catalog it is.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) database: String,
    pub(crate) user: String,
    pub(crate) process: i32,
    pub(crate) settings: Arc<Mutex<Settings>>,
    /// The cursors that are open.
    pub(crate) cursors: Arc<Mutex<Vec<String>>>,
}

/// A session's catalog.
pub(crate) struct Catalog {
    statics: Arc<Statics>,
    runtime: Arc<RuntimeEnv>,
    facts: Facts,
    now: tokio::sync::Mutex<Option<Now>>,
}

/// The catalog as it was a moment ago.
struct Now {
    taken: Instant,
    known: Arc<Known>,
    state: Arc<SessionState>,
}

/// What a question gives, and which values it takes.
pub(crate) struct Described {
    pub(crate) schema: SchemaRef,
    pub(crate) parameters: Vec<Option<DataType>>,
}

impl Catalog {
    pub(crate) fn new(shared: &Shared, facts: Facts) -> Self {
        Self {
            statics: Arc::clone(&shared.statics),
            runtime: Arc::clone(&shared.runtime),
            facts,
            now: tokio::sync::Mutex::default(),
        }
    }

    /// Says what a question gives. Nothing is computed.
    pub(crate) async fn prepare(&self, platform: &Platform, question: &Asked) -> Result<Described, Fault> {
        let (state, plan) = self.plan(platform, question).await?;
        let parameters = parameters(&plan)?;
        let analyzed = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {});
        let schema = analyzed.as_ref().unwrap_or(&plan).schema().as_arrow().clone();
        Ok(Described { schema: with_arrays(&Arc::new(schema)), parameters })
    }

    /// Answers a question.
    pub(crate) async fn answer(
        &self,
        platform: &Platform,
        question: &Asked,
        values: Vec<ScalarValue>,
    ) -> Result<SendableRecordBatchStream, Fault> {
        let (state, plan) = self.plan(platform, question).await?;
        let plan = if values.is_empty() {
            plan
        } else {
            plan.replace_params_with_values(&ParamValues::from(values)).map_err(unanswered)?
        };
        let plan = state.create_physical_plan(&plan).await.map_err(unanswered)?;
        let stream = execute_stream(plan, state.task_ctx()).map_err(unanswered)?;
        let schema = with_arrays(&stream.schema());
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }

    async fn plan(&self, platform: &Platform, question: &Asked) -> Result<(Arc<SessionState>, LogicalPlan), Fault> {
        let (state, known) = self.now(platform).await?;
        let question = route::deep(|| rewrite::rewritten(question, &known, &self.statics))?;
        let mut state = SessionState::clone(&state);
        state.mark_start_execution();
        let plan = state.statement_to_plan(Parsed::Statement(Box::new(question))).await.map_err(unanswered)?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)
            .map_err(unanswered)?;
        Ok((Arc::new(state), plan))
    }

    /// The catalog as it is now, or was not longer ago than that matters.
    async fn now(&self, platform: &Platform) -> Result<(Arc<SessionState>, Arc<Known>), Fault> {
        let mut now = self.now.lock().await;
        if let Some(now) = now.as_ref().filter(|now| now.taken.elapsed() < FRESH) {
            return Ok((Arc::clone(&now.state), Arc::clone(&now.known)));
        }
        let tables = platform.tables().await?;
        if let Some(now) = now.as_mut()
            && now.known.is_of(&tables)
        {
            now.taken = Instant::now();
            return Ok((Arc::clone(&now.state), Arc::clone(&now.known)));
        }
        let before = now.take().map(|now| now.known);
        let known = Arc::new(Known::new(tables, before.as_deref()));
        let state = Arc::new(self.state(&known).map_err(unanswered)?);
        *now = Some(Now { taken: Instant::now(), known: Arc::clone(&known), state: Arc::clone(&state) });
        Ok((state, known))
    }

    fn state(&self, known: &Arc<Known>) -> Result<SessionState, DataFusionError> {
        let list = schemas::catalogs(&self.facts, known, &self.statics)?;
        let mut state = self.statics.state(&self.facts.database, Arc::clone(&self.runtime), list);
        functions::register(&mut state, &self.facts, known, &self.statics)?;
        Ok(state)
    }
}

/// Writes a question anew for a catalog of these tables, and gives its text.
#[cfg(feature = "fuzzing")]
pub(crate) fn rewritten(question: &Asked, tables: Vec<polder_engine::VisibleTable>) -> Result<String, Fault> {
    let statics = Statics::get().map_err(unanswered)?;
    let known = Known::new(tables, None);
    route::deep(|| rewrite::rewritten(question, &known, &statics).map(|question| question.to_string()))
}

impl Facts {
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).get(name).map(ToOwned::to_owned)
    }
}

/// Columns with several numbers are marked: in a catalog those are numbers of things, which clients know how to read.
fn with_arrays(schema: &SchemaRef) -> SchemaRef {
    let marked = |field: &FieldRef| match field.data_type() {
        DataType::List(item) if *item.data_type() == DataType::Int32 => {
            let metadata = HashMap::from([(OID_ARRAY_KEY.to_owned(), String::new())]);
            Arc::new(field.as_ref().clone().with_metadata(metadata))
        }
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(marked).collect::<Vec<_>>()))
}

/// The types of a plan's parameters.
fn parameters(plan: &LogicalPlan) -> Result<Vec<Option<DataType>>, Fault> {
    let mut types = Vec::new();
    for (name, data_type) in plan.get_parameter_types().map_err(unanswered)? {
        let place = name.strip_prefix('$').and_then(|digits| digits.parse::<u16>().ok()).and_then(|number| number.checked_sub(1));
        let place = usize::from(place.ok_or_else(|| Fault::new(fault::SYNTAX, format!("{name} is no parameter")))?);
        if types.len() <= place {
            types.resize(place + 1, None);
        }
        types[place] = data_type;
    }
    Ok(types)
}

/// Why a question has no answer.
fn unanswered(error: DataFusionError) -> Fault {
    if let DataFusionError::Plan(text) = error.find_root()
        && let Some(name) = text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"))
    {
        let name = name.split_once('.').map_or(name, |(_, rest)| rest);
        return Fault::new(fault::NO_TABLE, format!("relation {name:?} does not exist"));
    }
    let error = QueryError::from(error);
    let mut fault = Fault::from(&error);
    if error.kind == QueryErrorKind::Syntax {
        fault.code = fault::NOT_SUPPORTED;
    }
    // The question was written anew: its places are not those of the client's text.
    fault.position = None;
    fault
}
