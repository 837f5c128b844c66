//! Other ways out, on the command line: bundles, contracts and back, agreements.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{polder, write};

const ORDERS: &str = "\
entityName: orders
entityVersion: v1
description: \"orders ${ of } the shop\"
columns:
  - {name: id, type: bigint}
  - {name: email, type: string, tags: [pii], mask: hash}
checks: [{unique: [id]}]
";

fn mesh() -> TempDir {
    let folder = TempDir::new().unwrap();
    let polder = "organization: Shop\ntenants: [nonprod, production]\nenvironments: [{name: dev, tenant: nonprod}, {name: prod, tenant: production, production: true}]\n\
                  departments: [d]\ngroups: [{name: owners}, {name: analysts}]\n";
    write(folder.path(), "polder.yaml", polder);
    write(folder.path(), "domains/sales/domain.yaml", "{department: d, owner: owners, servicePrincipals: [sales_jobs]}\n");
    write(folder.path(), "domains/sales/datasets/orders.yaml", &ORDERS.replace("${", "$${"));
    write(
        folder.path(),
        "domains/sales/datasets/best.yaml",
        "{entityName: best, entityVersion: v1, columns: [{name: id, type: bigint}]}\n",
    );
    let job = "name: best\nsources: [{domain: sales, name: orders, version: v1}]\nsink: {domain: sales, name: best, version: v1}\nframework: {kind: sql}\n";
    write(folder.path(), "domains/sales/jobs/best.yaml", job);
    write(folder.path(), "domains/sales/jobs/best.sql", "select id from orders\n");
    write(
        folder.path(),
        "access/all.yaml",
        "grants: [{to: analysts, dataset: sales/orders/v1, level: regular, reason: reports}]\n",
    );
    folder
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn a_domain_is_a_bundle_and_others_files_stay() {
    let folder = mesh();
    let folder = folder.path();
    let first = polder(folder, &["export", "bundle", "--domain", "sales", "--out", "out"]).well();
    assert!(first.ends_with("sales in dev, prod: 5 files written, 0 removed, 0 as they were\n"), "{first}");
    assert!(read(folder, "out/sql/best.sql").contains("INSERT OVERWRITE IDENTIFIER(:sink) BY NAME"));
    assert!(read(folder, "out/resources/jobs.yml").contains("`${bundle.target}_sales`.`bronze`.`best_v1`"));
    write(folder, "out/own/hosts.yml", "targets: {}\n");
    write(folder, "domains/sales/jobs/best.sql", "select id / 2 as id from orders\n");
    let second = polder(folder, &["export", "bundle", "--domain", "sales", "--out", "out"]);
    assert!(second.stdout.contains("not exported: the job sales/best: its query has a division"), "{}", second.all());
    assert!(second.stdout.contains("removed sql/best.sql"), "{}", second.all());
    assert_eq!(read(folder, "out/own/hosts.yml"), "targets: {}\n");
    let terraform = polder(folder, &["export", "access", "--out", "out"]);
    assert!(terraform.code == 6 && terraform.stderr.contains("holds an export of the bundle of sales"), "{}", terraform.all());
    assert_eq!(polder(folder, &["export", "bundle", "--domain", "other", "--out", "other"]).code, 4);
    assert!(!folder.join("other").exists());
}

#[test]
fn a_contract_goes_out_and_comes_back() {
    let folder = mesh();
    let folder = folder.path();
    let shown = polder(folder, &["export", "contract", "sales/orders/v1"]).well();
    polder(folder, &["export", "contract", "sales/orders/v1", "--out", "c/orders.yaml"]).well();
    assert_eq!(read(folder, "c/orders.yaml"), shown);
    let there = polder(folder, &["import", "contract", "c/orders.yaml"]);
    assert!(there.code == 6 && there.stderr.contains("domains/sales/datasets/orders.yaml is there already"), "{}", there.all());
    fs::remove_file(folder.join("domains/sales/datasets/orders.yaml")).unwrap();
    // What jobs and grants name is missed, and is back.
    assert_eq!(polder(folder, &["validate"]).code, 2);
    let back = polder(folder, &["import", "contract", "c/orders.yaml"]);
    assert_eq!(back.code, 0, "{}", back.all());
    polder(folder, &["validate"]).well();
    assert!(back.stdout.contains("roles: access is granted in access/*.yaml"), "{}", back.all());
    let again = polder(folder, &["export", "contract", "sales/orders/v1"]).well();
    let but_roles = |text: &str| {
        let (before, after) =
            text.split_once("roles:").map_or((text, ""), |(before, rest)| (before, rest.split_once("schema:").unwrap().1));
        if after.is_empty() { before.to_owned() } else { format!("{before}schema:{after}") }
    };
    assert_eq!(but_roles(&again), but_roles(&shown));
    // A file that is another's is left alone.
    write(folder, "notes.yaml", "mine\n");
    assert_eq!(polder(folder, &["export", "contract", "sales/orders/v1", "--out", "notes.yaml"]).code, 6);
    assert_eq!(read(folder, "notes.yaml"), "mine\n");
}

#[test]
fn a_contract_that_would_break_the_mesh_is_told_and_not_written() {
    let folder = mesh();
    let folder = folder.path();
    let contract = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: v1\nstatus: active\ndomain: sales\nschema:\n  - name: parcels\n    properties:\n      - {name: id, logicalType: integer}\n";
    write(folder, "bad.yaml", &contract.replace("domain: sales", "domain: nowhere"));
    let refused = polder(folder, &["import", "contract", "bad.yaml"]);
    assert_eq!(refused.code, 2, "{}", refused.all());
    assert!(!folder.join("domains/nowhere").exists(), "{}", refused.all());
    write(folder, "old.yaml", &contract.replace("v3.1.0", "v2.2.2"));
    let old = polder(folder, &["import", "contract", "old.yaml"]);
    assert!(old.code == 2 && old.stderr.contains("old.yaml:1:"), "{}", old.all());
    assert_eq!(polder(folder, &["import", "contract", "none.yaml"]).code, 2);
    write(folder, "good.yaml", contract);
    polder(folder, &["import", "contract", "good.yaml"]).well();
    assert!(read(folder, "domains/sales/datasets/parcels.yaml").contains("entityName: parcels"));
    polder(folder, &["validate"]).well();
}

#[test]
fn agreements_keep_the_day_they_began() {
    let folder = mesh();
    let folder = folder.path();
    polder(folder, &["export", "access", "--out", "gov"]).well();
    let path = "gov/agreements/sales/bronze.orders_v1/analysts.yaml";
    let text = read(folder, path);
    assert!(text.contains("purpose: reports") && text.contains("dataContractId: sales-orders-v1"), "{text}");
    let (_, day) = text.split_once("startDate: \"").or_else(|| text.split_once("startDate: ")).unwrap();
    write(folder, path, &text.replace(&day[..10], "2020-02-03"));
    let again = polder(folder, &["export", "access", "--out", "gov", "--output", "json"]).well();
    assert!(again.contains("\"written\": []"), "{again}");
    assert!(read(folder, path).contains("2020-02-03"));
    write(folder, "access/all.yaml", "grants: []\n");
    polder(folder, &["export", "access", "--out", "gov"]).well();
    assert!(!folder.join(path).exists() && folder.join("gov/access.md").exists());
}
