//! Zones at Google: a folder for each, a project for each domain, and BigQuery over the tables' files.
//!
//! ```text
//! modules/google/landing-zone  domain        modules/google/taxonomy  tables
//!             ^                  ^                          ^            ^
//! landing/trading-gcp/  main  domain_odds    bigquery/trading-gcp/  domain_odds
//! ```
//!
//! BigQuery is a root of its own, as it needs what the first one cannot make: tables that polder has written, and programs of other zones.

mod bigquery;
mod landing;
mod rights;
mod schema;

use polder_descriptor::tag;
use polder_model::principal::EVERYONE;
use polder_model::{Address, DomainName, Kind as Nodes, PrincipalName, Provider, Resource};
use polder_zones::layout::{DomainPlace, LandingZone, ManagementZone};
use polder_zones::names::Kind;
use serde_json::{Value, json};

use crate::root::{name, variable};
use crate::{Asked, Export};

/// What to do about a zone without a region.
pub(crate) const NO_REGION: &str = "write providers: {gcp: {region: europe-west4}} in polder.yaml";

/// What the readme says of zones at Google.
pub(crate) const README: &str = "\nAt Google: `landing` has the folder of each zone with the projects of its domains; the folders in `bigquery` have the domains' datasets,\n\
     tables, policy tags and grants, and are applied last, once `polder apply` has made the tables in the buckets. They are applied by a service\n\
     account of the management project, as whose quota the calls count: that project has the APIs cloudresourcemanager, cloudbilling,\n\
     billingbudgets, orgpolicy, serviceusage, iam, monitoring, bigquery, bigquerydatapolicy and datacatalog. The project, its bucket for states\n\
     and its dataset for the audit are there before, by the names that `polder zones` shows.\n";

pub(crate) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    landing::write(asked, zone, export);
    bigquery::write(asked, zone, export);
}

/// The `terraform` block of a root: the provider, and where its state is, by the name of that.
fn terraform(asked: Asked<'_>, state: &str) -> Value {
    json!({
        "required_version": ">= 1.9",
        "required_providers": {"google": {"source": "hashicorp/google", "version": "~> 6.50"}},
        "backend": {"gcs": {"bucket": managed(asked, Kind::CloudBucket), "prefix": state}},
    })
}

/// The name of what the tenant's zones at Google share.
fn managed(asked: Asked<'_>, kind: Kind) -> String {
    let found = asked.tenant.management.iter().find(|zone| zone.provider == Provider::Gcp);
    name(found.map(|ManagementZone { items, .. }| items.as_slice()).unwrap_or_default(), kind)
}

/// The variable by which groups get their addresses.
fn group_domain() -> Value {
    variable("string", "Groups are addresses at Google: what stands behind the @ of a group that is called by a name alone.")
}

/// The labels of what is a domain's, as Terraform puts them together.
fn labels_of(domain: &DomainName, owner: &str) -> String {
    let value = |text| tag::value(Provider::Gcp, text);
    format!("${{merge(local.labels, {{domain = \"{}\", owner = \"{}\"}})}}", value(domain.as_str()), value(owner))
}

/// The id of a program's service account, in the project of its domain.
fn account_id(asked: Asked<'_>, program: &PrincipalName) -> String {
    Kind::ServiceAccount.rule().name(&asked.desired.organization, &[program.as_str()])
}

/// A principal as Google's rights name it.
///
/// # Errors
/// Why it is nobody there.
fn member(asked: Asked<'_>, principal: &PrincipalName) -> Result<String, String> {
    if principal.as_str() == EVERYONE {
        return Err("whoever the mesh declares is no group there".to_owned());
    }
    let declared = |kind: Nodes| asked.desired.resources.get(&Address::new(kind, principal)).map(|of| of.resource.as_ref());
    if declared(Nodes::Group).is_some() {
        let domain = if principal.as_str().contains('@') { "" } else { "@${var.group_domain}" };
        return Ok(format!("group:{principal}{domain}"));
    }
    if declared(Nodes::User).is_some() && principal.as_str().contains('@') {
        return Ok(format!("user:{principal}"));
    }
    let Some(Resource::ServicePrincipal(program)) = declared(Nodes::ServicePrincipal) else {
        return Err("it is no address that Google knows".to_owned());
    };
    let Some(domain) = &program.domain else {
        return Ok(format!("serviceAccount:${{var.service_accounts[\"{principal}\"]}}"));
    };
    let place = place_of(asked, domain).ok_or_else(|| format!("its domain {domain} has no project at gcp"))?;
    let project = name(&place.items, Kind::Project);
    Ok(format!("serviceAccount:{}@{project}.iam.gserviceaccount.com", account_id(asked, principal)))
}

/// What a domain has at Google.
fn place_of<'a>(asked: Asked<'a>, domain: &DomainName) -> Option<&'a DomainPlace> {
    let mut zones = asked.zones().filter(|zone| zone.provider == Provider::Gcp);
    zones.find_map(|zone| zone.domains.iter().find(|place| place.domain == *domain))
}
