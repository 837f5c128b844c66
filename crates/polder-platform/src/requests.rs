//! Access on request: asking, following, deciding. What time does, the notices and the export are beside this file.
//!
//! A request is read, decided on by `polder-access`, and kept only if nobody changed it meanwhile; otherwise it is read anew.

mod desk;
mod export;
mod notices;
mod shape;
mod sweep;

use chrono::{DateTime, Utc};
use polder_access::Caller;
use polder_access::request::{Actor, Ask, Change, Event, Refusal, Request, RequestId, Standing, Words};
use polder_api::{AccessAct, AccessQuery, AccessRequest, AskAccess};
use polder_catalog::Metastore;
use polder_model::{PrincipalName, Resource, Securable};
use polder_store::{RequestFilter, RequestKept};
use uuid::Uuid;

use crate::audit::AuditTrail;
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;

pub use desk::AccessDesk;

/// How often a request is read anew because someone else changed it in between.
const ATTEMPTS: usize = 8;
/// How many requests are read at once when a list is made of those that a caller may see.
const BATCH: u32 = 200;
/// How many batches one page may take: whoever sees few of many requests goes on from where this one ended.
const BATCHES: usize = 50;

/// A request as it was read.
pub(crate) struct Read {
    pub(crate) request: Request,
    pub(crate) version: u64,
    /// Whether whoever asked, or whom it is for, was removed.
    pub(crate) bereft: bool,
}

/// What one operation on requests goes by.
struct Scene<'a> {
    desk: &'a AccessDesk,
    metastore: std::sync::Arc<Metastore>,
    caller: Caller,
    now: DateTime<Utc>,
}

/// What happens to a request: who does it and when, what they say, and what the audit is to have of it.
pub(crate) struct Deed<'a> {
    /// Nobody does what time does.
    pub(crate) by: Option<PrincipalName>,
    pub(crate) comment: Words,
    pub(crate) at: DateTime<Utc>,
    pub(crate) trail: &'a AuditTrail,
}

impl Platform {
    /// Asks for access to a dataset.
    ///
    /// # Errors
    /// When there is no such dataset or the caller may not know of it, and when it may not be asked for so.
    pub async fn request_access(&self, desk: &AccessDesk, wish: AskAccess, now: DateTime<Utc>) -> Result<AccessRequest, Error> {
        let scene = self.scene(desk, now).await?;
        let trail = self.trail(&format!("{} access, for: {}", wish.level.as_str(), wish.purpose));
        self.ask(&scene, &trail, wish).await
    }

    async fn ask(&self, scene: &Scene<'_>, trail: &AuditTrail, wish: AskAccess) -> Result<AccessRequest, Error> {
        let Scene { desk, metastore, caller, now } = scene;
        let resource = self.named(metastore, &wish.dataset)?;
        let requester = caller.principal.name.clone();
        let name = &wish.dataset;
        let nothing = || Error::new(ErrorKind::Invalid, format!("{name} is a {}, which nobody reads", resource.kind()));
        let ask = Ask {
            securable: resource.securable().ok_or_else(nothing)?,
            beneficiary: wish.beneficiary.unwrap_or_else(|| requester.clone()),
            requester,
            level: shape::level(wish.level),
            purpose: words(&wish.purpose)?,
            until: wish.until.unwrap_or_else(|| desk.rules.offered_until(*now)),
        };
        let works_for = metastore.principals().find_map(|principal| match principal {
            Resource::ServicePrincipal(one) if one.name == ask.beneficiary => one.domain.clone(),
            _ => None,
        });
        let asking = metastore.authorizer().asking(caller, &ask, works_for.as_ref());
        let securable = ask.securable.clone();
        let opened = Request::open(RequestId(Uuid::now_v7()), ask, asking, &desk.rules, *now);
        let request = self.judged(trail, caller, "request access to", &securable, opened).await?;
        let change = Change { request, event: Event::Requested, effect: polder_access::request::Effect::None };
        let did = Deed { by: Some(caller.principal.name.clone()), comment: Words::default(), at: *now, trail };
        match self.keep(desk, metastore, &change, None, did).await? {
            RequestKept::Kept(version) => {
                let read = Read { request: change.request, version, bereft: false };
                Ok(self.shown(scene, &read))
            }
            RequestKept::Outpaced => Err(Error::new(ErrorKind::Conflict, "the same is asked already, and not decided yet")
                .with_hint("`polder access list --mine` shows it")),
        }
    }

