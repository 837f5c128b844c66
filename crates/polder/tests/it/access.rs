//! `polder access`: from the refusal to the file in the repository, each as whom it concerns.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{Said, polder, write};

const TABLE: &str = "finance.bronze.customer_v1";

fn mesh() -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, text) in [
        (
            "polder.yaml",
            "organization: Contoso\ntenants: [{name: main, server: {access: {dataProtection: protection}}}]\n\
             environments: [{name: dev, tenant: main}]\ndepartments: [money]\nusers: [olga, pia, ana, bob]\n\
             groups: [{name: owners, members: [olga]}, {name: protection, members: [pia]}, {name: analysts, members: [ana]}]\n",
        ),
        ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
        (
            "domains/finance/datasets/customer.yaml",
            "{entityName: customer, entityVersion: v1, columns: [{name: id, type: bigint}, {name: name, type: string, tags: [pii]}]}\n",
        ),
        (
            "domains/finance/jobs/load.yaml",
            "{name: load, framework: {kind: ingest}, from: {files: 'landing/*.csv'}, sink: {domain: finance, name: customer, version: v1}}\n",
        ),
        ("access/finance.yaml", "grants: [{to: analysts, on: finance, privileges: [BROWSE]}]\n"),
        ("landing/customers.csv", "id,name\n1,Eva\n2,Tom\n"),
    ] {
        write(folder.path(), path, text);
    }
    polder(folder.path(), &["apply", "--yes"]).well();
    polder(folder.path(), &["run", "--all"]).well();
    folder
}

fn query(folder: &TempDir, who: &str) -> Said {
    polder(folder.path(), &["query", "--as", who, "--output", "csv", &format!("select name from {TABLE} order by id")])
}

fn ask(folder: &TempDir, level: &str) -> String {
    let args = ["access", "request", TABLE, "--purpose", "churn model", "--level", level, "--days", "20"];
    let made = polder(folder.path(), &[&args[..], &["--as", "ana", "--output", "json"]].concat()).well();
    serde_json::from_str::<Value>(&made).unwrap()["id"].as_str().unwrap().to_owned()
}

fn act(folder: &TempDir, who: &str, act: &str, id: &str) -> Said {
    polder(folder.path(), &["access", act, id, "--as", who, "--comment", "as agreed"])
}

#[test]
fn access_is_asked_for_decided_on_used_exported_and_revoked() {
    let folder = mesh();
    assert_eq!(query(&folder, "ana").code, 5);
    let regular = ask(&folder, "regular");
    assert_eq!(act(&folder, "ana", "approve", &regular).code, 5);
    assert_eq!(act(&folder, "bob", "approve", &regular).code, 4);
    let to_decide = polder(folder.path(), &["access", "list", "--to-decide", "--as", "olga"]).well();
    assert!(to_decide.contains(&regular) && to_decide.contains("approve, reject"), "{to_decide}");
    let approved = act(&folder, "olga", "approve", &regular).well();
    assert!(approved.contains("state       provisioned\n"), "{approved}");
    assert_eq!(act(&folder, "olga", "approve", &regular).code, 6);
    assert_eq!(query(&folder, "ana").well(), "name\n***\n***\n");

    let pii = ask(&folder, "pii");
    act(&folder, "olga", "approve", &pii).well();
    assert_eq!(query(&folder, "ana").well(), "name\n***\n***\n");
    act(&folder, "pia", "approve", &pii).well();
    assert_eq!(query(&folder, "ana").well(), "name\nEva\nTom\n");
    let shown = polder(folder.path(), &["access", "show", &pii, "--as", "ana"]).well();
    for line in
        ["purpose     churn model\n", "approved    [time] by olga: as agreed\n", "history     [time] provisioned by itself\n"]
    {
        assert!(shown.contains(line), "{line} is missing in\n{shown}");
    }

    let exported = polder(folder.path(), &["access", "export"]);
    assert_eq!((exported.code, exported.stderr.contains("2 given on request")), (0, true), "{}", exported.all());
    let text = fs::read_to_string(folder.path().join("access/granted-dev.yaml")).unwrap();
    assert!(text.contains(&regular) && text.contains(&pii), "{text}");
    polder(folder.path(), &["validate"]).well();
    let plan: Value = serde_json::from_str(&polder(folder.path(), &["plan", "--output", "json"]).well()).unwrap();
    assert_eq!(plan["steps"].as_array().map(Vec::len), Some(0), "{plan}");

    act(&folder, "olga", "revoke", &pii).well();
    assert_eq!(query(&folder, "ana").well(), "name\n***\n***\n");
    act(&folder, "ana", "revoke", &regular).well();
    assert_eq!(query(&folder, "ana").code, 5);
    let listed = polder(folder.path(), &["access", "list", "--mine", "--state", "revoked", "--as", "ana"]).well();
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert_eq!(polder(folder.path(), &["access", "export", "--as", "ana", "--stdout"]).code, 5);
    let nothing = polder(folder.path(), &["access", "export", "--stdout"]).well();
    assert!(nothing.ends_with("grants: []\n"), "{nothing}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let folder = mesh();
    let ask = |who: &str, args: &[&str]| polder(folder.path(), &[&["access", "request", "--as", who][..], args].concat());
    assert_eq!(ask("ana", &[TABLE]).code, 2);
    assert_eq!(ask("ana", &[TABLE, "--purpose", " "]).code, 2);
    assert_eq!(ask("ana", &[TABLE, "--purpose", "x", "--days", "366"]).code, 2);
    assert_eq!(ask("ana", &[TABLE, "--purpose", "x", "--until", "2020-01-01"]).code, 2);
    assert_eq!(ask("ana", &[TABLE, "--purpose", "x", "--until", "tomorrow"]).code, 2);
    assert_eq!(ask("ana", &[TABLE, "--purpose", "x", "--for", "bob"]).code, 5);
    let (hidden, absent) = (ask("bob", &[TABLE, "--purpose", "x"]), ask("bob", &["finance.bronze.nothing_v1", "--purpose", "x"]));
    assert_eq!(hidden.code, 4);
    assert_eq!(hidden.all().replace(TABLE, "NAME"), absent.all().replace("finance.bronze.nothing_v1", "NAME"));
}
