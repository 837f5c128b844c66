//! The operations of polder: validate, plan, apply, run, query, explain. Each reads facts through the effects, lets the
//! decision crates decide, and carries the decision out.
//!
//! Owns how the crates are wired together for one environment of one mesh. Never prints, never parses arguments, never
//! decides what a decision crate decides. Begin with [`platform::Platform`].

mod apply;
mod audit;
mod capacity;
pub mod catalog;
mod data;
mod disk;
mod error;
mod export;
mod governed;
mod hot;
mod identity;
mod import;
mod infrastructure;
mod inspect;
mod lease_guard;
mod losses;
mod maintain;
mod may;
mod mesh;
mod metastores;
mod observe;
mod personal;
mod plan;
mod platform;
mod principals;
mod process;
mod query;
mod received;
mod requests;
mod run;
mod runs;
mod secrets;
mod shares;
mod sight;
mod statement;
mod system;
mod tenant;
mod validate;
mod views;
mod volumes;
mod whole_file;
mod zones;

pub use apply::{Apply, ApplyObserver, ApplyReport};
pub use capacity::capacity_changes;
pub use data::{DataState, OfferedData};
pub use disk::Disk;
pub use error::{Error, ErrorKind};
pub use export::{Contract, Exported, contract, export_access, export_bundle, export_terraform, write_contract};
pub use hot::{HotData, LookedUp};
pub use identity::{BOOTSTRAP, Identity, Who};
pub use import::{ContractImport, import_contract};
pub use infrastructure::{Infrastructure, PlannedRoot};
pub use mesh::read_files;
pub use plan::Planned;
pub use platform::{OpenOptions, Platform};
pub use query::query_error;
pub use requests::AccessDesk;
pub use run::{RunObserver, RunOptions, Selection};
pub use secrets::resolve_secret;
pub use shares::{FileAddress, MAX_SHARED_FILES, SharedName, SharedTable};
pub use statement::{Answer, Done, Incoming, Preparation};
pub use tenant::Tenant;
pub use validate::{Validation, validate, validate_files};
pub use volumes::{OpenFile, VolumeFileAddress};
pub use zones::{Zones, write_addresses, zones};

pub use polder_store::{AuditFilter, AuditForm, AuditPage, AuditPoint, AuditRecord, AuditVerification};
