//! Landing zones at AWS: an account each, with Databricks or with Glue and EKS. What Glue's catalog holds is in [`crate::glue`].

use polder_model::Provider;
use polder_model::zone::{AwsPlatform, Network};
use polder_zones::layout::{DomainPlace, LandingZone, Storage, Workspace};
use polder_zones::names::Kind;
use polder_zones::space::overlap;
use serde_json::{Map, Value, json};

use crate::landing::{self, account, owner, tags};
use crate::root::{add, defaulted, label, name, terraform, variable};
use crate::workspaces::object;
use crate::{Asked, Export, glue, workspaces};

/// Databricks' account, of which a company has another at each cloud.
pub(crate) const ACCOUNT_HOST: &str = "https://accounts.cloud.databricks.com";

/// What is reached by private endpoints besides S3, which costs nothing: what every node asks all the time. The layout has room for eight.
const OF_DATABRICKS: [&str; 2] = ["kinesis-streams", "sts"];
const OF_CLUSTERS: [&str; 8] = ["ecr.api", "ecr.dkr", "glue", "kms", "lakeformation", "logs", "secretsmanager", "sts"];

/// Whether zones at AWS have Databricks.
pub(crate) fn has_databricks(asked: Asked<'_>) -> bool {
    asked.settings.aws_platform == AwsPlatform::Databricks
}

pub(crate) fn write(asked: Asked<'_>, zone: &LandingZone, export: &mut Export) {
    let folder = format!("landing/{}", landing::folder(zone));
    add(export, format!("{folder}/main.tf.json"), &main(asked, zone, &folder));
    for workspace in &zone.workspaces {
        let file = if has_databricks(asked) { of_workspace(zone, workspace) } else { of_cluster(asked, workspace) };
        add(export, format!("{folder}/workspace_{}.tf.json", label(&workspace.key)), &file);
    }
    for place in &zone.domains {
        add(export, format!("{folder}/domain_{}.tf.json", label(place.domain.as_str())), &of_domain(asked, zone, place));
    }
    if has_databricks(asked) {
        workspaces::write(asked, zone, export);
    } else {
        glue::write(asked, zone, export);
    }
}

const BUDGET: &str = "object({amount = number, unit = optional(string, \"USD\"), emails = list(string)})";

fn main(asked: Asked<'_>, zone: &LandingZone, folder: &str) -> Value {
    let databricks = has_databricks(asked);
    let state = format!("{}/{folder}", asked.desired.environment);
    let providers: &[&str] = if databricks { &["aws", "databricks"] } else { &["aws"] };
    let mut provider = object(json!({"aws": provider(zone)}));
    let mut modules = object(json!({"zone": of_zone(zone, databricks)}));
    if databricks {
        provider.insert("databricks".to_owned(), json!({"host": ACCOUNT_HOST, "account_id": "${var.databricks_account_id}"}));
        if !zone.workspaces.is_empty() {
            modules.insert("private_link".to_owned(), of_private_link(asked, zone));
        }
    }
    json!({
        "terraform": terraform(asked, Provider::Aws, &state, providers),
        "provider": provider,
        "variable": variables(asked, zone),
        "locals": {
            "tags": tags(asked, zone),
            "no_budget": {"amount": 0, "unit": "USD", "emails": []},
        },
        "module": modules,
    })
}

/// What is nobody's but the user's, as far as something of the zone asks for it. That is the same whichever domains come and go.
fn variables(asked: Asked<'_>, zone: &LandingZone) -> Map<String, Value> {
    let mut variables = account_variables(zone);
    let mut add = |some: Value| variables.extend(object(some));
    add(json!({"budgets": defaulted(
        &format!("map({BUDGET})"),
        "What may be spent in a month, by domain; that of the whole zone is called zone. A domain's is counted by its tag, which whoever pays \
         the bill has to make one of costs.",
        json!({}),
    )}));
    if !zone.domains.is_empty() {
        add(json!({
            "copy_region": defaulted("string", "The region of copies, where data must survive one.", Value::Null),
            "lock_holds": defaulted(
                "bool",
                "Whether holds are locked: then nobody, the account's root included, can shorten them or delete what they hold.",
                json!(false),
            ),
        }));
    }
    if has_databricks(asked) {
        add(json!({"databricks_account_id": variable("string", "The account at Databricks for AWS.")}));
        if !zone.domains.is_empty() {
            add(json!({"external_ids": defaulted(
                "map(string)",
                "By what Databricks assumes the roles of domains, by domain, where that is not the account: what the roots of workspaces put out.",
                json!({}),
            )}));
        }
        if !zone.workspaces.is_empty() {
            add(json!({"private_link": variable("object({workspace = string, relay = string})", PRIVATE_LINK)}));
        }
    } else if zone.workspaces.is_empty() {
        let clusters = "The accounts of the landing zones whose clusters the domains of this one work in, by zone.";
        add(json!({"account_ids": variable("map(string)", clusters)}));
    } else {
        let administrators = "The roles that administer clusters. Nobody else gets in, whoever applies this included.";
        add(json!({
            "administrators": variable("list(string)", administrators),
            "instance_types": defaulted("list(string)", "What nodes are, with room for 29 pods at least.", json!(["m6i.xlarge"])),
            "services": services(&asked.settings.network).map_or_else(
                || variable("string", SERVICES),
                |block| defaulted("string", SERVICES, block.into()),
            ),
        }));
    }
    variables
}

