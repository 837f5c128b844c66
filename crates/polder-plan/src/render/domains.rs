//! Which domain a change is of.

use std::collections::BTreeMap;

use polder_model::{DomainName, Resource, Securable};

use crate::change::Change;

/// The changes of a domain, or of what belongs to none.
#[derive(Debug)]
pub(super) struct Group<'p> {
    /// The domain; `None` for the rest.
    pub(super) domain: Option<&'p DomainName>,
    /// Its changes, as the plan has them.
    pub(super) changes: Vec<&'p Change>,
}

/// The changes by domain: what belongs to none comes first.
pub(super) fn by_domain(changes: &[Change]) -> Vec<Group<'_>> {
    // A connection's catalog bears the connection's name, and is its domain's all the same.
    let connections: BTreeMap<&DomainName, &DomainName> = changes
        .iter()
        .filter_map(|change| match resource(change)? {
            Resource::Connection(connection) => Some((&connection.name, &connection.domain)),
            _ => None,
        })
        .collect();
    let mut groups: BTreeMap<Option<&DomainName>, Vec<&Change>> = BTreeMap::new();
    for change in changes {
        let found = resource(change).and_then(domain);
        let domain = found.map(|name| connections.get(name).copied().unwrap_or(name));
        groups.entry(domain).or_default().push(change);
    }
    groups.into_iter().map(|(domain, changes)| Group { domain, changes }).collect()
}

fn resource(change: &Change) -> Option<&Resource> {
    change.after.as_deref().or(change.before.as_deref())
}

/// The domain, or the catalog that says it.
fn domain(resource: &Resource) -> Option<&DomainName> {
    match resource {
        Resource::Domain(domain) => Some(&domain.name),
        Resource::ServicePrincipal(program) => program.domain.as_ref(),
        Resource::Bucket(bucket) => Some(&bucket.domain),
        Resource::Connection(connection) => Some(&connection.domain),
        Resource::Catalog(catalog) => Some(&catalog.name),
        Resource::Schema(schema) => Some(&schema.catalog),
        Resource::Table(table) => Some(&table.name.catalog),
        Resource::ForeignTable(table) => Some(&table.name.catalog),
        Resource::View(view) => Some(&view.name.catalog),
        Resource::Volume(volume) => Some(&volume.name.catalog),
        Resource::Grant(grant) => catalog(&grant.securable),
        Resource::Job(job) => Some(&job.id.domain),
        Resource::Share(share) => Some(&share.domain),
        Resource::Tenant(_)
        | Resource::Environment(_)
        | Resource::Department(_)
        | Resource::User(_)
        | Resource::Group(_)
        | Resource::Policy(_) => None,
    }
}

fn catalog(securable: &Securable) -> Option<&DomainName> {
    match securable {
        Securable::Metastore => None,
        Securable::Catalog(name) | Securable::Schema(name, _) => Some(name),
        Securable::Table(name) | Securable::ForeignTable(name) | Securable::View(name) | Securable::Volume(name) => {
            Some(&name.catalog)
        }
    }
}
