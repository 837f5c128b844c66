//! Zones at Google: projects, BigQuery, who sees what in it, and what changes when the mesh does.

use std::collections::{BTreeMap, BTreeSet};

use polder_descriptor::{File, parse};
use polder_model::Desired;
use polder_terraform::{Asked, Export, Refusal, export};
use polder_zones::addresses::Addresses;
use polder_zones::capacity::prove;
use serde_json::{Value, json};

const POLDER: &str = "\
organization: Bet %{x} Co
tenants: [nonprod]
environments: [{name: dev, tenant: nonprod}]
departments: [trading, finance]
providers: {gcp: {region: europe-west4}}
users: [ana@example.com]
groups:
  - {name: traders, members: [ana@example.com]}
  - {name: accountants, managedBy: scim}
  - {name: analysts}
  - {name: stewards@example.com}
servicePrincipals: [deployer]
network: {ranges: {dev: 10.0.0.0/14}}
conventions: {tags: {Cost Center: \"%{if}\"}}
";
const ODDS: &str = "department: trading\nowner: traders\nservicePrincipals: [odds_jobs]\n";
const PRICES: &str = "type: parallelread\nentityName: prices\nentityVersion: v1\ndescription: \"%{of} a \\\"bet\\\"\"\nusage: {pattern: archive}\ncolumns: [{name: id, type: bigint, description: \"${x}\"}]\n";
const BETS: &str = "\
entityName: bets
entityVersion: v1
coldStorage: {location: {prefix: gold}}
columns:
  - {name: email, type: string, tags: [pii], mask: hash}
  - {name: name, type: string, tags: [pii]}
  - {name: born, type: date, tags: [pii], mask: year}
  - {name: home, type: \"struct<street:string,lines:array<string>>\", tags: [pii]}
  - {name: stake, type: \"decimal(12,2)\"}
";
const GRANTS: &str = "\
grants:
  - {to: analysts, on: odds, level: regular}
  - {to: accountants, on: odds.gold, level: pii}
  - {to: stewards@example.com, on: odds, level: pii}
";

fn files(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let base = [
        ("polder.yaml", POLDER),
        ("domains/odds/domain.yaml", ODDS),
        ("domains/odds/datasets/prices.yaml", PRICES),
        ("domains/odds/datasets/bets.yaml", BETS),
        ("access/all.yaml", GRANTS),
    ];
    let kept = base.iter().filter(|(path, _)| more.iter().all(|(other, _)| other != path));
    kept.chain(more).map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn exported_with(more: &[(&str, &str)], given: &Addresses) -> (Result<Export, Vec<Refusal>>, Addresses) {
    let files = files(more).into_iter().map(|(path, text)| File { path: path.into(), bytes: text.into_bytes() });
    let (mesh, faults) = parse(files.collect());
    assert_eq!(faults, []);
    let environments: Vec<Desired> = mesh.environments().iter().map(|e| mesh.lower(&e.name, &|_| None).0).collect();
    let settings = mesh.zones(&|_| None).unwrap();
    let of_tenant: Vec<&Desired> = environments.iter().collect();
    let proof = prove(polder_zones::layout::Asked { environments: &of_tenant, settings: &settings }, given);
    assert_eq!(proof.report.unfit, []);
    let asked = Asked { desired: &environments[0], of_tenant: &of_tenant, tenant: &proof.layout.tenants[0], settings: &settings };
    (export(asked), proof.addresses)
}

fn exported(more: &[(&str, &str)]) -> Export {
    exported_with(more, &Addresses::new()).0.unwrap()
}

fn parsed(export: &Export, path: &str) -> Value {
    let text = export.files.get(path).unwrap_or_else(|| panic!("no {path} among {:#?}", export.files.keys()));
    serde_json::from_str(text).unwrap()
}

fn module(export: &Export, root: &str, name: &str) -> Value {
    parsed(export, &format!("{root}/trading-gcp/domain_odds.tf.json"))["module"][name].clone()
}

fn strings(value: &Value) -> BTreeMap<String, String> {
    let shown = |value: &Value| {
        // By the names of the fields, in whatever order they are written.
        let words: BTreeMap<&String, &str> =
            value.as_object().unwrap().iter().map(|(key, word)| (key, word.as_str().unwrap_or("-"))).collect();
        words.into_values().collect::<Vec<_>>().join(" ")
    };
    value.as_object().unwrap().iter().map(|(key, value)| (key.clone(), shown(value))).collect()
}

/// Every field without fields of its own, with its policy tag.
fn leaves(fields: &Value) -> Vec<(String, Option<String>)> {
    let leaf = |field: &Value| match field.get("fields") {
        Some(inner) => {
            leaves(inner).into_iter().map(|(name, tag)| (format!("{}.{name}", field["name"].as_str().unwrap()), tag)).collect()
        }
        None => {
            let tag = field["policyTags"]["names"][0].as_str().map(str::to_owned);
            vec![(field["name"].as_str().unwrap().to_owned(), tag)]
        }
    };
    fields.as_array().unwrap().iter().flat_map(leaf).collect()
}

#[test]
fn a_zone_is_a_folder_and_a_domain_a_project_with_bigquery_in_a_root_of_its_own() {
    let export = exported(&[]);
    let roots: Vec<&String> = export.files.keys().filter(|path| !path.starts_with("modules/")).collect();
    let expect = [
        "README.md",
        "bigquery/trading-gcp/domain_odds.tf.json",
        "bigquery/trading-gcp/main.tf.json",
        "landing/trading-gcp/domain_odds.tf.json",
        "landing/trading-gcp/main.tf.json",
    ];
    assert_eq!(roots, expect);
    assert_eq!(export.files, exported(&[]).files);
    let main = parsed(&export, "landing/trading-gcp/main.tf.json");
    assert_eq!(main["module"]["zone"]["names"], json!({"folder": "fld-dev-trading", "budget": "bud-dev-trading"}));
    let state = &main["terraform"]["backend"]["gcs"];
    assert!(state["bucket"].as_str().unwrap().starts_with("gcs-betx-nonprod-management-zone-"), "{state}");
    assert_eq!(state["prefix"], "dev/landing/trading-gcp");
    let labels = json!({"cost-center": "--if-", "department": "trading", "environment": "dev", "managed_by": "polder", "organization": "bet---x--co"});
    assert_eq!(main["locals"]["labels"], labels);
    let domain = module(&export, "landing", "domain_odds");
    assert_eq!(domain["subnets"], json!({"nodes": "10.0.9.0/28", "pods": "10.0.0.0/21", "services": "10.0.8.0/24"}));
    assert_eq!(domain["owner"], "group:traders@${var.group_domain}");
    let programs = domain["programs"].as_object().unwrap();
    assert!(programs["odds_jobs"].as_str().unwrap().starts_with("sa-odds-jobs-"), "{programs:?}");
    let buckets = domain["storage"].as_object().unwrap();
    let archive = buckets.values().find(|bucket| bucket["tier"] == "NEARLINE").unwrap();
    assert_eq!((buckets.len(), &archive["aging"]), (2, &json!([{"days": 90, "tier": "ARCHIVE"}])));
    assert!(export.files["README.md"].contains("At Google"));
}

#[test]
fn names_are_those_that_google_allows() {
    use polder_zones::names::Kind;
    let odd = [("domains/lossless/domain.yaml", "department: trading\nowner: traders\nservicePrincipals: [a@b.c]\n")];
    let text = parsed(&exported(&odd), "landing/trading-gcp/domain_lossless.tf.json");
    let names = &text["module"]["domain_lossless"]["names"];
    let kinds = [
        (Kind::Project, "project"),
        (Kind::Network, "network"),
        (Kind::GkeCluster, "cluster"),
        (Kind::SqlInstance, "database"),
        (Kind::LoadBalancer, "balancer"),
        (Kind::EncryptionKey, "key"),
        (Kind::Secret, "secret"),
        (Kind::Registry, "registry"),
        (Kind::ServiceAccount, "service_account"),
        (Kind::Budget, "budget"),
    ];
    for (kind, key) in kinds {
        assert!(kind.rule().is_valid(names[key].as_str().unwrap()), "{key}: {}", names[key]);
    }
    assert_eq!(names.as_object().unwrap().len(), kinds.len());
    let module = &text["module"]["domain_lossless"];
    for bucket in module["storage"].as_object().unwrap().values() {
        assert!(Kind::CloudBucket.rule().is_valid(bucket["name"].as_str().unwrap()), "{bucket}");
    }
    assert!(Kind::ServiceAccount.rule().is_valid(module["programs"]["a@b.c"].as_str().unwrap()));
}

#[test]
fn tables_are_over_their_files_and_every_column_with_personal_data_has_a_tag_of_its_mask() {
    let export = exported(&[]);
    let tables = module(&export, "bigquery", "tables_odds");
    assert_eq!(tables["datasets"], json!({"bronze": "bq_dev_trading_odds_bronze", "gold": "bq_dev_trading_odds_gold"}));
    let bets = &tables["tables"]["gold.bets_v1"];
    let home = module(&export, "landing", "domain_odds")["storage"]
        .as_object()
        .unwrap()
        .values()
        .find(|b| b["tier"] == "STANDARD")
        .unwrap()["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!((&bets["uri"], &bets["format"]), (&json!(format!("gs://{home}/gold/bets_v1")), &json!("DELTA_LAKE")));
    let schema: Value = serde_json::from_str(bets["schema"].as_str().unwrap()).unwrap();
    let tag = |mask: &str| Some(format!("${{module.pii_odds.policy_tags.gold_{mask}}}"));
    let expect = [
        ("email".to_owned(), tag("hash")),
        ("name".to_owned(), tag("redact")),
        ("born".to_owned(), tag("year")),
        ("home.street".to_owned(), tag("null")),
        ("home.lines".to_owned(), tag("null")),
        ("stake".to_owned(), None),
    ];
    assert_eq!(leaves(&schema), expect);
    // Tags are made for the masks that columns name.
    assert_eq!(module(&export, "bigquery", "pii_odds")["layers"], json!({"gold": ["hash", "null", "redact", "year"]}));
    // Words are no expressions, in texts within texts neither.
    let prices = &tables["tables"]["bronze.prices_v1"];
    assert_eq!(prices["description"], "%%{of} a \"bet\"");
    let schema: Value = serde_json::from_str(prices["schema"].as_str().unwrap()).unwrap();
    assert_eq!(schema[0], json!({"name": "id", "type": "INTEGER", "mode": "NULLABLE", "description": "$${x}"}));
}

#[test]
fn whoever_reads_sees_masked_what_it_may_not_see_in_clear() {
    let export = exported(&[]);
    let pii = module(&export, "bigquery", "pii_odds");
    let in_clear = strings(&pii["in_clear"]);
    let masks = ["hash", "null", "redact", "year"];
    let each = |who: &[&str]| -> BTreeSet<String> {
        masks.iter().flat_map(|mask| who.iter().map(move |who| format!("gold_{mask}/{who}"))).collect()
    };
    assert_eq!(in_clear.keys().cloned().collect::<BTreeSet<_>>(), each(&["accountants", "odds_jobs", "stewards@example.com"]));
    assert_eq!(in_clear["gold_hash/accountants"], "gold_hash group:accountants@${var.group_domain}");
    assert_eq!(in_clear["gold_null/stewards@example.com"], "gold_null group:stewards@example.com");
    let program = &in_clear["gold_year/odds_jobs"];
    assert!(
        program.starts_with("gold_year serviceAccount:sa-odds-jobs-") && program.ends_with(".iam.gserviceaccount.com"),
        "{program}"
    );
    // Owners read, and have no more than others.
    let masked: BTreeSet<String> = strings(&pii["masked"]).into_keys().collect();
    assert_eq!(masked, each(&["analysts", "traders"]));
    let tables = module(&export, "bigquery", "tables_odds");
    let readers = strings(&tables["readers"]);
    let keys: Vec<&str> = readers.keys().map(String::as_str).collect();
    let expect = [
        "bronze/analysts",
        "bronze/odds_jobs",
        "bronze/stewards@example.com",
        "bronze/traders",
        "gold/accountants",
        "gold/analysts",
        "gold/odds_jobs",
        "gold/stewards@example.com",
        "gold/traders",
    ];
    assert_eq!(keys, expect);
    assert_eq!(readers["gold/analysts"], "gold group:analysts@${var.group_domain} roles/bigquery.dataViewer");
    assert_eq!(export.held_back, ["the key of the mask hash in odds: BigQuery hashes without one (variable hashed)"]);
    // Rights of others stay: nothing says what all rights on something are.
    for (path, text) in &export.files {
        assert!(!text.contains("_iam_binding") && !text.contains("_iam_policy\""), "{path}");
    }
}

#[test]
fn whoever_has_no_pii_level_is_no_reader_in_clear() {
    // Every right that there is but that one, at every place.
    let grants = "grants:\n  - {to: analysts, on: odds, privileges: [ALL PRIVILEGES, MANAGE, MODIFY, SELECT, BROWSE, USE CATALOG, USE SCHEMA]}\n  \
                  - {to: [accountants, deployer], on: odds.gold, privileges: [ALL PRIVILEGES, MANAGE, SELECT]}\n  \
                  - {to: stewards@example.com, on: odds.gold.bets_v1, level: pii}\n";
    let export = exported(&[("access/all.yaml", grants)]);
    let pii = module(&export, "bigquery", "pii_odds");
    let who = |map: &str| -> BTreeSet<String> {
        strings(&pii[map]).into_keys().map(|key| key.rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(who("in_clear"), BTreeSet::from(["odds_jobs".to_owned()]));
    assert_eq!(who("masked"), ["analysts", "stewards@example.com", "traders"].map(str::to_owned).into());
    // A table alone is read alone, and its level is one that tags of a layer do not have.
    let tables = module(&export, "bigquery", "tables_odds");
    let alone = strings(&tables["table_readers"]);
    let expect = "group:stewards@example.com roles/bigquery.dataViewer gold.bets_v1";
    assert_eq!(alone, BTreeMap::from([("gold.bets_v1/stewards@example.com".to_owned(), expect.to_owned())]));
    assert!(!strings(&tables["readers"]).contains_key("gold/stewards@example.com"));
    let held: BTreeSet<&str> = export.held_back.iter().map(String::as_str).collect();
    for expect in [
        "READ PII on odds.gold.bets_v1 for stewards@example.com: policy tags at Google are those of a layer",
        "MANAGE on odds for analysts: datasets, tables and rights at Google are those that the mesh declares",
        "MODIFY on odds for analysts: BigQuery reads what polder writes",
        "SELECT in odds.gold for accountants: it shows nothing without USE CATALOG",
    ] {
        assert!(held.contains(expect), "no {expect} in {held:#?}");
    }
    assert_eq!(
        strings(&tables["readers"])["gold/deployer"].split(' ').nth(1),
        Some("serviceAccount:${var.service_accounts[\"deployer\"]}")
    );
}

#[test]
fn a_way_to_a_table_may_be_that_of_a_group() {
    let polder = POLDER.replace("{name: analysts}", "{name: analysts}\n  - {name: staff, members: [analysts]}");
    let grants = "grants:\n  - {to: analysts, on: odds, privileges: [SELECT]}\n  - {to: staff, on: odds, privileges: [USE CATALOG, USE SCHEMA]}\n";
    let export = exported(&[("polder.yaml", &polder), ("access/all.yaml", grants)]);
    let readers = strings(&module(&export, "bigquery", "tables_odds")["readers"]);
    let keys: Vec<&str> = readers.keys().map(String::as_str).filter(|key| key.starts_with("gold")).collect();
    assert_eq!(keys, ["gold/analysts", "gold/odds_jobs", "gold/traders"], "ways show nothing by themselves");
}

#[test]
fn what_bigquery_would_show_otherwise_is_held_back() {
    let filtered = "entityName: vips\nentityVersion: v1\ncoldStorage: {location: {prefix: gold}}\ncolumns: [{name: id, type: bigint}]\n\
                    rowFilters: [{group: analysts, where: id > 1}]\n";
    let clocks = "entityName: clocks\nentityVersion: v1\ncolumns: [{name: at, type: timestamp_ntz}]\n";
    let view = "type: view\nentityName: totals\nentityVersion: v1\nsql: SELECT id FROM odds.bronze.prices_v1\ncolumns: [{name: id, type: bigint}]\n";
    let more = [
        ("domains/odds/datasets/vips.yaml", filtered),
        ("domains/odds/datasets/clocks.yaml", clocks),
        ("domains/odds/datasets/totals.yaml", view),
        (
            "access/more.yaml",
            "grants: [{to: accountants, on: odds.gold.vips_v1, level: regular}, {to: everyone, on: odds.bronze, level: regular}]\n",
        ),
        ("policies/quiet.cedar", "forbid (principal, action, resource) when { resource.name == \"x\" };\n"),
    ];
    let export = exported(&more);
    let tables = module(&export, "bigquery", "tables_odds");
    let names: BTreeSet<&str> = tables["tables"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["bronze.prices_v1", "gold.bets_v1"]);
    let held: BTreeSet<&str> = export.held_back.iter().map(String::as_str).collect();
    for expect in [
        "the table odds.gold.vips_v1: its row filters are conditions in polder's SQL, and BigQuery would show all rows",
        "the table odds.bronze.clocks_v1: BigQuery has no column \"at\": Google names no type for timestamp_ntz",
        "SELECT on odds.gold.vips_v1 for accountants: BigQuery does not have the table",
        "all rights of everyone on odds: whoever the mesh declares is no group there",
        "the guardrail quiet in BigQuery: it forbids in polder alone",
    ] {
        assert!(held.contains(expect), "no {expect} in {held:#?}");
    }
    assert!(held.iter().any(|held| held.starts_with("the view odds.") && held.contains("polder's SQL")), "{held:#?}");
}

#[test]
fn what_holds_data_is_not_destroyed_by_an_apply() {
    let export = exported(&[]);
    let holding: BTreeSet<&str> = [
        "google_folder",
        "google_project",
        "google_kms_key_ring",
        "google_kms_crypto_key",
        "google_storage_bucket",
        "google_sql_database_instance",
        "google_secret_manager_secret",
        "google_artifact_registry_repository",
        "google_bigquery_dataset",
        "google_data_catalog_taxonomy",
    ]
    .into();
    let mut found = BTreeSet::new();
    for path in export.files.keys().filter(|path| path.starts_with("modules/google/") && path.ends_with(".tf.json")) {
        let parsed = parsed(&export, path);
        for (kind, resources) in parsed["resource"].as_object().into_iter().flatten() {
            for (name, resource) in resources.as_object().unwrap() {
                if holding.contains(kind.as_str()) {
                    assert_eq!(resource["lifecycle"]["prevent_destroy"], true, "{path} {kind}.{name}");
                    found.insert(kind.clone());
                }
                // What the provider would delete with all that is in it, if nobody said otherwise.
                let kept =
                    [("google_bigquery_dataset", "delete_contents_on_destroy"), ("google_storage_bucket", "force_destroy")];
                for (_, argument) in kept.iter().filter(|(of, _)| of == kind) {
                    assert_eq!(resource[argument], false, "{path} {kind}.{name}");
                }
            }
        }
    }
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), holding);
}

#[test]
fn a_new_domain_changes_files_of_its_own_alone() {
    let (before, given) = exported_with(&[], &Addresses::new());
    let live = ("domains/live/domain.yaml", "department: trading\nowner: analysts\nservicePrincipals: [live_jobs]\n");
    let text = "type: parallelread\nentityName: bets\nentityVersion: v1\ncoldStorage: {location: {provider: gcp}}\n\
                columns: [{name: id, type: bigint}]\n";
    let bets = ("domains/live/datasets/bets.yaml", text);
    let before = before.unwrap();
    let in_both = ["bigquery/trading-gcp/domain_live.tf.json", "landing/trading-gcp/domain_live.tf.json"];
    // BigQuery has nothing of a domain without tables.
    for (files, expect) in [(&[live][..], &in_both[1..]), (&[live, bets], &in_both)] {
        let after = exported_with(files, &given).0.unwrap();
        let is_other = |(path, text): &(&String, &String)| before.files.get(*path) != Some(*text);
        let changed: Vec<&str> = after.files.iter().filter(is_other).map(|(path, _)| path.as_str()).collect();
        assert_eq!(changed, expect);
        assert!(before.files.keys().all(|path| after.files.contains_key(path)));
    }
}

#[test]
fn what_is_missing_is_told_for_google_too() {
    let polder = POLDER.replace("{gcp: {region: europe-west4}}", "{gcp: {}}").replace("dev: 10.0.0.0/14", "");
    let refused = exported_with(&[("polder.yaml", &polder)], &Addresses::new()).0.unwrap_err();
    let said: Vec<&str> = refused.iter().map(|refusal| refusal.message.as_str()).collect();
    assert_eq!(said, ["dev/trading/gcp has no region", "dev/trading/gcp has no addresses for 3 of its subnets"]);
    assert!(refused[0].help.contains("gcp: {region: europe-west4}"), "{}", refused[0].help);
}

#[test]
fn nothing_is_open_to_the_world_and_nothing_has_a_password() {
    let export = exported(&[]);
    let resource = |file: &str, kind: &str, name: &str| {
        let found = parsed(&export, &format!("modules/google/{file}.tf.json"))["resource"][kind][name].clone();
        assert!(found.is_object(), "{file} has no {kind}.{name}");
        found
    };
    let project = resource("domain/main", "google_project", "domain");
    assert_eq!((&project["auto_create_network"], &project["deletion_policy"]), (&json!(false), &json!("PREVENT")));
    assert_eq!(resource("domain/main", "google_project_service", "domain")["disable_on_destroy"], false);
    assert_eq!(resource("domain/network", "google_compute_network", "domain")["auto_create_subnetworks"], false);
    let bucket = resource("domain/storage", "google_storage_bucket", "data");
    assert_eq!((&bucket["uniform_bucket_level_access"], &bucket["public_access_prevention"]), (&json!(true), &json!("enforced")));
    assert_eq!(resource("domain/keys", "google_kms_crypto_key", "domain")["rotation_period"], format!("{}s", 90 * 24 * 60 * 60));
    let cluster = resource("domain/cluster", "google_container_cluster", "domain");
    let private = json!({"enable_private_nodes": true, "enable_private_endpoint": true});
    assert_eq!((&cluster["private_cluster_config"], &cluster["deletion_protection"]), (&private, &json!(true)));
    assert!(cluster["workload_identity_config"].is_object() && cluster["release_channel"].is_object());
    // Neither machines nor datasets are anybody's by default.
    assert_eq!(cluster["node_config"]["service_account"], "${google_service_account.nodes.email}");
    let dataset = resource("tables/main", "google_bigquery_dataset", "layer");
    assert_eq!(dataset["access"][0]["special_group"], "projectOwners");
    assert_eq!((dataset["access"].as_array().unwrap().len(), &dataset["lifecycle"]["ignore_changes"]), (1, &json!(["access"])));
    let database = resource("domain/database", "google_sql_database_instance", "domain");
    let addresses = &database["settings"]["ip_configuration"];
    assert_eq!((&addresses["ipv4_enabled"], &database["deletion_protection"]), (&json!(false), &json!(true)));
    assert_eq!(database["settings"]["backup_configuration"]["enabled"], true);
    for (path, text) in export.files.iter().filter(|(path, _)| path.ends_with(".tf.json")) {
        for word in [
            "google_service_account_key",
            "google_secret_manager_secret_version",
            "password",
            "allUsers",
            "allAuthenticatedUsers",
        ] {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
}

#[test]
fn every_mask_is_one_at_google() {
    let locals = parsed(&exported(&[]), "modules/google/taxonomy/main.tf.json")["locals"]["expressions"].clone();
    let known: BTreeSet<&str> = locals.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(known, polder_model::Mask::ALL.map(polder_model::Mask::as_str).into());
    // What a policy is called: no two layers and masks together are called alike.
    assert!(known.iter().all(|mask| !mask.contains('_')));
}
