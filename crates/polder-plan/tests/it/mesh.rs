//! Builders of small meshes, and the one way in which tests make a plan and show it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use polder_model::resource::{
    Bucket, Catalog, Department, Domain, Grant, Group, Schema, ServicePrincipal, Table, TableFormat, User, View, ViewRights,
    Volume,
};
use polder_model::zone::Nodes;
use polder_model::{
    Address, Column, DatasetId, Declared, Desired, Location, Mask, Origin, Privilege, Provider, Resource, Securable, TableName,
};
use polder_plan::render::{Style, text};
use polder_plan::{Inputs, Observation, Observed, Plan, Recorded, check, plan};

/// The states that a plan is made from. Nothing observed: what is recorded counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) desired: Vec<Resource>,
    pub(crate) recorded: Vec<Resource>,
    pub(crate) observed: Vec<(Address, Observation)>,
    pub(crate) allow: Vec<&'static str>,
    pub(crate) retained: Vec<(&'static str, &'static str)>,
}

impl Case {
    /// `after` is declared, `before` is what the last apply did.
    pub(crate) fn new(before: &[Resource], after: &[Resource]) -> Self {
        Self { desired: after.to_vec(), recorded: before.to_vec(), ..Self::default() }
    }

    pub(crate) fn allow(mut self, address: &'static str) -> Self {
        self.allow.push(address);
        self
    }

    pub(crate) fn retain(mut self, address: &'static str, why: &'static str) -> Self {
        self.retained.push((address, why));
        self
    }

    pub(crate) fn present(mut self, resource: Resource) -> Self {
        self.observed.push((resource.address(), Observation::Present(resource.into())));
        self
    }

    pub(crate) fn made(mut self, resource: Resource) -> Self {
        self.observed.push((resource.address(), Observation::Made(resource.into())));
        self
    }

    pub(crate) fn copy(mut self, resource: Resource) -> Self {
        self.observed.push((resource.address(), Observation::Copy(resource.into())));
        self
    }

    pub(crate) fn absent(mut self, address: &str) -> Self {
        self.observed.push((address.parse().unwrap(), Observation::Absent));
        self
    }

    pub(crate) fn unreadable(mut self, address: &str) -> Self {
        self.observed.push((address.parse().unwrap(), Observation::Unreadable("permission denied".to_owned())));
        self
    }

    pub(crate) fn plan(&self) -> Plan {
        let plan = plan(&Inputs {
            desired: &desired(self.desired.iter().cloned()),
            recorded: &Recorded { serial: 7, resources: arcs(by_address(self.recorded.iter().cloned())) },
            observed: &Observed { resources: self.observed.iter().cloned().collect() },
            allow_destroy: &self.allow.iter().map(|address| address.parse().unwrap()).collect(),
            retained: &self.retained.iter().map(|(address, why)| (address.parse().unwrap(), (*why).to_owned())).collect(),
        });
        assert_eq!(check(&plan), []);
        plan
    }

    /// The plan as text with its steps, without the first line.
    pub(crate) fn show(&self) -> String {
        let text = text(&self.plan(), &Style { color: false, verbose: true });
        text.split_once("\n\n").map(|(_, rest)| rest.to_owned()).unwrap_or(text)
    }
}

pub(crate) fn arcs(resources: BTreeMap<Address, Resource>) -> BTreeMap<Address, Arc<Resource>> {
    resources.into_iter().map(|(address, resource)| (address, Arc::new(resource))).collect()
}

pub(crate) fn by_address(resources: impl IntoIterator<Item = Resource>) -> BTreeMap<Address, Resource> {
    resources.into_iter().map(|resource| (resource.address(), resource)).collect()
}

pub(crate) fn desired(resources: impl IntoIterator<Item = Resource>) -> Desired {
    let origin = |resource: &Resource| Origin { file: format!("{}.yaml", resource.kind()).into(), line: 3, column: 1 };
    let declared = resources.into_iter().map(|resource| {
        let origin = origin(&resource);
        (resource.address(), Declared { resource: resource.into(), origin })
    });
    Desired {
        organization: "Contoso".to_owned(),
        tenant: "main".parse().unwrap(),
        environment: "dev".parse().unwrap(),
        production: false,
        resources: declared.collect(),
    }
}

pub(crate) fn department(name: &str) -> Resource {
    Resource::Department(Department { name: name.parse().unwrap(), description: String::new() })
}

pub(crate) fn user(name: &str) -> Resource {
    Resource::User(User { name: name.parse().unwrap() })
}

pub(crate) fn service_principal(name: &str) -> Resource {
    Resource::ServicePrincipal(ServicePrincipal { name: name.parse().unwrap(), domain: None })
}

