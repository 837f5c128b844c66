//! The authorizer: one state of the metastore, ready to answer. Built once, then only read.

mod through;

use polder_model::connection::ForeignTable;
use polder_model::resource::{Environment, Grant, Group, Table};
use polder_model::{Principal, PrincipalKind, PrincipalName, Privilege, Resource, Role, Roles, Securable, SecurableKind};

use crate::decision::{Decision, Denial};
use crate::guardrail::{Guardrails, PolicyError, Question};
use crate::permit::{Action, Caller, Determinant, Permit};
use crate::principals::{Membership, PrincipalId, Principals, Reach};
use crate::rights::{Rights, needed, role_for};
use crate::securables::{SecurableId, Securables};
use crate::sight::Sight;

/// Answers who may do what in one environment.
///
/// Rights are Unity Catalog's: a privilege on a catalog or schema holds for all in it, a privilege on the metastore for nothing
/// but the metastore; using something needs the use of all it is in; owners may do everything with what they own and what is in it.
#[derive(Debug)]
pub struct Authorizer {
    production: bool,
    pub(crate) principals: Principals,
    pub(crate) securables: Securables,
    guardrails: Guardrails,
}

/// Who asks, as far as rights go.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// The local account admin, who needs no grant.
    LocalAdmin,
    /// A principal with all that it acts as, and its admin roles.
    Known(&'a Reach, Roles),
}

/// The grants that reach a subject on one securable and on what that inherits from, the nearest first.
pub(crate) struct Held(Vec<(SecurableId, PrincipalId, Rights)>);

/// What came of asking.
type Facts = Vec<Determinant>;

/// What allows something, before it is told: telling takes longer than finding, and most of what is found is not told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ground {
    /// Being the local account admin.
    LocalAdmin,
    /// Having an admin role.
    Role(Role),
    /// Ownership of this, by that one.
    Owner(SecurableId, PrincipalId),
    /// A grant of this, on that, to that one.
    Grant(Privilege, SecurableId, PrincipalId),
}

