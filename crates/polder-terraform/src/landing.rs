//! The roots of landing zones at Azure: the zone itself, a file for each workspace, a file for each domain.

use polder_descriptor::tag;
use polder_model::{DepartmentName, Desired, DomainName, Kind as Address, Resource};
use polder_zones::layout::{DomainPlace, LandingZone, Storage, Workspace};
use polder_zones::names::Kind;
use serde_json::{Map, Value, json};

use crate::root::{add, defaulted, label, name, terraform, variable, words};
use crate::workspaces::object;
use crate::{Asked, Export};

/// The folder of a zone's root, below `landing`.
pub(crate) fn folder(zone: &LandingZone) -> String {
    format!("{}-{}", zone.department.as_ref().map_or("shared", DepartmentName::as_str), zone.provider)
}

pub(crate) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    let folder = format!("landing/{}", folder(zone));
    add(export, format!("{folder}/main.tf.json"), &main(asked, zone, &folder));
    for workspace in &zone.workspaces {
        add(export, format!("{folder}/workspace_{}.tf.json", label(&workspace.key)), &of_workspace(zone, workspace));
    }
    for domain in &zone.domains {
        add(export, format!("{folder}/domain_{}.tf.json", label(domain.domain.as_str())), &of_domain(asked, domain));
    }
}

const BUDGET: &str = "object({amount = number, start = string, emails = list(string)})";

fn main(asked: Asked<'_>, zone: &LandingZone, folder: &str) -> Value {
    let network = name(&zone.items, Kind::VirtualNetwork);
    let blocks: Vec<String> = zone.blocks.iter().map(ToString::to_string).collect();
    let tags = tags(asked, zone);
    json!({
        "terraform": terraform(asked, zone.provider, &format!("{}/{folder}", asked.desired.environment), &["azurerm"]),
        "provider": {"azurerm": {
            // Accounts are made by Azure's management: whoever applies is seldom where their private endpoints are.
            "features": {"storage": {"data_plane_available": false}},
            "subscription_id": "${var.subscription_id}",
            "storage_use_azuread": true,
        }},
        "variable": variables(zone),
        "locals": {
            "location": zone.region,
            "tags": tags,
            "no_budget": {"amount": 0, "start": "2026-01-01T00:00:00Z", "emails": []},
        },
        "module": {"zone": {
            "source": "../../modules/azure/landing-zone",
            "subscription_id": "${var.subscription_id}",
            "names": {
                "resource_group": name(&zone.items, Kind::ResourceGroup),
                "network": network,
                "endpoints": "endpoints",
                "log": name(&zone.items, Kind::LogWorkspace),
                "budget": name(&zone.items, Kind::Budget),
            },
            "location": "${local.location}",
            "address_space": blocks,
            "endpoints_prefix": zone.endpoints.block.map(|block| block.to_string()),
            "budget": "${lookup(var.budgets, \"zone\", local.no_budget)}",
            "tags": "${local.tags}",
        }},
    })
}

/// What is nobody's but the user's, as far as something of the zone asks for it. That is the same whichever domains come and go.
fn variables(zone: &LandingZone) -> Map<String, Value> {
    let mut variables = object(json!({
        "subscription_id": variable("string", &format!("The subscription {}.", name(&zone.items, Kind::Subscription))),
        "budgets": defaulted(
            &format!("map({BUDGET})"),
            "What may be spent in a month, by domain; that of the whole zone is called zone.",
            json!({}),
        ),
    }));
    if !zone.domains.is_empty() {
        variables.insert("databricks_object_id".to_owned(), variable("string", DATABRICKS));
    }
    if !zone.workspaces.is_empty() {
        variables.extend(object(json!({
            "sign_on": defaulted("string", SIGN_ON, Value::Null),
            "storage_firewalls": defaulted("list(string)", STORAGE_FIREWALLS, json!([])),
        })));
    }
    variables
}

const DATABRICKS: &str = "The object id of the enterprise application AzureDatabricks (2ff814a6-3304-4ab8-85cb-cd0e6f879c1d) in the tenant, as \
                          which Databricks reads secrets of the domains' vaults.";

