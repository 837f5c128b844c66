//! What there is to tell.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Something that happened to a request for access. It is what a webhook's body holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What happened: `access_request.approved`.
    pub event: String,
    /// When.
    pub time: DateTime<Utc>,
    /// In which tenant.
    pub tenant: String,
    /// In which environment.
    pub environment: String,
    /// Who did it; nobody did what time did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// What they said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
    /// The request as it stands.
    pub request: Subject,
}

/// A request for access, as others are told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Its id.
    pub id: String,
    /// The dataset's full name.
    pub dataset: String,
    /// Table, view or volume.
    pub kind: String,
    /// `regular` or `pii`.
    pub level: String,
    /// Who asked.
    pub requester: String,
    /// For whom.
    pub beneficiary: String,
    /// What for.
    pub purpose: String,
    /// Until when.
    pub until: DateTime<Utc>,
    /// How it stands.
    pub state: String,
    /// Who approved so far.
    #[serde(default)]
    pub approved_by: Vec<String>,
}

impl Notice {
    /// The event without what it is of: `approved`.
    #[must_use]
    pub fn happened(&self) -> &str {
        self.event.rsplit('.').next().unwrap_or_default()
    }

    /// Whether nothing more happens to the request.
    #[must_use]
    pub fn is_last(&self) -> bool {
        matches!(self.request.state.as_str(), "rejected" | "revoked" | "expired")
    }

    /// One line that says what happened.
    #[must_use]
    pub fn summary(&self) -> String {
        let Subject { dataset, level, beneficiary, .. } = &self.request;
        let what = match self.happened() {
            "requested" => "Access requested",
            "approved_in_part" => "Access approved, a second approval is needed",
            "approved" => "Access approved",
            "rejected" => "Access request rejected",
            "withdrawn" => "Access request withdrawn",
            "lapsed" => "Access request lapsed",
            "provisioned" => "Access given",
            "review_due" => "Access due for review",
            "review_overdue" => "Access overdue for review",
            "confirmed" => "Access confirmed",
            "revoked" => "Access revoked",
            "expired" => "Access expired",
            other => other,
        };
        format!("{what}: {dataset} ({level}) for {beneficiary} in {}", self.environment)
    }

    /// The whole in words, of several lines.
    #[must_use]
    pub fn words(&self) -> String {
        let Subject { id, dataset, kind, level, requester, beneficiary, purpose, until, state, approved_by } = &self.request;
        let mut lines = vec![self.summary(), String::new()];
        if let Some(actor) = &self.actor {
            lines.push(format!("By:          {actor}"));
        }
        if !self.comment.is_empty() {
            lines.push(format!("Comment:     {}", self.comment));
        }
        lines.push(format!("Dataset:     {kind} {dataset}"));
        lines.push(format!("Level:       {level}"));
        lines.push(format!("Requested:   by {requester} for {beneficiary}"));
        lines.push(format!("Purpose:     {purpose}"));
        lines.push(format!("Until:       {}", until.format("%Y-%m-%d %H:%M UTC")));
        lines.push(format!("State:       {state}"));
        if !approved_by.is_empty() {
            lines.push(format!("Approved by: {}", approved_by.join(", ")));
        }
        lines.push(format!("Environment: {} of tenant {}", self.environment, self.tenant));
        lines.push(String::new());
        lines.push(format!("polder access show {id} -e {}", self.environment));
        lines.join("\n")
    }
}
