//! The proof that a layout fits: what is used, what is planned, how much there may be, and when growth reaches that. What does not fit
//! comes with the smallest change by which it would.

mod google;

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use polder_model::limit::{self as limits, Limit};
use polder_model::zone::{Network, WorkspacePer, Workspaces, ZoneSettings};
use polder_model::{Address, Desired, EnvironmentName, Provider, Resource, TenantName};
use serde::Serialize;

use crate::addresses::{Addresses, BLOCK, Lack};
use crate::layout::{Asked, LaidOut, LandingZone, Layout, Misfit, TenantLayout, lay_out};

use crate::names::Kind;
use crate::space::{Space, prefix_for, size};
use crate::storage::NoFit;

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// A limit within something each, the fullest of its kind first told.
    pub lines: Vec<Line>,
    /// What does not fit.
    pub unfit: Vec<Unfit>,
}

/// How full something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its name in `quotas`; `network` for address space.
    pub limit: &'static str,
    /// What is counted.
    pub what: &'static str,
    /// Within what, by name.
    pub within: String,
    /// How many are given out already; `None` where that is not known from files.
    pub used: Option<u64>,
    /// How many there are with what is declared.
    pub planned: u64,
    /// How many there may be.
    pub most: u64,
    /// In how many months growth reaches that; `None` when nothing grows, or it takes more than a hundred years.
    pub months: Option<u32>,
    /// Who says how many there may be.
    pub source: &'static str,
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Unfit {
    /// Of what there is too little, as a word that programs can tell apart.
    pub code: &'static str,
    /// In whose tenant.
    pub tenant: TenantName,
    /// In which environment; `None` when all of the tenant's have a part in it.
    pub environment: Option<EnvironmentName>,
    /// What is to blame, if one declaration is: a domain's, or an environment's.
    pub at: Option<Address>,
    /// The name of addresses that were given out and cannot be, if that is what is wrong.
    pub given: Option<String>,
    /// What does not fit and why.
    pub message: String,
    /// The smallest change by which it would.
    pub change: String,
}

/// A mesh with its landing zones, and whether they fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// The landing zones.
    pub layout: Layout,
    /// Every address that is given out then, those of before included.
    pub addresses: Addresses,
    /// How full everything is.
    pub report: Report,
}

/// Lays out a mesh and proves that it fits. `given` are the addresses that were given out before.
#[must_use]
pub fn prove(asked: Asked<'_>, given: &Addresses) -> Proof {
    let LaidOut { layout, addresses, mut lacks, misfits } = lay_out(asked, given);
    let mut report = Report { lines: Vec::new(), unfit: Vec::new() };
    for tenant in &layout.tenants {
        of_tenant(asked, tenant, &mut report);
        google::of_tenant(asked, tenant, &mut report);
        for zone in &tenant.zones {
            of_zone(asked.settings, &tenant.tenant, zone, &mut report);
        }
    }
    of_metastores(asked, &mut report);
    of_network(asked, given, &addresses, &mut report);
    let tenant_of = |environment: &EnvironmentName| {
        let found = asked.environments.iter().find(|desired| desired.environment == *environment);
        found.map(|desired| desired.tenant.clone())
    };
    // The subnets of a workspace outgrow it together.
    let workspace = |lack: &Lack| match lack {
        Lack::Grown { subnet, .. } => subnet.rsplit_once('/').map(|(workspace, _)| workspace.to_owned()),
        _ => None,
    };
    let mut outgrown = std::collections::BTreeSet::new();
    lacks.retain(|(_, lack)| workspace(lack).is_none_or(|workspace| outgrown.insert(workspace)));
    let short = shortages(&lacks).into_iter();
    let other = lacks.iter().filter_map(|(environment, lack)| Some((environment, lacking(&layout, environment, lack)?)));
    let misfits = misfits.iter().map(|misfit| (&misfit.environment, misfitting(misfit)));
    let all = short.chain(other).chain(misfits);
    report.unfit.extend(all.filter_map(|(environment, lacking)| Some(lacking.of(tenant_of(environment)?, Some(environment)))));
    report.lines.sort_by(|a, b| {
        (a.limit, std::cmp::Reverse(fullness(a)), &a.within).cmp(&(b.limit, std::cmp::Reverse(fullness(b)), &b.within))
    });
    Proof { layout, addresses, report }
}

/// What does not fit, before it is said whose it is.
struct Lacking {
    code: &'static str,
    at: Option<Address>,
    given: Option<String>,
    message: String,
    change: String,
}

