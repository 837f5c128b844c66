//! Long operations: begun by one request, watched and cancelled by others.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, PrincipalName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::problem::Problem;

/// What a long operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Carries a plan out.
    Apply,
    /// Makes personal copies.
    Personal,
    /// Runs jobs.
    Run,
    /// Rewrites small files of a table into larger ones.
    Optimize,
    /// Removes files of a table that no version needs.
    Vacuum,
    /// Sees that the audit is as it was written.
    VerifyAudit,
}

/// How a long operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationStatus {
    /// It is at work.
    Running,
    /// It has done what it was to do; what came of it is its result.
    Succeeded,
    /// It has not; why is its problem.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// The server that worked on it went away.
    Interrupted,
}

impl OperationStatus {
    /// Whether nothing more happens to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Running)
    }
}

/// A long operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Operation {
    /// Its name; it sorts by when the operation began.
    pub id: Uuid,
    /// What it does.
    pub kind: OperationKind,
    /// Where.
    #[schema(value_type = String)]
    pub environment: EnvironmentName,
    /// On whose behalf.
    #[schema(value_type = String)]
    pub principal: PrincipalName,
    /// How it stands.
    pub status: OperationStatus,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<DateTime<Utc>>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub result: Option<serde_json::Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Something that happened in a long operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OperationEvent {
    /// Its place, counted from 1; a watcher that was cut off goes on after the last it saw.
    pub number: u64,
    /// When.
    pub time: DateTime<Utc>,
    /// What: of an apply its steps, of a run the events of its jobs.
    #[schema(value_type = Object)]
    pub event: serde_json::Value,
}
