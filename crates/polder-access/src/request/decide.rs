//! Decides on requests: what somebody does to one, and what time does to it.

use chrono::{DateTime, Utc};
use polder_model::PrincipalName;
use polder_model::resource::Grant;
use serde::{Deserialize, Serialize};

use super::states::{Approval, Ended, Provisioned, Requested, Review, Standing};
use super::{Capacity, Facts, Refusal, Request, Rules, Words, grants};
use crate::explain::Level;

/// What somebody may do to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Approve it.
    Approve,
    /// Turn it down.
    Reject,
    /// Take it back, by whoever asked.
    Withdraw,
    /// Confirm that the access is still needed.
    Confirm,
    /// End the access before its time.
    Revoke,
}

impl Act {
    /// The act's word in the audit.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve access to",
            Self::Reject => "reject access to",
            Self::Withdraw => "withdraw a request for",
            Self::Confirm => "confirm access to",
            Self::Revoke => "revoke access to",
        }
    }
}

/// Who does it, when, and what they say.
#[derive(Debug, Clone)]
pub struct Actor {
    /// Who.
    pub name: PrincipalName,
    /// Whether it is the person at their own machine.
    pub local_admin: bool,
    /// When.
    pub now: DateTime<Utc>,
    /// What they say.
    pub comment: Words,
}

/// What happened to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// It was made.
    Requested,
    /// Someone approved, and someone else has to as well.
    ApprovedInPart,
    /// The last approval came.
    Approved,
    /// It was turned down.
    Rejected,
    /// It was taken back.
    Withdrawn,
    /// Nobody decided in time.
    Lapsed,
    /// The access was given.
    Provisioned,
    /// It is time to confirm that the access is still needed.
    ReviewDue,
    /// It was time for that, and nobody did.
    ReviewOverdue,
    /// Someone confirmed.
    Confirmed,
    /// The access was ended before its time.
    Revoked,
    /// The access ended by itself.
    Expired,
}

impl Event {
    /// The event's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::ApprovedInPart => "approved_in_part",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Lapsed => "lapsed",
            Self::Provisioned => "provisioned",
            Self::ReviewDue => "review_due",
            Self::ReviewOverdue => "review_overdue",
            Self::Confirmed => "confirmed",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

/// What has to be done together with keeping the changed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Nothing more.
    None,
    /// These grants begin, and end by themselves.
    Give {
        /// The grants.
        grants: Vec<Grant>,
        /// When they end.
        until: DateTime<Utc>,
    },
    /// The request's grants end now.
    End,
}

/// A request as it is after something happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a change that is not kept did not happen"]
pub struct Change {
    /// The request.
    pub request: Request,
    /// What happened.
    pub event: Event,
    /// What has to be done.
    pub effect: Effect,
}

impl Request {
    /// Does something to a request.
    ///
    /// # Errors
    /// A [`Refusal`] that says why the actor may not, or why it cannot be done now.
    pub fn act(&self, act: Act, actor: Actor, facts: &Facts, rules: &Rules) -> Result<Change, Refusal> {
        let me = facts.of(&actor.name);
        match (act, &self.standing) {
            (Act::Approve, Standing::Requested(requested)) => self.approve(requested.clone(), actor, facts),
            (Act::Reject, Standing::Requested(requested)) => {
                self.may_decide(me)?;
                Ok(self.end(requested.clone(), Ended::Rejected, actor))
            }
            (Act::Withdraw, Standing::Requested(requested)) if actor.name == self.ask.requester => {
                Ok(self.end(requested.clone(), Ended::Withdrawn, actor))
            }
            (Act::Withdraw, Standing::Requested(_)) => Err(Refusal::NotYours { who: "whoever asked" }),
            (Act::Confirm, Standing::Provisioned(given)) => self.confirm(given.clone(), actor, me, rules),
            (Act::Revoke, Standing::Provisioned(given)) => {
                let itself = actor.name == self.ask.requester || actor.name == self.ask.beneficiary;
                if !(me.owns || me.protects || me.administers || itself) {
                    let who = "an owner, a member of the data-protection group, a metastore admin or whoever has the access";
                    return Err(Refusal::NotYours { who });
                }
                let revoked = given.clone().revoke(actor.name, actor.now, actor.comment);
                Ok(self.turn(Standing::Revoked(revoked), Event::Revoked, Effect::End))
            }
            (_, standing) => Err(Refusal::NotNow { state: standing.as_str(), possible: possible(standing) }),
        }
    }

    /// Does what time asks for, once; `None` when there is nothing to do yet. After a change there may be more to do.
    #[must_use]
    pub fn tick(&self, rules: &Rules, now: DateTime<Utc>) -> Option<Change> {
        let over = self.ask.until <= now;
        match &self.standing {
            Standing::Requested(requested) if over => {
                let lapsed = requested.clone().end(Ended::Lapsed, None, now, Words::default());
                Some(self.turn(Standing::Rejected(lapsed), Event::Lapsed, Effect::None))
            }
            Standing::Approved(approved) => {
                let given = approved.clone().provision(now, rules.review_due(now, self.ask.until));
                let effect = Effect::Give { grants: grants::grants(&self.ask), until: self.ask.until };
                Some(self.turn(Standing::Provisioned(given), Event::Provisioned, effect))
            }
            Standing::Provisioned(given) if over => {
                let expired = Standing::Expired(given.clone().expire(now));
                Some(self.turn(expired, Event::Expired, Effect::End))
            }
            Standing::Provisioned(given) if given.reminder().is_some_and(|at| at <= now) => {
                let first = given.reminder() == given.review_due();
                let event = if first { Event::ReviewDue } else { Event::ReviewOverdue };
                Some(self.turn(Standing::Provisioned(given.clone().remind(now)), event, Effect::None))
            }
            _ => None,
        }
    }