const SERVICES: &str = "The block of addresses of services within clusters, of 172.16.0.0/12, 10.0.0.0/8 or 192.168.0.0/16, from /12 to /24: one that \
                        nothing has which clusters reach. A cluster keeps that which it was made with.";

/// The first of some blocks of which nothing is in use in the mesh or elsewhere: EKS asks only that it is not the cluster's own network's,
/// and nodes do not reach what has the same addresses somewhere else. `None` where all are in use: then somebody has to say one.
fn services(network: &Network) -> Option<&'static str> {
    let is_free = |block: &str| {
        let mut used = network.ranges.values().flatten().chain(&network.elsewhere);
        block.parse().is_ok_and(|block| !used.any(|other| overlap(block, *other)))
    };
    ["172.20.0.0/16", "10.100.0.0/16", "192.168.0.0/16"].into_iter().find(|block| is_free(block))
}

const PRIVATE_LINK: &str = "Databricks' services for private endpoints in the region, as its page on PrivateLink lists them: that of workspaces \
                            and that of the relay. People come by the first then, and by nothing else. With null, nodes reach \
                            Databricks on the way out, and people over the internet.";

/// The provider of a zone's account: in any other, nothing is done.
pub(crate) fn provider(zone: &LandingZone) -> Value {
    json!({
        "region": zone.region,
        "allowed_account_ids": ["${var.account_id}"],
        "assume_role": {"role_arn": "${var.role_arn}"},
        "default_tags": {"tags": "${local.tags}"},
    })
}

pub(crate) fn account_variables(zone: &LandingZone) -> Map<String, Value> {
    let named = name(&zone.items, Kind::Account);
    object(json!({
        "account_id": variable("string", &format!("The account {named}, by its number.")),
        "role_arn": variable("string", "The role in it that is assumed to apply this."),
    }))
}

fn of_zone(zone: &LandingZone, databricks: bool) -> Value {
    let blocks: Vec<String> = zone.blocks.iter().map(ToString::to_string).collect();
    let block = |role: &str| zone.edge.iter().chain([&zone.endpoints]).find(|subnet| subnet.role == role)?.block;
    let blocks_of = |roles: [(&str, &str); 2]| -> Map<String, Value> {
        let found = roles.into_iter().filter_map(|(key, role)| Some((key.to_owned(), block(role)?.to_string().into())));
        found.collect()
    };
    let services: &[&str] = match databricks {
        // Where nothing runs, nothing is reached.
        _ if zone.workspaces.is_empty() => &[],
        true => &OF_DATABRICKS,
        false => &OF_CLUSTERS,
    };
    json!({
        "source": "../../modules/aws/landing-zone",
        "names": {
            "network": name(&zone.items, Kind::Vpc),
            "key": name(&zone.items, Kind::EncryptionKey),
            "budget": name(&zone.items, Kind::Budget),
        },
        "address_space": blocks,
        "endpoints": blocks_of([("a", "endpoints"), ("b", "endpoints-b")]),
        "egress": blocks_of([("a", "egress-a"), ("b", "egress-b")]),
        "services": services,
        "budget": "${lookup(var.budgets, \"zone\", local.no_budget)}",
    })
}

/// The networks of the company that must be reachable, as texts.
fn elsewhere(asked: Asked<'_>) -> Vec<String> {
    asked.settings.network.elsewhere.iter().map(ToString::to_string).collect()
}