    /// The requests that the caller may see, newest first, and the id to go on from when there are more.
    ///
    /// # Errors
    /// When a dataset is named that is not there or that the caller may not know of.
    pub async fn access_requests(
        &self,
        desk: &AccessDesk,
        query: &AccessQuery,
        before: Option<Uuid>,
        limit: usize,
        now: DateTime<Utc>,
    ) -> Result<(Vec<AccessRequest>, Option<Uuid>), Error> {
        let scene = self.scene(desk, now).await?;
        let trail = self.trail("list access requests");
        trail.done(&scene.caller, "list", &format!("access requests of {}", self.environment.name));
        self.record(&trail).await?;
        let securable = match &query.dataset {
            Some(name) => self.named(&scene.metastore, name)?.securable().map(|securable| securable.to_string()),
            None => None,
        };
        let state = if query.to_decide { Some("requested") } else { query.state.map(polder_api::AccessState::as_str) };
        let requester = query.mine.then(|| scene.caller.principal.name.clone());
        let mut filter = RequestFilter { requester, securable, state: state.map(str::to_owned), before };
        let mut shown = Vec::new();
        for _ in 0..BATCHES {
            let page = self.store.requests(&self.environment.name, &filter, BATCH).await;
            let page = page.doing(ErrorKind::Unavailable, "cannot read the access requests")?;
            let last = page.len() < BATCH as usize;
            for stored in page {
                filter.before = Some(stored.row.id);
                let read = shape::read(stored)?;
                if !self.may_see(&scene, &read) {
                    continue;
                }
                let request = self.shown(&scene, &read);
                let kept = (!query.to_decide || request.may.contains(&AccessAct::Approve))
                    && query.state.is_none_or(|state| request.state == state);
                if kept {
                    shown.push(request);
                }
                // One more than is asked for says that there are more.
                if shown.len() > limit {
                    shown.pop();
                    return Ok((shown.clone(), shown.last().map(|request| request.id)));
                }
            }
            if last {
                return Ok((shown, None));
            }
        }
        Ok((shown, filter.before))
    }

    /// One request, with all that happened to it.
    ///
    /// # Errors
    /// When it is not there, or the caller may not know of it.
    pub async fn access_request(&self, desk: &AccessDesk, id: Uuid, now: DateTime<Utc>) -> Result<AccessRequest, Error> {
        let scene = self.scene(desk, now).await?;
        let trail = self.trail("show an access request");
        trail.done(&scene.caller, "show", &format!("access request {id}"));
        self.record(&trail).await?;
        let read = self.seen(&scene, id).await?;
        let mut shown = self.shown(&scene, &read);
        let unreadable = || "cannot read what happened to the access request";
        let history = self.store.request_history(id).await.doing(ErrorKind::Unavailable, unreadable())?;
        shown.history = history.into_iter().map(shape::event).collect();
        let capacity = scene.metastore.authorizer().capacity(&scene.caller, read.request.ask(), &desk.rules);
        if capacity.owns || capacity.administers {
            let deliveries = self.store.deliveries(id).await.doing(ErrorKind::Unavailable, unreadable())?;
            shown.deliveries = deliveries.into_iter().map(shape::delivery).collect();
        }
        Ok(shown)
    }

    /// Approves, rejects (or takes back), reviews or revokes. With `version`, only if the request still has that version.
    ///
    /// # Errors
    /// When there is no such request for the caller, the caller may not do this, or it cannot be done now.
    pub async fn decide_access(
        &self,
        desk: &AccessDesk,
        id: Uuid,
        act: AccessAct,
        comment: &str,
        version: Option<u64>,
        now: DateTime<Utc>,
    ) -> Result<AccessRequest, Error> {
        let scene = self.scene(desk, now).await?;
        let trail = self.trail(&format!("access request {id}: {comment}"));
        self.decide(&scene, &trail, id, act, &words(comment)?, version).await
    }

    async fn decide(
        &self,
        scene: &Scene<'_>,
        trail: &AuditTrail,
        id: Uuid,
        act: AccessAct,
        comment: &Words,
        version: Option<u64>,
    ) -> Result<AccessRequest, Error> {
        let Scene { desk, metastore, caller, now } = scene;
        for _ in 0..ATTEMPTS {
            let mut read = self.seen(scene, id).await?;
            if version.is_some_and(|version| version != read.version) {
                return Err(changed_meanwhile());
            }
            // Access whose giving was cut short is given first, and can then be revoked.
            if read.bereft || matches!(read.request.standing(), Standing::Approved(_)) {
                read = self.advance(desk, metastore, read, *now).await?;
            }
            let act = shape::act(act, &read.request, caller);
            let facts = metastore.authorizer().request_facts(caller, &read.request, &desk.rules);
            let actor = Actor {
                name: caller.principal.name.clone(),
                local_admin: caller.local_admin,
                now: *now,
                comment: comment.clone(),
            };
            let decided = read.request.act(act, actor, &facts, &desk.rules);
            let securable = read.request.ask().securable.clone();
            let change = self.judged(trail, caller, act.as_str(), &securable, decided).await?;
            let did = Deed { by: Some(caller.principal.name.clone()), comment: comment.clone(), at: *now, trail };
            let kept = self.keep(desk, metastore, &change, Some(read.version), did).await?;
            let RequestKept::Kept(version) = kept else { continue };
            // A process that dies here leaves the request due: the next sweep gives what was approved.
            let read =
                self.advance(desk, metastore, Read { request: change.request, version, bereft: read.bereft }, *now).await?;
            return Ok(self.shown(scene, &read));
        }
        Err(changed_meanwhile())
    }

