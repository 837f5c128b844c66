//! What tests of several crates share: real peers, started once and stopped when the tests are done.

mod postgres;

pub use postgres::{PostgresDatabase, PostgresServer, postgres};
