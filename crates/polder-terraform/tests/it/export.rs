//! What is in an export, what is not, and what changes when the mesh does.

use std::collections::BTreeSet;

use polder_descriptor::{File, parse};
use polder_model::Desired;
use polder_terraform::{Asked, Export, Refusal, export};
use polder_zones::addresses::Addresses;
use polder_zones::capacity::prove;
use serde_json::Value;

const POLDER: &str = "\
organization: Bet %{x} Co
tenants: [nonprod]
environments: [{name: dev, tenant: nonprod}]
departments: [trading, finance]
providers: {azure: {region: westeurope}}
users: [ana@example.com]
groups:
  - {name: traders, members: [ana@example.com, deployer]}
  - {name: accountants, managedBy: scim}
  - {name: analysts}
servicePrincipals: [deployer]
network: {ranges: {dev: 10.0.0.0/16}}
conventions: {tags: {cost: \"%{if}\"}}
";
const ODDS: &str = "department: trading\nowner: traders\nservicePrincipals: [odds_jobs]\ndescription: prices %{of} bets\n";
const PRICES: &str = "type: parallelread\nentityName: prices\nentityVersion: v1\ncoldStorage: {location: {provider: azure}}\nusage: {pattern: archive}\ncolumns: [{name: id, type: bigint}]\n";
const BETS: &str =
    "type: parallelread\nentityName: bets\nentityVersion: v1\ncolumns: [{name: email, type: string, tags: [pii]}]\n";
const GRANTS: &str = "grants:\n  - {to: analysts, on: odds, privileges: [USE CATALOG, SELECT]}\n  - {to: accountants, on: odds.bronze, level: pii}\n";

pub(crate) fn files(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let base = [
        ("polder.yaml", POLDER),
        ("domains/odds/domain.yaml", ODDS),
        ("domains/odds/datasets/prices.yaml", PRICES),
        ("access/all.yaml", GRANTS),
    ];
    let kept = base.iter().filter(|(path, _)| more.iter().all(|(other, _)| other != path));
    kept.chain(more).filter(|(_, text)| !text.is_empty()).map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

pub(crate) fn exported_with(more: &[(&str, &str)], given: &Addresses) -> (Result<Export, Vec<Refusal>>, Addresses) {
    let files = files(more).into_iter().map(|(path, text)| File { path: path.into(), bytes: text.into_bytes() });
    let (mesh, faults) = parse(files.collect());
    assert_eq!(faults, []);
    let environments: Vec<Desired> = mesh.environments().iter().map(|e| mesh.lower(&e.name, &|_| None).0).collect();
    let settings = mesh.zones(&|_| None).unwrap();
    let of_tenant: Vec<&Desired> = environments.iter().collect();
    let proof = prove(polder_zones::layout::Asked { environments: &of_tenant, settings: &settings }, given);
    let asked = Asked { desired: &environments[0], of_tenant: &of_tenant, tenant: &proof.layout.tenants[0], settings: &settings };
    (export(asked), proof.addresses)
}

pub(crate) fn exported(more: &[(&str, &str)]) -> Export {
    exported_with(more, &Addresses::new()).0.unwrap()
}

pub(crate) fn json(export: &Export, path: &str) -> Value {
    let text = export.files.get(path).unwrap_or_else(|| panic!("no {path} among {:#?}", export.files.keys()));
    serde_json::from_str(text).unwrap()
}

#[test]
fn there_are_modules_and_a_root_for_each_zone_for_the_account_and_for_each_workspace() {
    let export = exported(&[]);
    let roots: Vec<&String> = export.files.keys().filter(|path| !path.starts_with("modules/")).collect();
    let expect = [
        "README.md",
        "account/domain_odds.tf.json",
        "account/main.tf.json",
        "account/workspace_dev-trading-azure-odds.tf.json",
        "landing/trading-azure/domain_odds.tf.json",
        "landing/trading-azure/main.tf.json",
        "landing/trading-azure/workspace_odds.tf.json",
        "workspaces/trading-azure-odds/domain_odds.tf.json",
        "workspaces/trading-azure-odds/main.tf.json",
    ];
    assert_eq!(roots, expect);
    // Modules come with who calls them.
    let modules = export.files.keys().filter_map(|path| path.strip_prefix("modules/")?.strip_suffix("/main.tf.json"));
    let expect = [
        "azure/domain",
        "azure/landing-zone",
        "azure/workspace",
        "databricks/account",
        "databricks/assignment",
        "databricks/domain",
    ];
    assert_eq!(modules.collect::<Vec<_>>(), expect);
    for (path, text) in export.files.iter().filter(|(path, _)| path.ends_with(".json")) {
        let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(value.is_object(), "{path}");
    }
}

#[test]
fn names_addresses_and_storage_are_the_layouts() {
    let export = exported(&[]);
    let zone = &json(&export, "landing/trading-azure/main.tf.json")["module"]["zone"];
    assert_eq!(zone["names"]["network"], "vnet-dev-trading");
    assert_eq!(zone["address_space"], serde_json::json!(["10.0.0.0/24"]));
    let workspace = &json(&export, "landing/trading-azure/workspace_odds.tf.json")["module"]["workspace_odds"];
    assert_eq!((&workspace["name"], &workspace["host_prefix"]), (&"dbw-dev-trading-odds".into(), &"10.0.0.128/26".into()));
    let domain = &json(&export, "landing/trading-azure/domain_odds.tf.json")["module"]["domain_odds"];
    let accounts = domain["storage"].as_object().unwrap();
    let archive = accounts.values().find(|account| account["access_tier"] == "Cool").unwrap();
    assert_eq!((accounts.len(), &archive["cold_after"], &archive["redundancy"]), (2, &90.into(), &"ZRS".into()));
    let catalog = &json(&export, "workspaces/trading-azure-odds/domain_odds.tf.json")["module"]["domain_odds"];
    assert_eq!(accounts[catalog["home"].as_str().unwrap()]["access_tier"], "Hot");
    assert_eq!(domain["tags"], "${merge(local.tags, {domain = \"odds\", owner = \"traders\"})}");
    let backend = &json(&export, "account/main.tf.json")["terraform"]["backend"]["azurerm"];
    assert_eq!((&backend["key"], &backend["use_azuread_auth"]), (&"nonprod/account.tfstate".into(), &true.into()));
}

#[test]
fn what_is_open_by_default_is_closed_or_asked_for() {
    let export = exported(&[]);
    let root = json(&export, "landing/trading-azure/main.tf.json");
    assert_eq!(root["provider"]["azurerm"]["features"], serde_json::json!({"storage": {"data_plane_available": false}}));
    let defaults = |variable: &str| root["variable"][variable].get("default").cloned();
    assert_eq!(defaults("databricks_object_id"), None);
    assert_eq!((defaults("sign_on"), defaults("storage_firewalls")), (Some(Value::Null), Some(serde_json::json!([]))));
    let workspace = &json(&export, "landing/trading-azure/workspace_odds.tf.json")["module"]["workspace_odds"];
    assert_eq!(workspace["sign_on"], "${var.sign_on == \"odds\"}");
    assert_eq!(workspace["storage_firewall"], "${contains(var.storage_firewalls, \"odds\")}");
    let resources = |module: &str| json(&export, &format!("modules/{module}/main.tf.json"))["resource"].clone();
    let parameters = &resources("azure/workspace")["azurerm_databricks_workspace"]["workspace"]["custom_parameters"];
    assert_eq!(parameters["storage_account_sku_name"], "Standard_ZRS");
    // The number of a cluster's nodes is limited however it is said, and nought minutes are for ever.
    let policy = resources("databricks/domain")["databricks_cluster_policy"]["domain"]["definition"].to_string();
    for part in [
        "autoscale.max_workers\\\" = {type = \\\"range\\\", maxValue = var.nodes, isOptional = true}",
        "num_workers\\\" = {type = \\\"range\\\", maxValue = var.nodes, isOptional = true}",
        "autotermination_minutes\\\" = {type = \\\"range\\\", minValue = 10, maxValue = 60, defaultValue = 20}",
    ] {
        assert!(policy.contains(part), "{part}: {policy}");
    }
    // A vault of Azure is read through Databricks and written where it is.
    let acl = &resources("databricks/domain")["databricks_secret_acl"];
    assert_eq!((&acl["owner"]["permission"], &acl["reader"]["permission"]), (&"WRITE".into(), &"READ".into()));
}

#[test]
fn environments_of_a_tenant_share_an_account_and_no_catalog() {
    let polder = POLDER.replace("{name: dev, tenant: nonprod}", "{name: dev, tenant: nonprod}, {name: stg, tenant: nonprod}");
    let polder = polder.replace("dev: 10.0.0.0/16", "dev: 10.0.0.0/16, stg: 10.1.0.0/16");
    let files =
        files(&[("polder.yaml", &polder)]).into_iter().map(|(path, text)| File { path: path.into(), bytes: text.into_bytes() });
    let (mesh, _) = parse(files.collect());
    let environments: Vec<Desired> = mesh.environments().iter().map(|e| mesh.lower(&e.name, &|_| None).0).collect();
    let settings = mesh.zones(&|_| None).unwrap();
    let of_tenant: Vec<&Desired> = environments.iter().collect();
    let proof = prove(polder_zones::layout::Asked { environments: &of_tenant, settings: &settings }, &Addresses::new());
    let [dev, stg] = [0, 1].map(|at| {
        let tenant = &proof.layout.tenants[0];
        export(Asked { desired: &environments[at], of_tenant: &of_tenant, tenant, settings: &settings }).unwrap()
    });
    let account = |export: &Export| -> Vec<(String, String)> {
        export
            .files
            .iter()
            .filter(|(path, _)| path.starts_with("account/"))
            .map(|(path, text)| (path.clone(), text.clone()))
            .collect()
    };
    assert_eq!(account(&dev), account(&stg));
    assert!(dev.files.contains_key("account/workspace_stg-trading-azure-odds.tf.json"));
    let catalog = |export: &Export| {
        json(export, "workspaces/trading-azure-odds/domain_odds.tf.json")["module"]["domain_odds"]["catalog"].clone()
    };
    assert_eq!((catalog(&dev), catalog(&stg)), ("dev_odds".into(), "stg_odds".into()));
}

#[test]
fn words_of_the_mesh_are_no_expressions() {
    let export = exported(&[]);
    let tags = &json(&export, "landing/trading-azure/main.tf.json")["locals"]["tags"];
    assert_eq!((&tags["organization"], &tags["cost"]), (&"Bet %%{x} Co".into(), &"%%{if}".into()));
    let domain = &json(&export, "workspaces/trading-azure-odds/domain_odds.tf.json")["module"]["domain_odds"];
    assert_eq!(domain["comment"], "prices %%{of} bets");
}

#[test]
fn tags_are_what_every_resource_of_azure_takes() {
    let long = "x".repeat(300);
    let polder =
        POLDER.replace("tags: {cost: \"%{if}\"}", &format!("tags: {{\"Cost/${{Center}}\": \"a/b: ${long}\", 7 days: x}}"));
    let tags = &json(&exported(&[("polder.yaml", &polder)]), "landing/trading-azure/main.tf.json")["locals"]["tags"];
    let names: BTreeSet<&str> = tags.as_object().unwrap().keys().map(String::as_str).collect();
    let expect = ["Cost___Center_", "department", "environment", "managed_by", "organization", "tag_7_days"];
    assert_eq!(names, expect.into());
    let value = tags["Cost___Center_"].as_str().unwrap();
    assert_eq!((value.starts_with("a/b: $x"), value.chars().count()), (true, 256));
}

#[test]
fn grants_add_to_others_and_show_nothing_that_is_masked_here() {
    let open = exported(&[]);
    let domain =
        |export: &Export| json(export, "workspaces/trading-azure-odds/domain_odds.tf.json")["module"]["domain_odds"].clone();
    let granted = |export: &Export| {
        let shown = |grant: &Value| format!("{} {} {}", grant["principal"], grant["schema"], grant["privileges"]);
        domain(export)["grants"].as_array().unwrap().iter().map(shown).collect::<Vec<_>>()
    };
    let programs = "\"${var.application_ids[\\\"odds_jobs\\\"]}\" null [\"ALL_PRIVILEGES\"]";
    assert!(granted(&open).contains(&"\"analysts\" null [\"USE_CATALOG\",\"SELECT\"]".to_owned()), "{:?}", granted(&open));
    assert!(granted(&open).contains(&programs.to_owned()), "{:?}", granted(&open));
    assert_eq!(domain(&open)["owner_privileges"], serde_json::json!(["ALL_PRIVILEGES", "MANAGE"]));
    assert_eq!(open.held_back, ["ana@example.com in the group traders: the identity provider puts people into groups"]);
    let masked = exported(&[("domains/odds/datasets/bets.yaml", BETS)]);
    assert!(granted(&masked).contains(&"\"analysts\" null [\"USE_CATALOG\"]".to_owned()), "{:?}", granted(&masked));
    assert!(
        granted(&masked).iter().any(|grant| grant.starts_with("\"accountants\" \"bronze\"") && grant.contains("SELECT")),
        "{:?}",
        granted(&masked)
    );
    assert!(granted(&masked).contains(&programs.to_owned()), "programs of the domain read it in clear");
    assert!(!domain(&masked)["owner_privileges"].to_string().contains("ALL"), "{}", domain(&masked)["owner_privileges"]);
    let why = "tables in it have masked columns or row filters, and there are no masks at Databricks yet";
    assert!(masked.held_back.contains(&format!("SELECT on odds for analysts: {why}")), "{:?}", masked.held_back);
    // Grants of others stay: no resource says what all grants of something are.
    for (path, text) in &masked.files {
        assert!(!text.contains("\"databricks_grants\""), "{path}");
    }
}

#[test]
fn what_holds_data_is_not_destroyed_by_an_apply() {
    let export = exported(&[]);
    let holding = [
        ("azure/landing-zone", "azurerm_resource_group"),
        ("azure/domain", "azurerm_resource_group"),
        ("azure/domain", "azurerm_storage_account"),
        ("azure/domain", "azurerm_storage_container"),
        ("azure/domain", "azurerm_key_vault"),
        ("azure/workspace", "azurerm_databricks_workspace"),
        ("databricks/account", "databricks_metastore"),
        ("databricks/domain", "databricks_catalog"),
        ("databricks/domain", "databricks_schema"),
    ];
    for (module, kind) in holding {
        let resources = json(&export, &format!("modules/{module}/main.tf.json"))["resource"][kind].clone();
        for (name, resource) in resources.as_object().unwrap() {
            assert_eq!(resource["lifecycle"]["prevent_destroy"], true, "{module} {kind}.{name}");
        }
    }
}

#[test]
fn a_new_domain_changes_files_of_its_own_and_the_address_space_of_its_zone() {
    let (before, given) = exported_with(&[], &Addresses::new());
    let live = ("domains/live/domain.yaml", "department: trading\nowner: analysts\nservicePrincipals: [live_jobs]\n");
    let (after, _) = exported_with(&[live], &given);
    let (before, after) = (before.unwrap(), after.unwrap());
    let changed: Vec<&str> =
        after.files.iter().filter(|(path, text)| before.files.get(*path) != Some(text)).map(|(path, _)| path.as_str()).collect();
    let expect = [
        "account/domain_live.tf.json",
        "account/workspace_dev-trading-azure-live.tf.json",
        "landing/trading-azure/domain_live.tf.json",
        // The zone has a block more.
        "landing/trading-azure/main.tf.json",
        "landing/trading-azure/workspace_live.tf.json",
        "workspaces/trading-azure-live/domain_live.tf.json",
        "workspaces/trading-azure-live/main.tf.json",
    ];
    assert_eq!(changed, expect);
    assert!(before.files.keys().all(|path| after.files.contains_key(path)));
}

#[test]
fn what_is_missing_is_told_at_once() {
    let polder = POLDER
        .replace("providers: {azure: {region: westeurope}}", "providers: {azure: {}, aws: {}, gcp: {}}")
        .replace("dev: 10.0.0.0/16", "");
    let at = |provider: &str| {
        format!(
            "type: parallelread\nentityName: {provider}\nentityVersion: v1\ncoldStorage: {{location: {{provider: {provider}}}}}\n\
             columns: [{{name: id, type: bigint}}]\n"
        )
    };
    let (aws, gcp) = (at("aws"), at("gcp"));
    let files =
        [("polder.yaml", polder.as_str()), ("domains/odds/datasets/aws.yaml", &aws), ("domains/odds/datasets/gcp.yaml", &gcp)];
    let refused = exported_with(&files, &Addresses::new()).0.unwrap_err();
    let said: Vec<&str> = refused.iter().map(|refusal| refusal.message.as_str()).collect();
    let expect = [
        "dev/trading/aws has no region",
        "dev/trading/aws has no addresses for 6 of its subnets",
        "dev/trading/azure has no region",
        "dev/trading/azure has no addresses for 3 of its subnets",
        "dev/trading/gcp has no region",
        "dev/trading/gcp has no addresses for 3 of its subnets",
    ];
    assert_eq!(said, expect);
}