impl Lacking {
    fn of(self, tenant: TenantName, environment: Option<&EnvironmentName>) -> Unfit {
        let Self { code, at, given, message, change } = self;
        Unfit { code, tenant, environment: environment.cloned(), at, given, message, change }
    }
}

/// How full, in millionths.
fn fullness(line: &Line) -> u64 {
    line.planned.saturating_mul(1_000_000) / line.most.max(1)
}

/// In how many months something that grows evenly reaches its limit.
fn months(planned: u64, most: u64, growth_percent: u32) -> Option<u32> {
    if planned >= most {
        return Some(0);
    }
    if planned == 0 || growth_percent == 0 {
        return None;
    }
    let ratio = most as f64 / planned as f64;
    let months = 12.0 * ratio.ln() / (1.0 + f64::from(growth_percent) / 100.0).ln();
    // Whole months that are over before.
    (months < 1_200.0).then_some(months.floor() as u32)
}

fn count(report: &mut Report, settings: &ZoneSettings, limit: Limit, within: String, planned: u64) -> bool {
    let most = limit.most_in(settings);
    let months = months(planned, most, settings.growth_percent);
    let Limit { name, what, source, .. } = limit;
    report.lines.push(Line { limit: name, what, within, used: None, planned, most, months, source });
    planned <= most
}

/// Counts, and says what to do where that is too many and all that helps is to have fewer, or to have the limit raised.
fn bounded(
    report: &mut Report,
    settings: &ZoneSettings,
    limit: Limit,
    (tenant, environment): (&TenantName, Option<&EnvironmentName>),
    within: &str,
    planned: u64,
    fewer: &str,
) {
    if count(report, settings, limit, within.to_owned(), planned) {
        return;
    }
    let most = limit.most_in(settings);
    let raise = match limit.raised {
        true => format!(", or have it raised and write quotas: {{{}: {planned}}}", limit.name),
        false => String::new(),
    };
    let lacking = Lacking {
        code: "limit",
        at: None,
        given: None,
        message: format!(
            "{within} would have {planned} {}, and a {} has at most {most} ({})",
            limit.what, limit.within, limit.source
        ),
        change: format!("{fewer}{raise}"),
    };
    report.unfit.push(lacking.of(tenant.clone(), environment));
}

fn of_tenant(asked: Asked<'_>, tenant: &TenantLayout, report: &mut Report) {
    let at_aws = tenant.zones.iter().filter(|zone| zone.provider == Provider::Aws).flat_map(|zone| &zone.workspaces);
    let credentials = at_aws.filter(|workspace| workspace.item.kind == Kind::Workspace).count() as u64;
    if credentials > 0 {
        let within = format!("tenant {}", tenant.tenant);
        let fewer = "let domains share workspaces";
        bounded(report, asked.settings, limits::CREDENTIALS, (&tenant.tenant, None), &within, credentials, fewer);
    }
    let planned = workspaces(tenant);
    if planned == 0 || count(report, asked.settings, limits::WORKSPACES, format!("tenant {}", tenant.tenant), planned) {
        return;
    }
    let most = limits::WORKSPACES.most_in(asked.settings);
    let message = format!(
        "tenant {} would have {planned} workspaces, and a tenant has at most {most} ({})",
        tenant.tenant,
        limits::WORKSPACES.source
    );
    let raise = format!("have the limit raised and write quotas: {{{}: {planned}}}", limits::WORKSPACES.name);
    let change = match fewer_workspaces(asked, &tenant.tenant, most) {
        Some((way, fits)) => format!("write conventions: {{workspaces: {way}}}, which takes {fits}; or {raise}"),
        None => raise,
    };
    let lacking = Lacking { code: "limit", at: None, given: None, message, change };
    report.unfit.push(lacking.of(tenant.tenant.clone(), None));
}

fn workspaces(tenant: &TenantLayout) -> u64 {
    let all = tenant.zones.iter().flat_map(|zone| &zone.workspaces);
    all.filter(|workspace| workspace.item.kind == Kind::Workspace).count() as u64
}

