//! Who is known and which groups each is in, at any depth. Decides nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::OnceLock;

use serde::Serialize;

use polder_model::principal::EVERYONE;
use polder_model::{Principal, PrincipalKind, PrincipalName};

/// How many groups of a chain are told. One can be as long as there are groups, and a principal has a chain to each of its groups.
const TOLD: usize = 64;

/// A principal's number in one [`Principals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PrincipalId(u32);

/// A group that a principal is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Membership {
    /// The group.
    pub group: PrincipalName,
    /// The chain of groups that leads to it, innermost first and the group itself last. A very long one begins with `...`.
    pub through: Vec<String>,
}

/// Every principal of an environment.
#[derive(Debug)]
pub(crate) struct Principals {
    ids: HashMap<PrincipalName, PrincipalId>,
    entries: Vec<Entry>,
    everyone: PrincipalId,
}

#[derive(Debug)]
struct Entry {
    name: PrincipalName,
    /// `None` for a name that is only mentioned: it can be granted to, and nobody can come as it.
    kind: Option<PrincipalKind>,
    groups: Vec<PrincipalId>,
    // Found at first need: a command of one principal should not pay for a hundred thousand others.
    reach: OnceLock<Reach>,
}

/// All that a principal acts as: itself and every group it is in.
#[derive(Debug)]
pub(crate) struct Reach {
    /// In the order of ids.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    id: PrincipalId,
    /// The member of `id` on the way from the principal; `None` for the principal itself.
    via: Option<PrincipalId>,
    depth: u32,
}

impl Principals {
    /// Knows nobody but the group of everyone.
    pub(crate) fn new() -> Self {
        let name = PrincipalName::new(EVERYONE).expect("`everyone` follows the rules of names");
        let mut principals = Self { ids: HashMap::new(), entries: Vec::new(), everyone: PrincipalId(0) };
        principals.everyone = principals.declare(&name, PrincipalKind::Group);
        principals
    }

    /// Takes note of a name, known or not.
    pub(crate) fn intern(&mut self, name: &PrincipalName) -> PrincipalId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let id = PrincipalId(u32::try_from(self.entries.len()).expect("four billion principals do not fit in memory"));
        self.ids.insert(name.clone(), id);
        self.entries.push(Entry { name: name.clone(), kind: None, groups: Vec::new(), reach: OnceLock::new() });
        id
    }

    /// Makes a name known. The first declaration of a name decides its kind.
    pub(crate) fn declare(&mut self, name: &PrincipalName, kind: PrincipalKind) -> PrincipalId {
        let id = self.intern(name);
        self.entry_mut(id).kind.get_or_insert(kind);
        id
    }

    /// Puts a member into a group.
    pub(crate) fn join(&mut self, member: PrincipalId, group: PrincipalId) {
        self.entry_mut(member).groups.push(group);
    }

    /// The principal of this name, if it is known.
    pub(crate) fn principal(&self, name: &PrincipalName) -> Option<(PrincipalId, Principal)> {
        let &id = self.ids.get(name)?;
        let kind = self.entry(id).kind?;
        Some((id, Principal { kind, name: name.clone() }))
    }

    /// The principal of this name and kind, if it is known.
    pub(crate) fn known(&self, principal: &Principal) -> Option<PrincipalId> {
        let &id = self.ids.get(&principal.name)?;
        (self.entry(id).kind == Some(principal.kind)).then_some(id)
    }

    /// A principal's name.
    pub(crate) fn name(&self, id: PrincipalId) -> &PrincipalName {
        &self.entry(id).name
    }

    /// The group of everyone.
    pub(crate) const fn everyone(&self) -> PrincipalId {
        self.everyone
    }

    /// All that a principal acts as.
    pub(crate) fn reach(&self, id: PrincipalId) -> &Reach {
        self.entry(id).reach.get_or_init(|| self.search(id))
    }

    /// The groups on the way from the owner of a reach to one of the groups in it, that group last. Of a very long way, the end.
    pub(crate) fn through(&self, reach: &Reach, to: PrincipalId) -> Vec<String> {
        let mut chain = Vec::new();
        let mut at = to;
        while let Some(Step { via: Some(via), .. }) = reach.step(at) {
            if chain.len() == TOLD {
                chain.push("...".to_owned());
                break;
            }
            chain.push(self.name(at).to_string());
            at = *via;
        }
        chain.reverse();
        chain
    }

    /// Every group that a principal is in, the shortest chains first.
    pub(crate) fn memberships(&self, id: PrincipalId) -> Vec<Membership> {
        let reach = self.reach(id);
        let mut steps: Vec<&Step> = reach.steps.iter().filter(|s| s.via.is_some()).collect();
        steps.sort_by_key(|s| (s.depth, self.name(s.id)));
        steps.iter().map(|s| Membership { group: self.name(s.id).clone(), through: self.through(reach, s.id) }).collect()
    }

    /// The people in a group, at any depth; of someone who is no group, that one.
    pub(crate) fn people_in(&self, group: PrincipalId) -> Vec<&PrincipalName> {
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.entries.len()];
        for (at, entry) in self.entries.iter().enumerate() {
            entry.groups.iter().for_each(|group| members[group.0 as usize].push(at));
        }
        let mut within = vec![false; self.entries.len()];
        let mut waiting = vec![group.0 as usize];
        while let Some(at) = waiting.pop() {
            if !std::mem::replace(&mut within[at], true) {
                waiting.extend(&members[at]);
            }
        }
        let people = self.entries.iter().zip(within).filter(|(entry, within)| *within && entry.kind == Some(PrincipalKind::User));
        people.map(|(entry, _)| &entry.name).collect()
    }

    /// Goes from group to group, nearest first. What was seen is not entered again, so a cycle ends.
    fn search(&self, start: PrincipalId) -> Reach {
        let mut seen: HashMap<PrincipalId, Step> = HashMap::new();
        let mut waiting = VecDeque::from([Step { id: start, via: None, depth: 0 }]);
        while let Some(step) = waiting.pop_front() {
            if seen.contains_key(&step.id) {
                continue;
            }
            seen.insert(step.id, step);
            let everyone = (step.id == start).then_some(self.everyone);
            let groups = self.entry(step.id).groups.iter().copied().chain(everyone);
            waiting.extend(groups.map(|id| Step { id, via: Some(step.id), depth: step.depth + 1 }));
        }
        let mut steps: Vec<Step> = seen.into_values().collect();
        steps.sort_unstable_by_key(|s| s.id);
        Reach { steps }
    }

    fn entry(&self, id: PrincipalId) -> &Entry {
        &self.entries[id.0 as usize]
    }

    fn entry_mut(&mut self, id: PrincipalId) -> &mut Entry {
        &mut self.entries[id.0 as usize]
    }
}

static NOBODY: Reach = Reach { steps: Vec::new() };

impl Reach {
    /// That of someone who is not even in the group of everyone.
    pub(crate) fn nobody() -> &'static Self {
        &NOBODY
    }

    /// How many groups lie between; `None` when it is not reached at all.
    pub(crate) fn depth(&self, id: PrincipalId) -> Option<u32> {
        self.step(id).map(|s| s.depth)
    }

    /// Everything reached, in the order of ids.
    pub(crate) fn ids(&self) -> impl ExactSizeIterator<Item = PrincipalId> {
        self.steps.iter().map(|s| s.id)
    }

    fn step(&self, id: PrincipalId) -> Option<&Step> {
        self.steps.binary_search_by_key(&id, |s| s.id).ok().map(|i| &self.steps[i])
    }
}
