//! SCIM 2.0 (RFC 7643, RFC 7644) as data: schemas, documents, filters, patches and the forms of requests and answers.
//!
//! Owns what a SCIM client may say and what it is told. No I/O, no clock and no HTTP: who keeps the resources passes their
//! documents in. Begin with [`ResourceKind::read`] for what a client writes, [`Patch`] for what it changes and [`Filter`] for
//! what it looks for.

mod discovery;
mod document;
mod error;
mod filter;
mod kind;
mod patch;
mod path;
mod projection;
mod query;
mod representation;
mod schema;
mod schemas;
mod sort;
mod value;
mod version;

pub use discovery::{resource_types, schemas, service_provider_config};
pub use document::Document;
pub use error::{ScimError, ScimType};
pub use filter::{Filter, Indexed, Scope};
pub use kind::ResourceKind;
pub use patch::Patch;
pub use projection::Projection;
pub use query::{ListQuery, MAX_RESULTS, Window, list_response};
pub use representation::{MemberRef, Representation};
pub use sort::Sort;
pub use version::{if_match, version_tag};
