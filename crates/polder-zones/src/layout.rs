//! The layout: which landing zones there are, what is in each, what it is called and where its addresses are.
//!
//! ```text
//! tenant            production                     nonprod
//! management zone     metastore, catalogs, audit     metastore, ...
//! landing zone        prod/trading/azure             dev/trading/azure   stg/trading/azure      a department in an environment
//! domain                odds: group, workspace,        odds: ...           odds: ...            at a provider
//!                       vault, storage, network
//! ```

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use polder_model::resource::Table;
use polder_model::usage::Usage;
use polder_model::zone::{AwsPlatform, EnvironmentZones, WorkspacePer, ZoneSettings};
use polder_model::{
    Address, DepartmentName, Desired, DomainName, EnvironmentName, Provider, Resource, SchemaName, TableName, TenantName,
};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::addresses::{Addresses, Lack, SubnetNeeds, ZoneNeeds, allocate};
use crate::names::Kind;
use crate::storage::{Choice, NoFit, StorageClass, choose};

/// What a layout is made of.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Every environment of the mesh.
    pub environments: &'a [&'a Desired],
    /// What is declared of landing zones.
    pub settings: &'a ZoneSettings,
}

/// The landing zones of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Layout {
    /// The organization.
    pub organization: String,
    /// By name.
    pub tenants: Vec<TenantLayout>,
}

/// The landing zones of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TenantLayout {
    /// The tenant.
    pub tenant: TenantName,
    /// Whether an environment of it is production.
    pub production: bool,
    /// What all of its landing zones share: a zone of its own for each provider that they are at.
    pub management: Vec<ManagementZone>,
    /// A department in an environment at a provider each, in the order of their keys.
    pub zones: Vec<LandingZone>,
}

/// What the landing zones of a tenant at one provider share: the metastore with its catalogs, the audit, keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManagementZone {
    /// The provider.
    pub provider: Provider,
    /// The region, where one is declared.
    pub region: Option<String>,
    /// What is made in it.
    pub items: Vec<Item>,
}

/// A department in an environment at a provider: the unit of quota, network and billing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LandingZone {
    /// `environment/department/provider`: what it is known by, also in the file of addresses.
    pub key: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// The department; `None` for the zone of workspaces that departments share.
    pub department: Option<DepartmentName>,
    /// The provider.
    pub provider: Provider,
    /// The region, where one is declared.
    pub region: Option<String>,
    /// What is made once in it: the zone itself, its network, its log and its budget.
    pub items: Vec<Item>,
    /// Its address space.
    #[serde(serialize_with = "texts")]
    pub blocks: Vec<Ipv4Net>,
    /// Its workspaces and clusters, with their subnets.
    pub workspaces: Vec<Workspace>,
    /// Its subnet for private endpoints.
    pub endpoints: Subnet,
    /// What else its workspaces share of its network: at AWS private endpoints in a second availability zone, and a way out of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub edge: Vec<Subnet>,
    /// Its domains.
    pub domains: Vec<DomainPlace>,
}

/// A workspace, or what stands for one where there is no Databricks: an EKS cluster, a project's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Workspace {
    /// What it is known by within its zone: a domain, a department, or the number of one that is shared.
    pub key: String,
    /// It, by its name at the provider.
    pub item: Item,
    /// What is made for it alone: at AWS the bucket that Databricks keeps its own files in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Item>,
    /// The domains that work in it.
    pub domains: Vec<DomainName>,
    /// How many nodes it runs at once, at most.
    pub nodes: u32,
    /// Its subnets.
    pub subnets: Vec<Subnet>,
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subnet {
    /// What it is for: `host`, `container`, `a`, `b`, `nodes`, `pods`, `services`, `endpoints`, `endpoints-b`, `egress-a`, `egress-b`.
    pub role: &'static str,
    /// How many addresses it must have.
    pub needed: u64,
    /// Where it is; `None` where no range is declared or none is free.
    #[serde(serialize_with = "text_if_any")]
    pub block: Option<Ipv4Net>,
}

/// What a domain has in a landing zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DomainPlace {
    /// The domain.
    pub domain: DomainName,
    /// The zone and the key of the workspace that it works in.
    pub workspace: (String, String),
    /// What is made for it.
    pub items: Vec<Item>,
    /// How many tables it offers from here.
    pub tables: usize,
    /// Its storage accounts or buckets: one for what is stored alike.
    pub storage: Vec<Storage>,
}

