//! The mesh: every descriptor of a folder, read and checked, to be lowered for one environment at a time.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use ipnet::Ipv4Net;
use polder_model::zone::{EnvironmentZones, ZoneSettings};
use polder_model::{Desired, EnvironmentName, JobId, Origin, PolicyName, Provider, TenantName};
use rayon::prelude::*;

use crate::addresses::{ADDRESSES_FILE, GivenAddresses};
use crate::cross;
use crate::descriptor::organization::{self, Organization};
use crate::descriptor::tenant::TenantSettings;
use crate::document::{Body, Document};
use crate::fault::{self, Fault, Severity, Span};
use crate::index::Index;
use crate::lower;
use crate::place::{DescriptorKind, Place, place};
use crate::reader::Reader;
use crate::suggest;
use crate::variables::{Declared, Variables};
use crate::written::{self, WrittenGrant};
use crate::yaml::{self, Node};

/// A file of the mesh's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path, relative to the folder, its parts separated by `/`.
    pub path: Arc<str>,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Every descriptor of a folder.
#[derive(Debug, Default)]
pub struct Mesh {
    organization: Organization,
    organization_file: Option<(Arc<str>, Node)>,
    /// What is wrong with it whatever its variables are.
    organization_faults: Vec<Fault>,
    documents: Vec<Document>,
    policies: Vec<(PolicyName, Arc<str>)>,
    texts: HashMap<Arc<str>, String>,
    addresses: GivenAddresses,
}

/// An environment, as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentInfo {
    /// Its name.
    pub name: EnvironmentName,
    /// The tenant it belongs to.
    pub tenant: TenantName,
    /// Whether only service principals act there.
    pub production: bool,
}

/// What an environment connects to. Values may hold `${secret:NAME}`, to be resolved where they are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EnvironmentSettings {
    /// For each provider: the organization's options with the environment's laid over them, by the names of
    /// [`polder_model::store_option`].
    pub providers: BTreeMap<Provider, BTreeMap<String, String>>,
    /// Other connections by name, such as `state`.
    pub connections: BTreeMap<String, BTreeMap<String, String>>,
    /// After how many days without use personal copies go; 0 where there are none.
    pub personal_days: u32,
}

/// Where a fault of landing zones is.
#[derive(Debug, Clone, Copy)]
pub enum ZonePlace<'a> {
    /// At addresses that were given out, by their name.
    Given(&'a str),
    /// At what declares a domain or an environment.
    Declared(&'a Origin),
    /// Where limits are declared.
    Limits,
}

/// The mesh as one environment sees it.
pub(crate) struct View<'m> {
    pub(crate) organization: Cow<'m, Organization>,
    pub(crate) organization_file: Arc<str>,
    pub(crate) bodies: Vec<(&'m Document, Cow<'m, Body>)>,
    pub(crate) policies: &'m [(PolicyName, Arc<str>)],
    pub(crate) texts: &'m HashMap<Arc<str>, String>,
}

/// The name under which the organization's file is known when there is none.
const ORGANIZATION_FILE: &str = "polder.yaml";

/// Reads all files of a folder and returns what they say with everything that is wrong with them.
#[must_use]
pub fn parse(mut files: Vec<File>) -> (Mesh, Vec<Fault>) {
    // Which of two is the second must not depend on the order in which a folder is listed.
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut mesh = Mesh::default();
    let mut faults = Vec::new();
    // Reading a file says nothing about another.
    let read: Vec<Read> = files.into_par_iter().map(read_file).collect();
    for read in read {
        faults.extend(read.faults);
        mesh.add(read.file, read.text, read.content, &mut faults);
    }
    if mesh.organization_file.is_none() {
        let message = "there is no polder.yaml that can be read: it names the organization, its tenants and its environments";
        // When the file is there and malformed, that fault says enough.
        if !faults.iter().any(|fault| fault.is_error() && matches!(&*fault.file, "polder.yaml" | "polder.yml")) {
            let fault = Fault::error(&ORGANIZATION_FILE.into(), Span::START, "missing-file", ORGANIZATION_FILE, message);
            faults.push(fault.help("run `polder init` for a first one"));
        }
    } else {
        mesh.check(&mut faults);
    }
    fault::sort(&mut faults);
    (mesh, faults)
}

