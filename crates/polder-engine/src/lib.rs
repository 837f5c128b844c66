//! SQL under governance: plans a statement, shows each table as its permit says, runs it and streams the rows.
//!
//! Begin with [`Engine::query`]. The engine never decides who may read what (`polder-access` does) and never opens storage
//! (`polder-lake` does): both are behind [`Tables`], which the caller implements. It writes nothing.

mod analyze;
mod checked;
pub mod command;
mod config;
mod deep;
mod engine;
mod error;
mod even;
mod explain;
mod given_up;
mod governed;
mod growth;
mod information;
mod lineage;
mod moments;
mod nearest;
mod parameters;
mod physical;
mod references;
mod spill;
mod sql;
mod tables;
mod withhold;

pub use analyze::{Analysis, AnalyzeTable, BaseColumn, OutputColumn};
pub use command::{Command, read_command};
pub use config::EngineConfig;
pub use datafusion::common::ScalarValue;
pub use engine::{Engine, QueryResult};
pub use error::{Position, QueryError, QueryErrorKind};
pub use governed::found::Shown;
pub use parameters::Prepared;
pub use references::{tables_named, with_tables, without_time_travel};
pub use sql::literals::written;
pub use sql::planner::MAX_VIEW_DEPTH;
pub use tables::{AliasedTables, AsOf, ResolveError, Resolved, TableKind, TableParts, Tables, VisibleTable};