const SIGN_ON: &str = "The workspace, as in workspace_NAME.tf.json, by whose private endpoint people sign on with browsers: one for all of a \
                       region that share zones of private names. With null there is none, and they sign on over the internet.";

const STORAGE_FIREWALLS: &str = "The workspaces, as in workspace_NAME.tf.json, whose own storage is open to the network of the zone alone. Each is \
                                 to be named when it is made: that of one that is there is known to stay open, and its access connector \
                                 becomes another.";

/// Tags from who owns what, as the zone's provider takes them: nothing of them is written by hand but what the conventions add.
pub(crate) fn tags(asked: Asked<'_>, zone: &LandingZone) -> Map<String, Value> {
    let provider = zone.provider;
    let own = [
        ("organization", asked.desired.organization.as_str()),
        ("environment", asked.desired.environment.as_str()),
        ("department", zone.department.as_ref().map_or("shared", DepartmentName::as_str)),
        ("managed_by", "polder"),
    ];
    let more = asked.settings.tags.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    more.chain(own).map(|(name, text)| (tag::name(provider, name), words(&tag::value(provider, text)).into())).collect()
}

fn of_workspace(zone: &LandingZone, workspace: &Workspace) -> Value {
    let block = |role: &str| workspace.subnets.iter().find(|subnet| subnet.role == role).and_then(|subnet| subnet.block);
    let word = label(&workspace.key);
    let module = format!("workspace_{word}");
    let call = json!({
        "source": "../../modules/azure/workspace",
        "name": workspace.item.name,
        "location": "${local.location}",
        "zone": "${module.zone}",
        "host_prefix": block("host").map(|block| block.to_string()),
        "container_prefix": block("container").map(|block| block.to_string()),
        "sign_on": format!("${{var.sign_on == \"{word}\"}}"),
        "storage_firewall": format!("${{contains(var.storage_firewalls, \"{word}\")}}"),
        "tags": "${local.tags}",
    });
    let url = json!({
        "value": format!("${{module.{module}.url}}"),
        "description": format!("Where the workspace {} of {} is.", workspace.item.name, zone.key),
    });
    json!({"module": {&module: call}, "output": {format!("{module}_url"): url}})
}

fn of_domain(asked: Asked<'_>, place: &DomainPlace) -> Value {
    let module = format!("domain_{}", label(place.domain.as_str()));
    let accounts: Map<String, Value> = place.storage.iter().map(|storage| (account(storage), stored(storage))).collect();
    let owner = owner(asked.desired, &place.domain).unwrap_or_default();
    json!({"module": {module: {
        "source": "../../modules/azure/domain",
        "names": {
            "resource_group": name(&place.items, Kind::ResourceGroup),
            "key_vault": name(&place.items, Kind::KeyVault),
            "access_connector": name(&place.items, Kind::AccessConnector),
            "budget": name(&place.items, Kind::Budget),
        },
        "location": "${local.location}",
        "zone": "${module.zone}",
        "storage": accounts,
        "databricks_object_id": "${var.databricks_object_id}",
        "budget": format!("${{lookup(var.budgets, \"{}\", local.no_budget)}}", place.domain),
        "tags": format!("${{merge(local.tags, {{domain = \"{}\", owner = \"{owner}\"}})}}", place.domain),
    }}})
}

/// By what an account is known: its name, which is of what it is for and stays.
pub(crate) fn account(storage: &Storage) -> String {
    storage.item.name.clone()
}

fn stored(storage: &Storage) -> Value {
    let class = &storage.class;
    let after = |tier: &str| class.lifecycle.iter().find(|(_, to)| *to == tier).map(|(days, _)| *days);
    json!({
        "name": storage.item.name,
        "performance": class.performance,
        "redundancy": class.redundancy,
        "access_tier": class.tier,
        "cool_after": after("Cool"),
        "cold_after": after("Cold"),
        "hold_days": class.hold_days,
    })
}

/// The group that owns a domain: a name, which has no character that ends a text.
pub(crate) fn owner(desired: &Desired, domain: &DomainName) -> Option<String> {
    let declared = desired.resources.get(&polder_model::Address::new(Address::Domain, domain))?;
    match declared.resource.as_ref() {
        Resource::Domain(domain) => Some(domain.owner.to_string()),
        _ => None,
    }
}
