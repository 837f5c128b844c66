//! Landing zones on the command line: shown, drawn, given addresses, exported.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{edit, polder, write};

const POLDER: &str = "\
organization: Example
tenants: [nonprod, production]
environments:
  - {name: dev, tenant: nonprod}
  - {name: prod, tenant: production, production: true}
departments: [trading]
providers: {azure: {region: westeurope}}
groups: [{name: traders}]
network: {ranges: {dev: 10.0.0.0/16, prod: 10.1.0.0/16}}
";

fn mesh() -> TempDir {
    let folder = TempDir::new().unwrap();
    write(folder.path(), "polder.yaml", POLDER);
    domain(folder.path(), "odds", 40);
    folder
}

fn domain(folder: &Path, name: &str, nodes: u32) {
    let text = format!("department: trading\nowner: traders\nworkspace: {{nodes: {nodes}}}\n");
    write(folder, &format!("domains/{name}/domain.yaml"), &text);
}

#[test]
fn zones_are_shown_and_given_addresses_that_stay() {
    let folder = mesh();
    let folder = folder.path();
    let shown = polder(folder, &["zones"]);
    for line in [
        "  ZONE               REGION      DOMAINS  WORKSPACES  NODES  ADDRESSES",
        "  dev/trading/azure  westeurope        1           1     40  10.0.0.0/24",
        "azure.storageAccounts  zone dev/trading/azure               1        250   0 %",
        "network                environment dev             0      256     65,536   0 %",
        "8 networks and subnets are not in addresses.yaml: `polder zones --allocate` writes them",
    ] {
        assert!(shown.all().lines().any(|other| other == line), "{line:?}: {}", shown.all());
    }
    let allocated = polder(folder, &["zones", "--allocate", "--picture", "zones.svg"]);
    assert_eq!(allocated.code, 0, "{}", allocated.all());
    assert!(allocated.stderr.contains("addresses.yaml has 8 more: commit it"), "{}", allocated.all());
    let given = fs::read_to_string(folder.join("addresses.yaml")).unwrap();
    let lines: Vec<&str> = given.lines().filter(|line| !line.starts_with('#')).collect();
    let expect = [
        "dev/trading/azure#1: 10.0.0.0/24",
        "dev/trading/azure/endpoints: 10.0.0.0/26",
        "dev/trading/azure/odds/container: 10.0.0.64/26",
        "dev/trading/azure/odds/host: 10.0.0.128/26",
        "prod/trading/azure#1: 10.1.0.0/24",
        "prod/trading/azure/endpoints: 10.1.0.0/26",
        "prod/trading/azure/odds/container: 10.1.0.64/26",
        "prod/trading/azure/odds/host: 10.1.0.128/26",
    ];
    assert_eq!(lines, expect);
    assert!(fs::read_to_string(folder.join("zones.svg")).unwrap().starts_with("<svg "));
    domain(folder, "live", 8);
    polder(folder, &["zones", "--allocate"]).well();
    let more = fs::read_to_string(folder.join("addresses.yaml")).unwrap();
    assert!(given.lines().all(|line| more.lines().any(|other| other == line)), "{more}");
    let one = polder(folder, &["zones", "prod/trading"]).well();
    assert!(one.contains("dbw-prod-trading-odds: 40 nodes; host 10.1.0.128/26, container 10.1.0.64/26"), "{one}");
    assert_eq!(polder(folder, &["zones", "stg"]).code, 4);
}

#[test]
fn what_does_not_fit_is_refused_by_every_command_and_nothing_is_written() {
    let folder = mesh();
    let folder = folder.path();
    polder(folder, &["zones", "--allocate"]).well();
    domain(folder, "odds", 100);
    for command in [&["validate"][..], &["plan"], &["zones", "--allocate"], &["export", "terraform", "--out", "tf"]] {
        let said = polder(folder, command);
        assert!(said.code == 2 && said.all().contains("declare at most 59 nodes instead of 100"), "{command:?}: {}", said.all());
        assert!(said.all().contains("domains/odds/domain.yaml:1:1"), "{command:?}: {}", said.all());
    }
    assert!(!folder.join("tf").exists());
}

#[test]
fn a_merge_that_gives_out_the_same_twice_is_told_at_its_line() {
    let folder = mesh();
    let folder = folder.path();
    polder(folder, &["zones", "--allocate"]).well();
    let mut given = fs::read_to_string(folder.join("addresses.yaml")).unwrap();
    given.push_str("dev/other/azure#1: 10.0.0.0/25\n");
    fs::write(folder.join("addresses.yaml"), given).unwrap();
    let said = polder(folder, &["validate"]);
    assert!(said.code == 2 && said.stdout.contains("addresses.yaml:11:1"), "{}", said.all());
    assert!(
        said.stdout.contains("dev/other/azure#1 has 10.0.0.0/25, which overlaps that of dev/trading/azure#1"),
        "{}",
        said.all()
    );
}

