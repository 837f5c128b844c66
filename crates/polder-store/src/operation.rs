//! The nouns of the journal: an operation, what it takes to begin one, and how it ends.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use polder_model::EnvironmentName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::lease::{Holder, Lease};

/// An operation's name: it sorts by when the operation began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OperationId(pub(crate) Uuid);

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What it takes to begin an operation.
#[derive(Debug, Clone)]
pub struct NewOperation<'a> {
    /// The environment it changes. One operation at a time does.
    pub environment: &'a EnvironmentName,
    /// What it is: `apply`.
    pub kind: &'a str,
    /// The plan, as JSON.
    pub plan: &'a str,
    /// The serial of the recorded state that the plan was made on top of.
    pub parent_serial: u64,
    /// Who carries it out.
    pub holder: &'a Holder,
    /// How long its lease lasts after each step.
    pub ttl: Duration,
    /// The time now.
    pub now: DateTime<Utc>,
}

/// An operation that this process carries out. It holds the environment's lease, which every record renews.
#[derive(Debug, Clone)]
pub struct Operation {
    /// Its name.
    pub id: OperationId,
    /// The environment it changes.
    pub environment: EnvironmentName,
    /// The right to write its journal.
    pub lease: Lease,
}

/// An operation as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationRecord {
    /// Its name.
    pub id: OperationId,
    /// The environment it changes.
    pub environment: EnvironmentName,
    /// What it is: `apply`.
    pub kind: String,
    /// The plan, as JSON.
    pub plan: String,
    /// The serial of the recorded state that the plan was made on top of.
    pub parent_serial: u64,
    /// Who began it, or last went on with it.
    pub holder: Holder,
    /// When it began.
    pub started: DateTime<Utc>,
    /// The numbers of the steps that are done.
    pub done: BTreeSet<u32>,
    /// The numbers of the steps that were begun and are not known to be done: their effects may be there or not.
    pub under_way: BTreeSet<u32>,
}

/// What came of beginning an operation.
#[derive(Debug, Clone)]
#[must_use]
pub enum Begun {
    /// It is begun.
    Started(Operation),
    /// The recorded state is no longer what the plan was made on top of.
    Moved {
        /// The plan's serial.
        expected: u64,
        /// The recorded state's serial.
        found: u64,
    },
    /// Another operation is at work in the environment.
    Busy {
        /// Who carries it out.
        holder: Holder,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// An earlier operation was cut short: it comes first.
    Unfinished(Box<OperationRecord>),
}

/// What came of going on with an operation.
#[derive(Debug, Clone)]
#[must_use]
pub enum Resumed {
    /// It goes on, by this process.
    Resumed(Operation),
    /// Another process is at work in the environment.
    Busy {
        /// Who.
        holder: Holder,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Another process ended it meanwhile.
    Ended,
}

/// How an operation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationOutcome {
    /// Every step is done.
    Succeeded,
    /// A step failed. What was done is recorded; a new plan goes on from there.
    Failed {
        /// Which step and why.
        error: String,
    },
    /// It was given up before its end.
    Abandoned {
        /// Why.
        why: String,
    },
}

impl OperationOutcome {
    pub(crate) const fn status(&self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed { .. } => "failed",
            Self::Abandoned { .. } => "abandoned",
        }
    }

    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::Succeeded => None,
            Self::Failed { error } => Some(error.clone()),
            Self::Abandoned { why } => Some(why.clone()),
        }
    }
}