/// Parses one file by itself. What it refers to is not looked for.
#[must_use]
pub fn parse_one(file: File) -> (Mesh, Vec<Fault>) {
    let (mut mesh, mut faults) = (Mesh::default(), Vec::new());
    let read = read_file(file);
    faults.extend(read.faults);
    mesh.add(read.file, read.text, read.content, &mut faults);
    mesh.read_organization(&mut faults);
    fault::sort(&mut faults);
    (mesh, faults)
}

/// What a file turned out to be.
enum Content {
    Organization(Node),
    Document(Box<Document>),
    Policy(PolicyName),
    Addresses(GivenAddresses),
    Other,
}

struct Read {
    file: Arc<str>,
    text: Option<String>,
    content: Content,
    faults: Vec<Fault>,
}

fn read_file(File { path: file, bytes }: File) -> Read {
    let nothing = |file, faults| Read { file, text: None, content: Content::Other, faults };
    let place = match place(&file) {
        Ok(Place::Other) => return nothing(file, Vec::new()),
        Ok(place) => place,
        Err(fault) => return nothing(file, vec![*fault]),
    };
    if let Err(fault) = yaml::text(&file, &bytes) {
        let content = match place {
            Place::Descriptor(kind, domain) if kind != DescriptorKind::Polder => unreadable(&file, kind, domain),
            _ => Content::Other,
        };
        return Read { file, text: None, content, faults: vec![*fault] };
    }
    if place == Place::Addresses {
        let (tree, mut faults) = yaml::read(&file, &bytes);
        let (given, more) = tree.as_ref().map_or_else(Default::default, |tree| GivenAddresses::read(&file, tree));
        faults.extend(more);
        return Read { file, text: String::from_utf8(bytes).ok(), content: Content::Addresses(given), faults };
    }
    let Place::Descriptor(kind, domain) = place else {
        let content = if let Place::Policy(name) = place { Content::Policy(name) } else { Content::Other };
        return Read { file, text: String::from_utf8(bytes).ok(), content, faults: Vec::new() };
    };
    let (tree, mut faults) = yaml::read(&file, &bytes);
    let content = match tree {
        None if kind == DescriptorKind::Polder => Content::Other,
        None => unreadable(&file, kind, domain),
        Some(tree) if kind == DescriptorKind::Polder => Content::Organization(tree),
        Some(tree) => {
            let (document, more) = Document::read(&file, kind, domain, tree);
            faults.extend(more);
            Content::Document(Box::new(document))
        }
    };
    Read { file, text: String::from_utf8(bytes).ok(), content, faults }
}

/// It stays known that something is there, so that what refers to it is not wrong too.
fn unreadable(file: &Arc<str>, kind: DescriptorKind, domain: Option<polder_model::DomainName>) -> Content {
    Content::Document(Box::new(Document { file: file.clone(), kind, domain, body: Body::Unknown, tree: None }))
}

impl Mesh {
    fn add(&mut self, file: Arc<str>, text: Option<String>, content: Content, faults: &mut Vec<Fault>) {
        match content {
            Content::Document(document) => self.documents.push(*document),
            Content::Policy(name) => self.policies.push((name, file.clone())),
            Content::Addresses(given) => self.addresses = given,
            Content::Other => {}
            Content::Organization(tree) => match &self.organization_file {
                Some((first, _)) => {
                    let message = format!("the organization is described a second time: the first is {first}");
                    faults.push(Fault::error(&file, Span::START, "duplicate-file", &*file, message).help("keep one of them"));
                }
                None => self.organization_file = Some((file.clone(), tree)),
            },
        }
        if let Some(text) = text {
            self.texts.insert(file, text);
        }
    }