#[test]
fn a_department_that_is_renamed_is_told_with_the_addresses_that_it_leaves() {
    let folder = mesh();
    let folder = folder.path();
    domain(folder, "live", 8);
    polder(folder, &["zones", "--allocate"]).well();
    // A domain less: what the others have stays, and nothing is lacking.
    fs::remove_dir_all(folder.join("domains/live")).unwrap();
    let said = polder(folder, &["validate"]);
    for told in ["addresses.yaml:5:1", "nothing is declared that has the 2 addresses of dev/trading/azure/live"] {
        assert!(said.code == 0 && said.all().contains(told), "{told}: {}", said.all());
    }
    edit(folder, "polder.yaml", "departments: [trading]", "departments: [odds_making]");
    edit(folder, "domains/odds/domain.yaml", "department: trading", "department: odds_making");
    let said = polder(folder, &["zones"]);
    let told = "nothing is declared that has the 6 addresses of prod/trading/azure";
    assert!(said.code == 0 && said.all().contains(told) && said.all().contains("is made anew"), "{}", said.all());
}

#[test]
fn an_export_is_not_written_among_the_meshs_own_files_and_addresses_outside_their_ranges_are_told() {
    let folder = mesh();
    let folder = folder.path();
    polder(folder, &["zones", "--allocate"]).well();
    for out in ["domains", "domains/odds/tf", ".", "access/../policies", ".polder"] {
        let said = polder(folder, &["export", "terraform", "--out", out]);
        assert!(said.code == 2 && said.stderr.contains("holds the mesh itself"), "{out}: {}", said.all());
    }
    assert!(!folder.join("domains/odds/tf").exists() && !folder.join("README.md").exists());
    edit(folder, "polder.yaml", "dev: 10.0.0.0/16", "dev: 10.2.0.0/16");
    let said = polder(folder, &["validate"]);
    let told = "dev/trading/azure#1 has 10.0.0.0/24, which is in none of the ranges of dev";
    assert!(said.code == 0 && said.stdout.contains("addresses.yaml:3:1") && said.stdout.contains(told), "{}", said.all());
}

#[test]
fn tables_are_in_the_storage_that_is_laid_out_for_them() {
    let folder = mesh();
    let folder = folder.path();
    edit(
        folder,
        "polder.yaml",
        "providers: {azure: {region: westeurope}}",
        "providers: {azure: {region: westeurope, store: zones}}",
    );
    for (name, usage) in [("prices", "analytics"), ("old_prices", "archive")] {
        let text = format!(
            "entityName: {name}\nentityVersion: v1\nusage: {{pattern: {usage}}}\ncoldStorage: {{location: {{bucket: prices}}}}\ncolumns: \
             [{{name: id, type: bigint}}]\n"
        );
        write(folder, &format!("domains/odds/datasets/{name}.yaml"), &text);
    }
    let zones: serde_json::Value = serde_json::from_str(&polder(folder, &["zones", "-o", "json"]).well()).unwrap();
    let tenants = zones["layout"]["tenants"].as_array().unwrap();
    let dev = tenants.iter().flat_map(|tenant| tenant["zones"].as_array().unwrap()).find(|zone| zone["environment"] == "dev");
    let storage = dev.unwrap()["domains"][0]["storage"].as_array().unwrap();
    let mut names: Vec<&str> = storage.iter().map(|storage| storage["item"]["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names.len(), 3, "the home, and one for each way to store the bucket: {names:?}");
    let plan: serde_json::Value = serde_json::from_str(&polder(folder, &["plan", "-e", "dev", "-o", "json"]).well()).unwrap();
    let changes = plan["changes"].as_array().unwrap().iter().filter_map(|change| change["address"].as_str());
    let buckets: Vec<&str> = changes.filter_map(|address| address.strip_prefix("bucket:azure/")).collect();
    assert_eq!(buckets, names);
    let text = plan.to_string();
    assert!(!text.contains("dev-prices") && !text.contains("dev_prices"), "nothing is where it would be without landing zones");
}

#[test]
fn an_environment_is_exported_as_terraform_and_others_files_stay() {
    let folder = mesh();
    let folder = folder.path();
    let early = polder(folder, &["export", "terraform", "--out", "tf"]);
    assert!(early.code == 2 && early.stderr.contains("`polder zones --allocate` gives them out"), "{}", early.all());
    assert!(!folder.join("tf").exists());
    polder(folder, &["zones", "--allocate"]).well();
    let first = polder(folder, &["export", "terraform", "--out", "tf"]).well();
    assert!(first.ends_with("files written, 0 removed, 0 as they were\n"), "{first}");
    write(folder, "tf/landing/trading-azure/terraform.tfvars", "subscription_id = \"1\"\n");
    let again = polder(folder, &["export", "terraform", "--out", "tf", "--output", "json"]).well();
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!((again["written"].as_array().map(Vec::len), &again["environment"]), (Some(0), &"dev".into()), "{again}");
    assert_eq!(polder(folder, &["export", "terraform", "-e", "prod", "--out", "tf"]).code, 6);
    assert_eq!(polder(folder, &["export", "terraform", "-e", "stg", "--out", "tf2"]).code, 4);
    fs::remove_dir_all(folder.join("domains/odds")).unwrap();
    domain(folder, "live", 4);
    polder(folder, &["zones", "--allocate"]).well();
    let moved = polder(folder, &["export", "terraform", "--out", "tf"]).well();
    assert!(moved.contains("forgets what it made, and destroys nothing: landing/trading-azure/domain_odds.tf.json"), "{moved}");
    assert!(moved.contains("removed workspaces/trading-azure-odds/main.tf.json"), "{moved}");
    assert!(folder.join("tf/landing/trading-azure/terraform.tfvars").exists());
}
