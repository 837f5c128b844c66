//! The metastore: an environment's entries at one moment, who may know of which, and names for them.
//!
//! Owns the snapshot that queries and listings look names up in. Never decides who may do what: it asks `polder-access`, and
//! what shows or changes an entry takes that crate's permit. Begin with [`Metastore`].

mod change;
mod error;
mod governance;
mod metastore;
mod names;

pub use change::{put_entry, remove_entry};
pub use error::{CatalogError, ResolveError};
pub use metastore::Metastore;