impl Authorizer {
    /// Reads one state of the metastore. Resources may come in any order; those that have no say in access are ignored.
    ///
    /// # Errors
    /// A [`PolicyError`] when a guardrail is not a valid Cedar policy.
    pub fn new<'a>(environment: &Environment, resources: impl IntoIterator<Item = &'a Resource>) -> Result<Self, PolicyError> {
        let (mut principals, mut securables) = (Principals::new(), Securables::new());
        let mut policies = Vec::new();
        for resource in resources {
            match resource {
                Resource::User(user) => drop(principals.declare(&user.name, PrincipalKind::User)),
                Resource::ServicePrincipal(one) => drop(principals.declare(&one.name, PrincipalKind::ServicePrincipal)),
                Resource::Group(group) => declare_group(&mut principals, group),
                Resource::Policy(policy) => policies.push(policy),
                Resource::Grant(Grant { securable, principal, privileges }) => {
                    let to = principals.intern(principal);
                    securables.grant(securable, to, privileges.iter().copied());
                }
                Resource::Table(table) => declare_table(&mut principals, &mut securables, table),
                Resource::ForeignTable(table) => declare_foreign_table(&mut principals, &mut securables, table),
                Resource::View(view) => {
                    let owner = principals.intern(&view.owner);
                    securables.declare(&Securable::View(view.name.clone()), owner, &view.columns);
                }
                other => {
                    if let (Some(securable), Some(owner)) = (other.securable(), other.owner()) {
                        let owner = principals.intern(owner);
                        securables.declare(&securable, owner, &[]);
                    }
                }
            }
        }
        securables.settle();
        let guardrails = Guardrails::new(environment, policies)?;
        Ok(Self { production: environment.production, principals, securables, guardrails })
    }

    /// Returns the principal of this name, if there is one.
    #[must_use]
    pub fn principal(&self, name: &PrincipalName) -> Option<Principal> {
        self.principals.principal(name).map(|(_, principal)| principal)
    }

    /// Returns every group that a principal is in, nested ones and the group of everyone too, the shortest chains first.
    #[must_use]
    pub fn groups_of(&self, name: &PrincipalName) -> Vec<Membership> {
        self.principals.principal(name).map(|(id, _)| self.principals.memberships(id)).unwrap_or_default()
    }

    /// Decides.
    pub fn authorize(&self, caller: &Caller, action: Action, securable: &Securable) -> Decision {
        match self.subject(caller) {
            Some(subject) => self.decide(caller, subject, action, securable),
            None => Decision::Denied(self.hide(caller, action, securable, vec![Determinant::UnknownPrincipal])),
        }
    }

    /// Returns whether the caller may know that the securable exists: by `BROWSE` or `MANAGE`, by ownership, by any privilege that it
    /// is able to use, or because something in it may be known.
    #[must_use]
    pub fn visible(&self, caller: &Caller, securable: &Securable) -> bool {
        match (self.subject(caller), self.securables.find(securable)) {
            (Some(subject), Some(id)) => self.seen(caller, subject, id),
            _ => false,
        }
    }

    /// The decision for a subject that is known.
    pub(crate) fn decide(&self, caller: &Caller, subject: Subject<'_>, action: Action, securable: &Securable) -> Decision {
        let Some(id) = self.securables.find(securable) else {
            return Decision::Denied(self.hide(caller, action, securable, vec![Determinant::NoSuchSecurable]));
        };
        let grounds = match self.grounds(subject, action, id) {
            Ok(grounds) => grounds,
            Err(missing) => return self.deny(caller, subject, action, id, missing),
        };
        let forbidden = self.forbidden(caller, action, id);
        if !forbidden.is_empty() {
            return self.deny(caller, subject, action, id, forbidden);
        }
        let sight = if action == Action::Read { self.sight(subject, id) } else { Sight::default() };
        let mut facts = self.told(subject, &grounds);
        facts.extend(sight.facts);
        Decision::Allowed(Permit {
            caller: caller.clone(),
            action,
            securable: securable.clone(),
            column_rules: sight.column_rules,
            row_conditions: sight.row_conditions,
            determined_by: facts,
        })
    }

    pub(crate) fn subject(&self, caller: &Caller) -> Option<Subject<'_>> {
        if caller.local_admin {
            return Some(Subject::LocalAdmin);
        }
        // A group is no one: nobody signs in as it.
        let id = self.principals.known(&caller.principal).filter(|_| caller.principal.kind != PrincipalKind::Group);
        match id {
            Some(id) => Some(Subject::Known(self.principals.reach(id), caller.roles)),
            // Whoever sets a new platform up is in no file yet.
            None if caller.roles != Roles::NONE => Some(Subject::Known(Reach::nobody(), caller.roles)),
            None => None,
        }
    }

    /// What ownership and grants say: what allows it, or the facts that are missing.
    fn grounds(&self, subject: Subject<'_>, action: Action, id: SecurableId) -> Result<Vec<Ground>, Facts> {
        let Some(needed) = needed(action, self.securables.node(id).securable.kind()) else {
            return Err(Vec::new());
        };
        if action == Action::Browse {
            let missing = || vec![self.missing(Privilege::Browse, id)];
            return self.known(subject, id).ok_or_else(missing);
        }
        let Subject::Known(reach, roles) = subject else {
            return Ok(vec![Ground::LocalAdmin]);
        };
        if let Some(owner) = self.ownership(reach, id) {
            return Ok(vec![owner]);
        }
        if let Some(role) = role_for(roles, action, self.securables.node(id).securable.kind()) {
            return Ok(vec![Ground::Role(role)]);
        }
        let held = self.held(reach, id);
        if action == Action::Maintain
            && let Some(manage) = granted(reach, &held, Privilege::Manage)
        {
            return Ok(vec![manage]);
        }
        let mut missing = Vec::new();
        let mut grounds = Vec::with_capacity(needed.len());
        for &privilege in needed {
            match granted(reach, &held, privilege) {
                // One grant of ALL PRIVILEGES answers for several.
                Some(ground) if grounds.contains(&ground) => {}
                Some(ground) => grounds.push(ground),
                None => missing.push(self.missing(privilege, id)),
            }
        }
        if missing.is_empty() { Ok(grounds) } else { Err(missing) }
    }

    /// Why a subject may know of a securable, guardrails aside; `None` when it may not.
    fn known(&self, subject: Subject<'_>, id: SecurableId) -> Option<Vec<Ground>> {
        let Subject::Known(reach, roles) = subject else {
            return Some(vec![Ground::LocalAdmin]);
        };
        let node = self.securables.node(id);
        let kind = node.securable.kind();
        if kind == SecurableKind::Metastore {
            return Some(Vec::new());
        }
        let held = self.held(reach, id);
        let alone = self.ownership(reach, id);
        let alone = alone.or_else(|| granted(reach, &held, Privilege::Browse));
        let alone = alone.or_else(|| granted(reach, &held, Privilege::Manage));
        let alone = alone.or_else(|| role_for(roles, Action::Browse, kind).map(Ground::Role));
        if let Some(ground) = alone {
            return Some(vec![ground]);
        }
        // A privilege that cannot be used, for want of the use of what the securable is in, shows nothing.
        let outer: &[Privilege] = match kind {
            SecurableKind::Metastore | SecurableKind::Catalog => &[],
            SecurableKind::Schema => &[Privilege::UseCatalog],
            SecurableKind::Table | SecurableKind::ForeignTable | SecurableKind::View | SecurableKind::Volume => {
                &[Privilege::UseCatalog, Privilege::UseSchema]
            }
        };
        let used: Option<Vec<Ground>> = outer.iter().map(|&privilege| granted(reach, &held, privilege)).collect();
        if let (Some(mut grounds), Some(privilege)) = (used, held.any_on(kind)) {
            grounds.extend(granted(reach, &held, privilege));
            return Some(grounds);
        }
        node.known_inside(reach).and_then(|inside| self.known(subject, inside))
    }

    /// Whether the caller may know of it, guardrails included.
    fn seen(&self, caller: &Caller, subject: Subject<'_>, id: SecurableId) -> bool {
        self.known(subject, id).is_some() && self.forbidden(caller, Action::Browse, id).is_empty()
    }

    /// The ownership of the securable or of what it is in, nearest first.
    pub(crate) fn ownership(&self, reach: &Reach, id: SecurableId) -> Option<Ground> {
        let mut owned = self.securables.chain(id);
        owned.find_map(|(id, node)| Some(Ground::Owner(id, node.owner.filter(|&owner| reach.depth(owner).is_some())?)))
    }

    /// The grants that reach a subject.
    pub(crate) fn held(&self, reach: &Reach, id: SecurableId) -> Held {
        let mut held = Vec::new();
        for (on, node) in self.securables.chain(id) {
            node.grants_to(reach, |to, rights| held.push((on, to, rights)));
        }
        Held(held)
    }

    /// Tells what allows something.
    pub(crate) fn told(&self, subject: Subject<'_>, grounds: &[Ground]) -> Facts {
        let securable = |id| self.securables.node(id).securable.clone();
        let through = |to| match subject {
            Subject::Known(reach, _) => self.principals.through(reach, to),
            Subject::LocalAdmin => Vec::new(),
        };
        let one = |ground: &Ground| match *ground {
            Ground::LocalAdmin => Determinant::LocalAdmin,
            Ground::Role(role) => Determinant::Role { role },
            Ground::Owner(on, owner) => Determinant::Owner { securable: securable(on), through: through(owner) },
            Ground::Grant(privilege, on, to) => {
                let (securable, through) = (securable(on), through(to));
                Determinant::Grant { privilege, securable, to: self.principals.name(to).to_string(), through }
            }
        };
        grounds.iter().map(one).collect()
    }

    /// The fact that a privilege is missing, on the securable that it would be granted on.
    pub(crate) fn missing(&self, privilege: Privilege, id: SecurableId) -> Determinant {
        let fits = |kind| match privilege {
            Privilege::UseCatalog => kind == SecurableKind::Catalog,
            Privilege::UseSchema => kind == SecurableKind::Schema,
            _ => true,
        };
        let on = self.securables.chain(id).find(|(_, node)| fits(node.securable.kind()));
        let node = on.map_or_else(|| self.securables.node(id), |(_, node)| node);
        Determinant::Missing { privilege, securable: node.securable.clone() }
    }

    /// The guardrails that forbid what grants allow.
    fn forbidden(&self, caller: &Caller, action: Action, id: SecurableId) -> Facts {
        let mut facts = Vec::new();
        let program = caller.principal.kind == PrincipalKind::ServicePrincipal && !caller.local_admin;
        if self.production && action.changes() && !program {
            let reason = "in production only service principals change anything".to_owned();
            facts.push(Determinant::Guardrail { policy: "production".to_owned(), reason });
        }
        if self.guardrails.is_empty() {
            return facts;
        }
        let groups = self.groups(caller);
        let owner = self.securables.node(id).owner.map(|owner| self.principals.name(owner));
        let question = Question { principal: &caller.principal, groups, action, node: self.securables.node(id), owner };
        facts.extend(self.guardrails.forbid(&question));
        facts
    }

    /// The groups that guardrails see a caller in. A group that is asked about stands for one of its members.
    fn groups(&self, caller: &Caller) -> Vec<&PrincipalName> {
        let known = self.principals.known(&caller.principal);
        let reach = known.map(|id| self.principals.reach(id));
        let ids: Vec<PrincipalId> = reach.map_or_else(|| vec![self.principals.everyone()], |reach| reach.ids().collect());
        let itself = known.filter(|_| caller.principal.kind != PrincipalKind::Group);
        ids.into_iter().filter(|&id| Some(id) != itself).map(|id| self.principals.name(id)).collect()
    }

    fn deny(&self, caller: &Caller, subject: Subject<'_>, action: Action, id: SecurableId, facts: Facts) -> Decision {
        let node = self.securables.node(id);
        let mut denial = self.hide(caller, action, &node.securable, facts);
        if self.seen(caller, subject, id) {
            denial.hidden = false;
            denial.owner = node.owner.map(|owner| self.principals.name(owner).clone());
        }
        Decision::Denied(denial)
    }

    fn hide(&self, caller: &Caller, action: Action, securable: &Securable, facts: Facts) -> Denial {
        let (securable, principal) = (securable.clone(), caller.principal.clone());
        Denial { action, securable, principal, hidden: true, owner: None, determined_by: facts }
    }
}