/// The way of sharing workspaces that shares least of those that fit, for every tenant, as it is written; and how many that takes.
fn fewer_workspaces(asked: Asked<'_>, tenant: &TenantName, most: u64) -> Option<(String, u64)> {
    let now = asked.settings.workspaces;
    let taken = |workspaces: Workspaces, most: u64| {
        let settings = ZoneSettings { workspaces, network: Network::default(), ..asked.settings.clone() };
        let LaidOut { layout, .. } = lay_out(Asked { settings: &settings, ..asked }, &Addresses::new());
        let fits = layout.tenants.iter().all(|tenant| self::workspaces(tenant) <= most);
        let here = layout.tenants.iter().find(|other| other.tenant == *tenant).map_or(0, self::workspaces);
        (fits && workspaces != now).then_some(here)
    };
    let department = Workspaces { per: WorkspacePer::Department, among: None };
    if now.per <= WorkspacePer::Department {
        if let Some(fits) = taken(department, most) {
            return Some(("{per: department}".to_owned(), fits));
        }
        // However many departments come, no more than these are made.
        let among = u32::try_from(most / places(asked)).ok().filter(|among| *among > 0);
        let spread = Workspaces { among, ..department };
        if let (Some(among), Some(fits)) = (among, taken(spread, most)) {
            return Some((format!("{{per: department, among: {among}}}"), fits));
        }
    }
    let one = Workspaces { per: WorkspacePer::Environment, among: None };
    taken(one, most).map(|fits| ("{per: environment}".to_owned(), fits))
}

/// In how many places, each an environment at a provider, the tenant that has most of them has shared workspaces.
fn places(asked: Asked<'_>) -> u64 {
    let workspaces = Workspaces { per: WorkspacePer::Environment, among: None };
    let settings = ZoneSettings { workspaces, network: Network::default(), ..asked.settings.clone() };
    let LaidOut { layout, .. } = lay_out(Asked { settings: &settings, ..asked }, &Addresses::new());
    layout.tenants.iter().map(self::workspaces).max().unwrap_or(1).max(1)
}

fn of_zone(settings: &ZoneSettings, tenant: &TenantName, zone: &LandingZone, report: &mut Report) {
    let whose = (tenant, Some(&zone.environment));
    let within = format!("zone {}", zone.key);
    let domains = zone.domains.len() as u64;
    let kinds = |kind: Kind| {
        let stored = zone.domains.iter().flat_map(|domain| &domain.storage);
        let stored = stored.flat_map(|storage| [Some(&storage.item), storage.copy.as_ref()]).flatten();
        let of_domains = zone.domains.iter().flat_map(|domain| &domain.items).chain(stored);
        let of_workspaces = zone.workspaces.iter().flat_map(|workspace| &workspace.items);
        zone.items.iter().chain(of_domains).chain(of_workspaces).filter(|item| item.kind == kind).count() as u64
    };
    let split = "make two departments of it";
    match zone.provider {
        Provider::Azure => {
            bounded(report, settings, limits::STORAGE_ACCOUNTS, whose, &within, kinds(Kind::StorageAccount), split);
            bounded(report, settings, limits::RESOURCE_GROUPS, whose, &within, kinds(Kind::ResourceGroup), split);
            let accounts = zone.domains.iter().flat_map(|domain| &domain.storage);
            if let Some(busiest) =
                accounts.max_by_key(|storage| storage.requests_per_second).filter(|of| of.requests_per_second > 0)
            {
                let within = format!("account {}", busiest.item.name);
                let fewer = "put its busiest tables into a bucket of their own";
                bounded(report, settings, limits::ACCOUNT_REQUESTS, whose, &within, busiest.requests_per_second, fewer);
            }
            bounded(report, settings, limits::ROLE_ASSIGNMENTS, whose, &within, ROLES_OF_A_DOMAIN * domains, split);
        }
        Provider::Aws => {
            bounded(report, settings, limits::BUCKETS, whose, &within, kinds(Kind::Bucket), split);
            let copied = zone.domains.iter().filter(|domain| domain.storage.iter().any(|storage| storage.copy.is_some()));
            let shared = zone.workspaces.iter().filter(|of| of.item.kind == Kind::EksCluster && zone.department.is_none());
            let guests = shared.map(|cluster| cluster.domains.len() as u64).sum::<u64>();
            let of_workspaces = ROLES_OF_A_WORKSPACE * zone.workspaces.len() as u64 + guests;
            let roles = kinds(Kind::Role) + copied.count() as u64 + of_workspaces + 1;
            bounded(report, settings, limits::ROLES, whose, &within, roles, split);
            let subnets = zone.workspaces.iter().map(|workspace| workspace.subnets.len()).sum::<usize>() + zone.edge.len() + 1;
            let subnets = subnets as u64;
            bounded(report, settings, limits::SUBNETS, whose, &within, subnets, "let its domains share workspaces");
            bounded(
                report,
                settings,
                limits::BLOCKS,
                whose,
                &within,
                zone.blocks.len() as u64,
                "give new departments to what grows",
            );
        }
        // A project has limits of its own.
        Provider::Gcp => {}
    }
}

