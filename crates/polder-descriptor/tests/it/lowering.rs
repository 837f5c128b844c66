//! What becomes of descriptors: every kind of resource, with where it came from.

use std::collections::BTreeSet;

use polder_descriptor::{File, parse, starter};
use polder_model::check::CheckRule;
use polder_model::{Kind, Resource};

use crate::support::{ACCESS_FILE, CUSTOMER, DATASET_FILE, JOB_FILE, declared, job, lines, lower, read, table};

#[test]
fn every_kind_of_resource_comes_from_a_descriptor() {
    let desired = lower(
        &[
            (
                "domains/finance/datasets/v.yaml",
                "type: view\nentityName: v\nentityVersion: v1\nquery: v.sql\ncolumns: [{name: a, type: int}]\n",
            ),
            ("domains/finance/datasets/v.sql", "select 1 as a"),
            ("domains/finance/datasets/f.yaml", "type: volume\nentityName: f\nentityVersion: v1\n"),
            ("policies/no-friday.cedar", "forbid(principal, action, resource);"),
            (
                JOB_FILE,
                "name: load\nframework: {kind: ingest}\nfrom: {files: a/*.csv}\nsink: {domain: finance, name: customer, version: v1}\n",
            ),
        ],
        "dev",
    );
    let kinds: BTreeSet<Kind> = desired.resources.keys().map(polder_model::Address::kind).collect();
    assert_eq!(kinds, BTreeSet::from(Kind::ALL));
    assert!(desired.resources.iter().all(|(address, declared)| *address == declared.resource.address()));
    assert_eq!(declared(&desired, "table:finance.bronze.customer_v1").origin.to_string(), format!("{DATASET_FILE}:2:13"));
    assert!(matches!(&declared(&desired, "view:finance.bronze.v_v1").resource, Resource::View(v) if v.sql == "select 1 as a"));
    assert!(matches!(&declared(&desired, "policy:no-friday").resource, Resource::Policy(p) if p.text.starts_with("forbid")));
    assert!(!desired.production && desired.tenant.as_str() == "nonprod");
}

#[test]
fn a_level_is_all_that_reading_needs_and_grants_of_one_pair_are_one() {
    let text = "grants:\n  - {to: analysts, on: finance.bronze.customer_v1, level: pii}\n  - {to: analysts, dataset: finance/customer/v1, privileges: [MODIFY]}\n";
    let desired = lower(&[(ACCESS_FILE, text)], "dev");
    let privileges = |address: &str| match &declared(&desired, address).resource {
        Resource::Grant(grant) => grant.privileges.iter().map(|p| p.as_str()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(privileges("grant:table:finance.bronze.customer_v1:analysts"), ["SELECT", "MODIFY", "BROWSE", "READ PII"]);
    assert_eq!(privileges("grant:schema:finance.bronze:analysts"), ["USE SCHEMA"]);
    assert_eq!(privileges("grant:catalog:finance:analysts"), ["USE CATALOG"]);
    assert_eq!(privileges("grant:catalog:finance:finance_jobs"), ["READ PII", "ALL PRIVILEGES"]);
}

#[test]
fn a_choice_of_provider_follows_the_domain_then_the_organization() {
    let free = CUSTOMER.replace("provider: aws", "provider: azure | aws");
    let bound = CUSTOMER.replace("provider: aws", "provider: azure").replace("entityName: customer", "entityName: bound");
    let alone = lower(&[(DATASET_FILE, &free)], "dev");
    assert_eq!(
        table(&alone, "finance.bronze.customer_v1").placement_reason,
        "azure or aws will do: aws, the first of those in the organization's order"
    );
    let together = lower(&[(DATASET_FILE, &free), ("domains/finance/datasets/b.yaml", &bound)], "dev");
    let placed = table(&together, "finance.bronze.customer_v1");
    assert_eq!(placed.placement_reason, "azure or aws will do: azure, where finance/bound/v1 of the same domain is");
    assert_eq!(placed.location.provider.as_str(), "azure");
    assert_eq!(table(&together, "finance.bronze.bound_v1").placement_reason, "");
}

#[test]
fn rows_that_do_not_fit_get_a_table_that_hides_what_the_sink_hides() {
    let text = "name: load\nframework: {kind: ingest}\nfrom: {files: a/*.csv}\nsink: {domain: finance, name: customer, version: v1}\nbadRows: quarantine\n";
    let grant = "grants: [{to: analysts, on: finance.bronze.customer_v1_quarantine, level: regular}]\n";
    let desired = lower(&[(JOB_FILE, text), (ACCESS_FILE, grant)], "dev");
    let quarantine = table(&desired, "finance.bronze.customer_v1_quarantine");
    let columns: Vec<_> = quarantine.columns.iter().map(|c| format!("{}:{}:{}", c.name, c.data_type, c.is_pii())).collect();
    assert_eq!(
        columns,
        ["reason:string:true", "file:string:false", "line:bigint:false", "row:string:true", "loaded_at:timestamp:false"]
    );
    assert_eq!(quarantine.location.to_string(), "aws/dev-finance/bronze/customer_v1_quarantine");
    assert_eq!(declared(&desired, "table:finance.bronze.customer_v1_quarantine").origin.to_string(), format!("{JOB_FILE}:1:7"));
    assert_eq!(job(&desired, "finance/load").run_as.as_ref().unwrap().as_str(), "finance_jobs");
}

#[test]
fn checks_have_names_of_their_own() {
    let text = format!(
        "{CUSTOMER}checks: [{{unique: [id]}}, {{range: {{column: id, min: 1}}}}, {{range: {{column: id, max: 9}}}}, {{name: fresh, rowCount: {{min: 1}}}}, {{accepted: {{column: fullName, values: [no, 1e3]}}}}]\n"
    );
    let desired = lower(&[(DATASET_FILE, &text)], "dev");
    let checks = &table(&desired, "finance.bronze.customer_v1").checks;
    assert_eq!(
        checks.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(),
        ["unique_id", "range_id", "range_id_2", "fresh", "accepted_fullName"]
    );
    let values = vec!["no".to_owned(), "1e3".to_owned()];
    assert_eq!(checks[4].rule, CheckRule::Accepted { column: "fullName".to_owned(), values });
}

#[test]
fn the_starter_has_no_fault_in_any_environment() {
    for organization in ["Contoso", "No: \"1\" & ${co} #"] {
        let files = starter(organization).into_iter().map(|(path, text)| File { path: path.into(), bytes: text.into_bytes() });
        let (mesh, faults) = parse(files.collect());
        assert_eq!(lines(&faults), Vec::<String>::new());
        for environment in mesh.environments() {
            let (desired, faults) = mesh.lower(&environment.name, &|_| None);
            assert_eq!(lines(&faults), Vec::<String>::new());
            assert_eq!((desired.production, desired.resources.len()), (environment.production, 24));
        }
    }
}

#[test]
fn a_value_can_be_located_for_faults_found_elsewhere() {
    let (mesh, _) = read(&[]);
    let (origin, length) = mesh.locate(DATASET_FILE, &["columns", "fullname"]).unwrap();
    assert_eq!((origin.to_string(), length), (format!("{DATASET_FILE}:7:12"), 8));
    assert_eq!(mesh.locate(DATASET_FILE, &["columns", "none"]), None);
}
