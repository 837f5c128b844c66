//! What is laid out, what it is called, and that it stays as it is when neighbours come and go.

use std::collections::{BTreeMap, BTreeSet};

use polder_zones::addresses::Addresses;
use polder_zones::layout::Item;
use polder_zones::names::Kind;
use proptest::prelude::*;

use crate::mesh::{MeshText, workspaces, zone};

const AZURE: &str = "providers: {azure: {region: westeurope}}\nnetwork: {ranges: {dev: [10.0.0.0/16], prod: [10.1.0.0/16]}}";

fn shown(items: &[Item]) -> Vec<&str> {
    items.iter().map(|item| item.name.as_str()).collect()
}

#[test]
fn a_department_in_an_environment_is_a_zone_with_its_domains() {
    let proof = MeshText::new(AZURE, &[("odds", "trading", 50), ("live", "trading", 4), ("ledger", "finance", 8)])
        .prove(&Addresses::new());
    let keys: Vec<Vec<&str>> =
        proof.layout.tenants.iter().map(|tenant| tenant.zones.iter().map(|zone| zone.key.as_str()).collect()).collect();
    assert_eq!(keys, [["dev/finance/azure", "dev/trading/azure"], ["prod/finance/azure", "prod/trading/azure"]]);
    assert_eq!(proof.layout.tenants.iter().map(|tenant| tenant.production).collect::<Vec<_>>(), [false, true]);
    assert_eq!(proof.report.unfit, []);

    let trading = zone(&proof, "prod/trading/azure");
    assert_eq!(trading.region.as_deref(), Some("westeurope"));
    let expect = ["sub-prod-trading", "rg-prod-trading", "vnet-prod-trading", "log-prod-trading", "bud-prod-trading"];
    assert_eq!(shown(&trading.items), expect);
    let [live, odds] = &trading.domains[..] else { panic!("{:?}", trading.domains) };
    assert_eq!((live.domain.as_str(), odds.domain.as_str()), ("live", "odds"));
    assert_eq!(odds.items[0], Item { kind: Kind::ResourceGroup, name: "rg-prod-trading-odds".into() });
    // Two subnets with an address per node, and the five that Azure keeps: 55 take a /26, and so do the 9 of the other.
    let subnets: Vec<String> = trading
        .workspaces
        .iter()
        .flat_map(|workspace| &workspace.subnets)
        .map(|s| format!("{} {}", s.role, s.block.unwrap()))
        .collect();
    assert_eq!(subnets, ["host 10.1.2.128/26", "container 10.1.2.64/26", "host 10.1.3.0/26", "container 10.1.2.192/26"]);
    assert!(trading.endpoints.block.is_some());
}

#[test]
fn a_provider_has_what_is_its_own() {
    let files = vec![
        ("domains/odds/datasets/odds.yaml".to_owned(), dataset("odds", "gcp")),
        ("domains/odds/datasets/bets.yaml".to_owned(), dataset("bets", "aws")),
    ];
    let settings = "providers: {aws: {}, gcp: {}}\nconventions: {awsPlatform: native}\nnetwork: {ranges: {dev: 10.0.0.0/12}}";
    let proof = MeshText { files, ..MeshText::new(settings, &[("odds", "trading", 8)]) }.prove(&Addresses::new());
    let gcp = zone(&proof, "dev/trading/gcp");
    let kinds: Vec<Kind> = gcp.domains[0].items.iter().map(|item| item.kind).collect();
    assert_eq!(kinds[..3], [Kind::Project, Kind::Network, Kind::SqlInstance]);
    // A dataset for each layer that it has tables in.
    let dataset = Item { kind: Kind::BigQueryDataset, name: "bq_dev_trading_odds_bronze".into() };
    assert_eq!(gcp.domains[0].items.last(), Some(&dataset));
    assert_eq!((gcp.workspaces[0].item.kind, gcp.domains[0].tables), (Kind::GkeCluster, 1));
    let sizes: Vec<(&str, u64, u8)> =
        gcp.workspaces[0].subnets.iter().map(|s| (s.role, s.needed, s.block.unwrap().prefix_len())).collect();
    assert_eq!(sizes, [("nodes", 15, 28), ("pods", 2_048, 21), ("services", 256, 24)]);
    let aws = zone(&proof, "dev/trading/aws");
    assert_eq!(aws.workspaces[0].item.name, "eks-dev-trading-odds");
    assert!(aws.domains[0].items.iter().any(|item| item.kind == Kind::GlueDatabase));
    // Nothing is declared of production's addresses: none are given out, and that is no fault.
    assert!(zone(&proof, "prod/trading/aws").blocks.is_empty());
    assert_eq!(proof.report.unfit, []);
}

