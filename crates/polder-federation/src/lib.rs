//! Databases of others as tables of the engine: PostgreSQL, MySQL and MariaDB, and files of SQLite.
//!
//! Begin at [`Connections::open`]: it takes the permit under which a table may be read, compares what is declared of the table with
//! what the database has, and gives a provider whose scans are one `SELECT` each, streamed. Nothing is ever written. What is sent is
//! made of quoted names and bound values; what comes back has the declared types or is an error that quotes no value.

mod column;
mod connections;
mod dialect;
mod error;
mod filter;
mod found;
mod place;
mod provider;
mod rows;
mod select;
mod statement;

pub use connections::{Connections, Limits};
pub use error::FederationError;
pub use place::Files;