pub(crate) fn group(name: &str, members: &[&str]) -> Resource {
    Resource::Group(Group {
        name: name.parse().unwrap(),
        members: members.iter().map(|m| m.parse().unwrap()).collect(),
        managed_by_scim: false,
    })
}

pub(crate) fn domain(name: &str) -> Resource {
    let (department, owner) = ("money".parse().unwrap(), "owners".parse().unwrap());
    Resource::Domain(Domain {
        name: name.parse().unwrap(),
        department,
        owner,
        description: String::new(),
        nodes: Nodes::default(),
    })
}

pub(crate) fn bucket(domain: &str) -> Resource {
    let name = format!("dev-{domain}").parse().unwrap();
    Resource::Bucket(Bucket { provider: Provider::Aws, name, domain: domain.parse().unwrap(), is_home: false })
}

pub(crate) fn catalog(name: &str) -> Resource {
    Resource::Catalog(Catalog { name: name.parse().unwrap(), owner: "owners".parse().unwrap(), comment: String::new() })
}

pub(crate) fn schema(catalog: &str, name: &str) -> Resource {
    let owner = "owners".parse().unwrap();
    Resource::Schema(Schema { catalog: catalog.parse().unwrap(), name: name.parse().unwrap(), owner })
}

/// Everything that a table in `finance.bronze` stands on.
pub(crate) fn ground() -> Vec<Resource> {
    let owners = group("owners", &[]);
    vec![department("money"), owners, domain("finance"), bucket("finance"), catalog("finance"), schema("finance", "bronze")]
}

/// The ground and more.
pub(crate) fn with(more: &[Resource]) -> Vec<Resource> {
    ground().into_iter().chain(more.iter().cloned()).collect()
}

fn dataset(name: &TableName) -> DatasetId {
    let (entity, version) = name.object.as_str().rsplit_once('_').unwrap();
    DatasetId { domain: name.catalog.clone(), name: entity.parse().unwrap(), version: version.parse().unwrap() }
}

fn location(name: &TableName) -> Location {
    let bucket = format!("dev-{}", name.catalog).parse().unwrap();
    Location { provider: Provider::Aws, bucket, prefix: format!("{}/{}", name.schema, name.object) }
}

/// A column written `name type`, with `?` at the end when optional and `#tag` before it for a tag.
pub(crate) fn column(text: &str) -> Column {
    let (text, optional) = text.strip_suffix('?').map_or((text, false), |text| (text, true));
    let (text, tag) = text.split_once('#').map_or((text, None), |(text, tag)| (text, Some(tag)));
    let (name, data_type) = text.trim().split_once(' ').unwrap();
    Column {
        name: name.to_owned(),
        data_type: data_type.parse().unwrap(),
        optional,
        description: String::new(),
        tags: tag.map(str::to_owned).into_iter().collect::<BTreeSet<_>>(),
        mask: tag.map(|_| Mask::Null),
    }
}

pub(crate) fn plain_table(name: &str, columns: &[&str]) -> Table {
    let name: TableName = name.parse().unwrap();
    Table {
        dataset: dataset(&name),
        location: location(&name),
        name,
        owner: "owners".parse().unwrap(),
        comment: String::new(),
        placement_reason: String::new(),
        format: TableFormat::Delta,
        columns: columns.iter().map(|text| column(text)).collect(),
        partition_columns: Vec::new(),
        has_history: false,
        properties: BTreeMap::new(),
        hot_storage: None,
        usage: None,
        row_filters: Vec::new(),
        checks: Vec::new(),
    }
}

pub(crate) fn table(name: &str, columns: &[&str]) -> Resource {
    Resource::Table(Box::new(plain_table(name, columns)))
}

pub(crate) fn table_with(name: &str, columns: &[&str], change: impl FnOnce(&mut Table)) -> Resource {
    let mut table = plain_table(name, columns);
    change(&mut table);
    Resource::Table(Box::new(table))
}

pub(crate) fn view(name: &str, sql: &str) -> Resource {
    let name: TableName = name.parse().unwrap();
    let (owner, sql) = ("owners".parse().unwrap(), sql.to_owned());
    Resource::View(View {
        dataset: dataset(&name),
        name,
        owner,
        comment: String::new(),
        sql,
        columns: Vec::new(),
        measures: Vec::new(),
        rights: ViewRights::Definer,
    })
}

pub(crate) fn volume(name: &str) -> Resource {
    let name: TableName = name.parse().unwrap();
    let (dataset, location) = (dataset(&name), location(&name));
    Resource::Volume(Volume { name, dataset, owner: "owners".parse().unwrap(), comment: String::new(), location })
}

pub(crate) fn grant(privileges: &[Privilege], table: &str, to: &str) -> Resource {
    let securable = Securable::Table(table.parse().unwrap());
    let principal = to.parse().unwrap();
    Resource::Grant(Grant { securable, principal, privileges: privileges.iter().copied().collect() })
}