#[test]
fn zones_at_aws_have_a_way_out_of_each_availability_zone_and_what_was_given_out_stays() {
    let settings = "providers: {aws: {region: eu-west-1}}\nnetwork: {ranges: {dev: 10.0.0.0/16}}";
    let mesh = |more: &str| MeshText::new(&format!("{settings}\n{more}"), &[("odds", "trading", 8), ("ledger", "finance", 4)]);
    // As it was given out before there was anything at the edge.
    let given: Addresses = [
        ("dev/trading/aws#1", "10.0.0.0/24"),
        ("dev/trading/aws/endpoints", "10.0.0.0/26"),
        ("dev/trading/aws/odds/a", "10.0.0.64/26"),
        ("dev/trading/aws/odds/b", "10.0.0.128/26"),
    ]
    .map(|(key, block)| (key.to_owned(), block.parse().unwrap()))
    .into();
    let proof = mesh("").prove(&given);
    for (key, block) in &given {
        assert_eq!(proof.addresses.get(key), Some(block), "{key}");
    }
    let trading = zone(&proof, "dev/trading/aws");
    let edge: Vec<String> = trading.edge.iter().map(|subnet| format!("{} {}", subnet.role, subnet.block.unwrap())).collect();
    assert_eq!(edge, ["endpoints-b 10.0.0.224/28", "egress-a 10.0.0.192/28", "egress-b 10.0.0.208/28"]);
    assert_eq!(trading.blocks.len(), 1);
    assert_eq!(proof.report.unfit, []);
    let roots: Vec<&str> = trading.workspaces.iter().flat_map(|workspace| shown(&workspace.items)).collect();
    assert_eq!(roots, [Kind::Bucket.rule().name("Betting", &["dev", "trading", "odds", "of the workspace"])]);
    // Where nothing runs there is no way out.
    let shared = mesh("conventions: {workspaces: {per: environment}}").prove(&Addresses::new());
    assert!(zone(&shared, "dev/trading/aws").edge.is_empty());
    assert_eq!(zone(&shared, "dev/shared/aws").edge.len(), 3);
}

#[test]
fn private_endpoints_that_may_be_asked_for_have_room_in_what_is_new_alone() {
    let domains: Vec<(String, String, u32)> = (0..11).map(|at| (format!("d{at}"), "trading".to_owned(), 4)).collect();
    let mesh = MeshText { settings: AZURE.to_owned(), domains, files: Vec::new() };
    let endpoints = |given: &Addresses| {
        let proof = mesh.prove(given);
        assert_eq!(proof.report.unfit, []);
        let zone = zone(&proof, "dev/trading/azure");
        (zone.endpoints.needed, zone.endpoints.block.unwrap().prefix_len())
    };
    assert_eq!(endpoints(&Addresses::new()), (60, 25));
    let given = [("dev/trading/azure#1", "10.0.0.0/24"), ("dev/trading/azure/endpoints", "10.0.0.0/26")];
    assert_eq!(endpoints(&given.map(|(key, block)| (key.to_owned(), block.parse().unwrap())).into()), (60, 26));
}

#[test]
fn what_must_survive_a_region_has_a_copy_at_aws() {
    let settings = "providers: {aws: {region: eu-west-1}}\nnetwork: {ranges: {dev: 10.0.0.0/16}}";
    let far = dataset("far", "aws").replace("columns:", "usage: {recovery: region}\ncolumns:");
    let files = vec![("domains/odds/datasets/far.yaml".to_owned(), far)];
    let proof = MeshText { files, ..MeshText::new(settings, &[("odds", "trading", 8)]) }.prove(&Addresses::new());
    let storage = &zone(&proof, "dev/trading/aws").domains[0].storage;
    let copied: Vec<bool> = storage.iter().map(|of| of.copy.is_some()).collect();
    let names: BTreeSet<&str> =
        storage.iter().flat_map(|of| [Some(&of.item), of.copy.as_ref()]).flatten().map(|item| item.name.as_str()).collect();
    assert_eq!((copied.iter().filter(|copied| **copied).count(), copied.len(), names.len()), (1, 2, 3), "{names:?}");
    let planned = |limit: &str| {
        let lines = proof.report.lines.iter().filter(|line| line.limit == limit && line.within.contains("dev/trading/aws"));
        lines.map(|line| line.planned).sum::<u64>()
    };
    // The buckets of the domain, its copy, and the workspace's own; the roles of the domain, of copies, of the workspace, and of flow logs.
    assert_eq!((planned("aws.buckets"), planned("aws.roles"), planned("aws.subnets")), (4, 5, 6));
    let credentials: Vec<u64> =
        proof.report.lines.iter().filter(|line| line.limit == "databricks.credentials").map(|line| line.planned).collect();
    assert_eq!(credentials, [1, 1]);
}

