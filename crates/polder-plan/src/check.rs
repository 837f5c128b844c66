//! The checker: lists what is wrong with a finished plan, from the plan alone. It shares no code with what orders the
//! steps, and a plan read from a file is checked before it is applied.

use std::collections::BTreeMap;

use polder_model::{Address, Kind, Resource};

use crate::change::{Action, Change};
use crate::digest;
use crate::held_back::Why;
use crate::needs::needs;
use crate::plan::Plan;
use crate::step::{Effect, Step};

/// Something wrong with a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The content was changed after the plan was made.
    #[error("the plan's content does not match its id {0}: make the plan again")]
    Id(String),
    /// Steps are not numbered 1, 2, 3, ...
    #[error("step {found} stands where step {expected} should")]
    Numbering {
        /// The number that should stand there.
        expected: u32,
        /// The number that does.
        found: u32,
    },
    /// Changes are not sorted by address, or two are of one address.
    #[error("the change of {0} is out of order or there twice")]
    ChangeOrder(Address),
    /// A change's states do not go with its action.
    #[error("the states before and after do not go with the action of the change of {0}")]
    Action(Address),
    /// An address is both changed and held back, though not for a change of its data while its access rules follow.
    #[error("{0} is both changed and held back")]
    HeldBack(Address),
    /// A step that belongs to no change.
    #[error("step {number} belongs to no change of {address}")]
    Stray {
        /// The step.
        number: u32,
        /// Its address.
        address: Address,
    },
    /// Two steps that are the same.
    #[error("step {number} of {address} is there twice")]
    Twice {
        /// The second of them.
        number: u32,
        /// Their address.
        address: Address,
    },
    /// A change whose last step, and no other, does not lead to what the change says.
    #[error("the steps of {0} do not lead to what its change says")]
    Outcome(Address),
    /// A step that comes before what it needs, or after what it needed is gone.
    #[error("step {number} of {address} comes on the wrong side of {other}")]
    Order {
        /// The step.
        number: u32,
        /// Its address.
        address: Address,
        /// What it needs.
        other: Address,
    },
    /// A revocation that comes after something else.
    #[error("step {number} takes access away through {address} only after other changes")]
    LateRevocation {
        /// The step.
        number: u32,
        /// Its address.
        address: Address,
    },
    /// A grant that comes before the masks and row filters of what it may be on.
    #[error("step {number} gives access through {address} before all masks and row filters are in place")]
    EarlyGrant {
        /// The step.
        number: u32,
        /// Its address.
        address: Address,
    },
    /// A step that destroys data that the plan was not allowed to destroy.
    #[error("step {number} destroys the data of {address}, which nothing allows")]
    Destroys {
        /// The step.
        number: u32,
        /// Its address.
        address: Address,
    },
}

/// Lists what is wrong with a finished plan. Nothing is, with a plan that [`crate::plan`] made.
#[must_use]
pub fn check(plan: &Plan) -> Vec<Flaw> {
    let mut flaws = Vec::new();
    if digest::id(plan) != plan.id {
        flaws.push(Flaw::Id(plan.id.to_string()));
    }
    let changes = changes(plan, &mut flaws);
    let steps = steps(plan, &changes, &mut flaws);
    for (address, change) in &changes {
        outcome(change, steps.get(address).map_or(&[], Vec::as_slice), &mut flaws);
    }
    dependencies(&changes, &steps, &mut flaws);
    access(plan, &changes, &mut flaws);
    flaws
}

type Changes<'a> = BTreeMap<&'a Address, &'a Change>;
type Steps<'a> = BTreeMap<&'a Address, Vec<&'a Step>>;

fn changes<'a>(plan: &'a Plan, flaws: &mut Vec<Flaw>) -> Changes<'a> {
    for pair in plan.changes.windows(2) {
        if let [first, second] = pair
            && first.address >= second.address
        {
            flaws.push(Flaw::ChangeOrder(second.address.clone()));
        }
    }
    let held: BTreeMap<&Address, &Why> = plan.held_back.iter().map(|held| (&held.address, &held.why)).collect();
    for change in &plan.changes {
        let fits = match change.action {
            Action::Create => change.before.is_none() && change.after.is_some(),
            Action::Update | Action::Replace => change.before.is_some() && change.after.is_some(),
            Action::Delete | Action::Forget => change.before.is_some() && change.after.is_none(),
        };
        if !fits {
            flaws.push(Flaw::Action(change.address.clone()));
        }
        let meanwhile = |why: &Why| matches!(why, Why::Breaking(_) | Why::Retained(_)) && change.action == Action::Update;
        if held.get(&change.address).is_some_and(|why| !meanwhile(why)) {
            flaws.push(Flaw::HeldBack(change.address.clone()));
        }
    }
    plan.changes.iter().map(|change| (&change.address, change)).collect()
}

