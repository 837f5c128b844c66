//! Object stores and Delta tables: creates, opens, reads, writes and keeps them.
//!
//! Owns every byte of a dataset, and is the only crate that names `deltalake-core` (but for the demo, which is a client of its own
//! server) and builds object stores. Never decides who may do what: reading and writing demand a [`Permit`](polder_access::Permit), and
//! masks and row filters are the engine's.
//!
//! A write is staged first: its data files are on the disk, and the table as it would be can be read through
//! [`Staged::provider`], before one atomic log entry makes it visible. Begin with [`Lake`], then [`TableHandle`].
//!
//! ```text
//! Lake::open -> TableHandle -> stage -> Staged -> commit -> Committed | AlreadyDone | Conflict
//! ```

mod background;
mod beside;
mod clone;
mod commit;
mod declare;
mod durable;
mod encode;
mod error;
mod files;
mod folder;
mod handle;
mod lake;
mod log;
mod maintain;
mod merge;
mod outside;
mod parts;
mod place;
mod protocol;
mod provider;
mod remote;
mod restore;
mod revise;
mod schema;
mod snapshot;
mod statistics;
mod storage;
mod trouble;
mod upload;
mod versions;
mod volume;
mod write;

pub use beside::BESIDE;
pub use clone::Cloned;
pub use commit::{Committed, Staged};
pub use error::{Error, Result};
pub use files::{DeletionVector, FileAction, FileActionKind, FileBytes, LogFacts, VersionChanges};
pub use handle::{AsOf, CommitInfo, TableHandle, TableSize};
pub use lake::{Lake, LakeConfig, ProviderConfig, SourceStore};
pub use maintain::{MIN_RETENTION, OptimizeOptions, OptimizeReport, VacuumOptions, VacuumReport};
pub use object_store::GetRange;
pub use parts::{TablePart, TableParts};
pub use revise::{FILE_COLUMN, Revised, Revision};
pub use schema::{arrow_schema, delta_schema};
pub use storage::TableObservation;
pub use upload::FileWritten;
pub use volume::{VolumeBytes, VolumeEntry, VolumeFile};
pub use write::{AppTransaction, AppendWriter, Write, WriteOptions};

/// The fault points that a write passes, in the order in which it passes them (see [`polder_model::fault`]).
///
/// Those between `lake.data.written` and `lake.data.synced`, and between `lake.log.written` and `lake.log.linked`, exist on local
/// disks only: an object store has nothing in between.
pub const FAULT_POINTS: [&str; 9] = [
    "lake.stage.begin",
    "lake.data.written",
    "lake.data.synced",
    "lake.stage.done",
    "lake.commit.begin",
    "lake.log.written",
    "lake.log.synced",
    "lake.log.linked",
    "lake.commit.done",
];

/// The fault points that only upkeep passes. Optimize and vacuum pass those of files and entries of the log too, as often as they
/// write some.
pub const UPKEEP_FAULT_POINTS: [&str; 3] = ["lake.file.deleted", "lake.optimize.done", "lake.vacuum.done"];

/// The fault point that a file of a volume passes on the local disk when it is whole and has no name yet.
pub const VOLUME_FAULT_POINTS: [&str; 1] = ["lake.volume.written"];
