//! Grants that give nothing: `SELECT` for those who cannot get to what it is on.

use std::collections::{HashMap, HashSet};

use polder_model::principal::EVERYONE;
use polder_model::resource::{Grant, Resource};
use polder_model::{Privilege, Securable};

use super::Lowering;
use crate::fault::{Fault, Span};

/// Who may pass through what, and who is in which group.
#[derive(Default)]
struct Passage<'d> {
    /// To whom `USE CATALOG` or `USE SCHEMA` is granted, on what.
    users: HashMap<(Privilege, &'d Securable), HashSet<&'d str>>,
    owners: HashMap<Securable, &'d str>,
    members: HashMap<&'d str, Vec<&'d str>>,
    groups: HashMap<&'d str, Vec<&'d str>>,
}

impl Lowering<'_, '_> {
    /// Warns of each grant of `SELECT` to someone who has no way through the catalog or the schema.
    pub(super) fn passage(&mut self) {
        let resources = self.resources.values().map(|declared| &*declared.resource);
        let passage = Passage::of(resources);
        let mut around: HashMap<&str, HashSet<&str>> = HashMap::new();
        let mut faults = Vec::new();
        for declared in self.resources.values() {
            let Resource::Grant(grant) = &*declared.resource else { continue };
            if !grant.privileges.contains(&Privilege::Select) {
                continue;
            }
            let to = grant.principal.as_str();
            let lacking = passage.lacking(&grant.securable, around.entry(to).or_insert_with(|| passage.around(to)));
            if lacking.is_empty() {
                continue;
            }
            let span = Span { line: declared.origin.line, column: declared.origin.column, length: 1 };
            let lacking = lacking.join(" and ");
            let message = format!("SELECT on {} gives {to} nothing: it has no {lacking}", grant.securable);
            let fault = Fault::error(&declared.origin.file, span, "select-without-use", to, message).warning();
            faults.push(fault.help(format!("grant {lacking} too, or write level: regular, which is all that reading needs")));
        }
        self.faults.append(&mut faults);
    }
}

impl<'d> Passage<'d> {
    fn of(resources: impl Iterator<Item = &'d Resource>) -> Self {
        let mut passage = Self::default();
        for resource in resources {
            match resource {
                Resource::Grant(grant) => passage.grant(grant),
                Resource::Group(group) => {
                    for member in &group.members {
                        passage.members.entry(group.name.as_str()).or_default().push(member.as_str());
                        passage.groups.entry(member.as_str()).or_default().push(group.name.as_str());
                    }
                }
                other => {
                    if let (Some(securable), Some(owner)) = (other.securable(), other.owner()) {
                        passage.owners.insert(securable, owner.as_str());
                    }
                }
            }
        }
        passage
    }

    fn grant(&mut self, grant: &'d Grant) {
        let has = |privilege| grant.privileges.contains(&privilege) || grant.privileges.contains(&Privilege::AllPrivileges);
        for privilege in [Privilege::UseCatalog, Privilege::UseSchema].into_iter().filter(|privilege| has(*privilege)) {
            self.users.entry((privilege, &grant.securable)).or_default().insert(grant.principal.as_str());
        }
    }

    /// What `SELECT` on something still needs, in words, when any of these may have it.
    fn lacking(&self, on: &Securable, who: &HashSet<&str>) -> Vec<String> {
        let above: Vec<Securable> = std::iter::successors(Some(on.clone()), Securable::parent).collect();
        if above.iter().any(|securable| self.owners.get(securable).is_some_and(|owner| who.contains(owner))) {
            return Vec::new();
        }
        let may =
            |privilege, on| self.users.get(&(privilege, on)).is_some_and(|users| users.iter().any(|user| who.contains(user)));
        let needed = above.iter().filter_map(|securable| match securable {
            Securable::Catalog(_) => Some((Privilege::UseCatalog, securable)),
            Securable::Schema(..) => Some((Privilege::UseSchema, securable)),
            _ => None,
        });
        // What is granted on a catalog is granted on its schemas.
        let lacking = needed.filter(|(privilege, _)| !above.iter().any(|securable| may(*privilege, securable)));
        lacking.map(|(privilege, securable)| format!("{privilege} on {securable}")).collect()
    }

    /// A principal, all that are in it, and all groups that any of these is in: whatever one of them may do, the grant may be meant for.
    fn around(&self, principal: &'d str) -> HashSet<&'d str> {
        let mut around = closure([principal], &self.members);
        around = closure(around, &self.groups);
        around.insert(EVERYONE);
        around
    }
}

/// All that is reached from somewhere, the beginnings included.
fn closure<'d>(from: impl IntoIterator<Item = &'d str>, edges: &HashMap<&'d str, Vec<&'d str>>) -> HashSet<&'d str> {
    let mut open: Vec<&str> = from.into_iter().collect();
    let mut reached: HashSet<&str> = HashSet::new();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    reached
}
