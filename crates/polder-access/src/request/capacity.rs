//! In which capacity somebody acts on a request: what ownership and membership say now.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::{DomainName, PrincipalKind, PrincipalName, Role, Securable};

use super::{Ask, Asking, Request, Rules};
use crate::authorizer::{Authorizer, Subject};
use crate::explain::Level;
use crate::permit::Caller;

/// What somebody is to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Capacity {
    /// A person, and not a program.
    pub person: bool,
    /// One of the dataset's owners.
    pub owns: bool,
    /// A member of the data-protection group.
    pub protects: bool,
    /// An admin of the metastore.
    pub administers: bool,
    /// Who asked, or who has or would have the access, if only as a member of a group.
    pub benefits: bool,
}

/// What is known of whoever acts and of those who approved before.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// By name. Who is not in it has no say any more.
    pub capacities: BTreeMap<PrincipalName, Capacity>,
}

impl Facts {
    /// What somebody is to the request.
    #[must_use]
    pub fn of(&self, name: &PrincipalName) -> Capacity {
        self.capacities.get(name).copied().unwrap_or_default()
    }
}

impl Authorizer {
    /// What a caller and those who approved before are to a request.
    #[must_use]
    pub fn request_facts(&self, caller: &Caller, request: &Request, rules: &Rules) -> Facts {
        let mut facts = Facts::default();
        for approval in request.standing().approvals() {
            let capacity = if approval.local_admin {
                Some(Self::local_admin(&approval.by, request.ask()))
            } else {
                self.principal(&approval.by).map(|principal| self.capacity(&Caller::new(principal), request.ask(), rules))
            };
            facts.capacities.extend(capacity.map(|capacity| (approval.by.clone(), capacity)));
        }
        facts.capacities.insert(caller.principal.name.clone(), self.capacity(caller, request.ask(), rules));
        facts
    }

    /// What a caller is to what is asked.
    #[must_use]
    pub fn capacity(&self, caller: &Caller, ask: &Ask, rules: &Rules) -> Capacity {
        let name = &caller.principal.name;
        if caller.local_admin {
            return Self::local_admin(name, ask);
        }
        let administers = caller.roles.has(Role::Metastore);
        let Some(Subject::Known(reach, _)) = self.subject(caller) else {
            return Capacity { administers, ..Capacity::default() };
        };
        let is_in = |group: &PrincipalName| self.principals.principal(group).is_some_and(|(id, _)| reach.depth(id).is_some());
        let id = self.securables.find(&ask.securable);
        Capacity {
            person: caller.principal.kind == PrincipalKind::User,
            owns: id.is_some_and(|id| self.ownership(reach, id).is_some()),
            protects: rules.data_protection.as_ref().is_some_and(is_in),
            administers,
            benefits: *name == ask.requester || is_in(&ask.beneficiary),
        }
    }

    /// The people who may approve what is asked, by name.
    #[must_use]
    pub fn approvers(&self, ask: &Ask, rules: &Rules) -> Vec<PrincipalName> {
        let owner = self.securables.find(&ask.securable).and_then(|id| self.securables.node(id).owner);
        let protection = rules.data_protection.as_ref().filter(|_| ask.level == Level::Pii);
        let protection = protection.and_then(|group| self.principals.principal(group)).map(|(id, _)| id);
        let groups = owner.into_iter().chain(protection).filter(|id| *id != self.principals.everyone());
        let people: BTreeSet<&PrincipalName> = groups.flat_map(|group| self.principals.people_in(group)).collect();
        let gains = |name: &PrincipalName| *name == ask.requester || *name == ask.beneficiary;
        people.into_iter().filter(|name| !gains(name)).cloned().collect()
    }

    /// What has to be known of an ask by a caller. `works_for` is the domain of a beneficiary that is a domain's service principal.
    #[must_use]
    pub fn asking(&self, caller: &Caller, ask: &Ask, works_for: Option<&DomainName>) -> Asking {
        let id = self.securables.find(&ask.securable);
        Asking {
            may_browse: self.visible(caller, &ask.securable),
            has_pii: id.is_some_and(|id| self.securables.node(id).has_pii),
            speaks_for: caller.principal.name == ask.requester && self.speaks_for(caller, &ask.beneficiary, works_for),
        }
    }

    /// Whoever asks may do so for itself, for a group that it is in other than everyone's, and for a service principal whose
    /// domain's catalog it owns. The local admin has no name that a grant could be to, and may ask for anyone.
    fn speaks_for(&self, caller: &Caller, beneficiary: &PrincipalName, works_for: Option<&DomainName>) -> bool {
        let Some((id, principal)) = self.principals.principal(beneficiary) else { return false };
        if id == self.principals.everyone() {
            return false;
        }
        if caller.local_admin {
            return true;
        }
        let Some(Subject::Known(reach, _)) = self.subject(caller) else { return false };
        match principal.kind {
            PrincipalKind::User | PrincipalKind::Group => reach.depth(id).is_some(),
            PrincipalKind::ServicePrincipal => {
                let catalog = works_for.and_then(|domain| self.securables.find(&Securable::Catalog(domain.clone())));
                reach.depth(id).is_some() || catalog.is_some_and(|catalog| self.ownership(reach, catalog).is_some())
            }
        }
    }

    /// The person at their own machine owns what is there.
    fn local_admin(name: &PrincipalName, ask: &Ask) -> Capacity {
        Capacity { person: true, owns: true, protects: false, administers: true, benefits: *name == ask.requester }
    }
}
