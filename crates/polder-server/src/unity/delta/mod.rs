//! `/delta/v1`: the interface for Delta clients, version 1.0. Names are in kebab-case, refusals in a form of their own.

mod change;
mod error;
mod loaded;
mod routes;

pub(super) use routes::routes;