/// A storage account or bucket of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Storage {
    /// It, by its name at the provider.
    pub item: Item,
    /// Its copy in another region, at AWS, where a bucket is in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<Item>,
    /// Whether it is the domain's own: the one that every domain has, stored as is usual.
    pub is_home: bool,
    /// How it is stored.
    pub class: StorageClass,
    /// Why, for people.
    pub why: String,
    /// How many tables are in it.
    pub tables: usize,
    /// Which they are. Told by their number alone, as there may be thousands.
    #[serde(skip)]
    pub holds: Vec<TableName>,
    /// How many gigabytes its tables say that they have.
    pub gigabytes: u64,
    /// How many requests in a second its tables say that they are asked.
    pub requests_per_second: u64,
}

/// Something that is made at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
}

/// What departments that share workspaces have in place of a department's name.
const SHARED: &str = "shared";

impl Layout {
    /// The addresses that were given out and that nothing has any more, by the zone or, of a zone that is there, the workspace that they were
    /// for.
    #[must_use]
    pub fn unneeded<'a>(&self, given: &'a Addresses) -> BTreeMap<&'a str, Vec<&'a str>> {
        let zones: BTreeMap<&str, &LandingZone> =
            self.tenants.iter().flat_map(|tenant| &tenant.zones).map(|zone| (zone.key.as_str(), zone)).collect();
        let mut unneeded: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for name in given.keys() {
            // environment/department/provider, then # and a number, or / and what it is for.
            let of_zone = name.match_indices(['/', '#']).nth(2).map_or(name.as_str(), |(at, _)| &name[..at]);
            let rest = name[of_zone.len()..].trim_start_matches('/');
            let Some(zone) = zones.get(of_zone) else {
                unneeded.entry(of_zone).or_default().push(name);
                continue;
            };
            if let Some((workspace, _)) = rest.split_once('/')
                && zone.workspaces.iter().all(|known| known.key != workspace)
            {
                unneeded.entry(&name[..of_zone.len() + 1 + workspace.len()]).or_default().push(name);
            }
        }
        unneeded
    }
}

/// What was laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaidOut {
    /// The landing zones.
    pub layout: Layout,
    /// Every address that is given out then, those of before included.
    pub addresses: Addresses,
    /// What is lacking of addresses.
    pub lacks: Vec<(EnvironmentName, Lack)>,
    /// Tables for which there is no storage.
    pub misfits: Vec<Misfit>,
}

/// A table for which there is no storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// In which environment.
    pub environment: EnvironmentName,
    /// The table.
    pub table: Address,
    /// Why.
    pub why: NoFit,
}

/// Lays landing zones out. `given` are the addresses that were given out before.
#[must_use]
pub fn lay_out(asked: Asked<'_>, given: &Addresses) -> LaidOut {
    let organization = asked.environments.first().map(|desired| desired.organization.clone()).unwrap_or_default();
    let mut tenants: BTreeMap<&TenantName, TenantLayout> = BTreeMap::new();
    let (mut all, mut lacks, mut misfits) = (given.clone(), Vec::new(), Vec::new());
    for &desired in asked.environments {
        let mut zones = Environment::new(desired, asked.settings).zones(&mut misfits);
        let needs: Vec<ZoneNeeds> = zones.iter().map(|zone| zone_needs(zone, asked.settings)).collect();
        let network = &asked.settings.network;
        if let Some(ranges) = network.ranges.get(&desired.environment) {
            // Of what other environments have, nothing is given out again, wherever their ranges are.
            let own = format!("{}/", desired.environment);
            let others = all.iter().filter(|(key, _)| key.contains('#') && !key.starts_with(&own)).map(|(_, block)| *block);
            let elsewhere: Vec<Ipv4Net> = network.elsewhere.iter().copied().chain(others).collect();
            let here: Addresses =
                all.iter().filter(|(key, _)| key.starts_with(&own)).map(|(key, block)| (key.clone(), *block)).collect();
            let (given, lacking) = allocate(ranges, &elsewhere, &needs, &here);
            all.extend(given);
            lacks.extend(lacking.into_iter().map(|lack| (desired.environment.clone(), lack)));
        }
        for zone in &mut zones {
            zone.place(&all);
        }
        let tenant = tenants.entry(&desired.tenant).or_insert_with(|| TenantLayout {
            tenant: desired.tenant.clone(),
            production: false,
            management: Vec::new(),
            zones: Vec::new(),
        });
        tenant.production |= desired.production;
        tenant.zones.append(&mut zones);
    }
    let mut tenants: Vec<TenantLayout> = tenants.into_values().collect();
    for tenant in &mut tenants {
        tenant.zones.sort_by(|a, b| a.key.cmp(&b.key));
        tenant.management = management(&organization, tenant);
    }
    LaidOut { layout: Layout { organization, tenants }, addresses: all, lacks, misfits }
}

