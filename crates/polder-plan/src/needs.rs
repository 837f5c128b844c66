//! What a resource needs to exist before it, and after it is gone.

use polder_model::{Address, Kind, Location, PrincipalName, Resource, SchemaName, TableName};

/// The addresses that a resource cannot be without. Some may name nothing: an owner is a user, a service principal or a group.
pub(crate) fn needs(resource: &Resource) -> Vec<Address> {
    let mut found = Vec::new();
    match resource {
        Resource::Tenant(_)
        | Resource::Department(_)
        | Resource::User(_)
        | Resource::ServicePrincipal(_)
        | Resource::Group(_)
        | Resource::Policy(_) => {}
        Resource::Environment(environment) => found.push(Address::new(Kind::Tenant, &environment.tenant)),
        Resource::Domain(domain) => found.push(Address::new(Kind::Department, &domain.department)),
        Resource::Bucket(bucket) => found.push(Address::new(Kind::Domain, &bucket.domain)),
        Resource::Connection(connection) => found.push(Address::new(Kind::Domain, &connection.domain)),
        Resource::Catalog(catalog) => found.extend(those_of_catalog(catalog.name.as_str())),
        Resource::Schema(schema) => found.push(Address::new(Kind::Catalog, &schema.catalog)),
        Resource::Table(table) => found.extend([schema_of(&table.name), bucket_of(&table.location)]),
        Resource::ForeignTable(table) => {
            found.extend([schema_of(&table.name), Address::new(Kind::Connection, &table.name.catalog)]);
        }
        Resource::View(view) => found.push(schema_of(&view.name)),
        Resource::Volume(volume) => found.extend([schema_of(&volume.name), bucket_of(&volume.location)]),
        Resource::Grant(grant) => {
            found.extend(grant.securable.address());
            found.extend(principals(&grant.principal));
        }
        Resource::Share(share) => {
            found.push(Address::new(Kind::Domain, &share.domain));
            found.extend(share.tables.iter().map(|table| Address::new(Kind::Table, table)));
            found.extend(share.recipients.iter().map(|recipient| Address::new(Kind::ServicePrincipal, &recipient.name)));
        }
        Resource::Job(job) => found.extend(job.run_as.iter().flat_map(principals)),
    }
    found.extend(resource.owner().into_iter().flat_map(principals));
    found
}

/// What a personal copy needs: all but its owner.
pub(crate) fn needs_of_copy(copy: &Resource) -> Vec<Address> {
    let owner: Vec<Address> = copy.owner().into_iter().flat_map(principals).collect();
    needs(copy).into_iter().filter(|need| !owner.contains(need)).collect()
}

/// What the thing at an address needs, as far as its name alone says.
pub(crate) fn needs_of_address(address: &Address) -> Vec<Address> {
    match address.kind() {
        Kind::Table | Kind::ForeignTable | Kind::View | Kind::Volume => {
            address.name().parse::<TableName>().map(|name| vec![schema_of(&name)]).unwrap_or_default()
        }
        Kind::Schema => {
            let catalog = address.name().split_once('.').map(|(catalog, _)| catalog);
            catalog.map(|catalog| Address::new(Kind::Catalog, catalog)).into_iter().collect()
        }
        Kind::Catalog => those_of_catalog(address.name()).to_vec(),
        _ => Vec::new(),
    }
}

/// The addresses that a principal's name may have. At most one of them names something.
pub(crate) fn principals(name: &PrincipalName) -> [Address; 3] {
    [Kind::User, Kind::ServicePrincipal, Kind::Group].map(|kind| Address::new(kind, name))
}

/// Where a resource's files are, for the kinds that have a folder.
pub(crate) const fn location(resource: &Resource) -> Option<&Location> {
    match resource {
        Resource::Table(table) => Some(&table.location),
        Resource::Volume(volume) => Some(&volume.location),
        _ => None,
    }
}

/// A catalog is a domain's or a connection's: at most one of them there is.
fn those_of_catalog(name: &str) -> [Address; 2] {
    [Kind::Domain, Kind::Connection].map(|kind| Address::new(kind, name))
}

fn schema_of(name: &TableName) -> Address {
    let schema: &SchemaName = &name.schema;
    Address::new(Kind::Schema, format_args!("{}.{schema}", name.catalog))
}

fn bucket_of(location: &Location) -> Address {
    Address::new(Kind::Bucket, format_args!("{}/{}", location.provider, location.bucket))
}
