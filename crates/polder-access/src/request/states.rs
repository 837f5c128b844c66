//! The states of a request and the ways between them. A state is made here alone, of the one before it: what is not a method
//! of a state cannot happen in it.
//!
//! ```text
//! requested --approve--> approved --provision--> provisioned --expire--> expired
//!     |  ^ approve (more are needed)                  |  ^ confirm, remind
//!     +--reject, withdraw, lapse--> rejected          +--revoke--> revoked
//! ```

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;
use serde::{Deserialize, Serialize};

use super::Words;
use super::rules::{REMIND_AFTER_DAYS, later};

/// How a request stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    /// Waiting for approvals.
    Requested(Requested),
    /// Approved by all who have to; the access is about to be given.
    Approved(Approved),
    /// Turned down, taken back, or never decided on in time.
    Rejected(Rejected),
    /// The access is given.
    Provisioned(Provisioned),
    /// The access was ended before its time.
    Revoked(Revoked),
    /// The access ended by itself.
    Expired(Expired),
}

/// Someone's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Whose.
    pub by: PrincipalName,
    /// Whether that was the person at their own machine.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub local_admin: bool,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub comment: Words,
}

/// Waiting for approvals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    approvals: Vec<Approval>,
}

/// Approved by all who have to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    approvals: Vec<Approval>,
    at: DateTime<Utc>,
}

/// How a request ended that gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Someone who decides turned it down.
    Rejected,
    /// The requester took it back.
    Withdrawn,
    /// Nobody decided before it would have ended, or while there was whom it was for.
    Lapsed,
}

/// Over, without access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    how: Ended,
    by: Option<PrincipalName>,
    at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    comment: Words,
}

/// The latest confirmation that access is still needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// By whom.
    pub by: PrincipalName,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said.
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    pub comment: Words,
}

/// Access that is given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provisioned {
    approvals: Vec<Approval>,
    since: DateTime<Utc>,
    review_due: Option<DateTime<Utc>>,
    reminder: Option<DateTime<Utc>>,
    review: Option<Review>,
}

/// Access that was ended before its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    approvals: Vec<Approval>,
    since: DateTime<Utc>,
    by: PrincipalName,
    at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Words::is_empty")]
    comment: Words,
}

/// Access that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    approvals: Vec<Approval>,
    since: DateTime<Utc>,
    at: DateTime<Utc>,
}

impl Default for Standing {
    fn default() -> Self {
        Self::Requested(Requested::default())
    }
}

impl Standing {
    /// The states' words, in the order in which they come.
    pub const WORDS: [&'static str; 6] = ["requested", "approved", "rejected", "provisioned", "revoked", "expired"];

    /// The state's word.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Requested(_) => "requested",
            Self::Approved(_) => "approved",
            Self::Rejected(_) => "rejected",
            Self::Provisioned(_) => "provisioned",
            Self::Revoked(_) => "revoked",
            Self::Expired(_) => "expired",
        }
    }

    /// The approvals so far.
    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        match self {
            Self::Requested(Requested { approvals })
            | Self::Approved(Approved { approvals, .. })
            | Self::Provisioned(Provisioned { approvals, .. })
            | Self::Revoked(Revoked { approvals, .. })
            | Self::Expired(Expired { approvals, .. }) => approvals,
            Self::Rejected(_) => &[],
        }
    }
}

impl Requested {
    /// The approvals so far.
    #[must_use]
    pub fn approvals(&self) -> &[Approval] {
        &self.approvals
    }

    /// One approval more, which is not the last.
    pub(super) fn wait(mut self, approval: Approval) -> Self {
        self.approvals.push(approval);
        self
    }

    /// The last approval that was needed.
    pub(super) fn approve(mut self, approval: Approval) -> Approved {
        let at = approval.at;
        self.approvals.push(approval);
        Approved { approvals: self.approvals, at }
    }

    /// The end, without access.
    pub(super) fn end(self, how: Ended, by: Option<PrincipalName>, at: DateTime<Utc>, comment: Words) -> Rejected {
        Rejected { how, by, at, comment }
    }
}

impl Approved {
    /// When the last approval came.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The access is given.
    pub(super) fn provision(self, since: DateTime<Utc>, review_due: Option<DateTime<Utc>>) -> Provisioned {
        Provisioned { approvals: self.approvals, since, review_due, reminder: review_due, review: None }
    }
}

impl Provisioned {
    /// Since when.
    #[must_use]
    pub const fn since(&self) -> DateTime<Utc> {
        self.since
    }

    /// When it is to be confirmed, if it lasts that long.
    #[must_use]
    pub const fn review_due(&self) -> Option<DateTime<Utc>> {
        self.review_due
    }

    /// The latest confirmation.
    #[must_use]
    pub const fn review(&self) -> Option<&Review> {
        self.review.as_ref()
    }

    pub(super) const fn reminder(&self) -> Option<DateTime<Utc>> {
        self.reminder
    }

    /// Someone confirmed that it is still needed.
    pub(super) fn confirm(self, review: Review, review_due: Option<DateTime<Utc>>) -> Self {
        Self { review: Some(review), review_due, reminder: review_due, ..self }
    }

    /// The owners were reminded of the review.
    pub(super) fn remind(self, now: DateTime<Utc>) -> Self {
        Self { reminder: Some(later(now, REMIND_AFTER_DAYS)), ..self }
    }

    /// The end before its time.
    pub(super) fn revoke(self, by: PrincipalName, at: DateTime<Utc>, comment: Words) -> Revoked {
        Revoked { approvals: self.approvals, since: self.since, by, at, comment }
    }

    /// The end by itself.
    pub(super) fn expire(self, at: DateTime<Utc>) -> Expired {
        Expired { approvals: self.approvals, since: self.since, at }
    }
}

impl Rejected {
    /// How it came to that.
    #[must_use]
    pub const fn how(&self) -> Ended {
        self.how
    }

    /// By whom; nobody when it lapsed.
    #[must_use]
    pub const fn by(&self) -> Option<&PrincipalName> {
        self.by.as_ref()
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// What they said.
    #[must_use]
    pub const fn comment(&self) -> &Words {
        &self.comment
    }
}

impl Revoked {
    /// By whom.
    #[must_use]
    pub const fn by(&self) -> &PrincipalName {
        &self.by
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// What they said.
    #[must_use]
    pub const fn comment(&self) -> &Words {
        &self.comment
    }
}

impl Expired {
    /// When.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }
}