/// The storage of each domain of an environment at each provider, which depends on nothing else that is laid out.
#[must_use]
pub fn storage(desired: &Desired, settings: &ZoneSettings) -> Vec<(Provider, DomainName, Vec<Storage>)> {
    let zones = Environment::new(desired, settings).zones(&mut Vec::new()).into_iter();
    let of_zone = |zone: LandingZone| {
        let provider = zone.provider;
        zone.domains.into_iter().map(move |place| (provider, place.domain, place.storage))
    };
    zones.flat_map(of_zone).collect()
}

/// An environment that is being laid out.
struct Environment<'a> {
    desired: &'a Desired,
    settings: &'a ZoneSettings,
    own: EnvironmentZones,
    /// Each domain with its department and nodes.
    domains: BTreeMap<&'a DomainName, (&'a DepartmentName, u32)>,
    /// At which providers a domain has tables, volumes and the like, and its tables there.
    tables: BTreeMap<(&'a DomainName, Provider), Vec<&'a Table>>,
}

impl<'a> Environment<'a> {
    fn new(desired: &'a Desired, settings: &'a ZoneSettings) -> Self {
        let own = settings.environments.get(&desired.environment).cloned().unwrap_or_default();
        let first = own.providers.first().map_or(Provider::ALL[0], |(provider, _)| *provider);
        let mut domains = BTreeMap::new();
        let mut tables: BTreeMap<(&DomainName, Provider), Vec<&Table>> = BTreeMap::new();
        for declared in desired.resources.values() {
            match declared.resource.as_ref() {
                Resource::Domain(domain) => {
                    domains.insert(&domain.name, (&domain.department, domain.nodes.0));
                }
                Resource::Table(table) => {
                    tables.entry((&table.dataset.domain, table.location.provider)).or_default().push(table);
                }
                Resource::Bucket(bucket) => {
                    tables.entry((&bucket.domain, bucket.provider)).or_default();
                }
                _ => {}
            }
        }
        for domain in domains.keys() {
            if !Provider::ALL.iter().any(|provider| tables.contains_key(&(*domain, *provider))) {
                tables.insert((*domain, first), Vec::new());
            }
        }
        tables.retain(|(domain, _), _| domains.contains_key(domain));
        Self { desired, settings, own, domains, tables }
    }

    fn zones(&self, misfits: &mut Vec<Misfit>) -> Vec<LandingZone> {
        let mut zones: BTreeMap<String, LandingZone> = BTreeMap::new();
        let mut workspaces: BTreeMap<(String, String), Vec<&DomainName>> = BTreeMap::new();
        for ((domain, provider), tables) in &self.tables {
            let (department, _) = self.domains[domain];
            let workspace = self.workspace(domain, department, *provider);
            workspaces.entry(workspace.clone()).or_default().push(domain);
            let key = self.key(Some(department), *provider);
            let zone = zones.entry(key).or_insert_with_key(|key| self.zone(key, Some(department), *provider));
            let storage = self.storage(domain, zone, tables, misfits);
            zone.domains.push(DomainPlace {
                domain: (*domain).clone(),
                workspace,
                items: self.domain_items(domain, department, *provider),
                tables: tables.len(),
                storage,
            });
        }
        for ((zone, key), domains) in workspaces {
            let provider = zone.rsplit('/').next().and_then(|word| word.parse().ok()).unwrap_or(Provider::ALL[0]);
            let zone = zones.entry(zone).or_insert_with_key(|zone| self.zone(zone, None, provider));
            let nodes = domains.iter().map(|domain| self.domains[domain].1).fold(0, u32::saturating_add);
            let workspace = self.workspace_of(zone, key, &domains, nodes);
            zone.workspaces.push(workspace);
        }
        for zone in zones.values_mut() {
            zone.endpoints.needed = endpoints(zone);
            zone.edge = edge(zone);
        }
        zones.into_values().collect()
    }

