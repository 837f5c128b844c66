//! What tests of several crates share: real peers, started once and stopped when the tests are done.

mod mesh;
mod postgres;

pub use mesh::{DATABASE, MeshFolder};
pub use postgres::{PostgresDatabase, PostgresServer, postgres};
