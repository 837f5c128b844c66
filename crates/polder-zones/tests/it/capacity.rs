//! What does not fit is found, and the change that is proposed makes it fit.

use polder_zones::addresses::Addresses;
use polder_zones::capacity::{Line, Proof};

use crate::mesh::MeshText;

const RANGES: &str = "network: {ranges: {dev: [10.0.0.0/12], prod: [10.16.0.0/12]}}";

fn many(settings: &str, departments: usize, domains: usize) -> MeshText {
    let domains = (0..domains).map(|at| (format!("d{at}"), format!("dep{}", at % departments), 4));
    MeshText { settings: format!("providers: {{azure: {{}}}}\n{settings}"), domains: domains.collect(), files: Vec::new() }
}

fn told(proof: &Proof) -> Vec<String> {
    proof.report.unfit.iter().map(|unfit| format!("{}: {} -> {}", unfit.code, unfit.message, unfit.change)).collect()
}

fn line<'p>(proof: &'p Proof, limit: &str, within: &str) -> &'p Line {
    let mut lines = proof.report.lines.iter().filter(|line| line.limit == limit);
    lines.find(|line| line.within.contains(within)).unwrap_or_else(|| panic!("no line of {limit} within {within}"))
}

/// The change that is proposed for workspaces, as it would be written.
fn proposed(proof: &Proof) -> String {
    let change = &proof.report.unfit[0].change;
    let from = change.find("conventions:").unwrap();
    change[from..change.find(", which takes").unwrap()].to_owned()
}

#[test]
fn more_workspaces_than_a_tenant_has_are_shared_no_more_than_they_must_be() {
    let proof = many(RANGES, 20, 60).prove(&Addresses::new());
    let expect = "limit: tenant nonprod would have 60 workspaces, and a tenant has at most 50 (docs.databricks.com/resources/limits) -> write \
                  conventions: {workspaces: {per: department}}, which takes 20; or have the limit raised and write quotas: {databricks.workspaces: 60}";
    assert_eq!(told(&proof)[0], expect);
    assert_eq!(proof.report.unfit.len(), 2, "production has as many");
    let change = proposed(&proof);
    assert_eq!(told(&many(&format!("{RANGES}\n{change}"), 20, 60).prove(&Addresses::new())), [""; 0]);
    assert_eq!(
        told(&many(&format!("{RANGES}\nquotas: {{databricks.workspaces: 60}}"), 20, 60).prove(&Addresses::new())),
        [""; 0]
    );
}

#[test]
fn departments_share_where_there_are_too_many_of_them() {
    let proof = many(RANGES, 80, 120).prove(&Addresses::new());
    let change = proposed(&proof);
    assert_eq!(change, "conventions: {workspaces: {per: department, among: 50}}");
    let after = many(&format!("{RANGES}\n{change}"), 80, 120).prove(&Addresses::new());
    assert_eq!(told(&after), [""; 0]);
    assert_eq!(line(&after, "databricks.workspaces", "production").planned, 37);
}

#[test]
fn too_little_address_space_is_told_with_the_range_that_would_do() {
    let proof = many("network: {ranges: {dev: [10.0.0.0/23], prod: [10.16.0.0/12]}}", 5, 5).prove(&Addresses::new());
    let expect = "address-space: the ranges of dev have no room for dev/dep2/azure (/24) and 2 more: 768 addresses in one piece are lacking -> \
                  add a range of /22 or larger to the ranges of 'dev' under 'network', or let domains share workspaces";
    assert_eq!(told(&proof), [expect]);
    let wider = many("network: {ranges: {dev: [10.0.0.0/23, 10.8.0.0/22], prod: [10.16.0.0/12]}}", 5, 5);
    let proof = wider.prove(&proof.addresses);
    assert_eq!(told(&proof), [""; 0]);
    let full = line(&proof, "network", "dev");
    assert_eq!((full.used, full.planned, full.most), (Some(512), 1_280, 1_536));
}

