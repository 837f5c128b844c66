//! Landing zones as Terraform: reusable modules in JSON, and small roots that call them for one environment.
//!
//! Pure: from the desired state and the layout to files. Names, addresses and storage are the layout's; nothing is chosen here, and two
//! exports of the same are the same, byte for byte. What is a domain's is in files of its own, so that a new one changes no other. Begin
//! with [`export`].
//!
//! ```text
//! modules/azure/landing-zone  workspace  domain      modules/databricks/account  domain
//!             ^                   ^         ^                      ^                ^
//! landing/trading-azure/  main  workspace_odds  domain_odds     account/      workspaces/trading-azure-odds/
//! ```

mod account;
mod landing;
mod modules;
mod root;
mod workspaces;

use std::collections::BTreeMap;

use polder_model::zone::ZoneSettings;
use polder_model::{Desired, Provider};
use polder_zones::layout::{LandingZone, ManagementZone, TenantLayout};
use serde_json::{Value, json};

/// What is exported.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The environment.
    pub desired: &'a Desired,
    /// All environments of its tenant: they share what the tenant has once.
    pub of_tenant: &'a [&'a Desired],
    /// The landing zones of its tenant, with addresses.
    pub tenant: &'a TenantLayout,
    /// What is declared of landing zones.
    pub settings: &'a ZoneSettings,
}

/// The files of an export.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    /// Each file by its path, relative to the folder it is written to.
    pub files: BTreeMap<String, String>,
    /// What is declared and not in the files, and why.
    pub held_back: Vec<String>,
}

/// Why there is no export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is missing.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Writes an environment's landing zones as Terraform.
///
/// # Errors
/// All that is missing, at once: addresses that were not given out, regions that are not declared, providers that are not written yet.
pub fn export(asked: Asked<'_>) -> Result<Export, Vec<Refusal>> {
    let refusals = refusals(asked);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut export = Export { files: modules::files(), held_back: Vec::new() };
    for zone in asked.zones() {
        landing::write(asked, zone, &mut export);
        workspaces::write(asked, zone, &mut export);
    }
    account::write(asked, &mut export);
    export.files.insert("README.md".to_owned(), readme(asked));
    Ok(export)
}

/// What a file of a root says in place of what it declared, when that is declared no more: that Terraform forgets it and destroys nothing.
/// Taken out of the root alone, `prevent_destroy` would go with it, and all of it be destroyed. `None` where a file declares nothing that
/// is made.
#[must_use]
pub fn forgetting(text: &str) -> Option<String> {
    let declared: Value = serde_json::from_str(text).ok()?;
    if declared.is_array() {
        return Some(text.to_owned());
    }
    let names = |value: &Value| value.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let modules = names(&declared["module"]).into_iter().map(|name| format!("module.{name}"));
    let resources = names(&declared["resource"]).into_iter().flat_map(|kind| {
        let of_kind = names(&declared["resource"][&kind]);
        of_kind.into_iter().map(move |name| format!("{kind}.{name}"))
    });
    // A document for each, as a list: Terraform reads that as it does one.
    let removed = modules.chain(resources).map(|from| json!({"removed": {"from": from, "lifecycle": {"destroy": false}}}));
    let removed: Vec<Value> = removed.collect();
    (!removed.is_empty()).then(|| format!("{:#}\n", Value::from(removed)))
}

impl<'a> Asked<'a> {
    /// The landing zones of the environment.
    fn zones(self) -> impl Iterator<Item = &'a LandingZone> {
        self.tenant.zones.iter().filter(move |zone| zone.environment == self.desired.environment)
    }

    /// What the zones of the tenant share at Azure.
    fn management(self) -> Option<&'a ManagementZone> {
        self.tenant.management.iter().find(|zone| zone.provider == Provider::Azure)
    }
}

fn refusals(asked: Asked<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |message: String, help: &str| refusals.push(Refusal { message, help: help.to_owned() });
    for zone in asked.zones() {
        if zone.provider != Provider::Azure {
            refuse(
                format!("{} is at {}, which is not written as Terraform yet", zone.key, zone.provider),
                "keep its datasets at azure",
            );
            continue;
        }
        if zone.region.is_none() {
            refuse(format!("{} has no region", zone.key), "write providers: {azure: {region: westeurope}} in polder.yaml");
        }
        let subnets = zone.workspaces.iter().flat_map(|workspace| &workspace.subnets).chain([&zone.endpoints]);
        let lacking = subnets.filter(|subnet| subnet.needed > 0 && subnet.block.is_none()).count();
        if lacking > 0 {
            let message = format!("{} has no addresses for {lacking} of its subnets", zone.key);
            refuse(
                message,
                "declare its range under 'network' in polder.yaml, and give addresses out: `polder zones --allocate`",
            );
        }
    }
    refusals
}

fn readme(asked: Asked<'_>) -> String {
    let Desired { organization, environment, .. } = asked.desired;
    format!(
        "# {environment} of {organization}, as Terraform\n\nWritten by `polder export terraform -e {environment}`: change the mesh and export \
         again, not these files.\n\n1. each folder in `landing`: a landing zone, its workspaces, its domains\n2. `account`: the metastore, \
         groups, service principals, and who uses which workspace, for all environments of the tenant\n3. each folder in `workspaces`: catalogs, layers, grants, policies, \
         secrets\n\nThese are roots with a state of their own, to be applied in this order; those of a step in any. The states are in a\n\
         container that has to be there before: that of `backend` in each root.\n\n\
         Values that are nobody's but yours (subscriptions, the account at Databricks, who applies) are variables of the roots: write them in\n\
         `terraform.tfvars` of each, which the next export leaves alone.\n"
    )
}
