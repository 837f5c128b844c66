//! The roots of workspaces at Databricks: for each domain that works in one its credential, storage locations, catalog, layers, grants,
//! policy for clusters and secrets.

use std::collections::BTreeSet;

use polder_model::{Privilege, Provider};
use polder_zones::layout::{DomainPlace, LandingZone, Workspace};
use polder_zones::names::Kind;
use serde_json::{Map, Value, json};

use crate::contents::{Contents, listed, unmasked};
use crate::landing::{self, account, owner};
use crate::root::{add, label, name, terraform, variable, words};
use crate::{Asked, Export, aws};

/// The folder of a workspace's root, below `workspaces`.
pub(crate) fn folder(zone: &LandingZone, workspace: &Workspace) -> String {
    format!("{}-{}", landing::folder(zone), label(&workspace.key))
}

pub(crate) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    for workspace in &zone.workspaces {
        let folder = format!("workspaces/{}", folder(zone, workspace));
        let main = match zone.provider {
            Provider::Aws => aws::workspace_root(asked, workspace, &folder),
            _ => main(asked, zone, workspace, &folder),
        };
        add(export, format!("{folder}/main.tf.json"), &main);
        for (home, place) in working_in(asked, zone, workspace) {
            let path = format!("{folder}/domain_{}.tf.json", label(place.domain.as_str()));
            let domain = of_domain(asked, home, place, &mut export.held_back);
            add(export, path, &domain);
        }
    }
}

/// The domains that work in a workspace, each with its own zone.
pub(crate) fn working_in<'a>(
    asked: Asked<'a>,
    zone: &LandingZone,
    workspace: &Workspace,
) -> impl Iterator<Item = (&'a LandingZone, &'a DomainPlace)> + use<'a> {
    let own = (zone.key.clone(), workspace.key.clone());
    let places = asked.zones().flat_map(|home| home.domains.iter().map(move |place| (home, place)));
    places.filter(move |(_, place)| place.workspace == own)
}

fn main(asked: Asked<'_>, zone: &LandingZone, workspace: &Workspace, folder: &str) -> Value {
    let state = format!("{}/{folder}", asked.desired.environment);
    json!({
        "terraform": terraform(asked, zone.provider, &state, &["azurerm", "databricks"]),
        // What a domain has is in the subscription of its own zone: one provider for each.
        "provider": {
            "azurerm": {"features": {}, "subscription_id": "${var.subscription_id}"},
            "databricks": {"host": "${data.azurerm_databricks_workspace.this.workspace_url}"},
        },
        "variable": {
            "subscription_id": variable("string", &format!("The subscription of the landing zone {}.", zone.key)),
            "subscriptions": variable("map(string)", "The subscriptions of the landing zones whose domains work here, by zone."),
            "applier": variable("string", "Who applies this: the application id of a service principal, or a group."),
            "application_ids": variable("map(string)", "By what service principals are known to grants: what the root of the account puts out."),
        },
        "data": {"azurerm_databricks_workspace": {"this": {
            "name": workspace.item.name,
            "resource_group_name": name(&zone.items, Kind::ResourceGroup),
        }}},
    })
}

fn of_domain(asked: Asked<'_>, home: &LandingZone, place: &DomainPlace, held_back: &mut Vec<String>) -> Value {
    let domain = place.domain.as_str();
    let module = format!("domain_{}", label(domain));
    let owner = owner(asked.desired, &place.domain).unwrap_or_default();
    let contents = Contents::of(asked, &place.domain, held_back);
    let granted = Granted::of(&contents, domain, &owner, held_back);
    let owner_privileges = granted.owner_privileges(&contents, domain, held_back);
    let mut call = object(json!({
        "source": "../../modules/databricks/domain",
        "name": format!("{}-{domain}", asked.desired.environment),
        // The environments of a tenant share a metastore.
        "catalog": format!("{}_{domain}", asked.desired.environment),
        "comment": words(&contents.comment),
        "home": place.storage.iter().find(|storage| storage.is_home).map(account),
        "schemas": contents.schemas,
        "applier": "${var.applier}",
        "owner": owner,
        "owner_privileges": owner_privileges,
        "grants": granted.grants,
        "nodes": contents.nodes,
    }));
    call.extend(match home.provider {
        Provider::Aws => aws::storage_of(home, place),
        _ => storage_of(home, place),
    });
    let mut file = object(json!({"module": {&module: call}}));
    if home.provider == Provider::Aws {
        let description = format!("By what Databricks assumes the role of {domain}.");
        let external_id = json!({"value": format!("${{module.{module}.external_id}}"), "description": description});
        file.insert("output".to_owned(), json!({format!("{module}_external_id"): external_id}));
    }
    file.into()
}

