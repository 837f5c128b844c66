//! What time does to requests, and the telling: called again and again, by any number of servers at once.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use polder_access::Caller;
use polder_access::request::{Change, Effect, Event, Words};
use polder_catalog::Metastore;
use polder_model::principal::PLATFORM;
use polder_model::text::with_causes;
use polder_model::{Principal, PrincipalKind, PrincipalName, fault};
use polder_notify::{After, Delivery, Notice, SendError, after_failure};
use polder_store::{ClaimedDelivery, DeliveryOutcome, GrantsChange, RequestChange, RequestEvent, RequestKept};
use uuid::Uuid;

use super::{ATTEMPTS, AccessDesk, Deed, Read, shape};
use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::identity::Identity;
use crate::platform::Platform;

/// How many requests one sweep looks at.
const SWEEP: u32 = 1000;
/// How many deliveries are taken at once, and how long sending them may take: far longer than the limits of each allow.
const CLAIM: u32 = 16;
const LEASE: Duration = Duration::from_secs(300);
const AT_ONCE: usize = 8;

/// For how many days deliveries that ended are kept.
const KEEP_DAYS: i64 = 30;

impl Platform {
    /// Does what time asks for: gives what was approved, reminds of reviews, ends what is over. Returns how many requests changed.
    ///
    /// # Errors
    /// When requests cannot be read or kept; the next sweep goes on.
    pub async fn sweep_access(&self, desk: &AccessDesk, now: DateTime<Utc>) -> Result<usize, Error> {
        let due = self.store.requests_due(&self.environment.name, now, SWEEP).await;
        let due = due.doing(ErrorKind::Unavailable, "cannot read the access requests that are due")?;
        if due.is_empty() {
            return Ok(0);
        }
        let metastore = self.metastore().await?;
        let mut changed = 0;
        for stored in due {
            let (id, before) = (stored.row.id, stored.version);
            let moved = match shape::read(stored) {
                Ok(read) => self.advance(desk, &metastore, read, now).await.map(|read| read.version != before),
                Err(error) => Err(error),
            };
            match moved {
                Ok(moved) => changed += usize::from(moved),
                // One that cannot be read must not keep the others waiting.
                Err(error) => {
                    tracing::error!(request = %id, error = %with_causes(&error), "an access request that is due was left")
                }
            }
        }
        Ok(changed)
    }

    /// Sends what is to be told and due. Returns how many deliveries were tried.
    ///
    /// # Errors
    /// When deliveries cannot be read or recorded; the next call goes on.
    pub async fn deliver_notices(&self, desk: &AccessDesk, now: DateTime<Utc>) -> Result<usize, Error> {
        if desk.notifier.is_none() {
            return Ok(0);
        }
        let unavailable = "cannot read what is to be told";
        let claimed = self.store.claim_deliveries(&self.environment.name, now, LEASE, CLAIM).await;
        let claimed = claimed.doing(ErrorKind::Unavailable, unavailable)?;
        let tried = claimed.len();
        let sent = futures::stream::iter(claimed).map(|delivery| self.deliver(desk, delivery, now)).buffer_unordered(AT_ONCE);
        let results: Vec<Result<(), Error>> = sent.collect().await;
        results.into_iter().collect::<Result<(), Error>>()?;
        Ok(tried)
    }

    /// Forgets deliveries that ended long ago.
    ///
    /// # Errors
    /// When that cannot be recorded.
    pub async fn forget_notices(&self, now: DateTime<Utc>) -> Result<u64, Error> {
        let before = now - chrono::TimeDelta::days(KEEP_DAYS);
        let forgotten = self.store.forget_deliveries(&self.environment.name, before).await;
        forgotten.doing(ErrorKind::Unavailable, "cannot forget old deliveries")
    }

    async fn deliver(&self, desk: &AccessDesk, delivery: ClaimedDelivery, now: DateTime<Utc>) -> Result<(), Error> {
        let Some(notifier) = &desk.notifier else { return Ok(()) };
        let sent = match serde_json::from_value::<Notice>(delivery.notice.clone()) {
            Ok(notice) => {
                let ticket = delivery.ticket.as_deref();
                let (id, target, created) = (delivery.id, delivery.target.as_str(), delivery.created);
                notifier.send(Delivery { id, target, notice: &notice, ticket, created }, now).await
            }
            Err(error) => Err(SendError::Message { why: error.to_string() }),
        };
        fault::point("access.told");
        let outcome = outcome(&delivery, sent, now);
        if let DeliveryOutcome::GivenUp { error } = &outcome {
            tracing::warn!(delivery = %delivery.id, request = %delivery.request, target = ?delivery.target, ?error, "a notice was given up");
        }
        let finished = self.store.finish_delivery(&delivery, &outcome, now).await;
        finished.map(drop).doing(ErrorKind::Unavailable, "cannot record what became of a notice")
    }