    /// Ends it because whoever asked, or whom it is for, was removed: nobody who is called so later comes into it. `None` when it is
    /// over already.
    #[must_use]
    pub fn bereave(&self, by: PrincipalName, now: DateTime<Utc>) -> Option<Change> {
        let given = match &self.standing {
            Standing::Requested(requested) => {
                let lapsed = requested.clone().end(Ended::Lapsed, None, now, Words::default());
                return Some(self.turn(Standing::Rejected(lapsed), Event::Lapsed, Effect::None));
            }
            Standing::Approved(approved) => approved.clone().provision(now, None),
            Standing::Provisioned(given) => given.clone(),
            Standing::Rejected(_) | Standing::Revoked(_) | Standing::Expired(_) => return None,
        };
        Some(self.turn(Standing::Revoked(given.revoke(by, now, Words::default())), Event::Revoked, Effect::End))
    }

    fn approve(&self, requested: Requested, actor: Actor, facts: &Facts) -> Result<Change, Refusal> {
        let me = facts.of(&actor.name);
        self.may_decide(me)?;
        if !me.person {
            return Err(Refusal::NotAPerson);
        }
        if self.ask.until <= actor.now {
            return Err(Refusal::Over { until: self.ask.until });
        }
        if requested.approvals().iter().any(|approval| approval.by == actor.name) {
            return Err(Refusal::AlreadyApproved);
        }
        // What somebody was when they approved says nothing: they have to be it now.
        let earlier = requested.approvals().iter().map(|approval| facts.of(&approval.by));
        let all: Vec<Capacity> = earlier.chain([me]).filter(|one| one.person && !one.benefits).collect();
        let approval = Approval { by: actor.name, local_admin: actor.local_admin, at: actor.now, comment: actor.comment };
        Ok(if suffices(self.ask.level, &all) {
            self.turn(Standing::Approved(requested.approve(approval)), Event::Approved, Effect::None)
        } else {
            self.turn(Standing::Requested(requested.wait(approval)), Event::ApprovedInPart, Effect::None)
        })
    }

    fn confirm(&self, given: Provisioned, actor: Actor, me: Capacity, rules: &Rules) -> Result<Change, Refusal> {
        if me.benefits {
            return Err(Refusal::OwnRequest);
        }
        if !me.owns {
            return Err(Refusal::NotYours { who: "an owner of the dataset" });
        }
        if !me.person {
            return Err(Refusal::NotAPerson);
        }
        if self.ask.until <= actor.now {
            return Err(Refusal::Over { until: self.ask.until });
        }
        let due = rules.review_due(actor.now, self.ask.until);
        let given = given.confirm(Review { by: actor.name, at: actor.now, comment: actor.comment }, due);
        Ok(self.turn(Standing::Provisioned(given), Event::Confirmed, Effect::None))
    }

    /// Whether somebody has a say in whether it is approved.
    fn may_decide(&self, me: Capacity) -> Result<(), Refusal> {
        if me.benefits {
            return Err(Refusal::OwnRequest);
        }
        match self.ask.level {
            Level::Regular if !me.owns => Err(Refusal::NotYours { who: "an owner of the dataset" }),
            Level::Pii if !me.owns && !me.protects => {
                Err(Refusal::NotYours { who: "an owner of the dataset or a member of the data-protection group" })
            }
            _ => Ok(()),
        }
    }

    fn end(&self, requested: Requested, how: Ended, actor: Actor) -> Change {
        let event = if how == Ended::Rejected { Event::Rejected } else { Event::Withdrawn };
        let rejected = requested.end(how, Some(actor.name), actor.now, actor.comment);
        self.turn(Standing::Rejected(rejected), event, Effect::None)
    }

    fn turn(&self, standing: Standing, event: Event, effect: Effect) -> Change {
        Change { request: Self { standing, ..self.clone() }, event, effect }
    }
}

/// Whether those who approved are enough: an owner, and for personal data someone else of data protection.
fn suffices(level: Level, approvers: &[Capacity]) -> bool {
    let owner = |at: usize| approvers[at].owns;
    let protects_beside = |owner: usize| (0..approvers.len()).any(|other| other != owner && approvers[other].protects);
    (0..approvers.len()).any(|at| owner(at) && (level == Level::Regular || protects_beside(at)))
}

const fn possible(standing: &Standing) -> &'static str {
    match standing {
        Standing::Requested(_) => "it can be approved, rejected or withdrawn",
        Standing::Approved(_) => "the access is about to be given, and can then be revoked",
        Standing::Provisioned(_) => "it can be reviewed or revoked",
        Standing::Rejected(_) | Standing::Revoked(_) | Standing::Expired(_) => "it is over; ask anew",
    }
}
