//! Real databases, asked by a provider: types, streams, and ends.

mod files;
mod reading;
mod support;
mod types;