fn steps<'a>(plan: &'a Plan, changes: &Changes<'a>, flaws: &mut Vec<Flaw>) -> Steps<'a> {
    let mut by_address = Steps::new();
    for (expected, step) in (1..).zip(&plan.steps) {
        let (number, address) = (step.number, step.address.clone());
        if number != expected {
            flaws.push(Flaw::Numbering { expected, found: number });
        }
        if !changes.contains_key(&address) {
            flaws.push(Flaw::Stray { number, address: address.clone() });
        }
        if step.effect.destroys_data() && !plan.allow_destroy.contains(&address) {
            flaws.push(Flaw::Destroys { number, address: address.clone() });
        }
        let others = by_address.entry(&step.address).or_default();
        if others.iter().any(|other: &&Step| other.effect == step.effect) {
            flaws.push(Flaw::Twice { number, address });
        }
        others.push(step);
    }
    by_address
}

/// The last step of a change, and no other, completes it: by writing the entry that it leads to, or by removing it.
fn outcome(change: &Change, steps: &[&Step], flaws: &mut Vec<Flaw>) {
    let right = steps.split_last().is_some_and(|(last, rest)| {
        let leads_there = match (&last.effect, &change.after) {
            (Effect::PutEntry(put), Some(after)) => put == after,
            (Effect::RemoveEntry(address), None) => *address == change.address,
            _ => false,
        };
        leads_there && last.completes && rest.iter().all(|step| !step.completes)
    });
    if !right {
        flaws.push(Flaw::Outcome(change.address.clone()));
    }
}

fn dependencies(changes: &Changes<'_>, steps: &Steps<'_>, flaws: &mut Vec<Flaw>) {
    let first = |address: &Address| steps.get(address).and_then(|steps| steps.first()).map(|step| step.number);
    let last = |address: &Address| steps.get(address).and_then(|steps| steps.last()).map(|step| step.number);
    let action = |address: &Address| changes.get(address).map(|change| change.action);
    for (address, change) in changes {
        let own = steps.get(address).map_or(&[][..], Vec::as_slice);
        if let Some(after) = &change.after {
            let made = |need: &Address| matches!(action(need), Some(Action::Create | Action::Replace));
            for other in needs(after).into_iter().filter(made) {
                // Taking access away needs nothing to be there.
                let early =
                    own.iter().find(|step| !tightens(step, change) && last(&other).is_some_and(|made| step.number < made));
                flaws.extend(early.map(|step| wrong_side(step, &other)));
            }
        } else if let Some(before) = &change.before {
            let removed = |need: &Address| matches!(action(need), Some(Action::Delete));
            for other in needs(before).into_iter().filter(removed) {
                let late = own.iter().find(|step| first(&other).is_some_and(|removed| step.number > removed));
                flaws.extend(late.map(|step| wrong_side(step, &other)));
            }
        }
    }
}

fn wrong_side(step: &Step, other: &Address) -> Flaw {
    Flaw::Order { number: step.number, address: step.address.clone(), other: other.clone() }
}

/// Access tightens before all else; it loosens after everything that says how data may be seen is in place.
fn access(plan: &Plan, changes: &Changes<'_>, flaws: &mut Vec<Flaw>) {
    let tightening = |step: &Step| changes.get(&step.address).is_some_and(|change| tightens(step, change));
    let first_other = plan.steps.iter().position(|step| !tightening(step)).unwrap_or(plan.steps.len());
    for step in plan.steps.iter().skip(first_other).filter(|step| tightening(step)) {
        flaws.push(Flaw::LateRevocation { number: step.number, address: step.address.clone() });
    }
    let shows = |step: &Step| matches!(&step.effect, Effect::PutEntry(r) if matches!(r.kind(), Kind::Table | Kind::ForeignTable | Kind::View));
    let last_shown = plan.steps.iter().rposition(shows).unwrap_or(0);
    let gives = |step: &Step| {
        matches!(&step.effect, Effect::PutEntry(r) if matches!(r.kind(), Kind::Grant | Kind::Share)) && !tightening(step)
    };
    for step in plan.steps.iter().take(last_shown).filter(|step| gives(step)) {
        flaws.push(Flaw::EarlyGrant { number: step.number, address: step.address.clone() });
    }
}

/// Whether a step only takes access away.
fn tightens(step: &Step, change: &Change) -> bool {
    match (&step.effect, change.before.as_deref()) {
        (Effect::RemoveEntry(address), _) => matches!(address.kind(), Kind::Grant | Kind::Share),
        (Effect::PutEntry(put), before) => match (&**put, before) {
            (Resource::Policy(_), _) => true,
            (Resource::Grant(put), Some(Resource::Grant(before))) => put.privileges.is_subset(&before.privileges),
            (Resource::Group(put), Some(Resource::Group(before))) => put.members.is_subset(&before.members),
            (Resource::Share(put), Some(Resource::Share(before))) => {
                let known = |table| before.tables.contains(table);
                let had = |recipient| before.recipients.contains(recipient);
                put.owner == before.owner && put.tables.iter().all(known) && put.recipients.iter().all(had)
            }
            _ => false,
        },
        _ => false,
    }
}
