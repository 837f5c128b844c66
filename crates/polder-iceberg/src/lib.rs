//! Delta tables as Iceberg has them: metadata, manifests and scan plans, made of what a Delta log says of one version.
//!
//! Plain data in, plain data out: no file is read or written here, and nobody is asked who may see what. Whoever hands out what
//! comes of this hands out whole files. Begin with [`Table::new`].

mod error;
mod filter;
mod ids;
mod manifest;
mod metadata;
mod partition;
mod plan;
mod scalar;
mod schema;
mod statistics;
mod table;

pub use error::Error;
pub use plan::PlanRequest;
pub use table::{DataFile, Source, Table};
