//! The nouns of runs: one execution of a job, with what it read, wrote and took.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, Utc};
pub use polder_api::RunStatus;
use polder_model::{DatasetId, EnvironmentName, JobId, Principal};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::lease::Holder;

/// A run's name: it sorts by when the run began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub(crate) Uuid);

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A dataset at one version of its table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatasetVersion {
    /// The dataset.
    pub dataset: DatasetId,
    /// The version of its table.
    pub version: u64,
}

/// What it takes to start a run.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Where.
    pub environment: EnvironmentName,
    /// Of what.
    pub job: JobId,
    /// As whom.
    pub principal: Principal,
    /// In which process.
    pub holder: Holder,
    /// When.
    pub started: DateTime<Utc>,
}

/// What a run read, wrote and took.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunDetails {
    /// What it read.
    pub inputs: Vec<DatasetVersion>,
    /// The version of the sink's table that it made.
    pub output_version: Option<u64>,
    /// Rows written.
    pub rows: u64,
    /// Rows that did not fit and are in quarantine.
    pub quarantined_rows: u64,
    /// Bytes written.
    pub bytes: u64,
    /// How long each phase took, in milliseconds.
    pub durations_millis: BTreeMap<String, u64>,
    /// What the checks found.
    pub checks: serde_json::Value,
    /// Job, code and inputs in one hash: a run with the same one would make the same.
    pub fingerprint: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEnd {
    /// How it stands now: anything but running.
    pub status: RunStatus,
    /// When it ended.
    pub finished: DateTime<Utc>,
    /// What came of it.
    pub details: RunDetails,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Its name.
    pub id: RunId,
    /// The job.
    pub job: JobId,
    /// Where it ran.
    pub environment: EnvironmentName,
    /// As whom it ran.
    pub principal: Principal,
    /// The process it ran in.
    pub holder: Holder,
    /// When it began.
    pub started: DateTime<Utc>,
    /// When it ended; of an interrupted run, when that was found out.
    pub finished: Option<DateTime<Utc>>,
    /// How it stands.
    pub status: RunStatus,
    /// What came of it; nothing while it runs.
    #[serde(flatten)]
    pub details: RunDetails,
}

impl RunRecord {
    pub(crate) fn start(id: RunId, new: NewRun) -> Self {
        let NewRun { environment, job, principal, holder, started } = new;
        let (finished, status, details) = (None, RunStatus::Running, RunDetails::default());
        Self { id, job, environment, principal, holder, started, finished, status, details }
    }

    pub(crate) fn end(self, end: RunEnd) -> Self {
        let RunEnd { status, finished, details } = end;
        Self { finished: Some(finished), status, details, ..self }
    }
}
