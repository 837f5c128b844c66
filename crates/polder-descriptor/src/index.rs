//! The index: everything that can be referred to, by name, in one view of the mesh. What is there twice is found here.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use polder_model::job::BadRows;
use polder_model::principal::{EVERYONE, RESERVED};
use polder_model::{DatasetId, JobId, PrincipalKind, PrincipalName, Securable, TableName};

use crate::descriptor::access::{Grant, Target};
use crate::descriptor::connection::{self, Connection};
use crate::descriptor::dataset::{Dataset, Shape};
use crate::descriptor::domain::Domain;
use crate::descriptor::job::{Framework, Job};
use crate::descriptor::share::Share;
use crate::document::Body;
use crate::fault::{Fault, Span};
use crate::mesh::View;
use crate::place::DescriptorKind;

/// Something with the file that says it.
pub(crate) struct In<'v, T: ?Sized> {
    pub(crate) file: &'v Arc<str>,
    pub(crate) it: &'v T,
}

// By hand, as deriving would ask the same of `T`.
impl<T: ?Sized> Clone for In<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for In<'_, T> {}

/// A principal with where it is declared; `everyone` is declared nowhere.
pub(crate) struct Known<'v> {
    pub(crate) kind: PrincipalKind,
    pub(crate) place: Option<(&'v Arc<str>, Span)>,
}

/// Everything that can be referred to. Vectors are in the order of the files.
pub(crate) struct Index<'v> {
    pub(crate) view: &'v View<'v>,
    pub(crate) domains: Vec<In<'v, Domain>>,
    pub(crate) datasets: Vec<In<'v, Dataset>>,
    pub(crate) jobs: Vec<In<'v, Job>>,
    pub(crate) shares: Vec<In<'v, Share>>,
    pub(crate) connections: Vec<In<'v, Connection>>,
    pub(crate) access: Vec<In<'v, [Grant]>>,
    pub(crate) principals: HashMap<&'v str, Known<'v>>,
    /// Tables that hold the rows of a loading job that did not fit: by name, the sink and the job.
    pub(crate) quarantines: HashMap<TableName, (In<'v, Dataset>, In<'v, Job>)>,
    /// Whether something could not be read, so that what seems to be missing may be in there.
    pub(crate) incomplete_datasets: bool,
    by_domain: HashMap<&'v str, usize>,
    by_dataset: HashMap<&'v DatasetId, usize>,
    by_table: HashMap<&'v TableName, usize>,
    schemas: HashSet<(&'v str, &'v str)>,
}

impl<'v> Index<'v> {
    /// Collects a view's names and says which are there twice.
    pub(crate) fn new(view: &'v View<'v>, faults: &mut Vec<Fault>) -> Self {
        let mut index = Self {
            view,
            domains: Vec::new(),
            datasets: Vec::new(),
            jobs: Vec::new(),
            shares: Vec::new(),
            connections: Vec::new(),
            access: Vec::new(),
            principals: HashMap::new(),
            quarantines: HashMap::new(),
            incomplete_datasets: false,
            by_domain: HashMap::new(),
            by_dataset: HashMap::new(),
            by_table: HashMap::new(),
            schemas: HashSet::new(),
        };
        let mut jobs: HashMap<&JobId, In<'v, Job>> = HashMap::new();
        for (document, body) in &view.bodies {
            let file = &document.file;
            match body.as_ref() {
                Body::Domain(it) => index.add_domain(In { file, it }, faults),
                Body::Dataset(it) => index.add_dataset(In { file, it }, faults),
                Body::Job(it) => match jobs.entry(&it.id) {
                    Entry::Vacant(free) => index.jobs.push(*free.insert(In { file, it })),
                    Entry::Occupied(first) => {
                        faults.push(duplicate(
                            file,
                            it.span,
                            "job",
                            &it.id.to_string(),
                            Some((first.get().file, first.get().it.span)),
                        ));
                    }
                },
                Body::Share(it) => index.shares.push(In { file, it }),
                Body::Connection(it) => index.add_connection(In { file, it }),
                Body::Access(it) => index.access.push(In { file, it }),
                Body::Unknown => index.incomplete_datasets |= document.kind == DescriptorKind::Dataset,
            }
        }
        index.add_principals(faults);
        index.add_quarantines();
        index
    }