    fn key(&self, department: Option<&DepartmentName>, provider: Provider) -> String {
        format!("{}/{}/{provider}", self.desired.environment, department.map_or(SHARED, DepartmentName::as_str))
    }

    fn platform(&self, provider: Provider) -> Platform {
        match provider {
            Provider::Azure => Platform::AzureDatabricks,
            Provider::Aws if self.settings.aws_platform == AwsPlatform::Native => Platform::Eks,
            Provider::Aws => Platform::AwsDatabricks,
            Provider::Gcp => Platform::Gke,
        }
    }

    /// The zone and the key of the workspace that a domain works in. Nothing but the domain, its department and the settings have a say
    /// in it: it stays where it is whatever else comes and goes.
    fn workspace(&self, domain: &DomainName, department: &DepartmentName, provider: Provider) -> (String, String) {
        let workspaces = self.settings.workspaces;
        let own = self.key(Some(department), provider);
        // A project at Google is a domain's alone, and so is what stands for a workspace in it.
        if self.platform(provider) == Platform::Gke {
            return (own, domain.to_string());
        }
        let unit = match workspaces.per {
            WorkspacePer::Domain => domain.as_str(),
            WorkspacePer::Department => department.as_str(),
            WorkspacePer::Environment => SHARED,
        };
        let shared = self.key(None, provider);
        match (workspaces.per, workspaces.among) {
            (WorkspacePer::Environment, _) => (shared, SHARED.to_owned()),
            (_, Some(among)) => (shared, format!("ws{:03}", one_of(unit, among))),
            (WorkspacePer::Domain, None) => (own, domain.to_string()),
            // A key of its own, as a domain may be called as its department is.
            (WorkspacePer::Department, None) => (own, "department".to_owned()),
        }
    }

    fn zone(&self, key: &str, department: Option<&DepartmentName>, provider: Provider) -> LandingZone {
        let region = self.own.providers.iter().find(|(own, _)| *own == provider).and_then(|(_, region)| region.clone());
        let mut address = vec![self.desired.environment.as_str()];
        address.push(department.map_or(SHARED, DepartmentName::as_str));
        let kinds: &[Kind] = match self.platform(provider) {
            Platform::AzureDatabricks => {
                &[Kind::Subscription, Kind::ResourceGroup, Kind::VirtualNetwork, Kind::LogWorkspace, Kind::Budget]
            }
            Platform::AwsDatabricks | Platform::Eks => &[Kind::Account, Kind::Vpc, Kind::EncryptionKey, Kind::Budget],
            Platform::Gke => &[Kind::Folder, Kind::Budget],
        };
        LandingZone {
            key: key.to_owned(),
            environment: self.desired.environment.clone(),
            department: department.cloned(),
            provider,
            region,
            items: self.items(kinds, &address),
            blocks: Vec::new(),
            workspaces: Vec::new(),
            endpoints: Subnet { role: "endpoints", needed: 0, block: None },
            edge: Vec::new(),
            domains: Vec::new(),
        }
    }

    fn items(&self, kinds: &[Kind], address: &[&str]) -> Vec<Item> {
        let item = |kind: &Kind| Item { kind: *kind, name: kind.rule().name(&self.desired.organization, address) };
        kinds.iter().map(item).collect()
    }

    fn domain_items(&self, domain: &DomainName, department: &DepartmentName, provider: Provider) -> Vec<Item> {
        let kinds: &[Kind] = match self.platform(provider) {
            Platform::AzureDatabricks => &[Kind::ResourceGroup, Kind::KeyVault, Kind::AccessConnector, Kind::Budget],
            Platform::AwsDatabricks => &[Kind::Role, Kind::EncryptionKey, Kind::Secret, Kind::Budget],
            Platform::Eks => &[Kind::Role, Kind::EncryptionKey, Kind::GlueDatabase, Kind::Namespace, Kind::Secret, Kind::Budget],
            Platform::Gke => &[
                Kind::Project,
                Kind::Network,
                Kind::SqlInstance,
                Kind::LoadBalancer,
                Kind::EncryptionKey,
                Kind::Secret,
                Kind::Registry,
                Kind::ServiceAccount,
                Kind::Budget,
            ],
        };
        let address = [self.desired.environment.as_str(), department.as_str(), domain.as_str()];
        let mut items = self.items(kinds, &address);
        if self.platform(provider) == Platform::Gke {
            let [environment, department, name] = address;
            let layers = self.layers(domain, provider).into_iter();
            items.extend(
                layers.flat_map(|layer| self.items(&[Kind::BigQueryDataset], &[environment, department, name, layer.as_str()])),
            );
        }
        items
    }