    async fn scene<'a>(&self, desk: &'a AccessDesk, now: DateTime<Utc>) -> Result<Scene<'a>, Error> {
        let metastore = self.metastore().await?;
        let caller = self.caller(&metastore)?;
        Ok(Scene { desk, metastore, caller, now })
    }

    /// The request of this id, if the caller may see it; absent and hidden ones are told alike.
    async fn seen(&self, scene: &Scene<'_>, id: Uuid) -> Result<Read, Error> {
        let found = self.store.request(&self.environment.name, id).await;
        let found = found.doing(ErrorKind::Unavailable, "cannot read the access request")?.map(shape::read).transpose()?;
        found.filter(|read| self.may_see(scene, read)).ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no access request {id}, or you may not know of it"))
                .with_hint("`polder access list` lists those that you may know of")
        })
    }

    /// A request is for whoever made it or gains by it, and for those who have a say.
    fn may_see(&self, scene: &Scene<'_>, read: &Read) -> bool {
        let capacity = scene.metastore.authorizer().capacity(&scene.caller, read.request.ask(), &scene.desk.rules);
        capacity.benefits || capacity.owns || capacity.protects || capacity.administers
    }

    fn shown(&self, scene: &Scene<'_>, read: &Read) -> AccessRequest {
        let facts = scene.metastore.authorizer().request_facts(&scene.caller, &read.request, &scene.desk.rules);
        let actor = || Actor {
            name: scene.caller.principal.name.clone(),
            local_admin: scene.caller.local_admin,
            now: scene.now,
            comment: Words::default(),
        };
        let acts = [AccessAct::Approve, AccessAct::Reject, AccessAct::Review, AccessAct::Revoke];
        let possible = |wanted: &AccessAct| {
            let act = shape::act(*wanted, &read.request, &scene.caller);
            read.request.act(act, actor(), &facts, &scene.desk.rules).is_ok()
        };
        shape::request(&self.environment.name, read, acts.into_iter().filter(possible).collect())
    }

    /// Lets through what was allowed, for the audit together with the change that comes of it. What was refused is in the audit at once.
    async fn judged<T>(
        &self,
        trail: &AuditTrail,
        caller: &Caller,
        what: &str,
        on: &Securable,
        judged: Result<T, Refusal>,
    ) -> Result<T, Error> {
        let why =
            judged.as_ref().err().map_or(serde_json::Value::Null, |refusal| serde_json::json!([{"refused": refusal.code()}]));
        trail.keep(caller, what, &on.to_string(), judged.is_ok(), why);
        match judged {
            Ok(allowed) => Ok(allowed),
            Err(refusal) => {
                self.record(trail).await?;
                Err(refused(&refusal, on))
            }
        }
    }
}

fn refused(refusal: &Refusal, securable: &Securable) -> Error {
    let kind = match refusal {
        Refusal::Hidden => ErrorKind::NotFound,
        Refusal::NotADataset { .. }
        | Refusal::NoPersonalData
        | Refusal::NoDataProtection
        | Refusal::NoPurpose
        | Refusal::Over { .. }
        | Refusal::TooLong { .. } => ErrorKind::Invalid,
        Refusal::NotForThem { .. } | Refusal::OwnRequest | Refusal::NotAPerson | Refusal::NotYours { .. } => ErrorKind::Denied,
        Refusal::AlreadyApproved | Refusal::NotNow { .. } => ErrorKind::Conflict,
    };
    Error::new(kind, format!("{}: {refusal}", securable.full_name()))
}

fn words(text: &str) -> Result<Words, Error> {
    Words::new(text).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()))
}

fn changed_meanwhile() -> Error {
    Error::new(ErrorKind::Conflict, "someone else changed the access request meanwhile")
        .with_hint("look at it again with `polder access show`, and decide anew")
}
