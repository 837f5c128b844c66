//! Holds back what one held-back draft means for others: what is kept keeps what it needs, what is missing delays what
//! needs it, and files are never destroyed in a place that something declared uses.

use std::collections::BTreeMap;

use polder_model::{Address, BucketName, Kind, Provider, Resource};

use crate::change::{Action, Reason};
use crate::decide::{Draft, Drafts};
use crate::held_back::Why;
use crate::inputs::{Inputs, Observation};
use crate::needs::{location, needs, needs_of_address, needs_of_copy, principals};

/// Settles which drafts are made and which are held back.
pub(crate) fn settle<'a>(drafts: &mut Drafts<'a>, inputs: &Inputs<'a>) {
    keep_shared_files(drafts, inputs);
    delay_what_waits(drafts);
    keep_what_is_needed(drafts, inputs);
    keep_grants(drafts);
    tell_who_leaves_copies(drafts, inputs);
}

impl Draft<'_> {
    fn is_made(&self) -> bool {
        self.held.is_none()
    }

    /// Whether something stays as it is, or may be there, that the draft would have changed or removed.
    fn keeps(&self) -> bool {
        self.held.is_some() && self.action != Action::Create
    }
}

/// What lies in each bucket, by prefix.
type Places<'a> = BTreeMap<(Provider, &'a BucketName), BTreeMap<&'a str, &'a Address>>;

/// Nothing is destroyed where something declared keeps its files, and nothing is made where something kept has them.
fn keep_shared_files<'a>(drafts: &mut Drafts<'a>, inputs: &Inputs<'a>) {
    let of_data = |address: &Address, draft: &Draft<'_>| address.kind().holds_data() && draft.action != Action::Update;
    if !drafts.iter().any(|(address, draft)| of_data(address, draft) && draft.action != Action::Create) {
        return;
    }
    let declared = inputs.desired.resources.iter().map(|(address, declared)| (address, &*declared.resource));
    let declared = places(declared);
    for (address, draft) in drafts.iter_mut().filter(|(_, d)| d.is_made() && matches!(d.action, Action::Delete | Action::Replace))
    {
        let other = draft.base.and_then(|base| occupant(&declared, address, base));
        draft.held = other.map(|other| Why::SharesFilesWith(other.clone()));
    }
    let kept = places(drafts.iter().filter(|(_, d)| d.keeps()).filter_map(|(address, d)| Some((*address, d.base?))));
    for (address, draft) in drafts.iter_mut().filter(|(_, d)| d.is_made() && d.action == Action::Create) {
        let folder = draft.declared.map(|declared| &*declared.resource).filter(|resource| location(resource).is_some());
        let other = folder.and_then(|resource| occupant(&kept, address, resource));
        draft.held = other.map(|other| Why::SharesFilesWith(other.clone()));
    }
}

fn places<'a>(resources: impl Iterator<Item = (&'a Address, &'a Resource)>) -> Places<'a> {
    let mut places = Places::new();
    for (address, resource) in resources {
        if let Some(at) = location(resource) {
            places.entry((at.provider, &at.bucket)).or_default().insert(&at.prefix, address);
        }
    }
    places
}

/// Whose files are in the place of the files of `resource`; its own do not count.
fn occupant<'a>(places: &Places<'a>, address: &Address, resource: &Resource) -> Option<&'a Address> {
    let not_itself = |other: &&&'a Address| **other != address;
    if let Resource::Bucket(bucket) = resource {
        return places.get(&(bucket.provider, &bucket.name))?.values().next().copied();
    }
    let at = location(resource)?;
    let in_bucket = places.get(&(at.provider, &at.bucket))?;
    let below = format!("{}/", at.prefix);
    let inside = in_bucket.range(below.as_str()..).take_while(|(prefix, _)| prefix.starts_with(&below)).map(|(_, other)| other);
    let around = at.prefix.match_indices('/').filter_map(|(end, _)| in_bucket.get(&at.prefix[..end]));
    in_bucket.get(at.prefix.as_str()).into_iter().chain(inside).chain(around).find(not_itself).copied()
}

