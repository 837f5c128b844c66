//! Turns settled drafts into a plan: changes, what is held back, and the steps in a safe order.
//!
//! Access tightens before anything else happens and loosens after everything it is about is in place:
//! revocations and guardrails; then things in the order of their kinds, each data first and its entry last; then new
//! members and grants; then jobs; and removals at the end, in the opposite order. An entry that comes last makes a step
//! that failed visible to the next plan, and shows nothing that is not there.

use std::cmp::Reverse;
use std::sync::Arc;

use polder_model::resource::{Grant, Group, Table, TableFormat};
use polder_model::share::Share;
use polder_model::{Address, Kind, Resource};
use uuid::Uuid;

use crate::change::{Action, Change};
use crate::decide::{Draft, Drafts, Meanwhile};
use crate::digest;
use crate::held_back::{HeldBack, Why};
use crate::inputs::Inputs;
use crate::plan::{FormatVersion, Plan, PlanId};
use crate::step::{Effect, Step};

/// When a step's turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    Tighten(Kind),
    Put(Kind),
    Loosen(Kind),
    PutJob,
    Remove(Reverse<Kind>),
}

/// Makes the plan of settled drafts.
pub(crate) fn assemble(drafts: Drafts<'_>, inputs: &Inputs<'_>) -> Plan {
    let desired = inputs.desired;
    let mut plan = Plan {
        format: FormatVersion::CURRENT,
        id: PlanId(Box::default()),
        tenant: desired.tenant.clone(),
        environment: desired.environment.clone(),
        production: desired.production,
        parent: inputs.recorded.serial,
        allow_destroy: inputs.allow_destroy.clone(),
        changes: Vec::new(),
        steps: Vec::new(),
        held_back: Vec::new(),
    };
    let mut turns = Vec::new();
    for (address, mut draft) in drafts {
        if let Some(why) = draft.held.take() {
            plan.held_back.push(held_back(address, why, &draft));
            if let Some(Meanwhile { resource, reasons }) = draft.meanwhile.take() {
                let after = Arc::new(resource);
                let effect = Effect::PutEntry(Arc::clone(&after));
                let step = Step { number: 0, address: address.clone(), effect, completes: true };
                turns.push((Turn::Put(address.kind()), step));
                draft.action = Action::Update;
                draft.reasons = reasons;
                plan.changes.push(Change { after: Some(after), ..change(address, &mut draft) });
            }
        } else {
            let change = change(address, &mut draft);
            steps(&mut turns, inputs, &change, draft);
            plan.changes.push(change);
        }
    }
    // The sort is stable: steps of one turn stay in the order of addresses, and those of one change together.
    turns.sort_by_key(|(turn, _)| *turn);
    plan.steps = (1..).zip(turns).map(|(number, (_, step))| Step { number, ..step }).collect();
    plan.id = digest::id(&plan);
    plan
}

fn held_back(address: &Address, why: Why, draft: &Draft<'_>) -> HeldBack {
    let help = match &why {
        Why::HoldsData => format!("to destroy it and its data, say --allow-destroy {address}"),
        Why::Retained(_) => {
            "keep it until then; where the duty to keep it has ended, declare that first: `usage` without `holdDays`".to_owned()
        }
        Why::Breaking(_) => {
            let dataset = match draft.base {
                Some(Resource::Table(table)) => Some(&table.dataset),
                Some(Resource::Volume(volume)) => Some(&volume.dataset),
                _ => None,
            };
            let next = dataset.map(|d| d.version.next().to_string()).unwrap_or_default();
            format!("offer it as entityVersion {next} beside this one, or destroy its data with --allow-destroy {address}")
        }
        Why::Unreadable(_) => "make it readable, then plan again; it is never taken to be absent".to_owned(),
        Why::NeededBy(other) if address.kind() == Kind::Domain => {
            format!("it goes once {other} goes; to destroy it with all of its data, say --allow-destroy {address}")
        }
        Why::NeededBy(other) | Why::KeptWith(other) => format!("it goes once {other} goes"),
        Why::WaitsFor(other) => format!("plan again once {other} can be read"),
        Why::SharesFilesWith(other) => format!("give {other} a place of its own first"),
    };
    HeldBack { address: address.clone(), why, help, origin: draft.declared.map(|d| d.origin.clone()) }
}

fn change(address: &Address, draft: &mut Draft<'_>) -> Change {
    // What is forgotten is not there any more, yet people want to see what it was.
    let before = if draft.action == Action::Forget { draft.base } else { draft.found };
    Change {
        address: address.clone(),
        action: draft.action,
        drift: draft.drift,
        reasons: std::mem::take(&mut draft.reasons),
        before: before.cloned().map(Arc::new),
        after: draft.declared.map(|declared| Arc::clone(&declared.resource)),
        origin: draft.declared.map(|declared| declared.origin.clone()),
    }
}

