//! How the engine is set up: memory, threads, and the settings of DataFusion that were chosen on purpose.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use datafusion::prelude::SessionConfig;
use datafusion::sql::planner::ParserOptions;

use polder_model::secret::Secret;

use crate::checked::{self, CheckedArithmetic};
use crate::even::EvenTypes;
use crate::growth;

/// How many of the largest users of memory an error names.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(3).expect("three is not zero");

/// Parts of a query for each core: parts are never equally long, and a core that is done with its own takes another.
const PARTS_A_CORE: usize = 2;
/// The largest table, in rows and in bytes, that a join holds as a whole. Above that both sides are cut into parts by their keys,
/// which is worth it only when one core alone would be long at filling the table. See docs/performance.md.
const WHOLE_JOIN_ROWS: usize = 1_000_000;
const WHOLE_JOIN_BYTES: usize = 32 << 20;

/// What the one who starts an engine decides.
#[derive(Debug, Clone)]
pub struct EngineConfig {
    /// How much memory all queries together may use for sorting, joining and grouping before they spill to disk;
    /// no limit when `None`.
    pub memory_limit_bytes: Option<usize>,
    /// How many parts a query is cut into; two for each core when `None`.
    pub target_partitions: Option<usize>,
    /// Where queries spill to, each engine in a folder of its own, which a later engine removes if this one is killed;
    /// the system's folder for temporary files when `None`.
    pub spill_dir: Option<PathBuf>,
    /// The tenant's key for hash masks.
    pub mask_key: Secret,
    /// Rows per batch; 8192 when `None`.
    pub batch_size: Option<usize>,
}

impl EngineConfig {
    /// The usual settings, with a tenant's key for hash masks.
    #[must_use]
    pub const fn new(mask_key: Secret) -> Self {
        Self { memory_limit_bytes: None, target_partitions: None, spill_dir: None, mask_key, batch_size: None }
    }
}

/// Makes the state that every query starts from; `spill_dir` is this engine's own part of the configured one.
pub(crate) fn session_state(config: &EngineConfig, spill_dir: Option<&Path>) -> Result<SessionState> {
    let mut runtime = RuntimeEnvBuilder::new();
    if let Some(limit) = config.memory_limit_bytes {
        runtime = runtime.with_memory_pool(Arc::new(TrackConsumersPool::new(FairSpillPool::new(limit), NAMED_CONSUMERS)));
    }
    if let Some(dir) = spill_dir {
        let mode = DiskManagerMode::Directories(vec![dir.to_owned()]);
        runtime = runtime.with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode));
    }
    let mut state = SessionStateBuilder::new()
        .with_config(session_config(config))
        .with_runtime_env(Arc::new(runtime.build()?))
        .with_default_features()
        .with_analyzer_rules(analyzer_rules())
        .build();
    checked::register_sum(&mut state)?;
    growth::register(&mut state)?;
    Ok(state)
}

/// DataFusion's rules, of which the last settles types, between what has to be done before that and after.
fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules = Analyzer::new().rules;
    rules.insert(rules.len() - 1, Arc::new(EvenTypes));
    rules.push(Arc::new(CheckedArithmetic));
    rules
}

fn session_config(config: &EngineConfig) -> SessionConfig {
    let mut session = SessionConfig::new().with_information_schema(false).with_create_default_catalog_and_schema(false);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    session = session.with_target_partitions(config.target_partitions.unwrap_or(cores * PARTS_A_CORE).max(1));
    if let Some(rows) = config.batch_size {
        session = session.with_batch_size(rows.max(1));
    }
    let options = session.options_mut();
    // Names get their one spelling before the planner sees them: see `sql::spelling`.
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    // `0.1` is exactly that, as in standard SQL: 0.1 + 0.2 = 0.3. With a double it becomes one.
    options.sql_parser.parse_float_as_decimal = true;
    options.execution.collect_statistics = true;
    options.optimizer.hash_join_single_partition_threshold_rows = WHOLE_JOIN_ROWS;
    options.optimizer.hash_join_single_partition_threshold = WHOLE_JOIN_BYTES;
    // Filters skip files, row groups and pages by their statistics. Evaluated row by row while Parquet is decoded, they took a third
    // of a query's time for row selections: see docs/performance.md.
    options.execution.parquet.pushdown_filters = false;
    options.execution.parquet.bloom_filter_on_read = true;
    // Plans are shown by `explain`, never with statistics.
    options.explain.show_statistics = false;
    session
}

/// The options with which SQL is planned.
pub(crate) fn parser_options(state: &SessionState) -> ParserOptions {
    ParserOptions::from(&state.config_options().sql_parser)
}
