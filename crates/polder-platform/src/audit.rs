//! The audit trail of one operation: decisions are collected as they are made and written together.

use std::sync::{Mutex, PoisonError};

use chrono::Utc;
use polder_access::{Action, Caller, Decision};
use polder_model::{EnvironmentName, Securable};
use polder_store::AuditEvent;

use crate::error::{Doing, Error, ErrorKind};
use crate::identity::Identity;
use crate::platform::Platform;

/// The longest text of an operation that the audit keeps, in characters.
const DETAIL_LIMIT: usize = 2000;

/// What was decided and done during one operation.
pub(crate) struct AuditTrail {
    identity: Identity,
    detail: String,
    events: Mutex<Vec<AuditEvent>>,
}

impl AuditTrail {
    /// Begins the trail of an operation, such as a query with its text.
    pub(crate) fn new(identity: &Identity, detail: &str) -> Self {
        let detail = detail.chars().take(DETAIL_LIMIT).collect();
        Self { identity: identity.clone(), detail, events: Mutex::new(Vec::new()) }
    }

    /// Whether nothing was collected since it was last taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Keeps a decision.
    pub(crate) fn decided(&self, caller: &Caller, action: Action, securable: &Securable, decision: &Decision) {
        let determined_by = serde_json::to_value(decision.determined_by()).unwrap_or_default();
        self.keep(caller, action.as_str(), &securable.to_string(), decision.is_allowed(), determined_by);
    }

    /// Keeps something that was done, such as an apply.
    pub(crate) fn done(&self, caller: &Caller, what: &str, on: &str) {
        self.keep(caller, what, on, true, serde_json::Value::Null);
    }

    /// Keeps a decision of another kind, allowed or not.
    pub(crate) fn keep(&self, caller: &Caller, action: &str, securable: &str, allowed: bool, determined_by: serde_json::Value) {
        let event = AuditEvent {
            authenticated_by: self.identity.authenticated_by.clone(),
            source: self.identity.source.clone(),
            determined_by,
            detail: self.detail.clone(),
            request_id: self.identity.request_id.clone(),
            ..AuditEvent::new(Utc::now(), caller.principal.name.clone(), action, securable, allowed)
        };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// What was collected since it was last taken, to be put into the audit of an environment.
    pub(crate) fn take(&self, environment: &EnvironmentName) -> Vec<AuditEvent> {
        let mut events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        events.iter_mut().for_each(|event| event.environment = Some(environment.clone()));
        events
    }
}

impl Platform {
    /// Puts into the audit what a trail has collected. Done before anything comes of it: what cannot be recorded does not happen,
    /// and what is cut short was recorded.
    pub(crate) async fn record(&self, trail: &AuditTrail) -> Result<(), Error> {
        let appended = self.store.append_audit(trail.take(&self.environment.name)).await;
        appended.doing(ErrorKind::Unavailable, "cannot write the audit")
    }
}