    fn add_domain(&mut self, domain: In<'v, Domain>, faults: &mut Vec<Fault>) {
        match self.by_domain.entry(domain.it.name.as_str()) {
            Entry::Vacant(free) => {
                free.insert(self.domains.len());
                self.domains.push(domain);
            }
            Entry::Occupied(first) => {
                let first = self.domains[*first.get()];
                faults.push(duplicate(
                    domain.file,
                    domain.it.span,
                    "domain",
                    domain.it.name.as_str(),
                    Some((first.file, first.it.span)),
                ));
            }
        }
    }

    fn add_dataset(&mut self, dataset: In<'v, Dataset>, faults: &mut Vec<Fault>) {
        match self.by_dataset.entry(&dataset.it.id) {
            Entry::Vacant(free) => {
                free.insert(self.datasets.len());
                self.by_table.insert(&dataset.it.table, self.datasets.len());
                self.schemas.insert((dataset.it.table.catalog.as_str(), dataset.it.table.schema.as_str()));
                self.datasets.push(dataset);
            }
            Entry::Occupied(first) => {
                let first = self.datasets[*first.get()];
                faults.push(duplicate(
                    dataset.file,
                    dataset.it.span,
                    "dataset",
                    &dataset.it.id.to_string(),
                    Some((first.file, first.it.span)),
                ));
            }
        }
    }

    /// Of two with one name, the first counts; that there are two is a fault of its own.
    fn add_connection(&mut self, connection: In<'v, Connection>) {
        let catalog = connection.it.name.value.as_str();
        if self.connection(catalog).is_none() {
            self.schemas.extend(connection.it.tables.iter().map(|table| (catalog, table.name.schema.as_str())));
        }
        self.connections.push(connection);
    }

    fn add_principals(&mut self, faults: &mut Vec<Fault>) {
        use PrincipalKind::{Group, ServicePrincipal, User};
        self.principals.insert(EVERYONE, Known { kind: Group, place: None });
        let view = self.view;
        let (file, organization) = (&view.organization_file, view.organization.as_ref());
        for user in &organization.users {
            self.add_principal(&user.value, User, (file, user.span), faults);
        }
        for principal in &organization.service_principals {
            self.add_principal(&principal.value, ServicePrincipal, (file, principal.span), faults);
        }
        for group in &organization.groups {
            self.add_principal(&group.name.value, Group, (file, group.name.span), faults);
        }
        for domain in self.domains.clone() {
            for principal in &domain.it.service_principals {
                let place = (domain.file, principal.span);
                self.add_principal(&principal.value, ServicePrincipal, place, faults);
            }
        }
        // A recipient is a service principal of its own, unless it is one that is known otherwise.
        for share in self.shares.clone() {
            for recipient in share.it.recipients.iter().map(|recipient| &recipient.name) {
                if !self.principals.contains_key(recipient.value.as_str()) {
                    self.add_principal(&recipient.value, ServicePrincipal, (share.file, recipient.span), faults);
                }
            }
        }
    }

    fn add_principal(
        &mut self,
        name: &'v PrincipalName,
        kind: PrincipalKind,
        place: (&'v Arc<str>, Span),
        faults: &mut Vec<Fault>,
    ) {
        if let Some((reserved, whom)) = RESERVED.iter().find(|(reserved, _)| name.as_str() == *reserved) {
            let mut fault = duplicate(place.0, place.1, &kind.to_string(), name.as_str(), None);
            fault.help = Some(format!("rename it: '{reserved}' is {whom}"));
            faults.push(fault);
        }
        match self.principals.entry(name.as_str()) {
            Entry::Vacant(free) => {
                free.insert(Known { kind, place: Some(place) });
            }
            Entry::Occupied(first) => {
                let what =
                    if first.get().kind == kind { kind.to_string() } else { format!("{kind} ({} elsewhere)", first.get().kind) };
                let mut fault = duplicate(place.0, place.1, &what, name.as_str(), first.get().place);
                fault.help = Some("users, service principals and groups share one set of names: rename or remove one".to_owned());
                faults.push(fault);
            }
        }
    }

    fn add_quarantines(&mut self) {
        for job in self.jobs.clone() {
            if job.it.bad_rows == BadRows::Quarantine
                && matches!(job.it.framework, Framework::Ingest(_))
                && let Some(sink) = job.it.sink.as_ref().and_then(|sink| self.dataset(&sink.value))
                && sink.it.is_writable()
                && let Ok(name) = sink.it.table.quarantine()
            {
                self.quarantines.entry(name).or_insert((sink, job));
            }
        }
    }

    /// The domain of this name.
    pub(crate) fn domain(&self, name: &str) -> Option<In<'v, Domain>> {
        self.by_domain.get(name).map(|at| self.domains[*at])
    }

