//! What there may be at Google: folders of an environment, and what a project of a domain has.

use std::collections::BTreeMap;

use polder_model::limit as limits;
use polder_model::{Desired, DomainName, EnvironmentName, Provider, Resource};

use super::{Asked, Report, bounded};
use crate::layout::{LandingZone, TenantLayout};
use crate::policy_tags;

/// The service accounts of a project besides those of programs: the domain's own, and that of its cluster's nodes.
const OWN_ACCOUNTS: u64 = 2;

/// Counts what the zones of a tenant at Google have.
pub(super) fn of_tenant(asked: Asked<'_>, tenant: &TenantLayout, report: &mut Report) {
    let zones = || tenant.zones.iter().filter(|zone| zone.provider == Provider::Gcp);
    let mut folders: BTreeMap<&EnvironmentName, u64> = BTreeMap::new();
    for zone in zones() {
        *folders.entry(&zone.environment).or_default() += 1;
    }
    for (environment, planned) in folders {
        let within = format!("the folder of {environment}");
        let fewer = "put departments together";
        bounded(report, asked.settings, limits::FOLDERS, (&tenant.tenant, Some(environment)), &within, planned, fewer);
    }
    for zone in zones() {
        if let Some(desired) = asked.environments.iter().find(|desired| desired.environment == zone.environment) {
            of_zone(asked, tenant, zone, desired, report);
        }
    }
}

fn of_zone(asked: Asked<'_>, tenant: &TenantLayout, zone: &LandingZone, desired: &Desired, report: &mut Report) {
    let whose = (&tenant.tenant, Some(&zone.environment));
    for workspace in &zone.workspaces {
        let within = format!("cluster {}", workspace.item.name);
        let fewer = "declare fewer nodes, or make two domains of it";
        bounded(report, asked.settings, limits::CLUSTER_NODES, whose, &within, u64::from(workspace.nodes), fewer);
    }
    for place in &zone.domains {
        let of_domain = format!("of {} in {}", place.domain, zone.environment);
        let tags = policy_tags::count(&policy_tags::masks(desired, &place.domain));
        let within = format!("the taxonomy {of_domain}");
        bounded(report, asked.settings, limits::POLICY_TAGS, whose, &within, tags, "use fewer layers, or fewer kinds of masks");
        let accounts = OWN_ACCOUNTS + programs(desired, &place.domain);
        let within = format!("the project {of_domain}");
        bounded(report, asked.settings, limits::SERVICE_ACCOUNTS, whose, &within, accounts, "use fewer service principals");
    }
}

fn programs(desired: &Desired, domain: &DomainName) -> u64 {
    let of_domain =
        |resource: &Resource| matches!(resource, Resource::ServicePrincipal(of) if of.domain.as_ref() == Some(domain));
    desired.resources.values().filter(|declared| of_domain(&declared.resource)).count() as u64
}