/// The grant of a privilege: of several, the one through the fewest groups.
pub(crate) fn granted(reach: &Reach, held: &Held, privilege: Privilege) -> Option<Ground> {
    let giving = held.0.iter().filter(|(.., rights)| rights.has(privilege));
    let (on, to, rights) = giving.min_by_key(|(_, to, _)| reach.depth(*to))?;
    Some(Ground::Grant(rights.as_granted(privilege), *on, *to))
}

impl Held {
    /// A privilege among them that means something on a securable of this kind.
    fn any_on(&self, kind: SecurableKind) -> Option<Privilege> {
        self.0.iter().find_map(|(.., rights)| rights.any_on(kind))
    }
}

fn declare_group(principals: &mut Principals, group: &Group) {
    let id = principals.declare(&group.name, PrincipalKind::Group);
    for member in &group.members {
        let member = principals.intern(member);
        principals.join(member, id);
    }
}

fn declare_foreign_table(principals: &mut Principals, securables: &mut Securables, table: &ForeignTable) {
    let owner = principals.intern(&table.owner);
    let filters = table.row_filters.iter().map(|filter| (principals.intern(&filter.group), filter.condition.clone())).collect();
    let node = securables.declare(&Securable::ForeignTable(table.name.clone()), owner, &table.columns);
    node.row_filters = filters;
}

fn declare_table(principals: &mut Principals, securables: &mut Securables, table: &Table) {
    let owner = principals.intern(&table.owner);
    let filters = table.row_filters.iter().map(|filter| (principals.intern(&filter.group), filter.condition.clone())).collect();
    let node = securables.declare(&Securable::Table(table.name.clone()), owner, &table.columns);
    node.row_filters = filters;
}
