//! The roots of workspaces: for each domain that works in one its credential, storage locations, catalog, layers, grants, policy for
//! clusters and secrets.

use std::collections::{BTreeMap, BTreeSet};

use polder_model::{Address, DomainName, Kind as Nodes, Privilege, Resource, Securable};
use polder_zones::layout::{DomainPlace, LandingZone, Workspace};
use polder_zones::names::Kind;
use serde_json::{Map, Value, json};

use crate::landing::{self, account, owner};
use crate::root::{add, label, name, terraform, variable, words};
use crate::{Asked, Export};

/// The folder of a workspace's root, below `workspaces`.
pub(crate) fn folder(zone: &LandingZone, workspace: &Workspace) -> String {
    format!("{}-{}", landing::folder(zone), label(&workspace.key))
}

pub(crate) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    for workspace in &zone.workspaces {
        let folder = format!("workspaces/{}", folder(zone, workspace));
        add(export, format!("{folder}/main.tf.json"), &main(asked, zone, workspace, &folder));
        let own = (zone.key.clone(), workspace.key.clone());
        for home in asked.zones() {
            for place in home.domains.iter().filter(|place| place.workspace == own) {
                let path = format!("{folder}/domain_{}.tf.json", label(place.domain.as_str()));
                let domain = of_domain(asked, home, place, &mut export.held_back);
                add(export, path, &domain);
            }
        }
    }
}

fn main(asked: Asked<'_>, zone: &LandingZone, workspace: &Workspace, folder: &str) -> Value {
    json!({
        "terraform": terraform(asked, &format!("{}/{folder}", asked.desired.environment), &["azurerm", "databricks"]),
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
    let owner = owner(asked.desired, &place.domain).unwrap_or_default();
    let contents = Contents::of(asked, &place.domain, &owner, held_back);
    json!({"module": {format!("domain_{}", label(domain)): {
        "source": "../../modules/databricks/domain",
        "name": format!("{}-{domain}", asked.desired.environment),
        // The environments of a tenant share a metastore.
        "catalog": format!("{}_{domain}", asked.desired.environment),
        "comment": words(&contents.comment),
        "access_connector_id": id("Microsoft.Databricks", "accessConnectors", &connector),
        "storage_urls": storage,
        "home": place.storage.iter().find(|storage| storage.is_home).map(account),
        "schemas": contents.schemas,
        "applier": "${var.applier}",
        "owner": owner,
        "owner_privileges": contents.owner_privileges(domain, held_back),
        "grants": contents.grants,
        "nodes": contents.nodes,
        "key_vault_id": id("Microsoft.KeyVault", "vaults", &vault),
        "key_vault_url": format!("https://{vault}.vault.azure.net/"),
    }}})
}

/// What a domain's catalog holds.
struct Contents {
    comment: String,
    nodes: u32,
    schemas: BTreeSet<String>,
    grants: Vec<Value>,
    /// What its owners were granted on the catalog by name.
    to_owner: BTreeSet<String>,
    /// Whether a table of it shows less to some than to others.
    masked: bool,
}

impl Contents {
    fn of(asked: Asked<'_>, domain: &DomainName, owner: &str, held_back: &mut Vec<String>) -> Self {
        let resources = &asked.desired.resources;
        let mut found = Self {
            comment: String::new(),
            nodes: 1,
            schemas: BTreeSet::new(),
            grants: Vec::new(),
            to_owner: BTreeSet::new(),
            masked: false,
        };
        if let Some(Resource::Domain(declared)) = resources.get(&Address::new(Nodes::Domain, domain)).map(|d| d.resource.as_ref())
        {
            found.comment.clone_from(&declared.description);
            found.nodes = declared.nodes.0;
        }
        let mut grants = BTreeMap::new();
        let mut programs = BTreeSet::new();
        for declared in resources.values() {
            match declared.resource.as_ref() {
                Resource::Schema(schema) if schema.catalog == *domain => drop(found.schemas.insert(schema.name.to_string())),
                Resource::Table(table) if table.dataset.domain == *domain => {
                    found.masked |= !table.row_filters.is_empty() || table.columns.iter().any(|column| column.is_pii());
                }
                Resource::ServicePrincipal(program) => drop(programs.insert(program.name.to_string())),
                Resource::Grant(grant) => {
                    let schema = match &grant.securable {
                        Securable::Catalog(catalog) if catalog == domain => None,
                        Securable::Schema(catalog, schema) if catalog == domain => Some(schema.to_string()),
                        other => {
                            if other.catalog() == Some(domain) {
                                held_back.push(format!(
                                    "{} on {other} for {}: it may not be there yet",
                                    listed(&grant.privileges),
                                    grant.principal
                                ));
                            }
                            continue;
                        }
                    };
                    grants.insert((schema, grant.principal.to_string()), grant.privileges.clone());
                }
                _ => {}
            }
        }
        for ((schema, principal), privileges) in grants {
            let in_clear = privileges.contains(&Privilege::ReadPii);
            let (given, held): (BTreeSet<Privilege>, BTreeSet<Privilege>) = privileges
                .into_iter()
                .filter(|privilege| *privilege != Privilege::ReadPii)
                .partition(|privilege| in_clear || !found.masked || !shows_rows(*privilege));
            if !held.is_empty() {
                let on = schema.as_ref().map_or_else(|| domain.to_string(), |schema| format!("{domain}.{schema}"));
                held_back.push(format!("{} on {on} for {principal}: {MASKED}", listed(&held)));
            }
            let given: Vec<String> = given.iter().map(|privilege| privilege.as_str().replace(' ', "_")).collect();
            if schema.is_none() && principal == owner {
                // One grant says all that somebody has on something.
                found.to_owner.extend(given);
            } else if !given.is_empty() {
                // Programs are known by a number that the account gives them.
                let principal =
                    if programs.contains(&principal) { format!("${{var.application_ids[\"{principal}\"]}}") } else { principal };
                found.grants.push(json!({"principal": principal, "schema": schema, "privileges": given}));
            }
        }
        found
    }

    /// What the owners of the domain may do with its catalog.
    fn owner_privileges(&self, domain: &str, held_back: &mut Vec<String>) -> BTreeSet<String> {
        let usual: &[&str] = if self.masked {
            held_back.push(format!("ALL PRIVILEGES on {domain} for its owner: {MASKED}"));
            &["USE_CATALOG", "USE_SCHEMA", "BROWSE", "CREATE_SCHEMA", "CREATE_TABLE", "CREATE_VOLUME"]
        } else {
            &["ALL_PRIVILEGES", "MANAGE"]
        };
        usual.iter().map(|privilege| (*privilege).to_owned()).chain(self.to_owner.iter().cloned()).collect()
    }
}

/// Why rights are held back that show rows.
const MASKED: &str = "tables in it have masked columns or row filters, and there are no masks at Databricks yet";

/// Whether a privilege shows rows as they are where nothing masks them.
const fn shows_rows(privilege: Privilege) -> bool {
    matches!(
        privilege,
        Privilege::Select | Privilege::Modify | Privilege::AllPrivileges | Privilege::ReadVolume | Privilege::Manage
    )
}

fn listed(privileges: &BTreeSet<Privilege>) -> String {
    privileges.iter().map(|privilege| privilege.as_str()).collect::<Vec<_>>().join(", ")
}
