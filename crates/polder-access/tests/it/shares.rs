//! What a share opens, to whom, in which form, and by whose rights.

use polder_access::{Caller, Decision, Determinant};
use polder_model::share::{Recipient, Share};
use polder_model::{Principal, PrincipalKind};

use crate::scene::authorizer;

const MESH: &str = "
    user ada
    service_principal partner
    service_principal clinic
    service_principal stranger
    group owners: ada
    group doctors: clinic
    catalog finance owned by owners
    schema finance.bronze owned by owners
    table finance.bronze.customer_v1 owned by owners: id, name!redact
    table finance.bronze.other_v1 owned by owners: id
    catalog health owned by doctors
    schema health.bronze owned by doctors
    table health.bronze.patient_v1 owned by doctors: id
    grant READ PII on table finance.bronze.customer_v1 to doctors
";

fn share(owner: &str, tables: &[&str]) -> Share {
    let recipient = |name: &str| Recipient { name: name.parse().unwrap(), networks: Vec::new() };
    Share {
        name: "partners".parse().unwrap(),
        domain: "finance".parse().unwrap(),
        owner: owner.parse().unwrap(),
        comment: String::new(),
        tables: tables.iter().map(|table| table.parse().unwrap()).collect(),
        recipients: vec![recipient("partner"), recipient("clinic")],
    }
}

fn decide(mesh: &str, who: &str, share: &Share, table: &str) -> Decision {
    let principal = Principal { kind: PrincipalKind::ServicePrincipal, name: who.parse().unwrap() };
    authorizer(mesh).authorize_shared(&Caller::new(principal), share, &table.parse().unwrap())
}

#[test]
fn a_share_opens_what_it_offers_to_those_it_names() {
    let share = share("owners", &["finance.bronze.customer_v1"]);
    let partner = decide(MESH, "partner", &share, "finance.bronze.customer_v1").permit().unwrap();
    assert_eq!(partner.column_rules().iter().map(|rule| rule.column.as_str()).collect::<Vec<_>>(), ["name"]);
    assert!(matches!(&partner.determined_by()[0], Determinant::Share { share, .. } if share == "partners"));
    // Who is granted more sees more.
    assert!(decide(MESH, "clinic", &share, "finance.bronze.customer_v1").permit().unwrap().is_whole());
    for (who, table) in [
        ("stranger", "finance.bronze.customer_v1"),
        ("ada", "finance.bronze.customer_v1"),
        ("nobody", "finance.bronze.customer_v1"),
        ("partner", "finance.bronze.other_v1"),
        ("partner", "finance.bronze.absent_v1"),
    ] {
        let denial = decide(MESH, who, &share, table).permit().unwrap_err();
        assert!(denial.hidden, "{who} {table}");
    }
}

#[test]
fn a_share_offers_no_more_than_its_owner_may_read() {
    let foreign = share("owners", &["health.bronze.patient_v1"]);
    assert!(!decide(MESH, "partner", &foreign, "health.bronze.patient_v1").is_allowed());
    let granted = format!(
        "{MESH}
        grant USE CATALOG on catalog health to owners
        grant USE SCHEMA on schema health.bronze to owners
        grant SELECT on table health.bronze.patient_v1 to owners"
    );
    assert!(decide(&granted, "partner", &foreign, "health.bronze.patient_v1").is_allowed());
}

#[test]
fn row_filters_and_guardrails_hold_in_a_share() {
    let share = share("owners", &["finance.bronze.customer_v1"]);
    let filtered = MESH.replace("table finance.bronze.other_v1", "filter doctors: id > 3\n    table finance.bronze.other_v1");
    let conditions = |who: &str| {
        let permit = decide(&filtered, who, &share, "finance.bronze.customer_v1").permit().unwrap();
        permit.row_conditions().map(<[String]>::to_vec)
    };
    assert_eq!(conditions("partner"), Some(vec![]));
    assert_eq!(conditions("clinic"), Some(vec!["id > 3".to_owned()]));
    let forbidden =
        format!("{MESH}\n    policy no_partner: forbid(principal == Polder::ServicePrincipal::\"partner\", action, resource);");
    assert!(!decide(&forbidden, "partner", &share, "finance.bronze.customer_v1").is_allowed());
    assert!(decide(&forbidden, "clinic", &share, "finance.bronze.customer_v1").is_allowed());
}