    /// The connection of this name.
    pub(crate) fn connection(&self, name: &str) -> Option<In<'v, Connection>> {
        self.connections.iter().find(|connection| connection.it.name.value.as_str() == name).copied()
    }

    /// The table of another database that has this name here.
    pub(crate) fn foreign_table(&self, name: &TableName) -> Option<&'v connection::Table> {
        self.connection(name.catalog.as_str())?.it.tables.iter().find(|table| table.name == *name)
    }

    /// The dataset of this name.
    pub(crate) fn dataset(&self, id: &DatasetId) -> Option<In<'v, Dataset>> {
        self.by_dataset.get(id).map(|at| self.datasets[*at])
    }

    /// The dataset whose table, view or volume has this name.
    pub(crate) fn table(&self, name: &TableName) -> Option<In<'v, Dataset>> {
        self.by_table.get(name).map(|at| self.datasets[*at])
    }

    /// What a grant is on, if it exists.
    pub(crate) fn securable(&self, target: &Target) -> Option<Securable> {
        match target {
            Target::Metastore => Some(Securable::Metastore),
            Target::Catalog(catalog) => {
                let known = self.domain(catalog.as_str()).is_some() || self.connection(catalog.as_str()).is_some();
                known.then(|| Securable::Catalog(catalog.clone()))
            }
            Target::Schema(catalog, schema) => {
                let known = self.schemas.contains(&(catalog.as_str(), schema.as_str()));
                known.then(|| Securable::Schema(catalog.clone(), schema.clone()))
            }
            Target::Object(catalog, schema, object) => {
                let name = TableName { catalog: catalog.clone(), schema: schema.clone(), object: object.clone() };
                match self.table(&name) {
                    Some(dataset) => Some(dataset.it.securable()),
                    None if self.foreign_table(&name).is_some() => Some(Securable::ForeignTable(name)),
                    None => self.quarantines.contains_key(&name).then_some(Securable::Table(name)),
                }
            }
            Target::Dataset(domain, name, version) => {
                let id = DatasetId { domain: domain.clone(), name: name.clone(), version: *version };
                self.dataset(&id).map(|dataset| dataset.it.securable())
            }
        }
    }

    /// The schemas of a catalog.
    pub(crate) fn schemas_of(&self, catalog: &str) -> impl Iterator<Item = &'v str> + Clone {
        self.schemas.iter().filter(move |(of, _)| *of == catalog).map(|(_, schema)| *schema)
    }
}

impl Dataset {
    /// The securable that it is.
    pub(crate) fn securable(&self) -> Securable {
        let name = self.table.clone();
        match self.shape {
            Shape::Table => Securable::Table(name),
            Shape::View(_) => Securable::View(name),
            Shape::Volume => Securable::Volume(name),
        }
    }
}

/// Says that something is there twice, and where the first is.
pub(crate) fn duplicate(file: &Arc<str>, span: Span, what: &str, name: &str, first: Option<(&Arc<str>, Span)>) -> Fault {
    let code = match what.split(' ').next() {
        Some("dataset") => "duplicate-dataset",
        Some("job") => "duplicate-job",
        Some("domain") => "duplicate-domain",
        Some("tenant") => "duplicate-tenant",
        Some("environment") => "duplicate-environment",
        Some("department") => "duplicate-department",
        _ => "duplicate-principal",
    };
    let message = match first {
        Some((other, at)) => {
            format!("the {what} '{name}' is declared a second time: the first is at {other}:{}:{}", at.line, at.column)
        }
        None => format!("the {what} '{name}' exists already: it is built in"),
    };
    Fault::error(file, span, code, name, message).help("rename or remove one of them")
}