fn dataset(name: &str, provider: &str) -> String {
    format!(
        "version: v3\ntype: parallelread\nentityName: {name}\nentityVersion: v1\ndescription: a table\ncoldStorage: {{format: delta, location: \
         {{provider: {provider}}}}}\ncolumns: [{{name: id, type: bigint}}]\n"
    )
}

#[test]
fn departments_that_share_workspaces_share_a_zone_for_them() {
    let domains = [("odds", "trading", 50), ("live", "trading", 4), ("ledger", "finance", 8)];
    let of = |workspaces: &str| {
        MeshText::new(&format!("{AZURE}\nconventions: {{workspaces: {workspaces}}}"), &domains).prove(&Addresses::new())
    };
    let one = of("{per: environment}");
    let shared = zone(&one, "prod/shared/azure");
    assert_eq!((shared.workspaces.len(), shared.workspaces[0].nodes, shared.domains.len()), (1, 62, 0));
    assert_eq!(zone(&one, "prod/trading/azure").domains[0].workspace, ("prod/shared/azure".to_owned(), "shared".to_owned()));
    let own = of("{per: department}");
    assert_eq!(zone(&own, "prod/trading/azure").workspaces[0].nodes, 54);
    let spread = of("{per: department, among: 1}");
    assert_eq!(zone(&spread, "prod/shared/azure").workspaces[0].domains.len(), 3);
}

fn names(proof: &polder_zones::capacity::Proof) -> BTreeMap<(String, String), Vec<String>> {
    let mut names = BTreeMap::new();
    for tenant in &proof.layout.tenants {
        for zone in &tenant.zones {
            names.insert((zone.key.clone(), String::new()), zone.items.iter().map(|item| item.name.clone()).collect::<Vec<_>>());
            for domain in &zone.domains {
                let mut own: Vec<String> = domain.items.iter().map(|item| item.name.clone()).collect();
                own.push(format!("{:?}", domain.workspace));
                names.insert((zone.key.clone(), domain.domain.to_string()), own);
            }
        }
    }
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn whoever_stays_keeps_names_workspace_and_addresses_when_others_come_and_go(
        before in prop::collection::btree_map("[a-f][a-c]?(_[a-c])?", ("[x-z](_w)?", 1..40_u32), 1..12),
        come in prop::collection::btree_map("[a-f][a-c]?(_[a-c])?", ("[x-z](_w)?", 1..40_u32), 0..6),
        go in prop::collection::btree_set("[a-f][a-c]?(_[a-c])?", 0..6),
        per in prop::sample::select(vec!["{per: domain}", "{per: department, among: 3}", "{per: domain, among: 4}"]),
    ) {
        let settings = format!("{AZURE}\nconventions: {{workspaces: {per}}}");
        let text = |domains: &BTreeMap<String, (String, u32)>| {
            let domains = domains.iter().map(|(name, (department, nodes))| (name.clone(), department.clone(), *nodes)).collect();
            MeshText { settings: settings.clone(), domains, files: Vec::new() }
        };
        let first = text(&before).prove(&Addresses::new());
        let mut after = before.clone();
        after.retain(|name, _| !go.contains(name));
        for (name, domain) in &come {
            after.entry(name.clone()).or_insert_with(|| domain.clone());
        }
        let second = text(&after).prove(&first.addresses);
        let (old, new) = (names(&first), names(&second));
        for (key, names) in &new {
            if let Some(known) = old.get(key) {
                prop_assert_eq!(names, known, "{:?}", key);
            }
        }
        for (key, block) in &first.addresses {
            prop_assert_eq!(second.addresses.get(key), Some(block));
        }
        let mut seen = BTreeMap::new();
        for (zone, workspace) in workspaces(&second) {
            for subnet in &workspace.subnets {
                if let Some(block) = subnet.block {
                    prop_assert!(zone.blocks.iter().any(|own| own.contains(&block)), "{} {block}", zone.key);
                    prop_assert_eq!(seen.insert(block, &workspace.item.name), None);
                }
            }
        }
    }
}