#[test]
fn a_workspace_that_outgrows_its_subnets_is_told_how_many_nodes_fit() {
    let small = MeshText::new(&format!("providers: {{azure: {{}}}}\n{RANGES}"), &[("odds", "trading", 50)]);
    let given = small.prove(&Addresses::new()).addresses;
    let mut grown = small.clone();
    grown.domains[0].2 = 80;
    let proof = grown.prove(&given);
    let expect = "subnet-size: dev/trading/azure/odds/host needs 85 addresses, and 10.0.0.128/26 has 64: the subnets of a workspace that is built \
                  are not changed -> declare at most 59 nodes instead of 80, or have it built anew: remove its lines from addresses.yaml and run \
                  `polder zones --allocate`";
    assert_eq!(told(&proof)[0], expect);
    assert_eq!(proof.report.unfit.len(), 2, "one for each workspace");
    grown.domains[0].2 = 59;
    assert_eq!(told(&grown.prove(&given)), [""; 0]);
    // With room to grow from the start it would have fitted.
    let roomy = MeshText {
        settings: format!("providers: {{azure: {{}}}}\n{}", RANGES.replace("}}", "}, reservePercent: 100}")),
        ..small
    };
    let given = roomy.prove(&Addresses::new()).addresses;
    assert_eq!(told(&MeshText { domains: vec![("odds".into(), "trading".into(), 80)], ..roomy }.prove(&given)), [""; 0]);
}

#[test]
fn when_growth_reaches_a_limit_is_told_in_months() {
    let months = |growth: &str| {
        let proof = many(&format!("{RANGES}\nquotas: {{{growth}databricks.workspaces: 100}}"), 5, 40).prove(&Addresses::new());
        let line = line(&proof, "databricks.workspaces", "nonprod");
        assert_eq!((line.used, line.planned, line.most), (None, 40, 100));
        line.months
    };
    // 40 * 1.5 ^ (27 / 12) is 99.6.
    assert_eq!(months("growthPercentPerYear: 50, "), Some(27));
    assert_eq!(months(""), None);
}

#[test]
fn what_google_allows_is_counted_for_folders_clusters_and_projects() {
    let bets = |layer: usize, mask: &str| {
        let text = format!(
            "entityName: bets{layer}\nentityVersion: v1\ncoldStorage: {{location: {{provider: gcp, prefix: l{layer}}}}}\n\
             columns: [{{name: a, type: string, tags: [pii], mask: {mask}}}, {{name: b, type: bigint, tags: [pii]}}]\n"
        );
        (format!("domains/odds/datasets/bets{layer}.yaml"), text)
    };
    let few = MeshText {
        files: vec![bets(1, "hash"), bets(2, "redact")],
        ..MeshText::new(&format!("providers: {{gcp: {{}}}}\n{RANGES}"), &[("odds", "trading", 6)])
    };
    let proof = few.prove(&Addresses::new());
    assert_eq!(told(&proof), [""; 0]);
    let planned = |limit: &str| line(&proof, limit, "").planned;
    // One tag above all, and in each of two layers one for strings and one for numbers.
    assert_eq!((planned("google.policyTags"), planned("google.folders"), planned("google.clusterNodes")), (5, 1, 6));
    assert_eq!(planned("google.serviceAccounts"), 2);

    let many = MeshText {
        files: (0..50).map(|layer| bets(layer, "hash")).collect(),
        ..MeshText::new("providers: {gcp: {}}\nnetwork: {ranges: {dev: 10.0.0.0/8}}", &[("odds", "trading", 5_001)])
    };
    let proof = many.prove(&Addresses::new());
    let expect = "limit: the taxonomy of odds in dev would have 101 policy tags, and a taxonomy has at most 100 \
                  (cloud.google.com/data-catalog/docs/resources/quotas) -> use fewer layers, or fewer kinds of masks";
    assert!(told(&proof).contains(&expect.to_owned()), "{:?}", told(&proof));
    let expect = "limit: cluster gke-dev-trading-odds would have 5001 nodes, and a cluster has at most 5000 \
                  (cloud.google.com/kubernetes-engine/quotas) -> declare fewer nodes, or make two domains of it, or have it raised and write \
                  quotas: {google.clusterNodes: 5001}";
    assert!(told(&proof).contains(&expect.to_owned()), "{:?}", told(&proof));
}
