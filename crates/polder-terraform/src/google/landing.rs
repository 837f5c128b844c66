//! The roots of landing zones: the folder, a file for each domain with its project.

use std::collections::BTreeMap;

use polder_model::{DomainName, PrincipalName, Resource};
use polder_zones::layout::{DomainPlace, LandingZone, Storage};
use polder_zones::names::Kind;
use serde_json::{Map, Value, json};

use super::{account_id, group_domain, labels_of, managed, member, terraform};
use crate::landing::{account, folder, owner, tags};
use crate::root::{add, label, name, variable};
use crate::{Asked, Export};

pub(super) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    let folder = format!("landing/{}", folder(zone));
    add(export, format!("{folder}/main.tf.json"), &main(asked, zone, &folder));
    for place in &zone.domains {
        let path = format!("{folder}/domain_{}.tf.json", label(place.domain.as_str()));
        add(export, path, &of_domain(asked, zone, place));
    }
}

const BUDGET: &str = "object({amount = number, emails = list(string)})";

fn main(asked: Asked<'_>, zone: &LandingZone, folder: &str) -> Value {
    let optional = |kind: &str, description: &str, default: Value| {
        let mut variable = variable(kind, description);
        variable["default"] = default;
        variable
    };
    json!({
        "terraform": terraform(asked, &format!("{}/{folder}", asked.desired.environment)),
        "provider": {"google": {"region": zone.region}},
        "variable": {
            "parent": variable("string", &format!("What the folder of the environment is: folders/NUMBER or organizations/NUMBER, in which {} is made.", name(&zone.items, Kind::Folder))),
            "billing_account": variable("string", "The billing account."),
            "group_domain": group_domain(),
            "budgets": optional(
                &format!("map({BUDGET})"),
                "What may be spent in a month, by domain; that of the whole zone is called zone.",
                json!({}),
            ),
            "dual_region": optional(
                "object({location = string, regions = list(string), key_location = string})",
                "Where data is that must survive a region, such as EU, two regions in it, and where its key is.",
                Value::Null,
            ),
            "multi_region": optional(
                "object({location = string, key_location = string})",
                "Where data is that is stored in several regions, such as EU, and where its key is.",
                Value::Null,
            ),
            "lock_holds": optional(
                "bool",
                "Whether holds are locked: then nobody, Google included, can shorten them or delete what they hold.",
                false.into(),
            ),
            "machine_type": optional("string", "What nodes are.", "e2-standard-8".into()),
            "database_tier": optional("string", "What databases run on.", "db-custom-2-7680".into()),
        },
        "locals": {"region": zone.region, "labels": tags(asked, zone), "no_budget": {"amount": 0, "emails": []}},
        "module": {"zone": {
            "source": "../../modules/google/landing-zone",
            "parent": "${var.parent}",
            "names": {"folder": name(&zone.items, Kind::Folder), "budget": name(&zone.items, Kind::Budget)},
            "billing_account": "${var.billing_account}",
            "management": {"project": managed(asked, Kind::Project), "dataset": managed(asked, Kind::BigQueryDataset)},
            "budget": "${lookup(var.budgets, \"zone\", local.no_budget)}",
        }},
    })
}

fn of_domain(asked: Asked<'_>, zone: &LandingZone, place: &DomainPlace) -> Value {
    let domain = &place.domain;
    let module = format!("domain_{}", label(domain.as_str()));
    let owner = owner(asked.desired, domain);
    let own = |kind: Kind| name(&place.items, kind);
    let cluster = zone.workspaces.iter().find(|workspace| workspace.key == place.workspace.1);
    let block = |role: &str| {
        let found = cluster.and_then(|cluster| cluster.subnets.iter().find(|subnet| subnet.role == role));
        found.and_then(|subnet| subnet.block).map(|block| block.to_string())
    };
    let buckets: Map<String, Value> = place.storage.iter().map(|storage| (account(storage), stored(storage))).collect();
    let owned = owner.as_ref().and_then(|owner| member(asked, &PrincipalName::new(owner).ok()?).ok());
    let call = json!({
        "source": "../../modules/google/domain",
        "names": {
            "project": own(Kind::Project),
            "network": own(Kind::Network),
            "cluster": cluster.map(|cluster| cluster.item.name.clone()),
            "database": own(Kind::SqlInstance),
            "balancer": own(Kind::LoadBalancer),
            "key": own(Kind::EncryptionKey),
            "secret": own(Kind::Secret),
            "registry": own(Kind::Registry),
            "service_account": own(Kind::ServiceAccount),
            "budget": own(Kind::Budget),
        },
        "region": "${local.region}",
        "zone": "${module.zone}",
        "billing_account": "${var.billing_account}",
        "owner": owned,
        "programs": programs(asked, domain),
        "subnets": {"nodes": block("nodes"), "pods": block("pods"), "services": block("services")},
        "nodes": cluster.map(|cluster| cluster.nodes),
        "machine_type": "${var.machine_type}",
        "database_tier": "${var.database_tier}",
        "storage": buckets,
        "dual_region": "${var.dual_region}",
        "multi_region": "${var.multi_region}",
        "lock_holds": "${var.lock_holds}",
        "budget": format!("${{lookup(var.budgets, \"{domain}\", local.no_budget)}}"),
        "labels": labels_of(domain, &owner.unwrap_or_default()),
    });
    let account = json!({
        "value": format!("${{module.{module}.service_account}}"),
        "description": format!("As what {domain} reads and writes its storage."),
    });
    json!({"module": {&module: call}, "output": {format!("{module}_service_account"): account}})
}

/// The programs of a domain, with the ids of their service accounts.
fn programs(asked: Asked<'_>, domain: &DomainName) -> BTreeMap<String, String> {
    let programs = asked.desired.resources.values().filter_map(|declared| match declared.resource.as_ref() {
        Resource::ServicePrincipal(program) if program.domain.as_ref() == Some(domain) => Some(&program.name),
        _ => None,
    });
    programs.map(|name| (name.to_string(), account_id(asked, name))).collect()
}

fn stored(storage: &Storage) -> Value {
    let class = &storage.class;
    let aging: Vec<Value> = class.lifecycle.iter().map(|(days, tier)| json!({"days": days, "tier": tier})).collect();
    json!({
        "name": storage.item.name,
        "redundancy": class.redundancy,
        "tier": class.tier,
        "aging": aging,
        "hold_days": class.hold_days,
    })
}