#[test]
fn the_picture_is_of_every_zone_and_its_names_are_text() {
    let mut mesh = MeshText::new(AZURE, &[("odds", "trading", 50), ("live", "trading", 4), ("ledger", "finance", 8)]);
    let picture = polder_zones::picture::svg(&mesh.prove(&Addresses::new()).layout);
    assert!(picture.starts_with("<svg "), "{picture}");
    for part in ["prod/trading/azure", "2 domains, 2 workspaces", "10.1.", "Landing zones of Betting"] {
        assert!(picture.contains(part), "{part} is not in {picture}");
    }
    mesh.settings = AZURE.to_owned();
    let (parsed, mut environments) = mesh.parsed();
    environments[0].organization = "<script>alert(1)</script>".to_owned();
    let settings = parsed.zones(&|_| None).unwrap();
    let asked = polder_zones::layout::Asked { environments: &environments.iter().collect::<Vec<_>>(), settings: &settings };
    let picture = polder_zones::picture::svg(&polder_zones::capacity::prove(asked, &Addresses::new()).layout);
    assert!(!picture.contains("<script>"), "{picture}");
}

#[test]
fn what_is_stored_alike_shares_an_account_and_what_is_not_has_its_own() {
    let table = |name: &str, bucket: &str, usage: &str| {
        let text = format!(
            "type: parallelread\nentityName: {name}\nentityVersion: v1\ncoldStorage: {{location: {{provider: azure{bucket}}}}}\n{usage}\n\
             columns: [{{name: id, type: bigint}}]\n"
        );
        (format!("domains/odds/datasets/{name}.yaml"), text)
    };
    let files = vec![
        table("bets", "", ""),
        table("prices", "", "usage: {gigabytes: 40, requestsPerSecond: 900}"),
        table("ticks", "", "usage: {pattern: streaming, requestsPerSecond: 21000}"),
        table("old", ", bucket: vaulted", "usage: {pattern: archive, residency: eu}"),
        table("far", "", "usage: {residency: us}"),
        table("odd", "", "usage: {tier: glacier}"),
    ];
    let proof =
        MeshText { files, ..MeshText::new(AZURE, &[("odds", "trading", 8), ("quiet", "trading", 8)]) }.prove(&Addresses::new());
    let trading = zone(&proof, "prod/trading/azure");
    let stored = |at: usize| -> Vec<String> {
        let storage = trading.domains[at].storage.iter();
        let shown = storage.map(|of| {
            format!(
                "{} {} {} tables, {} GB, {}/s",
                of.class.performance, of.class.tier, of.tables, of.gigabytes, of.requests_per_second
            )
        });
        shown.collect()
    };
    assert_eq!(
        stored(0),
        ["Premium Hot 1 tables, 0 GB, 21000/s", "Standard Hot 2 tables, 40 GB, 900/s", "Standard Cool 1 tables, 0 GB, 0/s"]
    );
    assert_eq!(stored(1), ["Standard Hot 0 tables, 0 GB, 0/s"], "a domain without tables has an account for those that come");
    let usual = |at: usize| {
        trading.domains[at]
            .storage
            .iter()
            .find(|of| of.class.performance == "Standard" && of.class.tier == "Hot")
            .unwrap()
            .item
            .name
            .clone()
    };
    assert_eq!(usual(0), Kind::StorageAccount.rule().name("Betting", &["prod", "trading", "odds"]));
    let told: Vec<String> = proof
        .report
        .unfit
        .iter()
        .filter(|unfit| unfit.tenant.as_str() == "production")
        .map(|unfit| format!("{} -> {}", unfit.message, unfit.change))
        .collect();
    let account = &trading.domains[0].storage[0].item.name;
    let expect = [
        format!("account {account} would have 21000 requests a second, and a storage account has at most 20000 (learn.microsoft.com/azure/azure-resource-manager/management/azure-subscription-service-limits) -> put its busiest tables into a bucket of their own, or have it raised and write quotas: {{azure.accountRequests: 21000}}"),
        "table:odds.bronze.far_v1 is not stored as it says: it must stay in the us, and the region westeurope is not known to be there -> put it at a provider whose region is there, or change the region of the provider".to_owned(),
        "table:odds.bronze.odd_v1 is not stored as it says: azure has no tier \"glacier\": there is Hot, Cool, Cold, Archive -> write one of Hot, Cool, Cold, Archive, or take it out".to_owned(),
    ];
    assert_eq!(told, expect);
}
