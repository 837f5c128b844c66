//! Decides, address by address, what is wanted there. What that means for other addresses is settled in [`crate::hold`].

use std::collections::BTreeMap;

use polder_model::{Address, Declared, Resource};

use crate::change::{Action, Reason};
use crate::compare::{compare, same};
use crate::difference::Difference;
use crate::held_back::Why;
use crate::inputs::{Inputs, Observation};
use crate::step::Alteration;
use crate::table;

/// A change that is wanted, before it is settled whether it is made.
#[derive(Debug)]
pub(crate) struct Draft<'a> {
    pub(crate) action: Action,
    pub(crate) drift: bool,
    pub(crate) reasons: Vec<Reason>,
    /// What the last apply left here or, where it left nothing, what was found. Data to keep or to destroy is where this says:
    /// an entry that was tampered with must not point a removal at other data.
    pub(crate) base: Option<&'a Resource>,
    pub(crate) found: Option<&'a Resource>,
    pub(crate) declared: Option<&'a Declared>,
    pub(crate) recorded: Option<&'a Resource>,
    pub(crate) alteration: Alteration,
    pub(crate) held: Option<Why>,
    /// What is put there although the draft is held back: the same data under the access rules that are declared.
    pub(crate) meanwhile: Option<Meanwhile>,
}

/// The part of a change that is held back which need not wait.
#[derive(Debug)]
pub(crate) struct Meanwhile {
    pub(crate) resource: Resource,
    pub(crate) reasons: Vec<Reason>,
}

/// The drafts by address. Addresses sort by kind first, in the order of creation.
pub(crate) type Drafts<'a> = BTreeMap<&'a Address, Draft<'a>>;

/// Everything known of one address.
struct Sighting<'a> {
    address: &'a Address,
    declared: Option<&'a Declared>,
    recorded: Option<&'a Resource>,
    observed: Option<&'a Observation>,
}

/// Drafts a change for every address where desired, recorded and observed are not one and the same.
pub(crate) fn drafts<'a>(inputs: &Inputs<'a>) -> Drafts<'a> {
    let mut desired = inputs.desired.resources.iter().peekable();
    let mut recorded = inputs.recorded.resources.iter().peekable();
    let mut observed = inputs.observed.resources.iter().peekable();
    let mut drafts = Drafts::new();
    // All three are sorted, so one pass over all of them sees every address once.
    loop {
        let heads = [desired.peek().map(|e| e.0), recorded.peek().map(|e| e.0), observed.peek().map(|e| e.0)];
        let Some(address) = heads.into_iter().flatten().min() else {
            return drafts;
        };
        let sighting = Sighting {
            address,
            declared: desired.next_if(|e| e.0 == address).map(|e| e.1),
            recorded: recorded.next_if(|e| e.0 == address).map(|e| &**e.1),
            observed: observed.next_if(|e| e.0 == address).map(|e| e.1),
        };
        let held = |otherwise: Why| match inputs.retained.get(address) {
            Some(why) => Some(Why::Retained(why.clone())),
            None if inputs.allow_destroy.contains(address) => None,
            None => Some(otherwise),
        };
        if let Some(draft) = sighting.draft(held) {
            drafts.insert(address, draft);
        }
    }
}

