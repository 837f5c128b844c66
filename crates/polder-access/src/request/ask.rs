//! What is asked for, and by whom it may be.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use polder_model::{PrincipalName, Securable, SecurableKind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Refusal, Request, Rules, Standing, Words};
use crate::explain::Level;

/// A request's id. It sorts by when the request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for RequestId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The dataset: a table, a view or a volume.
    pub securable: Securable,
    /// Who asks.
    pub requester: PrincipalName,
    /// Who is to have the access: the requester, a group that it is in, or a service principal of its own domain.
    pub beneficiary: PrincipalName,
    /// With personal data masked or in clear.
    pub level: Level,
    /// What for.
    pub purpose: Words,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What has to be known of an ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Asking {
    /// Whether the requester may know of the dataset.
    pub may_browse: bool,
    /// Whether the dataset holds personal data.
    pub has_pii: bool,
    /// Whether the requester may ask for the beneficiary.
    pub speaks_for: bool,
}

impl Request {
    /// Opens a request.
    ///
    /// # Errors
    /// A [`Refusal`] when it may not be asked, or not so.
    pub fn open(id: RequestId, ask: Ask, asking: Asking, rules: &Rules, now: DateTime<Utc>) -> Result<Self, Refusal> {
        if !asking.may_browse {
            return Err(Refusal::Hidden);
        }
        let kind = ask.securable.kind();
        use SecurableKind::{ForeignTable, Table, View, Volume};
        if !matches!(kind, Table | ForeignTable | View | Volume) {
            return Err(Refusal::NotADataset { kind });
        }
        if !asking.speaks_for {
            return Err(Refusal::NotForThem { beneficiary: ask.beneficiary });
        }
        if ask.level == Level::Pii && (!asking.has_pii || kind == SecurableKind::Volume) {
            return Err(Refusal::NoPersonalData);
        }
        if ask.level == Level::Pii && rules.data_protection.is_none() {
            return Err(Refusal::NoDataProtection);
        }
        if ask.purpose.is_empty() {
            return Err(Refusal::NoPurpose);
        }
        if ask.until <= now {
            return Err(Refusal::Over { until: ask.until });
        }
        if ask.until > rules.latest_until(now) {
            return Err(Refusal::TooLong { maximum_days: rules.maximum_days });
        }
        Ok(Self { id, ask, asked: now, standing: Standing::default() })
    }
}
