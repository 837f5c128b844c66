//! What sign-on, tokens and roles leave in the audit: changes that concern the whole tenant.

use chrono::Utc;
use polder_model::PrincipalName;
use polder_platform::Identity;
use polder_store::AuditEvent;

use crate::problem::Problem;
use crate::state::App;

/// Puts a change, or its refusal, into the audit. Nothing is done whose audit cannot be written.
pub(super) async fn record(
    app: &App,
    identity: &Identity,
    action: &str,
    on: &str,
    allowed: bool,
    detail: &str,
) -> Result<(), Problem> {
    let name: PrincipalName = identity.name().parse().map_err(Problem::internal)?;
    let event = AuditEvent {
        authenticated_by: identity.authenticated_by.clone(),
        source: identity.source.clone(),
        detail: detail.to_owned(),
        request_id: identity.request_id.clone(),
        ..AuditEvent::new(Utc::now(), name, action, on, allowed)
    };
    Ok(app.store.append_audit(vec![event]).await?)
}
