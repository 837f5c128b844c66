//! What access is decided from: the metastore's entries together with the directory, as both count at one moment. Pure.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use polder_model::resource::{Group, User};
use polder_model::{Address, Kind, PrincipalName, Resource};
use polder_store::Directory;

/// The entries, without users that an identity provider has switched off, with the members that it keeps, and with what is in the
/// directory alone.
///
/// A group has one owner: of a group that files keep, the directory has no say.
pub(crate) fn together<'a>(
    entries: &'a BTreeMap<Address, Arc<Resource>>,
    directory: &Directory,
    now: DateTime<Utc>,
) -> Vec<Cow<'a, Resource>> {
    let mut all: Vec<Cow<'a, Resource>> = Vec::with_capacity(entries.len() + directory.users.len());
    for entry in entries.values() {
        match &**entry {
            Resource::User(user) if directory.users.get(&user.name) == Some(&false) => {}
            Resource::Group(group) if group.managed_by_scim => {
                let members = directory.groups.get(&group.name).cloned().unwrap_or_default();
                all.push(Cow::Owned(Resource::Group(Group { members, ..group.clone() })));
            }
            other => all.push(Cow::Borrowed(other)),
        }
    }
    let declared = |kind, name: &PrincipalName| entries.contains_key(&Address::new(kind, name));
    let users = directory.users.iter().filter(|(name, active)| **active && !declared(Kind::User, name));
    all.extend(users.map(|(name, _)| Cow::Owned(Resource::User(User { name: name.clone() }))));
    let groups = directory.groups.iter().filter(|(name, _)| !declared(Kind::Group, name));
    all.extend(groups.map(|(name, members)| Cow::Owned(group(name, members))));
    let live = directory.grants.iter().filter(|timed| timed.expires.is_none_or(|expires| now < expires));
    all.extend(live.map(|timed| Cow::Owned(Resource::Grant(timed.grant.clone()))));
    all
}

fn group(name: &PrincipalName, members: &BTreeSet<PrincipalName>) -> Resource {
    Resource::Group(Group { name: name.clone(), members: members.clone(), managed_by_scim: true })
}

/// The moment at which the next grant ends.
pub(crate) fn next_end(directory: &Directory, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    directory.grants.iter().filter_map(|timed| timed.expires).filter(|&expires| now < expires).min()
}