fn delay_what_waits(drafts: &mut Drafts<'_>) {
    if drafts.values().all(Draft::is_made) {
        return;
    }
    // A resource needs only kinds that come before its own, so in the order of addresses one pass settles all.
    let addresses: Vec<&Address> = drafts.keys().copied().collect();
    for address in addresses {
        let draft = &drafts[address];
        let makes = draft.is_made() && matches!(draft.action, Action::Create | Action::Replace);
        let Some(declared) = draft.declared.filter(|_| makes) else {
            continue;
        };
        let is_missing = |need: &Address| {
            let draft = drafts.get(need);
            draft.is_some_and(|d| d.held.is_some() && (d.action == Action::Create || matches!(d.held, Some(Why::Unreadable(_)))))
        };
        let missing = needs(&declared.resource).into_iter().find(is_missing);
        if let (Some(missing), Some(draft)) = (missing, drafts.get_mut(address)) {
            draft.held = Some(Why::WaitsFor(missing));
        }
    }
}

fn keep_what_is_needed<'a>(drafts: &mut Drafts<'a>, inputs: &Inputs<'a>) {
    let mut kept: Vec<&Address> = drafts.iter().filter(|(_, draft)| draft.keeps()).map(|(address, _)| *address).collect();
    let made = inputs.observed.resources.iter().filter(|(_, found)| matches!(found, Observation::Made(_) | Observation::Copy(_)));
    kept.extend(made.map(|(address, _)| address));
    while let Some(address) = kept.pop() {
        let needed = match (drafts.get(address).map(|draft| draft.base), inputs.observed.resources.get(address)) {
            (Some(Some(resource)), _) => needs(resource),
            (None, Some(Observation::Made(resource))) => needs(resource),
            (None, Some(Observation::Copy(resource))) => needs_of_copy(resource),
            _ => needs_of_address(address),
        };
        for need in needed {
            let Some((need, _)) = drafts.get_key_value(&need) else {
                continue;
            };
            let need = *need;
            if let Some(draft) = drafts.get_mut(need).filter(|draft| draft.action == Action::Delete && draft.is_made()) {
                draft.held = Some(Why::NeededBy(address.clone()));
                kept.push(need);
            }
        }
    }
}

/// Keeps the grants on securables whose deletion is held back, so that they go together. A grant that nobody declared, and
/// one whose principal goes, is taken away all the same: that nobody gains access matters more.
fn keep_grants(drafts: &mut Drafts<'_>) {
    let goes = |address: &Address| drafts.get(address).is_some_and(|d| d.is_made() && d.action == Action::Delete);
    let stays = |address: &Address| drafts.get(address).is_some_and(|d| d.keeps() && d.action == Action::Delete);
    let of_kind_grant = drafts.iter().filter(|(address, _)| address.kind() == Kind::Grant);
    let kept: Vec<(&Address, Address)> = of_kind_grant
        .filter(|(_, draft)| draft.is_made() && draft.action == Action::Delete)
        .filter_map(|(address, draft)| match draft.recorded {
            Some(Resource::Grant(grant)) if !principals(&grant.principal).iter().any(goes) => {
                Some((*address, grant.securable.address().filter(stays)?))
            }
            _ => None,
        })
        .collect();
    for (address, securable) in kept {
        if let Some(draft) = drafts.get_mut(address) {
            draft.held = Some(Why::KeptWith(securable));
        }
    }
}

/// Says of whoever goes and has personal copies what becomes of these: nothing is lost silently.
fn tell_who_leaves_copies(drafts: &mut Drafts<'_>, inputs: &Inputs<'_>) {
    for found in inputs.observed.resources.values() {
        let Observation::Copy(copy) = found else { continue };
        let Resource::Catalog(catalog) = &**copy else { continue };
        for owner in principals(&catalog.owner) {
            if let Some(draft) = drafts.get_mut(&owner).filter(|draft| draft.is_made() && draft.action == Action::Delete) {
                draft.reasons.push(Reason::LeavesCopies(catalog.name.clone()));
            }
        }
    }
}
