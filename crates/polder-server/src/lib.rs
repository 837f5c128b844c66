//! The server: polder's REST API, Unity Catalog's, SCIM and sign-on over one router.
//!
//! Owns the wire: what a request and an answer look like, who is asking, how much anyone may ask for. What is done with a request is
//! `polder-platform`'s business. The command line serves itself the same router in-process. Begin with [`router::router`].

mod apart;
pub mod api;
pub mod auth;
pub mod config;
mod data;
mod described;
mod doors;
mod environments;
mod hot;
mod iceberg;
pub mod idempotency;
pub mod identified;
pub mod limits;
pub mod local;
pub mod operations;
pub mod ops;
pub mod problem;
mod prompt;
mod range;
pub mod router;
pub mod scim;
pub mod serve;
mod sharing;
pub mod state;
pub mod sweep;
pub mod telemetry;
pub mod unity;
mod unread;
mod volumes;

pub use config::{Limits, ServerConfig, TlsFiles};
pub use doors::postgres::PostgresSettings;
pub use identified::{Identified, LocalIdentity};
pub use local::InProcess;
pub use problem::Problem;
pub use router::{openapi, router};
pub use serve::{Running, serve};
pub use state::App;