    /// Checks the whole: as it is where no environment says otherwise, then each environment that says so.
    fn check(&mut self, faults: &mut Vec<Fault>) {
        self.read_organization(faults);
        self.check_view(None, faults);
        if self.documents.iter().any(|document| document.tree.is_some()) {
            for environment in &self.organization.environments {
                self.check_view(Some(&environment.name.value), faults);
            }
        }
    }

    fn read_organization(&mut self, faults: &mut Vec<Fault>) {
        if let Some((file, tree)) = &self.organization_file {
            let mut r = Reader::new(file, Severity::Error);
            let mut tree = tree.clone();
            let none = Variables { declared: [&BTreeMap::new(), &BTreeMap::new()], outside: &|_| None, lenient: true };
            none.resolve(file, &mut tree, &mut r.faults);
            self.organization = Organization::read(&mut r, &tree);
            self.organization_faults.clone_from(&r.faults);
            faults.append(&mut r.faults);
        }
    }

    fn check_view(&self, environment: Option<&EnvironmentName>, faults: &mut Vec<Fault>) {
        let (view, more) = self.view(environment, &|_| None, true);
        faults.extend(more);
        let index = Index::new(&view, faults);
        cross::check(&index, faults);
    }

    /// The mesh as an environment sees it; `None` for what holds where no environment says otherwise.
    fn view(
        &self,
        environment: Option<&EnvironmentName>,
        outside: &dyn Fn(&str) -> Option<String>,
        lenient: bool,
    ) -> (View<'_>, Vec<Fault>) {
        let mut faults = Vec::new();
        let empty = BTreeMap::new();
        let own =
            environment.and_then(|name| self.organization.environment(name)).map_or(&empty, |environment| &environment.variables);
        let variables = Variables { declared: [own, &self.organization.variables], outside, lenient };
        let organization = self.organization_in(environment, &variables, &mut faults);
        let name = environment.map(EnvironmentName::as_str);
        let bodies = self.documents.iter().map(|document| match document.in_environment(name, &variables) {
            None => (document, Cow::Borrowed(&document.body)),
            Some((body, more)) => {
                faults.extend(more);
                (document, Cow::Owned(body))
            }
        });
        let bodies = bodies.collect();
        let organization_file =
            self.organization_file.as_ref().map_or_else(|| ORGANIZATION_FILE.into(), |(file, _)| file.clone());
        (View { organization, organization_file, bodies, policies: &self.policies, texts: &self.texts }, faults)
    }

