//! The wire types of polder's REST API: what a request and an answer hold, and nothing of how they come to be.
//!
//! Plain data, the same for the server that writes it and the clients that read it. Begin with [`problem::Problem`], the form of every
//! refusal, and [`page::Page`], that of every list.

pub mod access;
pub mod connection;
pub mod environment;
pub mod hot;
pub mod identity;
pub mod object;
pub mod operation;
pub mod page;
pub mod personal;
pub mod plan;
pub mod problem;
pub mod query;
pub mod run;
pub mod share;
mod text;
pub mod upkeep;
pub mod volume;

pub use access::{
    AccessAct, AccessApproval, AccessComment, AccessDelivery, AccessEvent, AccessExport, AccessGrant, AccessLevel, AccessQuery,
    AccessRequest, AccessState, AskAccess,
};
pub use connection::ConnectionCache;
pub use environment::EnvironmentSummary;
pub use hot::{HotState, HotSummary};
pub use identity::{Me, NewToken, RoleSummary, SignOnConfig, TokenMade, TokenSummary};
pub use object::{ColumnSummary, ObjectSummary, Rows};
pub use operation::{Operation, OperationEvent, OperationKind, OperationStatus};
pub use page::{Page, PageQuery};
pub use personal::{PersonalAnswer, PersonalChange, PersonalCopy, PersonalLeft, PersonalRequest, PersonalSummary};
pub use plan::{
    ApplyAnswer, ApplyProgress, ApplyRequest, Loss, MeshFiles, MeshSummary, MeshVariables, PlanAnswer, PlanRequest, Reader,
    ValidateAnswer, ValidateRequest,
};
pub use problem::Problem;
pub use query::{QueryRequest, RowForm};
pub use run::{CheckReport, Input, RunEvent, RunOutcome, RunReport, RunRequest, RunStatus, RunSummary, Wrote};
pub use share::{NewProfile, ProfileMade, ShareForm, ShareSummary, SharedAs};
pub use upkeep::{Commit, OptimizeAnswer, VacuumAnswer, VacuumRequest};
pub use volume::{AddressMade, AddressMethod, FilesQuery, NewAddress, VolumeEntry, VolumeEntryKind};
