//! Requests as the store keeps them and as the API shows them.

use polder_access::request::{Act, Request, Standing};
use polder_access::{Caller, Level};
use polder_api::{AccessAct, AccessApproval, AccessDelivery, AccessEvent, AccessLevel, AccessRequest, AccessState};
use polder_model::EnvironmentName;
use polder_store::{DeliveryRecord, RequestEvent, RequestRow, StoredRequest};

use super::Read;
use crate::error::{Doing, Error, ErrorKind};

pub(super) fn read(stored: StoredRequest) -> Result<Read, Error> {
    let id = stored.row.id;
    let request = serde_json::from_value(stored.row.document);
    let request = request.doing(ErrorKind::Unavailable, format!("access request {id} cannot be read"))?;
    Ok(Read { request, version: stored.version, bereft: stored.bereft.is_some() })
}

pub(super) fn row(request: &Request) -> Result<RequestRow, Error> {
    let ask = request.ask();
    Ok(RequestRow {
        id: request.id().0,
        securable: ask.securable.to_string(),
        requester: ask.requester.clone(),
        beneficiary: ask.beneficiary.clone(),
        level: level_word(ask.level).to_owned(),
        state: request.standing().as_str().to_owned(),
        asked: request.asked(),
        due: request.due(),
        document: serde_json::to_value(request).doing(ErrorKind::Failed, "cannot write an access request")?,
    })
}

pub(super) const fn level(level: AccessLevel) -> Level {
    match level {
        AccessLevel::Regular => Level::Regular,
        AccessLevel::Pii => Level::Pii,
    }
}

pub(super) const fn level_word(level: Level) -> &'static str {
    match level {
        Level::Regular => AccessLevel::Regular.as_str(),
        Level::Pii => AccessLevel::Pii.as_str(),
    }
}

/// What an act of the API is. Whoever asked takes a request back by rejecting it.
pub(super) fn act(act: AccessAct, request: &Request, caller: &Caller) -> Act {
    match act {
        AccessAct::Approve => Act::Approve,
        AccessAct::Reject if caller.principal.name == request.ask().requester => Act::Withdraw,
        AccessAct::Reject => Act::Reject,
        AccessAct::Review => Act::Confirm,
        AccessAct::Revoke => Act::Revoke,
    }
}

pub(super) fn request(environment: &EnvironmentName, read: &Read, may: Vec<AccessAct>) -> AccessRequest {
    let (ask, standing) = (read.request.ask(), read.request.standing());
    let approval = |one: &polder_access::request::Approval| AccessApproval {
        by: one.by.clone(),
        at: one.at,
        comment: one.comment.to_string(),
    };
    AccessRequest {
        id: read.request.id().0,
        environment: environment.clone(),
        dataset: ask.securable.full_name(),
        kind: ask.securable.kind().to_string(),
        requester: ask.requester.clone(),
        beneficiary: ask.beneficiary.clone(),
        level: if ask.level == Level::Pii { AccessLevel::Pii } else { AccessLevel::Regular },
        purpose: ask.purpose.to_string(),
        until: ask.until,
        asked: read.request.asked(),
        state: state(standing),
        approvals: standing.approvals().iter().map(approval).collect(),
        review_due: if let Standing::Provisioned(given) = standing { given.review_due() } else { None },
        may,
        version: read.version,
        history: Vec::new(),
        deliveries: Vec::new(),
    }
}

const fn state(standing: &Standing) -> AccessState {
    match standing {
        Standing::Requested(_) => AccessState::Requested,
        Standing::Approved(_) => AccessState::Approved,
        Standing::Rejected(_) => AccessState::Rejected,
        Standing::Provisioned(_) => AccessState::Provisioned,
        Standing::Revoked(_) => AccessState::Revoked,
        Standing::Expired(_) => AccessState::Expired,
    }
}

pub(super) fn event(event: RequestEvent) -> AccessEvent {
    AccessEvent { time: event.time, by: event.principal, event: event.event, comment: event.comment }
}

pub(super) fn delivery(record: DeliveryRecord) -> AccessDelivery {
    let DeliveryRecord { id, target, state, attempts, error, .. } = record;
    AccessDelivery { id, target, state, attempts, error }
}
