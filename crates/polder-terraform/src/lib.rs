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
//!
//! modules/aws/landing-zone  workspace  domain        with Databricks account-aws/, workspaces/trading-aws-odds/;
//!             ^                 ^         ^          with Glue and EKS catalogs/trading-aws/, workspaces/trading-aws-odds/
//! landing/trading-aws/    main  workspace_odds  domain_odds
//! ```

mod account;
mod aws;
mod contents;
mod glue;
mod google;
mod landing;
mod modules;
mod root;
mod workspaces;

use std::collections::{BTreeMap, BTreeSet};

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
/// All that is missing, at once: addresses that were not given out, and regions that are not declared.
pub fn export(asked: Asked<'_>) -> Result<Export, Vec<Refusal>> {
    let refusals = refusals(asked);
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let mut export = Export::default();
    for zone in asked.zones() {
        match zone.provider {
            Provider::Azure => {
                landing::write(asked, zone, &mut export);
                workspaces::write(asked, zone, &mut export);
            }
            Provider::Aws => aws::write(asked, zone, &mut export),
            Provider::Gcp => google::write(asked, zone, &mut export),
        }
    }
    account::write(asked, Provider::Azure, &mut export);
    if aws::has_databricks(asked) {
        account::write(asked, Provider::Aws, &mut export);
    }
    // A domain that is at two clouds holds back the same at both.
    let mut said = BTreeSet::new();
    export.held_back.retain(|held_back| said.insert(held_back.clone()));
    let called = modules::called(&export.files);
    export.files.extend(called);
    export.files.insert("README.md".to_owned(), readme(asked));
    Ok(export)
}

/// What the names of outputs begin with that say by what service principals are known: maps from their names.
pub const APPLICATION_IDS: &str = "application_ids";

/// The order in which roots are made: those of a stage need what those of the stages before have made.
const STAGES: [&str; 5] = ["landing", "account", "catalogs", "workspaces", "bigquery"];

/// The roots among the files of an export, by their folders, in stages: those of one need those of the stages before, and none of each
/// other.
#[must_use]
pub fn stages<'a>(files: impl Iterator<Item = &'a str> + Clone) -> Vec<Vec<String>> {
    let roots = files.filter_map(|path| path.strip_suffix("/main.tf.json"));
    let of = |stage: &&str| {
        let stage = *stage;
        let is_of = |root: &&str| root.split(['/', '-']).next() == Some(stage);
        roots.clone().filter(is_of).map(str::to_owned).collect::<Vec<_>>()
    };
    STAGES.iter().map(of).filter(|stage| !stage.is_empty()).collect()
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

    /// What the zones of the tenant share at a cloud; `None` where it has no zones there.
    fn management(self, cloud: Provider) -> Option<&'a ManagementZone> {
        self.tenant.management.iter().find(|zone| zone.provider == cloud)
    }
}

fn refusals(asked: Asked<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut refuse = |message: String, help: &str| refusals.push(Refusal { message, help: help.to_owned() });
    for zone in asked.zones() {
        if zone.region.is_none() {
            let help = match zone.provider {
                Provider::Azure => "write providers: {azure: {region: westeurope}} in polder.yaml",
                Provider::Aws => "write providers: {aws: {region: eu-west-1}} in polder.yaml",
                Provider::Gcp => google::NO_REGION,
            };
            refuse(format!("{} has no region", zone.key), help);
        }
        let of_workspaces = zone.workspaces.iter().flat_map(|workspace| &workspace.subnets);
        let subnets = of_workspaces.chain([&zone.endpoints]).chain(&zone.edge);
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
    let google = if asked.zones().any(|zone| zone.provider == Provider::Gcp) { google::README } else { "" };
    let at_aws = asked.management(Provider::Aws).is_some();
    let has_glue = at_aws && !aws::has_databricks(asked);
    let mut steps = vec!["each folder in `landing`: a landing zone, its workspaces, its domains".to_owned()];
    let accounts = match (asked.management(Provider::Azure).is_some(), at_aws && !has_glue) {
        (true, true) => "`account` for Azure, `account-aws` for AWS",
        (true, false) => "`account`",
        (false, true) => "`account-aws`",
        (false, false) => "",
    };
    if !accounts.is_empty() {
        steps.push(format!(
            "{accounts}: the metastore, groups, service principals, and who uses which workspace, for all environments of the tenant"
        ));
    }
    if has_glue {
        steps.push("each folder in `catalogs`: at AWS Glue's databases, and what is granted on them".to_owned());
    }
    steps.push(match has_glue {
        true => "each folder in `workspaces`: catalogs, layers, grants, policies, secrets; at AWS the roles of pods".to_owned(),
        false => "each folder in `workspaces`: catalogs, layers, grants, policies, secrets".to_owned(),
    });
    let steps: String = steps.iter().enumerate().map(|(at, step)| format!("{}. {step}\n", at + 1)).collect();
    format!(
        "# {environment} of {organization}, as Terraform\n\nWritten by `polder export terraform -e {environment}`: change the mesh and export \
         again, not these files.\n\n{steps}\n\
         These are roots with a state of their own, to be applied in this order; those of a step in any. The states are in a\n\
         container or bucket that has to be there before: that of `backend` in each root.\n\n\
         Values that are nobody's but yours (subscriptions and accounts, who applies) are variables of the roots: write them in\n\
         `terraform.tfvars` of each, which the next export leaves alone.\n{google}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_come_in_the_order_in_which_they_need_each_other() {
        let files = [
            "account/main.tf.json",
            "account/domain_odds.tf.json",
            "account-aws/main.tf.json",
            "landing/trading-azure/main.tf.json",
            "modules/azure/domain/main.tf.json",
            "bigquery/trading-gcp/main.tf.json",
            "workspaces/trading-azure-odds/main.tf.json",
            "catalogs/trading-aws/main.tf.json",
            "README.md",
        ];
        let expect = [
            vec!["landing/trading-azure".to_owned()],
            vec!["account".to_owned(), "account-aws".to_owned()],
            vec!["catalogs/trading-aws".to_owned()],
            vec!["workspaces/trading-azure-odds".to_owned()],
            vec!["bigquery/trading-gcp".to_owned()],
        ];
        assert_eq!(stages(files.into_iter()), expect);
        assert!(stages(["README.md"].into_iter()).is_empty());
    }
}