    /// The layers in which a domain has tables at a provider.
    fn layers(&self, domain: &DomainName, provider: Provider) -> BTreeSet<&'a SchemaName> {
        self.tables.get(&(domain, provider)).into_iter().flatten().map(|table| &table.name.schema).collect()
    }

    /// The accounts or buckets of a domain: one for each of its buckets that is stored in one way. The usual way has no word in the name, so
    /// that a domain's first account is its own name's.
    fn storage(&self, domain: &DomainName, zone: &LandingZone, tables: &[&Table], misfits: &mut Vec<Misfit>) -> Vec<Storage> {
        let kind = match zone.provider {
            Provider::Azure => Kind::StorageAccount,
            Provider::Aws => Kind::Bucket,
            Provider::Gcp => Kind::CloudBucket,
        };
        let department = zone.department.as_ref().map_or(SHARED, DepartmentName::as_str);
        let environment = self.desired.environment.as_str();
        let usual = choose(zone.provider, None, &Usage::default()).ok();
        let mut found: BTreeMap<(String, StorageClass), Storage> = BTreeMap::new();
        let mut add = |bucket: &str, choice: Choice, held: Option<(&Table, &Usage)>| {
            let own = if bucket == domain.as_str() { "" } else { bucket };
            let is_usual = usual.as_ref().is_some_and(|usual| usual.class == choice.class);
            let word = if is_usual { String::new() } else { choice.class.word().to_owned() };
            let storage = found.entry((own.to_owned(), choice.class.clone())).or_insert_with(|| {
                let mut address = vec![environment, department, domain.as_str()];
                address.extend([own, &word].into_iter().filter(|word| !word.is_empty()));
                let item = |address: &[&str]| Item { kind, name: kind.rule().name(&self.desired.organization, address) };
                let is_elsewhere = zone.provider == Provider::Aws && choice.class.redundancy == "CROSS_REGION";
                // No bucket of the mesh has a space in its name.
                let copy = is_elsewhere.then(|| item(&[address.as_slice(), &["in another region"]].concat()));
                Storage {
                    item: item(&address),
                    copy,
                    is_home: own.is_empty() && word.is_empty(),
                    class: choice.class,
                    why: choice.why,
                    tables: 0,
                    holds: Vec::new(),
                    gigabytes: 0,
                    requests_per_second: 0,
                }
            });
            if let Some((table, usage)) = held {
                storage.tables += 1;
                storage.holds.push(table.name.clone());
                storage.gigabytes += usage.gigabytes.unwrap_or(0);
                storage.requests_per_second += usage.requests_per_second.unwrap_or(0);
            }
        };
        // Whatever its tables are for, there is one for what is not said to be for anything: a catalog has a home that stays.
        if let Some(usual) = usual.clone() {
            add(domain.as_str(), usual, None);
        }
        let nothing_said = Usage::default();
        for table in tables {
            let usage = table.usage.as_ref().unwrap_or(&nothing_said);
            let bucket = table.location.bucket.as_str();
            // In an object store a bucket's `_` is a `-`: where tables are now changes no name here.
            let bucket = bucket.strip_prefix(&format!("{environment}-")).unwrap_or(bucket).replace('-', "_");
            match choose(zone.provider, zone.region.as_deref(), usage) {
                Ok(choice) => add(&bucket, choice, Some((table, usage))),
                Err(why) => misfits.push(Misfit {
                    environment: self.desired.environment.clone(),
                    table: Address::new(polder_model::Kind::Table, &table.name),
                    why,
                }),
            }
        }
        found.into_values().collect()
    }

    fn workspace_of(&self, zone: &LandingZone, key: String, domains: &[&DomainName], nodes: u32) -> Workspace {
        let platform = self.platform(zone.provider);
        let kind = match platform {
            Platform::AzureDatabricks | Platform::AwsDatabricks => Kind::Workspace,
            Platform::Eks => Kind::EksCluster,
            Platform::Gke => Kind::GkeCluster,
        };
        let department = zone.department.as_ref().map_or(SHARED, DepartmentName::as_str);
        let address = [self.desired.environment.as_str(), department, &key];
        let name = kind.rule().name(&self.desired.organization, &address);
        let items = match platform {
            // No bucket of the mesh has a space in its name.
            Platform::AwsDatabricks => self.items(&[Kind::Bucket], &[address.as_slice(), &["of the workspace"]].concat()),
            _ => Vec::new(),
        };
        let subnets = platform.subnets(u64::from(nodes)).into_iter().map(|(role, needed)| Subnet { role, needed, block: None });
        let domains = domains.iter().map(|domain| (*domain).clone()).collect();
        Workspace { item: Item { kind, name }, items, domains, nodes, subnets: subnets.collect(), key }
    }
}