fn steps(turns: &mut Vec<(Turn, Step)>, inputs: &Inputs<'_>, change: &Change, draft: Draft<'_>) {
    let address = &change.address;
    let mut push = |turn: Turn, effect: Effect, completes: bool| {
        turns.push((turn, Step { number: 0, address: address.clone(), effect, completes }));
    };
    let Some(after) = &change.after else {
        let turn = removal_turn(address.kind());
        if let Some(effect) = draft.base.filter(|_| change.action == Action::Delete).and_then(destroy) {
            push(turn, effect, false);
        }
        return push(turn, Effect::RemoveEntry(address.clone()), true);
    };
    let before = change.before.as_deref();
    let turn = entry_turn(before, after);
    if let Some(effect) = draft.base.filter(|_| change.action == Action::Replace).and_then(destroy) {
        push(turn, effect, false);
    }
    if matches!(change.action, Action::Create | Action::Replace) {
        if let Some(effect) = make(address, after, inputs) {
            push(turn, effect, false);
        }
    } else if let Resource::Table(table) = &**after
        && table.format == TableFormat::Delta
        && !draft.alteration.is_empty()
    {
        push(turn, Effect::AlterTable { table: table.clone(), alteration: draft.alteration }, false);
    }
    if let Some(less) = before.and_then(|before| common_part(before, after)) {
        push(Turn::Tighten(address.kind()), Effect::PutEntry(Arc::new(less)), false);
    }
    push(turn, Effect::PutEntry(Arc::clone(after)), true);
}

/// What makes the thing that an entry is about, for the kinds that are more than an entry.
fn make(address: &Address, resource: &Resource, inputs: &Inputs<'_>) -> Option<Effect> {
    match resource {
        Resource::Bucket(bucket) => Some(Effect::MakeBucket(bucket.clone())),
        Resource::Table(table) if table.format == TableFormat::Parquet => Some(Effect::MakeFolder(table.location.clone())),
        Resource::Table(table) => Some(Effect::CreateTable { table: table.clone(), table_id: table_id(address, inputs) }),
        Resource::Volume(volume) => Some(Effect::MakeFolder(volume.location.clone())),
        _ => None,
    }
}

/// What destroys the thing that an entry is about.
fn destroy(resource: &Resource) -> Option<Effect> {
    match resource {
        Resource::Bucket(bucket) => Some(Effect::RemoveBucket(bucket.clone())),
        Resource::Table(table) => {
            let Table { name, location, .. } = &**table;
            Some(Effect::DropTableData { table: name.clone(), location: location.clone() })
        }
        Resource::Volume(volume) => Some(Effect::RemoveFolder(volume.location.clone())),
        _ => None,
    }
}

/// The same plan names the same id, and a table that is made again later another.
fn table_id(address: &Address, inputs: &Inputs<'_>) -> Uuid {
    let desired = inputs.desired;
    let name = format!("polder:{}/{}/{address}/{}", desired.tenant, desired.environment, inputs.recorded.serial);
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

const fn removal_turn(kind: Kind) -> Turn {
    match kind {
        Kind::Grant | Kind::Share => Turn::Tighten(kind),
        _ => Turn::Remove(Reverse(kind)),
    }
}

fn entry_turn(before: Option<&Resource>, after: &Resource) -> Turn {
    let kind = after.kind();
    match (before, after) {
        (_, Resource::Policy(_)) => Turn::Tighten(kind),
        (_, Resource::Job(_)) => Turn::PutJob,
        (Some(Resource::Group(before)), Resource::Group(after)) if after.members.is_subset(&before.members) => {
            Turn::Tighten(kind)
        }
        (Some(Resource::Grant(before)), Resource::Grant(after)) if after.privileges.is_subset(&before.privileges) => {
            Turn::Tighten(kind)
        }
        (Some(Resource::Share(before)), Resource::Share(after)) if is_part(after, before) => Turn::Tighten(kind),
        (Some(_), Resource::Group(_)) | (_, Resource::Grant(_) | Resource::Share(_)) => Turn::Loosen(kind),
        _ => Turn::Put(kind),
    }
}

/// Whether a share opens nothing that the other does not.
fn is_part(share: &Share, of: &Share) -> bool {
    share.owner == of.owner
        && share.tables.iter().all(|table| of.tables.contains(table))
        && share.recipients.iter().all(|recipient| of.recipients.contains(recipient))
}

/// What two states of a group, grant or share have in common, if each has something that the other lacks: first that, then the rest.
fn common_part(before: &Resource, after: &Resource) -> Option<Resource> {
    match (before, after) {
        (Resource::Group(before), Resource::Group(after)) => {
            let members = &before.members & &after.members;
            let mixed = members != before.members && members != after.members;
            mixed.then(|| Resource::Group(Group { members, ..after.clone() }))
        }
        (Resource::Grant(before), Resource::Grant(after)) => {
            let privileges = &before.privileges & &after.privileges;
            let mixed = privileges != before.privileges && privileges != after.privileges;
            mixed.then(|| Resource::Grant(Grant { privileges, ..after.clone() }))
        }
        (Resource::Share(before), Resource::Share(after)) if before.owner == after.owner => {
            let mut common = after.clone();
            common.tables.retain(|table| before.tables.contains(table));
            common.recipients.retain(|recipient| before.recipients.contains(recipient));
            let mixed = !is_part(before, &common) && !is_part(after, &common);
            mixed.then_some(Resource::Share(common))
        }
        _ => None,
    }
}
