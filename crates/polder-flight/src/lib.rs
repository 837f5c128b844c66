//! Arrow Flight SQL: results as Arrow batches, at the speed at which they are made.
//!
//! Owns the protocol: messages, tickets, the schemas that drivers expect of listings. Who is asking, and of which environment, a
//! [`Door`] says; what they may see, `polder-platform`. Nothing is kept between two requests: a prepared statement's handle and a
//! ticket are the statement itself, which is authorized again for whoever sends it. What changes something is carried out before its
//! description is answered, and its ticket has what is told of it. Begin with [`routes`].

mod cancel;
mod door;
mod ipc;
mod keys;
mod listing;
mod parameters;
mod plain;
mod service;
mod session;
mod sql_info;
mod statement;
mod status;
mod types;

pub use door::{Asking, Door, ENVIRONMENT};
pub use service::{PREFIX, routes};