/// Role assignments that a domain takes: its connector's on its storage, its service principal's on storage and vault, its owners' on the
/// group, the storage and the vault, and Databricks' own on the vault.
const ROLES_OF_A_DOMAIN: u64 = 7;

/// IAM roles that a workspace takes, at most: those of a cluster and of its nodes. A domain has its own, and one more where its data is
/// copied elsewhere or its pods run in a cluster of others'; the zone has one for its flow logs.
const ROLES_OF_A_WORKSPACE: u64 = 2;

/// Catalogs, schemas and tables. Of an environment's catalogs, schemas and shares only the fullest is told.
fn of_metastores(asked: Asked<'_>, report: &mut Report) {
    let settings = asked.settings;
    let mut tenants: BTreeMap<&TenantName, (u64, u64)> = BTreeMap::new();
    for &desired in asked.environments {
        let objects = Objects::of(desired);
        let counts = tenants.entry(&desired.tenant).or_default();
        counts.0 += objects.catalogs;
        counts.1 += objects.tables.values().sum::<u64>();
        for (limit, fullest, fewer) in [
            (limits::SCHEMAS, fullest(&objects.schemas, "catalog"), "use fewer layers"),
            (limits::SCHEMA_TABLES, fullest(&objects.tables, "schema"), "make two domains of it"),
            (limits::SHARE_TABLES, fullest(&objects.shares, "share"), "make two shares of it"),
        ] {
            if let Some((within, planned)) = fullest {
                let within = format!("{within} in {}", desired.environment);
                bounded(report, settings, limit, (&desired.tenant, Some(&desired.environment)), &within, planned, fewer);
            }
        }
    }
    for (tenant, (catalogs, tables)) in tenants {
        let within = format!("metastore of {tenant}");
        bounded(report, settings, limits::CATALOGS, (tenant, None), &within, catalogs, "put domains together");
        let fewer = "give the tenant's environments a tenant each";
        bounded(report, settings, limits::TABLES, (tenant, None), &within, tables, fewer);
    }
}

/// What an environment has in its metastore.
#[derive(Default)]
struct Objects {
    catalogs: u64,
    /// How many schemas a catalog has.
    schemas: BTreeMap<String, u64>,
    /// How many tables and views a schema has.
    tables: BTreeMap<String, u64>,
    /// How many tables a share has.
    shares: BTreeMap<String, u64>,
}

impl Objects {
    fn of(desired: &Desired) -> Self {
        let mut objects = Self::default();
        for declared in desired.resources.values() {
            let table = match declared.resource.as_ref() {
                Resource::Catalog(_) => {
                    objects.catalogs += 1;
                    continue;
                }
                Resource::Schema(schema) => {
                    *objects.schemas.entry(schema.catalog.to_string()).or_default() += 1;
                    continue;
                }
                Resource::Share(share) => {
                    objects.shares.insert(share.name.to_string(), share.tables.len() as u64);
                    continue;
                }
                Resource::Table(table) => &table.name,
                Resource::View(view) => &view.name,
                _ => continue,
            };
            *objects.tables.entry(format!("{}.{}", table.catalog, table.schema)).or_default() += 1;
        }
        objects
    }
}

fn fullest(counts: &BTreeMap<String, u64>, what: &str) -> Option<(String, u64)> {
    counts.iter().max_by_key(|(_, count)| **count).map(|(name, count)| (format!("{what} {name}"), *count))
}

/// How full the ranges of each environment are.
fn of_network(asked: Asked<'_>, given: &Addresses, all: &Addresses, report: &mut Report) {
    let network = &asked.settings.network;
    for (environment, ranges) in &network.ranges {
        let own = format!("{environment}/");
        let blocks = |addresses: &Addresses| -> u64 {
            let own = addresses.iter().filter(|(key, _)| key.starts_with(&own) && key.contains(BLOCK));
            own.map(|(_, block)| size(*block)).sum()
        };
        let most = Space::new(ranges, &network.elsewhere).addresses();
        let planned = blocks(all);
        let months = months(planned, most, asked.settings.growth_percent);
        report.lines.push(Line {
            limit: "network",
            what: "addresses",
            within: format!("environment {environment}"),
            used: Some(blocks(given)),
            planned,
            most,
            months,
            source: "network.ranges",
        });
    }
}

