//! What SCIM clients do, in the audit.

use chrono::Utc;
use polder_model::PrincipalName;
use polder_platform::Identity;
use polder_scim::ResourceKind;
use polder_store::AuditEvent;

use super::answer::Refusal;
use crate::state::App;

/// The longest detail that is kept, in characters.
const DETAIL_LIMIT: usize = 500;

/// Puts a change into the audit, before it is made: what cannot be audited is not done.
pub(super) async fn changes(
    app: &App,
    by: &Identity,
    what: &str,
    kind: ResourceKind,
    name: &PrincipalName,
    detail: &str,
) -> Result<(), Refusal> {
    let kind = if kind == ResourceKind::User { "user" } else { "group" };
    write(app, by, what, &format!("{kind} {name}"), true, detail).await
}

/// Puts into the audit that somebody may not use SCIM.
pub(super) async fn refused(app: &App, by: &Identity) -> Result<(), Refusal> {
    write(app, by, "use scim", "users and groups", false, "").await
}

async fn write(app: &App, by: &Identity, action: &str, on: &str, allowed: bool, detail: &str) -> Result<(), Refusal> {
    let principal = PrincipalName::new(by.name()).map_err(crate::problem::Problem::internal)?;
    let event = AuditEvent {
        authenticated_by: by.authenticated_by.clone(),
        source: by.source.clone(),
        determined_by: serde_json::json!(if allowed {
            "may keep users and groups"
        } else {
            "neither account admin nor scim token"
        }),
        detail: detail.chars().take(DETAIL_LIMIT).collect(),
        request_id: by.request_id.clone(),
        ..AuditEvent::new(Utc::now(), principal, action, on, allowed)
    };
    Ok(app.store.append_audit(vec![event]).await?)
}