/// What workspaces run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    AzureDatabricks,
    AwsDatabricks,
    Eks,
    Gke,
}

impl Platform {
    /// The subnets of a workspace that runs this many nodes, and how many addresses each must have, those that the provider keeps for
    /// itself included.
    ///
    /// Azure Databricks: two subnets of its own, an address per node in each, and Azure keeps five. Databricks on AWS: two addresses per
    /// node from one subnet, and a second subnet in another zone that can take all of them over; AWS keeps five. EKS: an address per pod
    /// from the subnet, 29 on common nodes. GKE: an address per node, one each for its control plane, a load balancer and the database, of
    /// which Google keeps four, 256 per node for pods, and a range for services; a cluster of a region begins with a node in each of its three
    /// zones.
    fn subnets(self, nodes: u64) -> Vec<(&'static str, u64)> {
        match self {
            Self::AzureDatabricks => vec![("host", nodes + 5), ("container", nodes + 5)],
            Self::AwsDatabricks => vec![("a", 2 * nodes + 5), ("b", 2 * nodes + 5)],
            Self::Eks => vec![("a", 30 * nodes + 5), ("b", 30 * nodes + 5)],
            Self::Gke => vec![("nodes", nodes.max(3) + 7), ("pods", 256 * nodes.max(3)), ("services", 256)],
        }
    }
}

/// The largest and the smallest prefix lengths of subnets and of a zone's blocks: Databricks takes subnets from /17 to /26 on AWS and at
/// least /26 on Azure, in a network from /16 to /24; a VPC has from /16 to /28.
const fn prefixes(provider: Provider) -> ((u8, u8), (u8, u8)) {
    match provider {
        Provider::Azure => ((16, 26), (16, 24)),
        Provider::Aws => ((17, 26), (16, 24)),
        Provider::Gcp => ((9, 29), (8, 24)),
    }
}

fn zone_needs(zone: &LandingZone, settings: &ZoneSettings) -> ZoneNeeds {
    let (prefixes, block_prefixes) = prefixes(zone.provider);
    let reserve = |needed: u64| needed + (needed * u64::from(settings.network.reserve_percent)).div_ceil(100);
    let subnet = |name: String, needed: u64| SubnetNeeds { name, needed, wanted: reserve(needed), prefixes };
    let of_workspaces = zone.workspaces.iter().flat_map(|workspace| {
        workspace.subnets.iter().map(move |of| subnet(format!("{}/{}", workspace.key, of.role), of.needed))
    });
    let mut subnets: Vec<SubnetNeeds> = of_workspaces.collect();
    if zone.endpoints.needed > 0 {
        let needed = zone.endpoints.needed;
        subnets
            .push(SubnetNeeds { wanted: reserve(needed + of_storage(zone)), ..subnet(zone.endpoints.role.to_owned(), needed) });
    }
    // Nothing of Databricks is in them: they are as small as a VPC's may be.
    subnets
        .extend(zone.edge.iter().map(|of| SubnetNeeds { prefixes: (prefixes.0, 28), ..subnet(of.role.to_owned(), of.needed) }));
    ZoneNeeds { zone: zone.key.clone(), subnets, block_prefixes }
}

/// Addresses for private endpoints: two for each storage account (blobs and files of the lake), one for each vault and two for each
/// workspace (its pages and the sign-on of browsers), and the five that Azure keeps. AWS has one for each service that is reached within,
/// eight at most, and keeps five; Google has none, as its services are reached within.
fn endpoints(zone: &LandingZone) -> u64 {
    let (domains, workspaces) = (zone.domains.len() as u64, zone.workspaces.len() as u64);
    let accounts = zone.domains.iter().map(|domain| domain.storage.len() as u64).sum::<u64>();
    match zone.provider {
        Provider::Azure => 2 * accounts + domains + 2 * workspaces + 5,
        Provider::Aws => 8 + 5,
        Provider::Gcp => 0,
    }
}