fn of_private_link(asked: Asked<'_>, zone: &LandingZone) -> Value {
    json!({
        "source": "../../modules/aws/private-link",
        "count": "${var.private_link == null ? 0 : 1}",
        "name": name(&zone.items, Kind::Vpc),
        "databricks_account_id": "${var.databricks_account_id}",
        "zone": "${module.zone}",
        "elsewhere": elsewhere(asked),
        "services": "${var.private_link}",
    })
}

fn subnets(workspace: &Workspace) -> Map<String, Value> {
    let blocks = workspace.subnets.iter().filter_map(|subnet| Some((subnet.role.to_owned(), subnet.block?.to_string().into())));
    blocks.collect()
}

fn of_workspace(zone: &LandingZone, workspace: &Workspace) -> Value {
    let module = format!("workspace_{}", label(&workspace.key));
    let call = json!({
        "source": "../../modules/aws/workspace",
        "name": workspace.item.name,
        "bucket": name(&workspace.items, Kind::Bucket),
        "databricks_account_id": "${var.databricks_account_id}",
        "zone": "${module.zone}",
        "subnets": subnets(workspace),
        "private_link": "${one(module.private_link[*])}",
        "tags": "${local.tags}",
    });
    let url = json!({
        "value": format!("${{module.{module}.url}}"),
        "description": format!("Where the workspace {} of {} is.", workspace.item.name, zone.key),
    });
    json!({"module": {&module: call}, "output": {format!("{module}_url"): url}})
}

fn of_cluster(asked: Asked<'_>, workspace: &Workspace) -> Value {
    json!({"module": {format!("workspace_{}", label(&workspace.key)): {
        "source": "../../modules/aws/cluster",
        "name": workspace.item.name,
        "zone": "${module.zone}",
        "subnets": subnets(workspace),
        "nodes": workspace.nodes,
        "instance_types": "${var.instance_types}",
        "services": "${var.services}",
        "elsewhere": elsewhere(asked),
        "administrators": "${var.administrators}",
        "tags": "${local.tags}",
    }}})
}

fn of_domain(asked: Asked<'_>, zone: &LandingZone, place: &DomainPlace) -> Value {
    let domain = place.domain.as_str();
    let module = format!("domain_{}", label(domain));
    let role = name(&place.items, Kind::Role);
    let buckets: Map<String, Value> = place.storage.iter().map(|storage| (account(storage), stored(storage))).collect();
    let mut call = object(json!({
        "source": "../../modules/aws/domain",
        "domain": domain,
        "names": {
            "role": role,
            "key": name(&place.items, Kind::EncryptionKey),
            "secrets": name(&place.items, Kind::Secret),
            "budget": name(&place.items, Kind::Budget),
        },
        "storage": buckets,
        "copy_region": "${var.copy_region}",
        "lock_holds": "${var.lock_holds}",
        "budget": format!("${{lookup(var.budgets, \"{domain}\", local.no_budget)}}"),
        "tags": domain_tags(asked, place),
    }));
    let mut file = Map::new();
    if has_databricks(asked) {
        call.insert("trust".to_owned(), format!("${{data.{TRUST}.{module}.json}}").into());
        let trust = json!({
            "aws_account_id": "${var.account_id}",
            "role_name": role,
            "external_id": format!("${{lookup(var.external_ids, \"{domain}\", var.databricks_account_id)}}"),
        });
        file.insert("data".to_owned(), json!({TRUST: {&module: trust}}));
    } else {
        call.insert("namespace".to_owned(), name(&place.items, Kind::Namespace).into());
        if place.workspace.0 != zone.key {
            let cluster = format!("${{var.account_ids[\"{}\"]}}", place.workspace.0);
            call.insert("pods_role_arn".to_owned(), role_arn(zone, &cluster, &role).into());
        }
    }
    file.insert("module".to_owned(), json!({module: call}));
    file.into()
}

const TRUST: &str = "databricks_aws_unity_catalog_assume_role_policy";

pub(crate) fn domain_tags(asked: Asked<'_>, place: &DomainPlace) -> Value {
    let owner = owner(asked.desired, &place.domain).unwrap_or_default();
    json!({"domain": place.domain, "owner": owner})
}

/// A role by the number of its account. Clouds of China and of governments are partitions of their own.
pub(crate) fn role_arn(zone: &LandingZone, account: &str, role: &str) -> String {
    let partition = match zone.region.as_deref().unwrap_or_default() {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    };
    format!("arn:{partition}:iam::{account}:role/{role}")
}

