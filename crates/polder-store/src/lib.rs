//! The control plane's database: what applies recorded, the journal of operations, leases, the metastore's entries, runs,
//! the bookkeeping of loads, the audit, and the tenant's keys beside it.
//!
//! Owns the database and its form. An acknowledged write is on the disk. Never decides, never reads a clock and never asks
//! whether a process lives: times, and what is known of other processes, are passed in. One code path for SQLite and
//! PostgreSQL, through sqlx's `Any` driver and SQL that both read. Begin with [`Store::open`].

mod audit;
mod batches;
mod bulk;
mod commits;
mod counters;
mod deliveries;
mod directory;
mod entries;
mod error;
mod given_grants;
mod identities;
mod joined;
mod journal;
mod kept_answers;
mod keys;
mod lease;
mod long_operations;
mod made;
mod migrations;
mod object_times;
mod operation;
mod orphans;
mod personal;
mod place;
mod private;
mod recorded;
mod requests;
mod resources;
mod roles;
mod run;
mod runs;
mod sessions;
mod signons;
mod staging;
mod standing;
mod store;
mod tokens;
mod work;

pub use audit::{
    AuditEvent, AuditFault, AuditFilter, AuditForm, AuditPage, AuditPoint, AuditRecord, AuditVerification, AuditWrong, NotAPoint,
};
pub use batches::{Batch, FileSeen, LoadedFiles, PlannedBatch};
pub use commits::{Commit, CommitOutcome, CommitRequest, TableCommits, UNPUBLISHED_LIMIT};
pub use deliveries::{ClaimedDelivery, DeliveryOutcome, DeliveryRecord, NewDelivery};
pub use directory::{Directory, TimedGrant};
pub use entries::{EntryChange, EntryFilter, MetastoreEntries};
pub use error::{Result, StoreError};
pub use given_grants::{GivenGrant, GrantChange};
pub use identities::{
    GroupContent, GroupOfMember, GroupRecord, IdentityChange, IdentityKey, IdentityPage, Member, UserContent, UserRecord,
};
pub use journal::StepRecord;
pub use kept_answers::Keyed;
pub use lease::{Acquired, Holder, IsDead, Lease};
pub use long_operations::LongOperationFilter;
pub use made::{Alteration, Made, MadeObject, NewObject};
pub use operation::{Begun, NewOperation, Operation, OperationId, OperationOutcome, OperationRecord, Resumed};
pub use personal::PersonalRow;
pub use place::in_folder;
pub use recorded::EnvironmentState;
pub use requests::{
    GrantsChange, LiveGrant, REQUEST_FAULT_POINTS, RequestChange, RequestEvent, RequestFilter, RequestKept, RequestRow,
    StoredRequest,
};
pub use roles::{RoleGrant, RoleRevoked};
pub use run::{DatasetVersion, NewRun, RunDetails, RunEnd, RunId, RunRecord, RunStatus};
pub use runs::RunFilter;
pub use sessions::Session;
pub use signons::{KnownUser, SignOn};
pub use staging::StagingTable;
pub use standing::{TokenStanding, Versions};
pub use store::{Store, StoreOptions};
pub use tokens::{NewToken, TokenRecord, TokenRevoked, TokenShown};
