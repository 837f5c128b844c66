//! What an organization has settled about access on request.

use chrono::{DateTime, TimeDelta, Utc};
use polder_model::PrincipalName;
use serde::{Deserialize, Serialize};

/// How often a review that nobody does is asked for again.
pub(super) const REMIND_AFTER_DAYS: i64 = 7;

/// The rules of access on request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The group that has a say in personal data. Without one, nobody can be given the PII level on request.
    pub data_protection: Option<PrincipalName>,
    /// For how many days access is offered when the requester does not say.
    pub offered_days: u32,
    /// For how many days access may be asked for at most.
    pub maximum_days: u32,
    /// After how many days access that lasts longer is reviewed.
    pub review_after_days: u32,
}

impl Default for Rules {
    fn default() -> Self {
        Self { data_protection: None, offered_days: 30, maximum_days: 365, review_after_days: 90 }
    }
}

impl Rules {
    /// Until when access is offered.
    #[must_use]
    pub fn offered_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        later(now, self.offered_days.min(self.maximum_days).into())
    }

    /// The last moment until which access may be asked for.
    #[must_use]
    pub fn latest_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        later(now, self.maximum_days.into())
    }

    /// When access that is given or confirmed now is to be reviewed, if it lasts that long.
    pub(super) fn review_due(&self, now: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        Some(later(now, self.review_after_days.into())).filter(|due| *due < until)
    }
}

/// So many days later, or the end of time where that is past it.
pub(super) fn later(time: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    let delta = TimeDelta::try_days(days).unwrap_or(TimeDelta::MAX);
    time.checked_add_signed(delta).unwrap_or(DateTime::<Utc>::MAX_UTC)
}