    /// Lets time do all it asks for to one request. A request that someone else changed is read anew.
    pub(super) async fn advance(
        &self,
        desk: &AccessDesk,
        metastore: &Metastore,
        mut read: Read,
        now: DateTime<Utc>,
    ) -> Result<Read, Error> {
        for _ in 0..ATTEMPTS {
            let due = if read.bereft { read.request.bereave(platform_name()?, now) } else { read.request.tick(&desk.rules, now) };
            let Some(change) = due else { return Ok(read) };
            fault::point("access.due");
            let trail = self.trail_of_time(&change)?;
            let did = Deed { by: None, comment: Words::default(), at: now, trail: &trail };
            read = match self.keep(desk, metastore, &change, Some(read.version), did).await? {
                RequestKept::Kept(version) => Read { request: change.request, version, ..read },
                RequestKept::Outpaced => self.anew(change.request.id().0).await?,
            };
        }
        Ok(read)
    }

    async fn anew(&self, id: Uuid) -> Result<Read, Error> {
        let found = self.store.request(&self.environment.name, id).await;
        let found = found.doing(ErrorKind::Unavailable, "cannot read the access request")?;
        shape::read(found.ok_or_else(|| Error::new(ErrorKind::Failed, format!("access request {id} is gone")))?)
    }

    /// Keeps a change with its grants, what is to be told of it and what the audit is to have.
    pub(super) async fn keep(
        &self,
        desk: &AccessDesk,
        metastore: &Metastore,
        change: &Change,
        was: Option<u64>,
        deed: Deed<'_>,
    ) -> Result<RequestKept, Error> {
        let Deed { by, comment, at, trail } = deed;
        let deliveries = self.deliveries(desk, metastore, change, by.as_ref(), &comment, at);
        let event = RequestEvent {
            time: at,
            principal: by,
            event: change.event.as_str().to_owned(),
            state: change.request.standing().as_str().to_owned(),
            comment: comment.into(),
        };
        let grants = match &change.effect {
            Effect::None => GrantsChange::None,
            Effect::Give { grants, until } => GrantsChange::Give { grants: grants.clone(), until: *until },
            Effect::End => GrantsChange::End,
        };
        let row = shape::row(&change.request)?;
        let environment = &self.environment.name;
        let audit = trail.take(environment);
        let change = RequestChange { environment, row, was, event, grants, deliveries, audit };
        self.store.keep_request(change).await.doing(ErrorKind::Unavailable, "cannot keep the access request")
    }

    /// What time does is in the audit too, done by the platform itself.
    fn trail_of_time(&self, change: &Change) -> Result<AuditTrail, Error> {
        let caller = Caller::new(Principal { kind: PrincipalKind::ServicePrincipal, name: platform_name()? });
        let identity = Identity { authenticated_by: "itself".to_owned(), source: String::new(), ..(*self.identity).clone() };
        let ask = change.request.ask();
        let detail = format!("access request {}: {} for {}", change.request.id(), shape::level_word(ask.level), ask.beneficiary);
        let trail = AuditTrail::new(&identity, &detail);
        let what = match change.event {
            Event::Provisioned => "give access to",
            Event::Expired => "expire access to",
            Event::Lapsed => "let lapse a request for",
            Event::Revoked => "revoke access to",
            _ => return Ok(trail),
        };
        trail.done(&caller, what, &ask.securable.to_string());
        Ok(trail)
    }
}

fn platform_name() -> Result<PrincipalName, Error> {
    PrincipalName::new(PLATFORM).map_err(|e| Error::new(ErrorKind::Failed, e.to_string()))
}

fn outcome(delivery: &ClaimedDelivery, sent: Result<Option<String>, SendError>, now: DateTime<Utc>) -> DeliveryOutcome {
    let failed = match sent {
        Ok(ticket) => return DeliveryOutcome::Sent { ticket },
        Err(failed) => failed,
    };
    let error = with_causes(&failed);
    if !failed.may_pass() {
        return DeliveryOutcome::GivenUp { error };
    }
    let random = Uuid::new_v4().as_u128() as f64 / u128::MAX as f64;
    match after_failure(delivery.created, delivery.attempts + 1, now, random) {
        After::TryAt(due) => DeliveryOutcome::Retry { due, error },
        After::GiveUp => DeliveryOutcome::GivenUp { error },
    }
}