/// As what a domain's storage at Azure is read, where it is, and where its secrets are.
fn storage_of(home: &LandingZone, place: &DomainPlace) -> Map<String, Value> {
    let group = name(&place.items, Kind::ResourceGroup);
    let id = |provider: &str, kind: &str, name: &str| {
        format!(
            "/subscriptions/${{var.subscriptions[\"{}\"]}}/resourceGroups/{group}/providers/{provider}/{kind}/{name}",
            home.key
        )
    };
    let vault = name(&place.items, Kind::KeyVault);
    let connector = name(&place.items, Kind::AccessConnector);
    let storage: Map<String, Value> = place
        .storage
        .iter()
        .map(|storage| (account(storage), format!("abfss://data@{}.dfs.core.windows.net", storage.item.name).into()))
        .collect();
    object(json!({
        "access_connector_id": id("Microsoft.Databricks", "accessConnectors", &connector),
        "storage_urls": storage,
        "key_vault_id": id("Microsoft.KeyVault", "vaults", &vault),
        "key_vault_url": format!("https://{vault}.vault.azure.net/"),
    }))
}

/// The fields of an object.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// What is granted at Databricks.
struct Granted {
    grants: Vec<Value>,
    /// What the owners were granted on the catalog by name.
    to_owner: BTreeSet<String>,
}

impl Granted {
    fn of(contents: &Contents, domain: &str, owner: &str, held_back: &mut Vec<String>) -> Self {
        let mut found = Self { grants: Vec::new(), to_owner: BTreeSet::new() };
        for ((schema, principal), privileges) in contents.grants.clone() {
            let (given, held) = unmasked(privileges, contents.masked);
            if !held.is_empty() {
                let on = schema.as_ref().map_or_else(|| domain.to_owned(), |schema| format!("{domain}.{schema}"));
                held_back.push(format!("{} on {on} for {principal}: {MASKED}", listed(&held)));
            }
            let given: Vec<String> = given.iter().map(|privilege| word(*privilege)).collect();
            if schema.is_none() && principal == owner {
                // One grant says all that somebody has on something.
                found.to_owner.extend(given);
            } else if !given.is_empty() {
                // Programs are known by a number that the account gives them.
                let is_program = contents.programs.contains_key(&principal);
                let principal = if is_program { format!("${{var.application_ids[\"{principal}\"]}}") } else { principal };
                found.grants.push(json!({"principal": principal, "schema": schema, "privileges": given}));
            }
        }
        found
    }

    /// What the owners of the domain may do with its catalog.
    fn owner_privileges(&self, contents: &Contents, domain: &str, held_back: &mut Vec<String>) -> BTreeSet<String> {
        let usual: &[&str] = if contents.masked {
            held_back.push(format!("ALL PRIVILEGES on {domain} for its owner: {MASKED}"));
            &["USE_CATALOG", "USE_SCHEMA", "BROWSE", "CREATE_SCHEMA", "CREATE_TABLE", "CREATE_VOLUME"]
        } else {
            &["ALL_PRIVILEGES", "MANAGE"]
        };
        usual.iter().map(|privilege| (*privilege).to_owned()).chain(self.to_owner.iter().cloned()).collect()
    }
}

fn word(privilege: Privilege) -> String {
    privilege.as_str().replace(' ', "_")
}

/// Why rights are held back that show rows.
const MASKED: &str = "tables in it have masked columns or row filters, and there are no masks at Databricks yet";
