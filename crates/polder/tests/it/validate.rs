//! Faults: all at once, in a form that programs can read.

use insta::assert_snapshot;

use crate::support::{edit, polder, starter, write};

#[test]
fn every_fault_of_every_file_is_shown_with_its_place() {
    let folder = starter();
    let folder = folder.path();
    edit(folder, "domains/sales/datasets/orders.yaml", "type: bigint", "type: bigintt");
    edit(folder, "domains/sales/jobs/load_orders.yaml", "badRows: quarantine", "badRow: quarantine");
    edit(folder, "domains/sales/jobs/daily_revenue.sql", "sum(amount)", "sum(amout)");
    write(folder, "access/more.yaml", "grants: [\n");
    let said = polder(folder, &["validate"]);
    assert_snapshot!(said.all(), @r#"
    exit 2
    --- stdout
    access/more.yaml:1:10: error: this is not YAML: while parsing a node, did not find expected node content
        help: check the indentation and the quotes of this line and the one before it
    domains/sales/datasets/orders.yaml:14:28: error: there is no type "bigintt"
        help: did you mean 'bigint'?
    domains/sales/jobs/daily_revenue.sql:2:56: error: there is no column "amout"
        help: did you mean "amount"?
    domains/sales/jobs/load_orders.yaml:8:1: warning: there is no key 'badRow' here
        help: did you mean 'badRows'?
    3 errors, 1 warning
    --- stderr
    "#);
}

#[test]
fn a_plan_of_a_mesh_with_faults_shows_them_and_ends_as_invalid() {
    let folder = starter();
    edit(folder.path(), "domains/sales/domain.yaml", "department: commerce", "department: comerce");
    let said = polder(folder.path(), &["plan"]);
    assert_snapshot!(said.all(), @"
    exit 2
    --- stdout
    --- stderr
    domains/sales/domain.yaml:2:13: error: there is no department 'comerce'
        help: did you mean 'commerce'?
    1 error
    error: the mesh has 1 fault
    ");
}

#[test]
fn faults_come_as_json_too() {
    let folder = starter();
    edit(folder.path(), "domains/sales/domain.yaml", "department: commerce", "department: comerce");
    let said = polder(folder.path(), &["validate", "--output", "json"]);
    assert_eq!(said.code, 2);
    let json: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let fault = &json["faults"][0];
    assert_eq!((&fault["file"], &fault["line"]), (&"domains/sales/domain.yaml".into(), &2.into()));
}

#[test]
fn schemas_are_json_schemas() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["polder", "domain", "dataset", "job", "share", "access"] {
        let schema: serde_json::Value = serde_json::from_str(&polder(folder.path(), &["schema", kind]).well()).unwrap();
        assert!(schema["$schema"].is_string(), "{kind}");
    }
}