    /// The organization with the variables of one environment; other environments are left out when it has any.
    fn organization_in(
        &self,
        environment: Option<&EnvironmentName>,
        variables: &Variables<'_>,
        faults: &mut Vec<Fault>,
    ) -> Cow<'_, Organization> {
        let (Some((file, tree)), Some(name)) = (&self.organization_file, environment) else {
            return Cow::Borrowed(&self.organization);
        };
        let mut tree = organization::only_environment(tree, Some(name.as_str()));
        if !tree.any_text(&crate::variables::mentions) {
            return Cow::Borrowed(&self.organization);
        }
        variables.resolve(file, &mut tree, faults);
        let mut r = Reader::new(file, Severity::Error);
        let mut organization = Organization::read(&mut r, &tree);
        // What is wrong apart from variables was found when the files were read. That a secret stands in the file is not so here.
        faults.extend(r.faults.into_iter().filter(|fault| fault.is_error() && !self.organization_faults.contains(fault)));
        let others = self.organization.environments.iter().filter(|other| other.name.value != *name);
        organization.environments.extend(others.cloned());
        Cow::Owned(organization)
    }

    /// The organization's name, as written.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.organization.name
    }

    /// Whether users may be granted to, and not groups and service principals alone.
    #[must_use]
    pub fn grants_to_anyone(&self) -> bool {
        self.organization.grants_to_anyone
    }

    /// Every environment that belongs to a tenant, in the order written.
    #[must_use]
    pub fn environments(&self) -> Vec<EnvironmentInfo> {
        let info = |environment: &organization::Environment| {
            let tenant = environment.tenant.as_ref()?.value.clone();
            Some(EnvironmentInfo { name: environment.name.value.clone(), tenant, production: environment.production })
        };
        self.organization.environments.iter().filter_map(info).collect()
    }

    /// What an environment connects to; `None` when there is no such environment. `variable` answers for variables that are not
    /// declared; one that has no value at all stays as written, and [`Mesh::lower`] says so.
    #[must_use]
    pub fn environment_settings(
        &self,
        environment: &EnvironmentName,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<EnvironmentSettings> {
        let own = &self.organization.environment(environment)?.variables;
        let variables = Variables { declared: [own, &self.organization.variables], outside: variable, lenient: true };
        let organization = self.organization_in(Some(environment), &variables, &mut Vec::new());
        let here = organization.environment(environment)?;
        let options = |provider| Some((provider, organization.options(provider, environment)?));
        let providers = Provider::ALL.into_iter().filter_map(options).collect();
        Some(EnvironmentSettings { providers, connections: here.connections.clone(), personal_days: here.personal_days })
    }

    /// What is declared of landing zones; `None` when nothing is. `variable` answers for variables that are not declared.
    #[must_use]
    pub fn zones(&self, variable: &dyn Fn(&str) -> Option<String>) -> Option<ZoneSettings> {
        let zones = &self.organization.zones;
        if !zones.declared {
            return None;
        }
        let mut settings = zones.settings.clone();
        for environment in self.environments() {
            // In the order of preference, which settings by provider do not keep.
            let mut declared = self.environment_settings(&environment.name, variable).unwrap_or_default().providers;
            let order = self.organization.providers.iter().map(|declared| declared.provider.value);
            let mut providers: Vec<(Provider, Option<String>)> = Vec::new();
            for provider in order.chain(Provider::ALL) {
                if let Some(mut own) = declared.remove(&provider) {
                    providers.push((provider, own.remove("region")));
                }
            }
            settings.environments.insert(environment.name, EnvironmentZones { providers });
        }
        Some(settings)
    }

    /// The address space that landing zones were given.
    #[must_use]
    pub const fn addresses(&self) -> &BTreeMap<String, Ipv4Net> {
        &self.addresses.blocks
    }

    /// A fault of landing zones: at what was given out under this name, at what declares it, or where they are declared.
    #[must_use]
    pub fn zone_fault(&self, at: ZonePlace<'_>, code: &'static str, message: String, help: String) -> Fault {
        let zones = &self.organization.zones;
        let organization = || self.organization_file.as_ref().map_or_else(|| ORGANIZATION_FILE.into(), |(file, _)| file.clone());
        let (file, span, offending) = match at {
            ZonePlace::Given(name) => match self.addresses.spans.get(name) {
                Some(span) => (ADDRESSES_FILE.into(), *span, name.to_owned()),
                None => (organization(), zones.network, "network".to_owned()),
            },
            ZonePlace::Declared(origin) => {
                let span = Span { line: origin.line, column: origin.column, length: 1 };
                (origin.file.clone(), span, String::new())
            }
            ZonePlace::Limits => {
                let declared = [zones.quotas, zones.conventions, zones.network];
                let span = declared.into_iter().find(|span| *span != Span::default()).unwrap_or(Span::START);
                (organization(), span, "quotas".to_owned())
            }
        };
        Fault::error(&file, span, code, offending, message).help(help)
    }

    /// A tenant's own settings; `None` when there is no such tenant. `variable` answers for variables that are not declared; one
    /// that has no value at all stays as written.
    #[must_use]
    pub fn tenant_settings(&self, tenant: &TenantName, variable: &dyn Fn(&str) -> Option<String>) -> Option<TenantSettings> {
        let variables =
            Variables { declared: [&Declared::default(), &self.organization.variables], outside: variable, lenient: true };
        let organization = self.organization_in(None, &variables, &mut Vec::new());
        let found = organization.tenants.iter().find(|declared| declared.name.value == *tenant);
        found.map(|declared| declared.settings.clone())
    }

    /// Resolves the mesh for one environment. `variable` answers for variables that are not declared.
    ///
    /// The faults are those that only show here, such as a variable without a value; the others came with [`parse`]. What has an
    /// error is left out as far as it must be: with errors, the result is to look at and not to apply.
    #[must_use]
    pub fn lower(&self, environment: &EnvironmentName, variable: &dyn Fn(&str) -> Option<String>) -> (Desired, Vec<Fault>) {
        let (view, mut faults) = self.view(Some(environment), variable, false);
        let mut known = Vec::new();
        let index = Index::new(&view, &mut known);
        // Without overrides and variables the view is the one that was checked when the files were read.
        if self.documents.iter().any(|document| document.tree.is_some()) || matches!(view.organization, Cow::Owned(_)) {
            faults.append(&mut known);
            cross::check(&index, &mut faults);
        }
        let desired = lower::lower(&index, environment, &mut faults);
        fault::sort(&mut faults);
        (desired, faults)
    }

    /// Every grant as it is written, in the order of the files: with what it is for and until when, which are for people and in no resource.
    /// What does not exist, and whom, is left out: faults told that.
    #[must_use]
    pub fn grants(&self, environment: &EnvironmentName, variable: &dyn Fn(&str) -> Option<String>) -> Vec<WrittenGrant> {
        let (view, _) = self.view(Some(environment), variable, true);
        let index = Index::new(&view, &mut Vec::new());
        written::grants(&index)
    }

    /// Says of each grant that was given on request and is over that it is.
    #[must_use]
    pub fn grants_that_are_over(&self, now: DateTime<Utc>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for document in &self.documents {
            let Body::Access(grants) = &document.body else { continue };
            // An end that could not be read is told as that.
            let ends = grants.iter().filter_map(|grant| grant.on_request.as_ref());
            for end in ends.filter(|end| end.value <= now && end.value > DateTime::UNIX_EPOCH) {
                let message = format!("this access on request ended {}", end.value.format("%Y-%m-%d %H:%M UTC"));
                let fault = Fault::error(&document.file, end.span, "grant-is-over", "until", message).warning();
                faults.push(fault.help("write the file anew: `polder access export`"));
            }
        }
        faults
    }

    /// The text of a file that was read.
    #[must_use]
    pub fn source(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(String::as_str)
    }

    /// Every query file, with its text: to be checked by whoever knows SQL.
    pub fn queries(&self) -> impl Iterator<Item = (&Arc<str>, &str)> {
        self.texts.iter().filter(|(file, _)| file.ends_with(".sql")).map(|(file, text)| (file, text.as_str()))
    }

    /// The jobs that a text may mean: those of that name in any domain, or else those whose name is most like it.
    #[must_use]
    pub fn jobs_like(&self, text: &str) -> Vec<JobId> {
        let (view, _) = self.view(None, &|_| None, true);
        let jobs = view.bodies.iter().filter_map(|(_, body)| match body.as_ref() {
            Body::Job(job) => Some(&job.id),
            _ => None,
        });
        let Some(near) = suggest::nearest(text, jobs.clone().map(|id| id.name.as_str())) else { return Vec::new() };
        let mut like: Vec<JobId> = jobs.filter(|id| id.name.as_str() == near).cloned().collect();
        like.sort();
        like
    }

    /// A file that was read, with its text.
    pub(crate) fn text(&self, file: &str) -> Option<(&Arc<str>, &String)> {
        self.texts.get_key_value(file)
    }
}