fn stored(storage: &Storage) -> Value {
    let class = &storage.class;
    json!({
        "name": storage.item.name,
        "tier": class.tier,
        "transitions": transitions(&class.tier, &class.lifecycle),
        "hold_days": class.hold_days,
        "copy": storage.copy.as_ref().map(|copy| &copy.name),
    })
}

/// After how many days objects are in which tier. They are written as whoever writes them says, which is as STANDARD: any other tier is
/// where they are moved. S3 takes into the tiers for what is read seldom nothing that is younger than thirty days.
fn transitions(tier: &str, lifecycle: &[(u32, &'static str)]) -> Vec<Value> {
    let seldom = |tier: &str| tier.ends_with("_IA");
    let first = (tier != "STANDARD").then(|| (if seldom(tier) { 30 } else { 0 }, tier));
    first.into_iter().chain(lifecycle.iter().copied()).map(|(days, tier)| json!({"days": days, "tier": tier})).collect()
}

/// The root of a workspace of Databricks at AWS. Its address is a variable: only its number can be looked up.
pub(crate) fn workspace_root(asked: Asked<'_>, workspace: &Workspace, folder: &str) -> Value {
    let state = format!("{}/{folder}", asked.desired.environment);
    let url = format!("Where the workspace {} is: what the root of its landing zone puts out.", workspace.item.name);
    json!({
        "terraform": terraform(asked, Provider::Aws, &state, &["databricks"]),
        "provider": {"databricks": {"host": "${var.workspace_url}"}},
        "variable": {
            "workspace_url": variable("string", &url),
            "account_ids": variable("map(string)", "The accounts of the landing zones whose domains work here, by zone."),
            "applier": variable("string", "Who applies this: the application id of a service principal, or a group."),
            "application_ids": variable("map(string)", "By what service principals are known to grants: what the root of the account puts out."),
        },
    })
}

/// As what a domain's storage at AWS is read, and where it is.
pub(crate) fn storage_of(home: &LandingZone, place: &DomainPlace) -> Map<String, Value> {
    let account_id = format!("${{var.account_ids[\"{}\"]}}", home.key);
    let urls: Map<String, Value> =
        place.storage.iter().map(|storage| (account(storage), format!("s3://{}", storage.item.name).into())).collect();
    object(json!({
        "role_arn": role_arn(home, &account_id, &name(&place.items, Kind::Role)),
        "storage_urls": urls,
    }))
}

#[cfg(test)]
mod tests {
    use polder_model::EnvironmentName;

    use super::*;

    #[test]
    fn objects_are_moved_where_they_are_not_written() {
        let check = |tier: &str, lifecycle: &[(u32, &'static str)], expect: &str| {
            assert_eq!(Value::from(transitions(tier, lifecycle)).to_string(), expect, "{tier}");
        };
        check("STANDARD", &[], "[]");
        check("INTELLIGENT_TIERING", &[], r#"[{"days":0,"tier":"INTELLIGENT_TIERING"}]"#);
        check("STANDARD_IA", &[(90, "GLACIER_IR")], r#"[{"days":30,"tier":"STANDARD_IA"},{"days":90,"tier":"GLACIER_IR"}]"#);
    }

    #[test]
    fn services_are_where_nothing_of_the_mesh_is() {
        let check = |dev: &str, prod: &str, elsewhere: &[&str], expect: Option<&str>| {
            let range = |name: &str, range: &str| (EnvironmentName::new(name).unwrap(), vec![range.parse().unwrap()]);
            let network = Network {
                ranges: [range("dev", dev), range("prod", prod)].into(),
                elsewhere: elsewhere.iter().map(|block| block.parse().unwrap()).collect(),
                reserve_percent: 0,
            };
            assert_eq!(services(&network), expect, "{dev} {prod} {elsewhere:?}");
        };
        check("10.0.0.0/8", "192.168.0.0/17", &[], Some("172.20.0.0/16"));
        check("10.0.0.0/16", "172.16.0.0/12", &[], Some("10.100.0.0/16"));
        check("10.0.0.0/16", "10.1.0.0/16", &["172.20.4.0/24"], Some("10.100.0.0/16"));
        check("10.0.0.0/16", "10.100.7.0/24", &["172.16.0.0/12"], Some("192.168.0.0/16"));
        check("10.0.0.0/9", "192.168.1.0/24", &["172.20.0.1/32"], None);
        assert_eq!(services(&Network::default()), Some("172.20.0.0/16"));
    }
}
