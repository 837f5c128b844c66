//! What is told of an event, and to whom.

use chrono::{DateTime, Utc};
use polder_access::request::{Change, Event, Words};
use polder_catalog::Metastore;
use polder_model::PrincipalName;
use polder_notify::{Notice, Subject};
use polder_store::NewDelivery;

use super::{AccessDesk, shape};
use crate::platform::Platform;

impl Platform {
    /// The deliveries that tell of a change: to every hook and ticket system, and by mail to those whom it concerns.
    pub(super) fn deliveries(
        &self,
        desk: &AccessDesk,
        metastore: &Metastore,
        change: &Change,
        by: Option<&PrincipalName>,
        comment: &Words,
        now: DateTime<Utc>,
    ) -> Vec<NewDelivery> {
        let Some(notifier) = &desk.notifier else { return Vec::new() };
        let people = if notifier.writes_mail() { concerned(desk, metastore, change, by) } else { Vec::new() };
        let targets = notifier.targets(people.iter().map(PrincipalName::as_str));
        let notice = self.notice(change, by, comment, now);
        let Ok(notice) = serde_json::to_value(notice) else { return Vec::new() };
        targets.into_iter().map(|target| NewDelivery { target, notice: notice.clone() }).collect()
    }

    fn notice(&self, change: &Change, by: Option<&PrincipalName>, comment: &Words, now: DateTime<Utc>) -> Notice {
        let (ask, standing) = (change.request.ask(), change.request.standing());
        Notice {
            event: format!("access_request.{}", change.event.as_str()),
            time: now,
            tenant: self.environment.tenant.to_string(),
            environment: self.environment.name.to_string(),
            actor: by.map(ToString::to_string),
            comment: comment.to_string(),
            request: Subject {
                id: change.request.id().to_string(),
                dataset: ask.securable.full_name(),
                kind: ask.securable.kind().to_string(),
                level: shape::level_word(ask.level).to_owned(),
                requester: ask.requester.to_string(),
                beneficiary: ask.beneficiary.to_string(),
                purpose: ask.purpose.to_string(),
                until: ask.until,
                state: standing.as_str().to_owned(),
                approved_by: standing.approvals().iter().map(|approval| approval.by.to_string()).collect(),
            },
        }
    }
}

/// Those who have something to do are told, and whoever asked is told what came of it; nobody is told what they did themselves.
fn concerned(desk: &AccessDesk, metastore: &Metastore, change: &Change, by: Option<&PrincipalName>) -> Vec<PrincipalName> {
    let ask = change.request.ask();
    let asks_approvers =
        matches!(change.event, Event::Requested | Event::ApprovedInPart | Event::ReviewDue | Event::ReviewOverdue);
    let mut people = vec![ask.requester.clone(), ask.beneficiary.clone()];
    if asks_approvers {
        people.extend(metastore.authorizer().approvers(ask, &desk.rules));
    }
    people.retain(|person| Some(person) != by);
    // A group has no address of its own: its members find what they were given.
    people.retain(|person| {
        let principal = metastore.authorizer().principal(person);
        principal.is_some_and(|principal| principal.kind == polder_model::PrincipalKind::User)
    });
    people
}
