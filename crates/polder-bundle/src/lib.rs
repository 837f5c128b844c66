//! A domain as a Databricks asset bundle: its SQL jobs, what they write, its volumes and the grants on its layers, with a target for each
//! environment.
//!
//! Pure: from the desired states of environments to files. Nothing is chosen here, and two exports of the same are the same, byte for byte.
//! What Databricks has no counterpart for, or what would mean something else there, is held back and told. Begin with [`export`].
//!
//! ```text
//! databricks.yml          targets, and what is one environment's alone
//! resources/*.yml         what all environments have alike
//! sql/<job>.sql           which is told by its target what tables are called: dev_sales.gold.revenue_v1
//! ```

mod data;
mod jobs;
mod names;
mod query;
mod schedule;
mod statement;
mod targets;

use std::collections::{BTreeMap, BTreeSet};

use polder_descriptor::yaml;
use polder_model::{Desired, DomainName};
use serde_json::{Map, Value, json};

use names::application_id;
use targets::Target;

/// What is exported.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The domain.
    pub domain: &'a DomainName,
    /// The environments that become targets.
    pub environments: &'a [&'a Desired],
    /// Whether the mesh has landing zones: then catalogs, layers and their grants are in `polder export terraform`, and are not made twice.
    pub has_zones: bool,
}

/// The files of a bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Export {
    /// Each file by its path, relative to the folder it is written to.
    pub files: BTreeMap<String, String>,
    /// What is declared and not in the files, and why.
    pub held_back: Vec<String>,
}

/// Writes a domain as a bundle. A domain that has nothing for it is a bundle without resources.
#[must_use]
pub fn export(asked: Asked<'_>) -> Export {
    let targets: Vec<Target<'_>> = asked.environments.iter().map(|desired| target(asked, desired)).collect();
    let common = targets::common(&targets);
    let mut files = targets::queries(&targets);
    for (kind, resources) in &common {
        let text = yaml::write(&json!({"resources": {*kind: resources}}));
        files.insert(format!("resources/{kind}.yml"), text);
    }
    files.insert("databricks.yml".to_owned(), yaml::write(&root(asked, &targets, &common)));
    files.insert("README.md".to_owned(), readme(asked));
    Export { files, held_back: targets::held_back(&targets) }
}

fn target<'a>(asked: Asked<'a>, desired: &'a Desired) -> Target<'a> {
    let mut target = Target::new(desired);
    jobs::write(asked, desired, &mut target);
    data::write(asked, desired, &mut target);
    target
}

fn root(asked: Asked<'_>, targets: &[Target<'_>], common: &targets::Common) -> Value {
    let mut variables = Map::new();
    let warehouse = json!({"description": "The SQL warehouse that the jobs run on: its id."});
    variables.insert("warehouse_id".to_owned(), warehouse);
    let programs: BTreeSet<&str> = targets.iter().flat_map(|target| target.programs.iter().map(String::as_str)).collect();
    for program in programs {
        // Databricks knows programs by a number, and finds it by their name.
        let variable =
            json!({"description": format!("The application id of {program}."), "lookup": {"service_principal": program}});
        variables.insert(application_id(program), variable);
    }
    let alike = targets::alike(targets);
    let of_targets: Map<String, Value> = targets
        .iter()
        .map(|target| {
            let mode = if target.desired.production { "production" } else { "development" };
            let mut written = json!({"mode": mode});
            let own = target.own(common, &alike);
            if !own.is_empty() {
                written["resources"] = own.into();
            }
            (target.desired.environment.to_string(), written)
        })
        .collect();
    let mut root = json!({
        "bundle": {"name": format!("polder_{}", asked.domain)},
        // What is yours lies in `own`: hosts of targets, clusters, other resources.
        "include": ["resources/*.yml", "own/*.yml"],
        "variables": variables,
        "targets": of_targets,
    });
    if !asked.has_zones {
        // In development layers would be called otherwise than queries call them.
        root["experimental"] = json!({"skip_name_prefix_for_schema": true});
    }
    root
}

fn readme(asked: Asked<'_>) -> String {
    let domain = asked.domain;
    let first = asked.environments.first().map_or("dev", |desired| desired.environment.as_str());
    let made = if asked.has_zones {
        "Catalogs, layers and their grants are made by `polder export terraform`: apply that before."
    } else {
        "Each catalog has to be there before; layers and their grants are in the bundle."
    };
    format!(
        "# The domain {domain}, as a Databricks asset bundle\n\nWritten by `polder export bundle --domain {domain}`: change the mesh and export \
         again, not these files.\n\n\
         - `export DATABRICKS_HOST=https://...` names the workspace: the Databricks CLI takes no variables of the bundle where it signs in.\n\
         - `databricks bundle deploy -t {first} --var warehouse_id=...`\n\
         - {made} A catalog is called by its environment and its domain: `{first}_{domain}`.\n\
         - Jobs of production run as service principals, which are found by their names.\n\
         - What is yours goes into `own/`, which is included and which the next export leaves alone.\n\
         - `databricks bundle run polder_run_all -t {first}` runs all jobs in their order.\n"
    )
}
