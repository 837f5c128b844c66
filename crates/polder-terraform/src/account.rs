//! The root of an account at Databricks, of which there is one for each cloud: the metastore, groups and programs; a file for each
//! workspace with who uses it; a file for each domain with its programs. It is the tenant's, and the same whichever of its environments is
//! exported.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::resource::Group;
use polder_model::{Desired, DomainName, Provider, Resource};
use polder_zones::layout::{LandingZone, Workspace};
use polder_zones::names::Kind;
use serde_json::{Map, Value, json};

use crate::landing::owner;
use crate::root::{add, label, name, terraform, variable};
use crate::workspaces::folder;
use crate::{APPLICATION_IDS, Asked, Export, aws};

/// The folder of an account's root, and where the account is. That of Azure was there before any other.
const fn of(cloud: Provider) -> (&'static str, &'static str) {
    match cloud {
        Provider::Aws => ("account-aws", aws::ACCOUNT_HOST),
        _ => ("account", "https://accounts.azuredatabricks.net"),
    }
}

/// Writes the root of the account at Databricks for a cloud that the tenant has zones at, whichever of its environments they are in.
pub(crate) fn write(asked: Asked<'_>, cloud: Provider, export: &mut Export) {
    if asked.management(cloud).is_none() {
        return;
    }
    let (root, _) = of(cloud);
    let principals = Principals::of(asked);
    add(export, format!("{root}/main.tf.json"), &main(asked, cloud, &principals));
    for desired in asked.of_tenant {
        let here = |zone: &&LandingZone| zone.environment == desired.environment && zone.provider == cloud;
        for zone in asked.tenant.zones.iter().filter(here) {
            for workspace in &zone.workspaces {
                let module = format!("workspace_{}-{}", desired.environment, folder(zone, workspace));
                add(export, format!("{root}/{module}.tf.json"), &of_workspace(desired, workspace, module));
            }
        }
    }
    for (domain, programs) in &principals.of_domains {
        let path = format!("{root}/domain_{}.tf.json", label(domain.as_str()));
        add(export, path, &of_domain(domain, programs, &principals.members));
    }
    export.held_back.extend(principals.left_out);
}

fn main(asked: Asked<'_>, cloud: Provider, principals: &Principals) -> Value {
    let (root, host) = of(cloud);
    let management = asked.management(cloud);
    let items = management.map(|zone| zone.items.as_slice()).unwrap_or_default();
    let programs = |name: &String| principals.programs.contains(name);
    let members = principals.members.iter().filter(|(_, member)| principals.groups.contains(member) || programs(member));
    let members: Vec<Value> = members
        .map(|(group, member)| json!({"group": group, "member": member, "is_group": principals.groups.contains(member)}))
        .collect();
    json!({
        "terraform": terraform(asked, cloud, &format!("{}/{root}", asked.desired.tenant), &["databricks"]),
        "provider": {"databricks": {"host": host, "account_id": "${var.databricks_account_id}"}},
        "variable": {
            "databricks_account_id": variable("string", "The account at Databricks."),
        },
        "data": {"databricks_mws_workspaces": {"all": {}}},
        "module": {"account": {
            "source": "../modules/databricks/account",
            "metastore_name": name(items, Kind::Metastore),
            "region": management.and_then(|zone| zone.region.clone()),
            "groups": principals.groups,
            "groups_of_scim": principals.of_scim,
            "service_principals": principals.programs,
            "members": members,
        }},
        "output": {APPLICATION_IDS: {
            "value": "${module.account.application_ids}",
            "description": "By what service principals that are no domain's are known to grants, by name.",
        }},
    })
}

/// The workspace gets the metastore; the owners of the domains that work in it use it. It is looked up by the name that its landing zone gave
/// it.
fn of_workspace(desired: &Desired, workspace: &Workspace, module: String) -> Value {
    let owners: BTreeSet<String> = workspace.domains.iter().filter_map(|domain| owner(desired, domain)).collect();
    let users: Map<String, Value> =
        owners.into_iter().map(|owner| (owner.clone(), format!("${{module.account.group_ids[\"{owner}\"]}}").into())).collect();
    json!({"module": {module: {
        "source": "../modules/databricks/assignment",
        "metastore_id": "${module.account.metastore_id}",
        "workspace_id": format!("${{data.databricks_mws_workspaces.all.ids[\"{}\"]}}", workspace.item.name),
        "users": users,
    }}})
}

/// The programs of a domain, and the groups that they are in.
fn of_domain(domain: &DomainName, programs: &BTreeSet<String>, members: &[(String, String)]) -> Value {
    let mut resources = Map::new();
    let of = |name: &String| format!("program_{}", label(name));
    let principals: Map<String, Value> = programs.iter().map(|name| (of(name), json!({"display_name": name}))).collect();
    let in_groups: Map<String, Value> = members
        .iter()
        .filter(|(_, member)| programs.contains(member))
        .map(|(group, member)| {
            let address = format!("{}_in_{}", of(member), label(group));
            let ids = json!({
                "group_id": format!("${{module.account.group_ids[\"{group}\"]}}"),
                "member_id": format!("${{databricks_service_principal.{}.id}}", of(member)),
            });
            (address, ids)
        })
        .collect();
    let id = |name: &String| (name.clone(), format!("${{databricks_service_principal.{}.application_id}}", of(name)).into());
    let ids: Map<String, Value> = programs.iter().map(id).collect();
    let description = format!("By what the service principals of {domain} are known to grants, by name.");
    let outputs = json!({format!("{APPLICATION_IDS}_{}", label(domain.as_str())): {"value": ids, "description": description}});
    resources.insert("databricks_service_principal".to_owned(), principals.into());
    if !in_groups.is_empty() {
        resources.insert("databricks_group_member".to_owned(), in_groups.into());
    }
    json!({"resource": resources, "output": outputs})
}

/// Who there is.
#[derive(Default)]
struct Principals {
    groups: BTreeSet<String>,
    of_scim: BTreeSet<String>,
    /// Programs that are no domain's.
    programs: BTreeSet<String>,
    of_domains: BTreeMap<DomainName, BTreeSet<String>>,
    /// Groups, and programs and groups in them.
    members: Vec<(String, String)>,
    left_out: Vec<String>,
}

impl Principals {
    fn of(asked: Asked<'_>) -> Self {
        let mut found = Self::default();
        let mut groups: Vec<&Group> = Vec::new();
        let mut known = BTreeSet::new();
        for declared in asked.of_tenant.iter().flat_map(|desired| desired.resources.values()) {
            match declared.resource.as_ref() {
                Resource::Group(group) => {
                    let kept = if group.managed_by_scim { &mut found.of_scim } else { &mut found.groups };
                    if kept.insert(group.name.to_string()) {
                        groups.push(group);
                    }
                }
                Resource::ServicePrincipal(program) => {
                    known.insert(program.name.to_string());
                    match &program.domain {
                        Some(domain) => found.of_domains.entry(domain.clone()).or_default().insert(program.name.to_string()),
                        None => found.programs.insert(program.name.to_string()),
                    };
                }
                _ => {}
            }
        }
        for group in groups {
            for member in group.members.iter().map(ToString::to_string) {
                if found.groups.contains(&member) || known.contains(&member) {
                    found.members.push((group.name.to_string(), member));
                } else {
                    // People, and groups that the identity provider keeps.
                    found
                        .left_out
                        .push(format!("{member} in the group {}: the identity provider puts people into groups", group.name));
                }
            }
        }
        found
    }
}
