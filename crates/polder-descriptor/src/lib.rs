//! Descriptors: the YAML that a company keeps, read with the place of every value, checked as a whole, and lowered to
//! the desired resources of one environment.
//!
//! Pure: it is given the contents of files and never opens one, reads no clock and no environment variable. What is
//! wrong comes back as [`Fault`]s, all of them at once; nothing in a file makes it panic. Begin with [`parse`].
//!
//! ```text
//! files --yaml--> trees --descriptor--> documents --cross--> Mesh --merge, variables, lower--> Desired
//! ```

mod addresses;
mod cron;
mod cross;
mod descriptor;
mod document;
mod fault;
mod index;
mod locate;
mod lower;
mod merge;
mod mesh;
mod place;
mod reader;
pub mod region;
mod schema;
mod starter;
mod suggest;
pub mod tag;
mod variables;
mod written;
pub mod yaml;

pub use addresses::{ADDRESSES_FILE, addresses_file};
pub use cron::Moments;
pub use descriptor::tenant::{
    AccessSettings, CredentialSettings, IdentitySettings, NotificationSettings, ServerSettings, TenantSettings, WebhookSettings,
};
pub use fault::{Fault, Severity, Span};
pub use mesh::{EnvironmentInfo, EnvironmentSettings, File, Mesh, ZonePlace, parse, parse_one};
pub use place::{DescriptorKind, DescriptorKindError};
pub use schema::{json_schema, schema_files};
pub use starter::starter;
pub use variables::literal;
pub use written::{Record, WrittenGrant};