/// Addresses for private endpoints that are made where somebody asks for them: at Azure two for the own storage of each workspace. With
/// these a workspace has three, and all of a zone one together for the sign-on of browsers. What is new has room for them; of what was given
/// out before they are not demanded.
fn of_storage(zone: &LandingZone) -> u64 {
    if zone.provider == Provider::Azure { zone.workspaces.len() as u64 + 1 } else { 0 }
}

/// At AWS a subnet is in one availability zone: private endpoints are in two of them, and each has a gateway of its own on the way out, for
/// which, and for an address more when it is replaced, there are two addresses besides the five that AWS keeps.
fn edge(zone: &LandingZone) -> Vec<Subnet> {
    let subnet = |(role, needed)| Subnet { role, needed, block: None };
    match zone.provider {
        // Where nothing runs, nothing goes out.
        Provider::Aws if zone.workspaces.is_empty() => Vec::new(),
        Provider::Aws => [("endpoints-b", zone.endpoints.needed), ("egress-a", 2 + 5), ("egress-b", 2 + 5)].map(subnet).into(),
        Provider::Azure | Provider::Gcp => Vec::new(),
    }
}

impl LandingZone {
    /// Finds its blocks and subnets among the addresses that were given out.
    fn place(&mut self, addresses: &Addresses) {
        let first = format!("{}#", self.key);
        self.blocks =
            addresses.range(first.clone()..).take_while(|(key, _)| key.starts_with(&first)).map(|(_, net)| *net).collect();
        let at = |rest: &str| addresses.get(&format!("{}/{rest}", self.key)).copied();
        for subnet in self.edge.iter_mut().chain([&mut self.endpoints]) {
            subnet.block = at(subnet.role);
        }
        for workspace in &mut self.workspaces {
            for subnet in &mut workspace.subnets {
                subnet.block = at(&format!("{}/{}", workspace.key, subnet.role));
            }
        }
    }
}

fn management(organization: &str, tenant: &TenantLayout) -> Vec<ManagementZone> {
    let providers: BTreeSet<Provider> = tenant.zones.iter().map(|zone| zone.provider).collect();
    let zone = |provider: Provider| {
        let region = tenant.zones.iter().find(|zone| zone.provider == provider).and_then(|zone| zone.region.clone());
        let kinds: &[Kind] = match provider {
            Provider::Azure => &[
                Kind::Subscription,
                Kind::ResourceGroup,
                Kind::Metastore,
                Kind::StorageAccount,
                Kind::KeyVault,
                Kind::LogWorkspace,
            ],
            Provider::Aws => &[Kind::Account, Kind::Metastore, Kind::Bucket, Kind::EncryptionKey],
            Provider::Gcp => &[Kind::Project, Kind::CloudBucket, Kind::BigQueryDataset],
        };
        // Two words in one, which a hash follows: an environment may be called as its tenant is, and a department `management`.
        let address = [tenant.tenant.as_str(), "management_zone"];
        let items = kinds.iter().map(|kind| Item { kind: *kind, name: kind.rule().name(organization, &address) }).collect();
        ManagementZone { provider, region, items }
    };
    providers.into_iter().map(zone).collect()
}

/// Which of so many, counted from 1, by rendezvous hashing (Thaler and Ravishankar, 1998): another number of them moves no more than it
/// must.
fn one_of(unit: &str, among: u32) -> u32 {
    let weight = |number: u32| Sha256::new().chain_update(number.to_be_bytes()).chain_update(unit).finalize();
    (1..=among.max(1)).max_by_key(|number| weight(*number)).unwrap_or(1)
}

fn texts<S: Serializer>(blocks: &[Ipv4Net], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(blocks.iter().map(ToString::to_string))
}

// Serde hands over a reference to the field.
#[allow(clippy::ref_option, reason = "serde calls it so")]
fn text_if_any<S: Serializer>(block: &Option<Ipv4Net>, to: S) -> Result<S::Ok, S::Error> {
    block.map(|block| block.to_string()).serialize(to)
}