impl<'a> Sighting<'a> {
    fn draft(&self, held: impl Fn(Why) -> Option<Why>) -> Option<Draft<'a>> {
        let found = match self.observed {
            Some(Observation::Unreadable(problem)) => return Some(self.unreadable(problem)),
            Some(Observation::Made(_) | Observation::Copy(_)) if self.declared.is_none() => return None,
            Some(Observation::Present(resource) | Observation::Made(resource) | Observation::Copy(resource)) => Some(&**resource),
            Some(Observation::Absent) => None,
            None => self.recorded,
        };
        match (self.declared, found) {
            (None, None) => self.recorded.map(|_| self.forget()),
            (Some(declared), None) => Some(self.create(declared)),
            (None, Some(found)) => Some(self.delete(found, held)),
            (Some(declared), Some(found)) => self.update(declared, found, held),
        }
    }

    fn wanted(&self, action: Action, found: Option<&'a Resource>) -> Draft<'a> {
        Draft {
            action,
            drift: false,
            reasons: Vec::new(),
            base: self.recorded.or(found),
            found,
            declared: self.declared,
            recorded: self.recorded,
            alteration: Alteration::default(),
            held: None,
            meanwhile: None,
        }
    }

    fn unreadable(&self, problem: &str) -> Draft<'a> {
        let presumed = self.recorded.or(self.declared.map(|declared| &*declared.resource));
        Draft { held: Some(Why::Unreadable(problem.to_owned())), ..self.wanted(Action::Update, presumed) }
    }

    fn forget(&self) -> Draft<'a> {
        let reasons = vec![Reason::NoLongerDeclared, Reason::Gone(self.address.kind())];
        Draft { drift: true, reasons, ..self.wanted(Action::Forget, None) }
    }

    fn create(&self, declared: &'a Declared) -> Draft<'a> {
        let mut reasons = match self.recorded {
            Some(Resource::Grant(grant)) => {
                grant.privileges.iter().map(|privilege| Reason::Outside(Difference::Revoked(*privilege))).collect()
            }
            Some(_) => vec![Reason::Gone(self.address.kind())],
            None => vec![Reason::New(declared.origin.clone())],
        };
        if let Resource::Table(table) = &*declared.resource
            && !table.placement_reason.is_empty()
        {
            reasons.push(Reason::Placed { provider: table.location.provider, why: table.placement_reason.clone() });
        }
        Draft { drift: self.recorded.is_some(), reasons, ..self.wanted(Action::Create, None) }
    }

    fn delete(&self, found: &'a Resource, held: impl Fn(Why) -> Option<Why>) -> Draft<'a> {
        let kind = self.address.kind();
        let reasons = match (self.recorded, found) {
            (Some(_), _) => vec![Reason::NoLongerDeclared],
            (None, Resource::Grant(grant)) => {
                grant.privileges.iter().map(|privilege| Reason::Outside(Difference::Granted(*privilege))).collect()
            }
            (None, _) => vec![Reason::NotOurs(kind)],
        };
        let held = if kind.holds_data() { held(Why::HoldsData) } else { None };
        Draft { drift: self.recorded.is_none(), reasons, held, ..self.wanted(Action::Delete, Some(found)) }
    }

    fn update(&self, declared: &'a Declared, found: &'a Resource, held: impl Fn(Why) -> Option<Why>) -> Option<Draft<'a>> {
        let desired = &declared.resource;
        let as_declared = same(found, desired);
        let as_recorded = self.recorded.is_some_and(|recorded| std::ptr::eq(recorded, found) || same(recorded, found));
        if as_declared && as_recorded {
            return None;
        }
        let from_base = compare(self.recorded.unwrap_or(found), desired);
        let from_found = compare(found, desired);
        let breaking = if as_declared { Vec::new() } else { from_base.breaking };
        let (action, held, meanwhile) = if breaking.is_empty() {
            (Action::Update, None, None)
        } else {
            let held = held(Why::Breaking(breaking));
            let meanwhile = if held.is_some() { self.meanwhile(desired, found) } else { None };
            (Action::Replace, held, meanwhile)
        };
        let mut reasons = self.happened_outside(found, as_declared, as_recorded);
        if !as_declared {
            reasons.extend(from_base.differences.into_iter().map(Reason::Declared));
        }
        let alteration = union(from_base.alteration, from_found.alteration);
        Some(Draft { drift: !as_recorded, reasons, alteration, held, meanwhile, ..self.wanted(action, Some(found)) })
    }

    /// Who may see what follows the declaration at once, even where the data cannot.
    fn meanwhile(&self, desired: &Resource, found: &Resource) -> Option<Meanwhile> {
        let base = self.recorded.unwrap_or(found);
        let (Resource::Table(table), Resource::Table(rules)) = (base, desired) else { return None };
        let resource = Resource::Table(Box::new(table::ruled_as(table, rules)));
        if same(&resource, found) && same(&resource, base) {
            return None;
        }
        let reasons = compare(found, &resource).differences.into_iter().map(Reason::Declared).collect();
        Some(Meanwhile { resource, reasons })
    }

    fn happened_outside(&self, found: &Resource, as_declared: bool, as_recorded: bool) -> Vec<Reason> {
        match self.recorded {
            _ if as_declared => vec![Reason::AlreadySo],
            None => vec![Reason::AlreadyThere],
            Some(_) if as_recorded => Vec::new(),
            Some(recorded) => compare(recorded, found).differences.into_iter().map(Reason::Outside).collect(),
        }
    }
}

/// What is to be altered whether the Delta table still is as recorded or already as found: an apply that broke off may have
/// left it as either, and each alteration is safe to repeat.
fn union(mut recorded: Alteration, found: Alteration) -> Alteration {
    let known = |name: &str| recorded.add_columns.iter().any(|column| column.name.eq_ignore_ascii_case(name));
    let missing: Vec<_> = found.add_columns.into_iter().filter(|column| !known(&column.name)).collect();
    recorded.add_columns.extend(missing);
    recorded.make_optional.extend(found.make_optional);
    recorded.set_descriptions.extend(found.set_descriptions);
    recorded.set_comment = recorded.set_comment.or(found.set_comment);
    recorded.set_history = recorded.set_history.or(found.set_history);
    recorded.set_properties.extend(found.set_properties);
    recorded.unset_properties.extend(found.unset_properties);
    recorded
}
