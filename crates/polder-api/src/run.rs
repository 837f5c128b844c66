//! Runs of jobs.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use polder_model::{DatasetId, JobId, PrincipalName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::text;

/// Which jobs to run, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The job, as domain/job; every job that polder itself runs when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    /// Whether jobs whose inputs are unchanged run, too.
    #[serde(default)]
    pub force: bool,
    /// Whether what a job would read is taken as read where its sink has more of the job than the state knows of, and nothing is written.
    #[serde(default)]
    pub adopt: bool,
    /// Whether the personal copies of jobs are meant.
    #[serde(default)]
    pub personal: bool,
    /// How many jobs may be at work at once; 2 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 64)]
    pub parallel: Option<u16>,
}

/// How a run stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RunStatus {
    /// At work.
    Running,
    /// Done; its output is visible.
    Succeeded,
    /// Not needed.
    Skipped {
        /// Why.
        why: String,
    },
    /// Its output is as it was before.
    Failed {
        /// Why.
        error: String,
    },
    /// Its process died before it ended.
    Interrupted,
}

impl RunStatus {
    /// The status's word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Skipped { .. } => "skipped",
            Self::Failed { .. } => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A run of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunSummary {
    /// Its name; it sorts by when the run began.
    pub id: String,
    /// The job.
    #[serde(with = "text")]
    #[schema(value_type = String)]
    pub job: JobId,
    /// As whom it ran.
    #[schema(value_type = String)]
    pub principal: PrincipalName,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended; of an interrupted run, when that was found out.
    pub finished: Option<DateTime<Utc>>,
    /// How it stands.
    pub status: RunStatus,
    /// What it read.
    pub inputs: Vec<Input>,
    /// The version of the sink's table that it made.
    pub output_version: Option<u64>,
    /// How much it wrote; absent for a caller from whom row filters hide rows of the sink.
    #[serde(flatten)]
    pub wrote: Option<Wrote>,
    /// How long each phase took, in milliseconds.
    pub durations_millis: BTreeMap<String, u64>,
    /// What the checks found; for those who may write or govern the sink.
    #[schema(value_type = Value)]
    pub checks: serde_json::Value,
}

/// A dataset that a run read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Input {
    /// The dataset.
    #[serde(with = "text")]
    #[schema(value_type = String)]
    pub dataset: DatasetId,
    /// The version of its table.
    pub version: u64,
}

/// How much a run wrote.
// Where it is absent from a summary, each of its fields is: flattened ones are required of the whole unless they say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Wrote {
    /// Rows.
    #[schema(required = false)]
    pub rows: u64,
    /// Rows that did not fit and are in quarantine.
    #[schema(required = false)]
    pub quarantined_rows: u64,
    /// Bytes.
    #[schema(required = false)]
    pub bytes: u64,
}

/// What happens while jobs run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RunEvent {
    /// A job begins.
    Started {
        /// Which.
        #[serde(with = "text")]
        #[schema(value_type = String)]
        job: JobId,
    },
    /// A job has written rows, counted from its beginning.
    Rows {
        /// Which.
        #[serde(with = "text")]
        #[schema(value_type = String)]
        job: JobId,
        /// Rows so far.
        rows: u64,
    },
    /// A job comes to its next part.
    Phase {
        /// Which.
        #[serde(with = "text")]
        #[schema(value_type = String)]
        job: JobId,
        /// `reading`, `checking`, `committing`.
        phase: String,
    },
    /// A job has ended.
    Finished(RunReport),
}

/// What came of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    /// Its output is visible.
    Succeeded,
    /// There was nothing to do.
    Skipped {
        /// Why.
        why: String,
    },
    /// Its sink is as it was before.
    Failed {
        /// Why.
        error: String,
    },
    /// It was not started: it is running already.
    Busy {
        /// Where, and since when.
        error: String,
    },
    /// A job whose output it reads did not succeed.
    Blocked {
        /// Which.
        #[serde(with = "text")]
        #[schema(value_type = String)]
        by: JobId,
    },
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckReport {
    /// The check.
    pub name: String,
    /// Whether it holds.
    pub passed: bool,
    /// How many rows, groups or figures break it.
    pub failing_rows: u64,
    /// Some of them, PII masked.
    pub sample: Vec<String>,
}

/// What a job did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RunReport {
    /// The job.
    #[serde(with = "text")]
    #[schema(value_type = String)]
    pub job: JobId,
    /// What came of it.
    pub outcome: RunOutcome,
    /// What it read, with the versions.
    pub inputs: Vec<(String, u64)>,
    /// What it wrote, with the version.
    pub output: Option<(String, u64)>,
    /// Rows written.
    pub rows: u64,
    /// Rows that did not fit and went to quarantine.
    pub rejected: u64,
    /// Bytes written.
    pub bytes: u64,
    /// From start to end.
    pub seconds: f64,
    /// What the checks found.
    pub checks: Vec<CheckReport>,
    /// What deserves a look, though nothing failed.
    pub warnings: Vec<String>,
}
