//! Exports of zones at AWS, with Databricks and without, and beside zones at Azure.

use std::collections::BTreeSet;

use polder_terraform::Export;
use polder_zones::addresses::Addresses;
use serde_json::{Value, json};

use crate::export::{exported, exported_with, json};

const AWS: &str = "{aws: {region: eu-west-1}}";
const BOTH: &str = "{azure: {region: westeurope}, aws: {region: eu-west-1}}";
const NATIVE: &str = ", awsPlatform: native";
const SHARED: &str = ", awsPlatform: native, workspaces: {per: environment}";

/// A mesh at these providers, with what else the conventions say, in files that replace those of the other tests.
fn polder(providers: &str, conventions: &str) -> String {
    format!(
        "organization: Bet %{{x}} Co\n\
         tenants: [nonprod]\n\
         environments: [{{name: dev, tenant: nonprod}}]\n\
         departments: [trading, finance]\n\
         providers: {providers}\n\
         groups: [{{name: traders, members: [deployer]}}, {{name: accountants, managedBy: scim}}, {{name: analysts}}]\n\
         servicePrincipals: [deployer]\n\
         network: {{ranges: {{dev: 10.0.0.0/12}}, elsewhere: [192.168.0.0/16]}}\n\
         conventions: {{tags: {{cost: \"%{{if}}\"}}{conventions}}}\n"
    )
}

const LEDGER: (&str, &str) =
    ("domains/ledger/domain.yaml", "department: finance\nowner: accountants\nservicePrincipals: [ledger_jobs, ledger_more]\n");

fn dataset(name: &str, usage: &str) -> (String, String) {
    let text = format!(
        "type: parallelread\nentityName: {name}\nentityVersion: v1\ncoldStorage: {{location: {{provider: aws}}}}\nusage: {{{usage}}}\n\
         columns: [{{name: id, type: bigint}}]\n"
    );
    (format!("domains/odds/datasets/{name}.yaml"), text)
}