/// For each environment whose ranges are too small, the range that would do besides.
fn shortages(lacks: &[(EnvironmentName, Lack)]) -> Vec<(&EnvironmentName, Lacking)> {
    let mut missing: BTreeMap<&EnvironmentName, Vec<(&str, u8)>> = BTreeMap::new();
    for (environment, lack) in lacks {
        if let Lack::Ranges { zone, prefix } = lack {
            missing.entry(environment).or_default().push((zone, *prefix));
        }
    }
    let lacking = |(environment, zones): (_, Vec<(&str, u8)>)| {
        let addresses: u64 = zones.iter().map(|(_, prefix)| 1_u64 << (32 - prefix)).sum();
        let (first, prefix) = zones[0];
        let others = match zones.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let range = prefix_for(addresses).map_or_else(|| "of all of IPv4".to_owned(), |prefix| format!("of /{prefix} or larger"));
        let message = format!(
            "the ranges of {environment} have no room for {first} (/{prefix}){others}: {addresses} addresses in one piece are lacking"
        );
        let change =
            format!("add a range {range} to the ranges of '{environment}' under 'network', or let domains share workspaces");
        (environment, Lacking { code: "address-space", at: Some(environment_at(environment)), given: None, message, change })
    };
    missing.into_iter().map(lacking).collect()
}

fn lacking(layout: &Layout, environment: &EnvironmentName, lack: &Lack) -> Option<Lacking> {
    let (code, message, change, given) = match lack {
        Lack::Ranges { .. } => return None,
        Lack::Grown { subnet, has, needed } => return Some(grown(layout, environment, subnet, *has, *needed)),
        Lack::TooLarge { what, needed, most } => (
            "network-size",
            format!("{what} needs {needed} addresses, and one network has at most {most}"),
            "declare fewer nodes for its domains, or make two departments of it".to_owned(),
            None,
        ),
        Lack::Overlap { what, block, other } => (
            "address-overlap",
            format!("{what} has {block}, which overlaps {}", overlapped(other)),
            "of the two, remove what is not built yet, a block with the subnets in it, and run `polder zones --allocate`"
                .to_owned(),
            Some(what.clone()),
        ),
        Lack::Outside { subnet, block } => (
            "address-outside",
            format!("{subnet} has {block}, which lies in no block of its zone"),
            "put the line of its block back, or remove this one and run `polder zones --allocate`".to_owned(),
            Some(subnet.clone()),
        ),
    };
    Some(Lacking { code, at: Some(environment_at(environment)), given, message, change })
}

fn misfitting(misfit: &Misfit) -> Lacking {
    let change = match &misfit.why {
        NoFit::Unknown { known, .. } => format!("write one of {known}, or take it out"),
        NoFit::NotTogether { .. } => "take one of them out: what fits is chosen then".to_owned(),
        NoFit::Residency { .. } => "put it at a provider whose region is there, or change the region of the provider".to_owned(),
    };
    let message = format!("{} is not stored as it says: {}", misfit.table, misfit.why);
    Lacking { code: "storage", at: Some(misfit.table.clone()), given: None, message, change }
}

fn environment_at(environment: &EnvironmentName) -> Address {
    Address::new(polder_model::Kind::Environment, environment)
}

fn overlapped(other: &str) -> String {
    if other == "elsewhere" {
        "what is in use elsewhere, or in another environment".to_owned()
    } else {
        format!("that of {other}")
    }
}

fn grown(layout: &Layout, environment: &EnvironmentName, subnet: &str, has: Ipv4Net, needed: u64) -> Lacking {
    let zones = layout.tenants.iter().flat_map(|tenant| &tenant.zones);
    let found = zones.flat_map(|zone| zone.workspaces.iter().map(move |workspace| (zone, workspace)));
    let mut found = found.filter(|(zone, workspace)| subnet.starts_with(&format!("{}/{}/", zone.key, workspace.key)));
    let (at, nodes) = match found.next() {
        Some((_, workspace)) => {
            // As many in proportion, without what the provider keeps for itself.
            let fit = size(has).saturating_sub(5) * u64::from(workspace.nodes) / needed.saturating_sub(5).max(1);
            let domain = workspace.domains.first().filter(|_| workspace.domains.len() == 1);
            let at = domain.map(|domain| Address::new(polder_model::Kind::Domain, domain));
            // A subnet that was made smaller by hand may hold none.
            (at, format!("at most {} nodes instead of {}", fit.max(1), workspace.nodes))
        }
        None => (None, "fewer nodes".to_owned()),
    };
    let message = format!(
        "{subnet} needs {needed} addresses, and {has} has {}: the subnets of a workspace that is built are not changed",
        size(has)
    );
    let change =
        format!("declare {nodes}, or have it built anew: remove its lines from addresses.yaml and run `polder zones --allocate`");
    Lacking { code: "subnet-size", at: at.or_else(|| Some(environment_at(environment))), given: None, message, change }
}
