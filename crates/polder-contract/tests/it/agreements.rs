//! Who may read what, as documents and as a page.

use chrono::NaiveDate;
use polder_contract::agreements::{self, Agreements, Asked};
use polder_descriptor::yaml;
use serde_json::{Value, json};

use crate::support::{FILE, mesh};

const CUSTOMER: &str = "\
entityName: customer
entityVersion: v1
description: \"people | <b>of</b> [all](http://x) kinds\"
columns:
  - {name: id, type: bigint}
  - {name: email, type: string, tags: [pii], mask: hash}
  - {name: country, type: string}
rowFilters: [{group: analysts, where: \"country = 'NL' | `x`\"}]
";
const SCANS: &str = "type: volume\nentityName: scans\nentityVersion: v1\n";
const ACCESS: &str = "\
grants:
  - {to: analysts, dataset: finance/customer/v1, level: regular, reason: \"reports *of* the | home market\"}
  - {to: stewards, on: finance, level: pii, reason: they answer requests}
  - {to: deployer, on: finance.bronze, privileges: [SELECT]}
  - {to: deployer, on: metastore, privileges: [MANAGE], reason: it applies}
  - {to: owners, on: finance, level: pii}
";
const ON_REQUEST: &str = "\
grants:
  - {to: deployer, on: finance.bronze.customer_v1, level: pii, environment: dev, until: 2026-12-21T00:00:00Z, request: 0192f0c1-2222-7333-8444-555555555555, reason: churn model}
  - {to: analysts, on: finance.bronze.customer_v1, level: pii, environment: prod, until: 2026-12-21T00:00:00Z, request: 0192f0c1-2222-7333-8444-666666666666}
  - {to: analysts, on: finance.bronze.customer_v1, level: pii, until: 2026-01-21T00:00:00Z, request: 0192f0c1-2222-7333-8444-777777777777}
";

fn exported(since: &dyn Fn(&str) -> Option<NaiveDate>, changes: &[(&str, &str)]) -> Agreements {
    let base = [
        (FILE, CUSTOMER),
        ("domains/finance/datasets/scans.yaml", SCANS),
        ("access/all.yaml", ACCESS),
        ("access/granted-dev.yaml", ON_REQUEST),
    ];
    let kept = base.iter().filter(|(path, _)| changes.iter().all(|(changed, _)| changed != path));
    let files: Vec<(&str, &str)> = kept.chain(changes).copied().collect();
    let (mesh, faults) = mesh(&files);
    assert!(!faults.iter().any(polder_descriptor::Fault::is_error), "{faults:#?}");
    let dev = "dev".parse().unwrap();
    let (desired, _) = mesh.lower(&dev, &|_| None);
    let grants = mesh.grants(&dev, &|_| None);
    let now = "2026-11-23T12:00:00Z".parse().unwrap();
    agreements::export(Asked { desired: &desired, grants: &grants, now, since }).unwrap()
}

fn document(agreements: &Agreements, path: &str) -> Value {
    let text = agreements.files.get(path).unwrap_or_else(|| panic!("no {path} among {:#?}", agreements.files.keys()));
    let (tree, faults) = yaml::read(&path.into(), text.as_bytes());
    assert_eq!(faults, []);
    tree.unwrap().to_json()
}

#[test]
fn each_who_was_granted_reading_and_may_has_an_agreement_and_nobody_else() {
    let agreements = exported(&|_| None, &[]);
    let paths: Vec<&str> = agreements.files.keys().map(String::as_str).collect();
    // Owners and the domain's own programs are no consumers; SELECT without a way to it gives nothing; a prod record is not of dev.
    let expect = [
        "access.md",
        "agreements/finance/bronze.customer_v1/analysts.yaml",
        "agreements/finance/bronze.customer_v1/deployer~0192f0c1-2222-7333-8444-555555555555.yaml",
        "agreements/finance/bronze.customer_v1/stewards.yaml",
        "agreements/finance/bronze.scans_v1/stewards.yaml",
    ];
    assert_eq!(paths, expect);
    assert_eq!(agreements.held_back, ["analysts on finance.bronze.customer_v1 ended 2026-01-21: access/granted-dev.yaml:4"]);
}

#[test]
fn a_document_says_who_what_why_and_in_what_form() {
    let known = |id: &str| (id == "dev-finance.bronze.customer_v1-analysts").then(|| "2026-02-03".parse().unwrap());
    let agreements = exported(&known, &[]);
    let analysts = document(&agreements, "agreements/finance/bronze.customer_v1/analysts.yaml");
    let expect = json!({
        "dataUsageAgreementSpecification": "0.0.1",
        "id": "dev-finance.bronze.customer_v1-analysts",
        "info": {"purpose": "reports *of* the | home market", "status": "approved", "active": true, "startDate": "2026-02-03"},
        "provider": {
            "teamId": "owners", "dataProductId": "finance/customer/v1", "outputPortId": "finance.bronze.customer_v1",
            "dataContractId": "finance-customer-v1",
        },
        "consumer": {"teamId": "analysts"},
        "tags": ["regular"],
        "custom": {
            "environment": "dev", "consumerKind": "group", "level": "regular", "masked": [{"column": "email", "mask": "hash"}],
            "rowsWhere": ["country = 'NL' | `x`"], "grants": ["access/all.yaml:2"],
        },
    });
    assert_eq!(analysts, expect);
    let on_request =
        document(&agreements, "agreements/finance/bronze.customer_v1/deployer~0192f0c1-2222-7333-8444-555555555555.yaml");
    let info = json!({"purpose": "churn model", "status": "approved", "active": true, "startDate": "2026-11-23", "endDate": "2026-12-21"});
    assert_eq!((&on_request["info"], &on_request["consumer"]), (&info, &json!({"userId": "deployer"})));
    assert_eq!((&on_request["custom"]["level"], &on_request["custom"]["rowsWhere"]), (&json!("pii"), &json!([])));
    let stewards = document(&agreements, "agreements/finance/bronze.customer_v1/stewards.yaml");
    assert_eq!((&stewards["custom"]["masked"], &stewards["tags"]), (&Value::Null, &json!(["pii"])));
}

#[test]
fn a_grant_without_a_reason_is_told() {
    let agreements = exported(&|_| None, &[("access/all.yaml", &ACCESS.replace(", reason: they answer requests", ""))]);
    assert!(agreements.held_back.contains(&"the purpose of 2 of 4 agreements: write a reason with their grants".to_owned()));
    let stewards = document(&agreements, "agreements/finance/bronze.scans_v1/stewards.yaml");
    assert_eq!(stewards["info"]["purpose"], "no purpose is written with the grant");
}

#[test]
fn a_guardrail_that_forbids_reading_ends_the_agreement() {
    let policy = "forbid (principal in Polder::Group::\"stewards\", action == Polder::Action::\"read\", resource);";
    let agreements = exported(&|_| None, &[("policies/no_stewards.cedar", policy)]);
    assert!(!agreements.files.contains_key("agreements/finance/bronze.customer_v1/stewards.yaml"));
    assert!(
        agreements.files.contains_key("agreements/finance/bronze.scans_v1/stewards.yaml"),
        "files of volumes are not read rows"
    );
}

#[test]
fn the_page_lists_them_and_its_words_are_words() {
    let page = exported(&|_| None, &[]).files["access.md"].clone();
    let lines = [
        "# Who may read what in dev of Contoso",
        "## `finance.bronze.customer_v1`",
        "Of `owners`. people \\| \\<b\\>of\\</b\\> \\[all\\]\\(http\\://x\\) kinds",
        "| group `analysts` | all columns, masked: email \\(hash\\) | `` country = 'NL' \\| `x` `` | reports \\*of\\* the \\| home market | until it is taken away |",
        "| service principal `deployer` | personal data in clear | none | churn model | 2026-12-21 |",
        "| group `stewards` | personal data in clear | none | they answer requests | until it is taken away |",
    ];
    for line in lines {
        assert!(page.lines().any(|other| other == line), "{line}\n{page}");
    }
}