/// Odds with tables of all kinds at AWS; the ledger, of another department, with none.
fn mesh(providers: &str, conventions: &str, more: &[(&str, &str)]) -> Export {
    let polder = polder(providers, conventions);
    let tables =
        [dataset("prices", ""), dataset("logs", "pattern: legalHold, recovery: region"), dataset("old", "pattern: archive")];
    let mut files = vec![("polder.yaml", polder.as_str()), LEDGER];
    files.extend(tables.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    files.retain(|(path, _)| more.iter().all(|(other, _)| other != path));
    files.extend(more);
    exported(&files)
}

/// The files of roots.
fn roots(export: &Export) -> Vec<&str> {
    export.files.keys().map(String::as_str).filter(|path| path.ends_with(".json") && !path.starts_with("modules/")).collect()
}

/// The modules that are in an export.
fn modules(export: &Export) -> BTreeSet<&str> {
    let files = export.files.keys().filter_map(|path| path.strip_prefix("modules/")?.strip_suffix("/main.tf.json"));
    files.collect()
}

#[test]
fn with_databricks_there_are_the_same_roots_as_at_azure() {
    let export = mesh(AWS, "", &[]);
    let expect = [
        "account-aws/domain_ledger.tf.json",
        "account-aws/domain_odds.tf.json",
        "account-aws/main.tf.json",
        "account-aws/workspace_dev-finance-aws-ledger.tf.json",
        "account-aws/workspace_dev-trading-aws-odds.tf.json",
        "landing/finance-aws/domain_ledger.tf.json",
        "landing/finance-aws/main.tf.json",
        "landing/finance-aws/workspace_ledger.tf.json",
        "landing/trading-aws/domain_odds.tf.json",
        "landing/trading-aws/main.tf.json",
        "landing/trading-aws/workspace_odds.tf.json",
        "workspaces/finance-aws-ledger/domain_ledger.tf.json",
        "workspaces/finance-aws-ledger/main.tf.json",
        "workspaces/trading-aws-odds/domain_odds.tf.json",
        "workspaces/trading-aws-odds/main.tf.json",
    ];
    assert_eq!(roots(&export), expect);
    let expect = [
        "aws/domain",
        "aws/landing-zone",
        "aws/private-link",
        "aws/workspace",
        "databricks/account",
        "databricks/assignment",
        "databricks/domain",
    ];
    assert_eq!(modules(&export), BTreeSet::from(expect));
    let account = json(&export, "account-aws/main.tf.json");
    assert_eq!(account["provider"]["databricks"]["host"], "https://accounts.cloud.databricks.com");
    assert_eq!(account["module"]["account"]["region"], "eu-west-1");
}

#[test]
fn without_databricks_there_are_catalogs_and_clusters_and_no_account() {
    let export = mesh(AWS, NATIVE, &[]);
    let expect = [
        "catalogs/finance-aws/domain_ledger.tf.json",
        "catalogs/finance-aws/main.tf.json",
        "catalogs/trading-aws/domain_odds.tf.json",
        "catalogs/trading-aws/main.tf.json",
        "landing/finance-aws/domain_ledger.tf.json",
        "landing/finance-aws/main.tf.json",
        "landing/finance-aws/workspace_ledger.tf.json",
        "landing/trading-aws/domain_odds.tf.json",
        "landing/trading-aws/main.tf.json",
        "landing/trading-aws/workspace_odds.tf.json",
        "workspaces/finance-aws-ledger/domain_ledger.tf.json",
        "workspaces/finance-aws-ledger/main.tf.json",
        "workspaces/trading-aws-odds/domain_odds.tf.json",
        "workspaces/trading-aws-odds/main.tf.json",
    ];
    assert_eq!(roots(&export), expect);
    let expect = ["aws/catalog", "aws/cluster", "aws/domain", "aws/landing-zone", "aws/pods"];
    assert_eq!(modules(&export), BTreeSet::from(expect));
    for (path, text) in &export.files {
        // It is what one of the module's variables is about, and no provider of it.
        assert!(!text.contains("databricks/databricks"), "{path}");
    }
    let cluster = &json(&export, "landing/trading-aws/workspace_odds.tf.json")["module"]["workspace_odds"];
    assert_eq!((&cluster["name"], &cluster["nodes"]), (&"eks-dev-trading-odds".into(), &8.into()));
    assert_eq!(cluster["elsewhere"], json!(["192.168.0.0/16"]));
    assert_eq!(json(&export, "landing/trading-aws/main.tf.json")["variable"]["services"]["default"], "172.20.0.0/16");
    let settings = &json(&export, "catalogs/trading-aws/main.tf.json")["resource"]["aws_lakeformation_data_lake_settings"];
    assert_eq!(settings["zone"]["parameters"], json!({"CROSS_ACCOUNT_VERSION": "4", "SET_CONTEXT": "TRUE"}));
}

#[test]
fn zones_at_two_clouds_have_roots_of_their_own() {
    let export = mesh(BOTH, "", &[AT_AZURE]);
    let folders: BTreeSet<&str> = roots(&export).into_iter().filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
    let expect = [
        "account",
        "account-aws",
        "landing/finance-azure",
        "landing/trading-aws",
        "landing/trading-azure",
        "workspaces/finance-azure-ledger",
        "workspaces/trading-aws-odds",
        "workspaces/trading-azure-odds",
    ];
    assert_eq!(folders, BTreeSet::from(expect));
    let backend = |path: &str| json(&export, path)["terraform"]["backend"].clone();
    for folder in &folders {
        let backend = backend(&format!("{folder}/main.tf.json"));
        let (cloud, version) = if folder.contains("aws") { ("s3", ">= 1.10") } else { ("azurerm", ">= 1.9") };
        assert_eq!(backend.as_object().unwrap().keys().collect::<Vec<_>>(), [cloud], "{folder}");
        assert_eq!(json(&export, &format!("{folder}/main.tf.json"))["terraform"]["required_version"], version, "{folder}");
    }
    let s3 = &backend("account-aws/main.tf.json")["s3"];
    assert!(s3["bucket"].as_str().unwrap().starts_with("s3-betx-nonprod-management-zone-"), "{s3}");
    let expect = (&"nonprod/account-aws.tfstate".into(), &"eu-west-1".into(), &true.into(), &true.into());
    assert_eq!((&s3["key"], &s3["region"], &s3["use_lockfile"], &s3["encrypt"]), expect);
}

const AT_AZURE: (&str, &str) = (
    "domains/odds/datasets/prices.yaml",
    "type: parallelread\nentityName: prices\nentityVersion: v1\ncoldStorage: {location: {provider: azure}}\ncolumns: [{name: id, type: \
     bigint}]\n",
);

#[test]
fn a_domain_that_comes_to_aws_changes_nothing_at_azure() {
    let (azure, both) = (polder("{azure: {region: westeurope}}", ""), polder(BOTH, ""));
    let (before, given) = exported_with(&[("polder.yaml", &azure), LEDGER, AT_AZURE], &Addresses::new());
    let (path, logs) = dataset("logs", "");
    let (after, _) = exported_with(&[("polder.yaml", &both), LEDGER, AT_AZURE, (&path, &logs)], &given);
    let (before, after) = (before.unwrap(), after.unwrap());
    let changed: Vec<&str> =
        before.files.iter().filter(|(path, text)| after.files.get(*path) != Some(text)).map(|(path, _)| path.as_str()).collect();
    assert_eq!(changed, ["README.md"]);
    assert!(after.files.contains_key("landing/trading-aws/domain_odds.tf.json"));
}

#[test]
fn names_addresses_and_storage_are_the_layouts() {
    let export = mesh(AWS, "", &[]);
    let zone = &json(&export, "landing/trading-aws/main.tf.json")["module"]["zone"];
    assert_eq!(zone["names"]["network"], "vpc-dev-trading");
    let blocks = |of: &Value| of.as_object().unwrap().values().map(|block| block.as_str().unwrap().to_owned()).collect();
    let workspace = &json(&export, "landing/trading-aws/workspace_odds.tf.json")["module"]["workspace_odds"];
    let all: Vec<Vec<String>> = [&zone["endpoints"], &zone["egress"], &workspace["subnets"]].map(blocks).into();
    let all: BTreeSet<String> = all.into_iter().flatten().collect();
    assert_eq!(all.len(), 6, "{all:?}");
    let (network, _) = zone["address_space"][0].as_str().unwrap().rsplit_once('.').unwrap();
    assert!(all.iter().all(|block| block.starts_with(network)), "{all:?} in {network}");
    let domain = &json(&export, "landing/trading-aws/domain_odds.tf.json")["module"]["domain_odds"];
    let mut buckets: Vec<Value> = domain["storage"].as_object().unwrap().values().cloned().collect();
    buckets.sort_by_key(|bucket| bucket["transitions"].as_array().unwrap().len());
    let held: Vec<&Value> = buckets.iter().filter(|bucket| !bucket["hold_days"].is_null()).collect();
    assert_eq!((buckets.len(), held.len()), (3, 1));
    assert_eq!(buckets[0]["transitions"], json!([]));
    let seldom = json!([{"days": 30, "tier": "STANDARD_IA"}, {"days": 90, "tier": "GLACIER_IR"}]);
    assert_eq!((&buckets[1]["transitions"], &buckets[2]["transitions"]), (&seldom, &seldom));
    // What must survive a region has a copy, of another name.
    let names: BTreeSet<String> = buckets.iter().flat_map(|b| [&b["name"], &b["copy"]]).map(ToString::to_string).collect();
    assert_eq!((held[0]["copy"].is_null(), names.len()), (false, 5), "{names:?}");
    let catalog = &json(&export, "workspaces/trading-aws-odds/domain_odds.tf.json")["module"]["domain_odds"];
    assert_eq!(catalog["home"], buckets[0]["name"]);
    assert_eq!(catalog["role_arn"], "arn:aws:iam::${var.account_ids[\"dev/trading/aws\"]}:role/role-dev-trading-odds");
    assert!(catalog["storage_urls"].as_object().unwrap().values().all(|url| url.as_str().unwrap().starts_with("s3://s3-")));
}

#[test]
fn tags_are_in_the_characters_of_aws_and_no_expressions() {
    let export = mesh(AWS, "", &[]);
    let main = json(&export, "landing/trading-aws/main.tf.json");
    let tags = &main["locals"]["tags"];
    assert_eq!(
        (&tags["organization"], &tags["cost"], &tags["department"]),
        (&"Bet __x_ Co".into(), &"__if_".into(), &"trading".into())
    );
    assert_eq!(main["provider"]["aws"]["default_tags"]["tags"], "${local.tags}");
    let domain = &json(&export, "landing/trading-aws/domain_odds.tf.json")["module"]["domain_odds"];
    assert_eq!(domain["tags"], json!({"domain": "odds", "owner": "traders"}));
}

#[test]
fn an_export_is_the_same_twice_and_a_new_domain_changes_files_of_its_own() {
    for conventions in ["", NATIVE] {
        let polder = polder(AWS, conventions);
        let (_, prices) = dataset("prices", "");
        let before = [("polder.yaml", polder.as_str()), ("domains/odds/datasets/prices.yaml", prices.as_str())];
        let (first, given) = exported_with(&before, &Addresses::new());
        let first = first.unwrap();
        assert_eq!(exported_with(&before, &given).0.unwrap(), first);
        let live = ("domains/live/domain.yaml", "department: trading\nowner: analysts\nservicePrincipals: [live_jobs]\n");
        let after = exported_with(&[before[0], before[1], live], &given).0.unwrap();
        let changed: Vec<&str> = after
            .files
            .iter()
            .filter(|(path, text)| first.files.get(*path) != Some(text))
            .map(|(path, _)| path.as_str())
            .collect();
        assert!(first.files.keys().all(|path| after.files.contains_key(path)));
        let (own, other): (Vec<&str>, Vec<&str>) = changed.into_iter().partition(|path| path.contains("live"));
        // The zone has a block more.
        assert_eq!(other, ["landing/trading-aws/main.tf.json"], "{conventions}");
        let expect = if conventions.is_empty() { 6 } else { 5 };
        assert_eq!(own.len(), expect, "{own:?}");
    }
}

/// Every resource of every module, by module, type and name.
fn resources(export: &Export) -> Vec<(String, String, Value)> {
    let modules = export.files.keys().filter(|path| path.starts_with("modules/") && path.ends_with("/main.tf.json"));
    let mut found = Vec::new();
    for path in modules {
        for (kind, of_kind) in json(export, path)["resource"].as_object().unwrap() {
            for (name, resource) in of_kind.as_object().unwrap() {
                found.push((kind.clone(), format!("{path} {kind}.{name}"), resource.clone()));
            }
        }
    }
    found
}

/// Exports that have every module among them.
fn all() -> [Export; 3] {
    [mesh(BOTH, "", &[AT_AZURE]), mesh(AWS, NATIVE, &[]), mesh(AWS, SHARED, &[])]
}

#[test]
fn every_module_is_called_by_some_mesh() {
    let exports = all();
    let called: BTreeSet<&str> = exports.iter().flat_map(modules).collect();
    let mut there = BTreeSet::new();
    for cloud in ["aws", "azure", "databricks"] {
        for module in std::fs::read_dir(format!("modules/{cloud}")).unwrap() {
            there.insert(format!("{cloud}/{}", module.unwrap().file_name().to_str().unwrap()));
        }
    }
    assert_eq!(called, there.iter().map(String::as_str).collect());
}

#[test]
fn what_holds_data_is_not_destroyed_by_an_apply() {
    // What is lost with it cannot be made again. Of the rest, a walk over all modules finds nothing that is forced to go.
    const HOLDING: [&str; 9] = [
        "aws_vpc",
        "aws_kms_key",
        "aws_s3_bucket",
        "aws_secretsmanager_secret",
        "aws_cloudwatch_log_group",
        "aws_glue_catalog_database",
        "aws_eks_cluster",
        "databricks_mws_workspaces",
        "databricks_catalog",
    ];
    let mut found = BTreeSet::new();
    for (kind, address, resource) in all().iter().flat_map(resources) {
        if let Some(holding) = HOLDING.iter().find(|holding| **holding == kind) {
            found.insert(*holding);
            assert_eq!(resource["lifecycle"]["prevent_destroy"], true, "{address}");
        }
        if let Some(force) = resource.get("force_destroy") {
            assert_eq!(force, false, "{address}");
        }
        // Whatever lasts and is not in the list is something that only points at, allows, or is made anew.
        let is_stored =
            ["_bucket", "_database", "_secret", "catalog_table", "dynamodb_table", "_file_system", "_db_instance", "_log_group"];
        assert!(HOLDING.contains(&kind.as_str()) || !is_stored.iter().any(|end| kind.ends_with(end)), "{address}");
    }
    assert_eq!(found.len(), HOLDING.len(), "{found:?}");
}

/// All statements of policies in a value, of documents and of what is between `principals`.
fn statements(value: &Value, found: &mut Vec<Value>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("principals") {
                found.push(value.clone());
            }
            fields.values().for_each(|field| statements(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| statements(item, found)),
        _ => {}
    }
}

#[test]
fn nobody_is_let_in_by_a_wildcard_and_every_bucket_is_closed() {
    let mut allowed = 0;
    for export in all() {
        for (path, text) in export.files.iter().filter(|(path, _)| path.starts_with("modules/aws/")) {
            let mut found = Vec::new();
            statements(&serde_json::from_str(text).unwrap(), &mut found);
            for statement in found {
                let is_all = statement["principals"]["identifiers"].as_array().unwrap().iter().any(|who| who == "*");
                // Whoever comes without encryption is kept out, whoever it is.
                assert_eq!(is_all, statement["effect"] == "Deny", "{path}: {statement}");
                allowed += usize::from(!is_all);
                if let Some(service) =
                    statement["principals"]["identifiers"][0].as_str().filter(|who| who.ends_with("amazonaws.com"))
                    && !["eks.amazonaws.com", "ec2.amazonaws.com"].contains(&service)
                {
                    assert!(statement.get("condition").is_some(), "{path}: {service} acts for others, too");
                }
            }
        }
        let resources = resources(&export);
        let of_kind = |kind: &str| -> BTreeSet<String> {
            let named = resources.iter().filter(|(other, ..)| other == kind);
            named.map(|(_, address, _)| address.replace(kind, "").replace("modules/", "")).collect()
        };
        for closing in ["public_access_block", "ownership_controls", "server_side_encryption_configuration", "policy"] {
            assert_eq!(of_kind("aws_s3_bucket"), of_kind(&format!("aws_s3_bucket_{closing}")), "{closing}");
        }
        for (kind, address, resource) in &resources {
            match kind.as_str() {
                "aws_kms_key" => assert_eq!(resource["enable_key_rotation"], true, "{address}"),
                "aws_eks_cluster" => {
                    let access = &resource["vpc_config"];
                    assert_eq!(
                        (&access["endpoint_public_access"], &access["endpoint_private_access"]),
                        (&false.into(), &true.into())
                    );
                    assert_eq!(resource["access_config"]["bootstrap_cluster_creator_admin_permissions"], false);
                }
                "aws_launch_template" => assert_eq!(resource["metadata_options"]["http_tokens"], "required"),
                "aws_subnet" => assert_eq!(resource["map_public_ip_on_launch"], false, "{address}"),
                "aws_vpc_security_group_ingress_rule" => {
                    assert_ne!(resource["cidr_ipv4"], "0.0.0.0/0", "{address}");
                }
                "databricks_mws_workspaces" => {
                    assert!(resource.get("token").is_none(), "a token would be in the state");
                    assert_eq!(resource["is_no_public_ip_enabled"], true);
                }
                "aws_secretsmanager_secret_version" | "databricks_secret" | "databricks_grants" | "aws_lakeformation_opt_in" => {
                    panic!("{address}: a value in the state, or rights that take away those of others");
                }
                _ => {}
            }
        }
    }
    assert!(allowed > 10, "{allowed}");
}

const GRANTS: (&str, &str) = (
    "access/all.yaml",
    "grants:\n\
     \x20 - {to: analysts, on: odds, privileges: [USE CATALOG, USE SCHEMA, SELECT, CREATE SCHEMA, MANAGE]}\n\
     \x20 - {to: accountants, on: odds.bronze, level: pii}\n\
     \x20 - {to: deployer, on: odds.bronze, privileges: [SELECT]}\n\
     \x20 - {to: deployer, on: ledger, privileges: [USE CATALOG, USE SCHEMA, CREATE TABLE]}\n\
     \x20 - {to: ledger_jobs, on: odds, level: regular}\n\
     \x20 - {to: odds_jobs, on: ledger, level: regular}\n",
);

fn granted(export: &Export, path: &str) -> Vec<String> {
    let file = json(export, path);
    let (_, module) = file["module"].as_object().unwrap().iter().next().unwrap();
    let shown = |grant: &Value| {
        format!("{} {} {} {}", grant["principal"].as_str().unwrap(), grant["schema"], grant["database"], grant["tables"])
    };
    module["grants"].as_array().unwrap().iter().map(shown).collect()
}

#[test]
fn rights_map_to_lake_formation_or_are_held_back() {
    let ledger = (
        "domains/ledger/datasets/entries.yaml",
        "type: parallelread\nentityName: entries\nentityVersion: v1\ncolumns: [{name: id, type: bigint}]\n",
    );
    let export = mesh(AWS, NATIVE, &[GRANTS, ledger]);
    let expect = [
        r#"${var.principals["accountants"]} "bronze" ["DESCRIBE"] ["DESCRIBE","SELECT"]"#,
        r#"${var.principals["analysts"]} "bronze" ["DESCRIBE"] ["DESCRIBE","SELECT"]"#,
        r#"arn:aws:iam::${local.account_ids["dev/trading/aws"]}:role/role-dev-trading-odds "bronze" ["CREATE_TABLE","DESCRIBE"] ["DELETE","DESCRIBE","INSERT","SELECT"]"#,
        r#"${var.principals["traders"]} "bronze" ["ALTER","CREATE_TABLE","DESCRIBE"] ["ALTER","DELETE","DESCRIBE","DROP","INSERT","SELECT"]"#,
    ];
    assert_eq!(granted(&export, "catalogs/trading-aws/domain_odds.tf.json"), expect);
    let expect = [
        "CREATE SCHEMA, MANAGE on odds for analysts: Lake Formation has no such right",
        "SELECT on odds.bronze for deployer: it has no USE CATALOG or USE SCHEMA there, which Lake Formation does not ask for",
        "CREATE TABLE on ledger.bronze for deployer: it may not read all tables there, and a table can be made of any of their files",
        "rights on odds.bronze for ledger_jobs: the programs of a domain have one role at AWS, and others have it, too",
    ];
    for held_back in expect {
        assert!(export.held_back.iter().any(|other| other == held_back), "{held_back}: {:#?}", export.held_back);
    }
    // The only program of a domain of another account reads as that domain's role.
    let of_ledger = granted(&export, "catalogs/finance-aws/domain_ledger.tf.json");
    let odds = r#"arn:aws:iam::${local.account_ids["dev/trading/aws"]}:role/role-dev-trading-odds "bronze" ["DESCRIBE"] ["DESCRIBE","SELECT"]"#;
    assert!(of_ledger.contains(&odds.to_owned()), "{of_ledger:#?}");
}

#[test]
fn nothing_that_is_masked_here_is_shown_at_lake_formation() {
    let email = (
        "domains/odds/datasets/bets.yaml",
        "type: parallelread\nentityName: bets\nentityVersion: v1\ncolumns: [{name: email, type: string, tags: [pii]}]\n",
    );
    let export = mesh(AWS, NATIVE, &[GRANTS, email]);
    let granted = granted(&export, "catalogs/trading-aws/domain_odds.tf.json");
    let of = |who: &str| granted.iter().find(|grant| grant.contains(who)).unwrap_or_else(|| panic!("{who}: {granted:#?}"));
    assert!(of("analysts").ends_with(r#"["DESCRIBE"] []"#), "{}", of("analysts"));
    assert!(of("traders").ends_with(r#"["DESCRIBE"] ["DESCRIBE"]"#), "{}", of("traders"));
    assert!(of("accountants").contains("SELECT"), "they may see them in clear");
    assert!(of("role-dev-trading-odds").contains("SELECT"), "programs of the domain read it in clear");
    let why = "tables in it have masked columns or row filters, and there are no masks at Lake Formation yet";
    assert!(export.held_back.contains(&format!("ALL PRIVILEGES on odds for its owner: {why}")), "{:#?}", export.held_back);
}

#[test]
fn pods_in_a_shared_cluster_go_to_the_account_of_their_domain() {
    let export = mesh(AWS, SHARED, &[]);
    let pods = &json(&export, "workspaces/shared-aws-shared/domain_odds.tf.json")["module"]["domain_odds"];
    assert_eq!(pods["is_elsewhere"], true);
    assert_eq!(pods["role_arn"], "arn:aws:iam::${var.account_ids[\"dev/trading/aws\"]}:role/role-dev-trading-odds");
    let domain = &json(&export, "landing/trading-aws/domain_odds.tf.json")["module"]["domain_odds"];
    assert_eq!(domain["pods_role_arn"], "arn:aws:iam::${var.account_ids[\"dev/shared/aws\"]}:role/role-dev-trading-odds");
    assert_eq!(pods["namespace"], domain["namespace"]);
    // A zone in which nothing runs has no way out to pay for.
    let zone = &json(&export, "landing/trading-aws/main.tf.json")["module"]["zone"];
    assert_eq!((&zone["egress"], &zone["services"]), (&json!({}), &json!([])));
    let shared = &json(&export, "landing/shared-aws/main.tf.json")["module"]["zone"];
    assert_eq!(shared["egress"].as_object().unwrap().len(), 2);
}
