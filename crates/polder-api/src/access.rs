//! Access on request: asking, deciding, and the grants that come of it.

use chrono::{DateTime, Utc};
use polder_model::{EnvironmentName, PrincipalName};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// With personal data masked, or in clear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessLevel {
    /// Columns tagged `pii` are masked.
    #[default]
    Regular,
    /// Columns tagged `pii` are in clear.
    Pii,
}

/// How a request for access stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessState {
    /// It waits for approvals.
    Requested,
    /// All who have to have approved; the access is about to be given.
    Approved,
    /// It was turned down, taken back, or never decided on.
    Rejected,
    /// The access is given.
    Provisioned,
    /// The access was ended before its time.
    Revoked,
    /// The access ended by itself.
    Expired,
}

/// What may be done to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessAct {
    /// Approve it.
    Approve,
    /// Turn it down; whoever asked takes it back by the same.
    Reject,
    /// Confirm that the access is still needed.
    Review,
    /// End the access.
    Revoke,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskAccess {
    /// The dataset: `finance/customer/v1`, or its table's full name.
    #[schema(min_length = 1, max_length = 300)]
    pub dataset: String,
    /// With personal data masked, or in clear.
    #[serde(default)]
    pub level: AccessLevel,
    /// What for, in one line.
    #[schema(min_length = 1, max_length = 1000)]
    pub purpose: String,
    /// Until when; for as long as is offered, when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// For whom, if not for oneself: a group that one is in, or a service principal of one's own domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub beneficiary: Option<PrincipalName>,
}

/// What is said with an act.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccessComment {
    /// The words, in one line.
    #[serde(default)]
    #[schema(max_length = 1000)]
    pub comment: String,
}

/// Which requests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AccessQuery {
    /// Only one's own.
    #[serde(default)]
    pub mine: bool,
    /// Only those that one may approve.
    #[serde(default)]
    pub to_decide: bool,
    /// Only for this dataset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    /// Only in this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(inline)]
    pub state: Option<AccessState>,
    /// How many are on a page: 100 unless told, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// The `next_cursor` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// Someone's approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessApproval {
    /// Whose.
    #[schema(value_type = String)]
    pub by: PrincipalName,
    /// When.
    pub at: DateTime<Utc>,
    /// What they said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// Something that happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessEvent {
    /// When.
    pub time: DateTime<Utc>,
    /// Who did it; nobody did what time did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub by: Option<PrincipalName>,
    /// What happened.
    pub event: String,
    /// What they said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// How the telling of an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessDelivery {
    /// Its id, which receivers know repetitions by.
    pub id: Uuid,
    /// To whom.
    pub target: String,
    /// `waiting`, `sent` or `given_up`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A request for access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessRequest {
    /// Its id, which sorts by when it was made.
    pub id: Uuid,
    /// Where.
    #[schema(value_type = String)]
    pub environment: EnvironmentName,
    /// The full name of the table, view or volume.
    pub dataset: String,
    /// Table, view or volume.
    pub kind: String,
    /// Who asked.
    #[schema(value_type = String)]
    pub requester: PrincipalName,
    /// For whom.
    #[schema(value_type = String)]
    pub beneficiary: PrincipalName,
    /// With personal data masked, or in clear.
    pub level: AccessLevel,
    /// What for.
    pub purpose: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// When it was asked.
    pub asked: DateTime<Utc>,
    /// How it stands.
    pub state: AccessState,
    /// Who approved so far.
    pub approvals: Vec<AccessApproval>,
    /// When the access is to be reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_due: Option<DateTime<Utc>>,
    /// What whoever asks may do to it now.
    pub may: Vec<AccessAct>,
    /// How often it has changed; its ETag.
    pub version: u64,
    /// What happened to it; of one request alone, not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<AccessEvent>,
    /// Who was told of it, for those who govern the dataset; of one request alone, not in lists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<AccessDelivery>,
}

/// A grant that was not declared by files: given on request, or by a client of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessGrant {
    /// The request that it came of, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<Uuid>,
    /// On what: `table finance.bronze.customer_v1`.
    pub on: String,
    /// To whom.
    #[schema(value_type = String)]
    pub to: PrincipalName,
    /// What.
    pub privileges: Vec<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Until when, if it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// The grants that hold, as a file of the repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessExport {
    /// The file's path in the mesh's folder.
    pub path: String,
    /// The file.
    pub text: String,
    /// How many requests' grants are in it.
    pub requests: usize,
    /// How many grants of catalog clients are in it.
    pub others: usize,
}

impl AccessState {
    /// The state's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Provisioned => "provisioned",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl AccessLevel {
    /// The level's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Pii => "pii",
        }
    }
}

impl AccessAct {
    /// The act's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Review => "review",
            Self::Revoke => "revoke",
        }
    }
}
