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
    domains/sales/jobs/load_orders.yaml:8:1: error: there is no key 'badRow' here
        help: did you mean 'badRows'?
    4 errors
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

#[test]
fn what_validate_warns_of_a_plan_and_an_apply_warn_of_too() {
    let folder = starter();
    let folder = folder.path();
    edit(folder, "domains/sales/datasets/orders.yaml", "entityName: orders", "entityName: orders\ncolour: red");
    for args in [&["plan", "-o", "json"][..], &["apply", "--yes"]] {
        let said = polder(folder, args);
        assert_eq!(said.code, 0, "{}", said.all());
        let warned = said.stderr.contains("orders.yaml:") && said.stderr.contains("warning: there is no key 'colour' here");
        assert!(warned && said.stderr.contains("1 warning") && !said.stdout.contains("colour"), "{}", said.all());
    }
}

#[test]
fn guardrails_may_name_the_local_admin_and_forbid_something() {
    let folder = starter();
    let folder = folder.path();
    let keep_out = "forbid (principal == Polder::User::\"local\", action == Polder::Action::\"write\", resource);\n";
    write(folder, "policies/keep_out.cedar", keep_out);
    assert!(polder(folder, &["validate"]).well().starts_with("valid: "));
    write(folder, "policies/idle.cedar", "// forbid (principal, action, resource);\npermit (principal, action, resource);\n");
    assert_snapshot!(polder(folder, &["validate"]).all(), @r#"
    exit 0
    --- stdout
    policies/idle.cedar:1:1: warning: nothing in this file forbids anything, so it has no effect: what is permitted is for grants to say
        help: write a forbid statement, or grants in access/ and remove the file
    1 warning
    --- stderr
    "#);
}

#[test]
fn what_follows_from_a_fault_is_not_told_as_well() {
    let folder = starter();
    let folder = folder.path();
    let view = "type: view\nentityName: large\nentityVersion: v1\nsql: select order_id from sales.bronze.orders_v1\ncolumns: [{name: order_id, type: bigint}]\n";
    write(folder, "domains/sales/datasets/large.yaml", view);
    edit(folder, "domains/sales/datasets/orders.yaml", "entityVersion: v1", "entityVersion: one");
    assert_snapshot!(polder(folder, &["validate"]).all(), @r#"
    exit 2
    --- stdout
    domains/sales/datasets/orders.yaml:5:16: error: a version is 'v' and a number from 1 to 999999, such as 'v1', not "one"
    1 error
    --- stderr
    "#);

    let folder = starter();
    let query = folder.path().join("domains/sales/jobs/daily_revenue.sql");
    std::fs::write(query, b"select '\xff\xfe' as day").unwrap();
    assert_snapshot!(polder(folder.path(), &["validate"]).all(), @r#"
    exit 2
    --- stdout
    domains/sales/jobs/daily_revenue.sql:1:9: error: this file is not UTF-8: byte \xff at 8 begins no character
        help: save the file as UTF-8
    1 error
    --- stderr
    "#);
}

#[test]
fn what_names_files_is_a_glob() {
    let folder = crate::support::starter();
    crate::support::edit(folder.path(), "domains/sales/jobs/load_orders.yaml", "landing/orders/*.csv", "landing/[.csv");
    let said = polder(folder.path(), &["validate"]);
    assert_eq!(said.code, 2, "{}", said.all());
    let expect = "domains/sales/jobs/load_orders.yaml:5:15: error: \"landing/[.csv\" is not a glob: ";
    assert!(said.stdout.contains(expect) && said.stdout.contains("written [[]"), "{}", said.all());
}
