//! The demo from beginning to end, small.

use serde_json::Value;

use crate::support::{edit, exactly, polder};

const DOORS: [&str; 8] = [
    "query API",
    "Unity Catalog",
    "data as JSON",
    "look-up by key",
    "PostgreSQL",
    "Arrow Flight SQL",
    "Iceberg REST",
    "Delta Sharing",
];

#[test]
fn the_demo_shows_masked_clear_and_refused_and_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let said = polder(folder, &["demo", "--scale", "0.001"]).well();
    for part in ["C***************", "Customer#0000", "otto, an outsider", "skipped", "Try next"] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    for door in DOORS {
        let lines = said.lines().filter(|line| line.starts_with(&format!("{door}  ")));
        assert_eq!(lines.count(), 1, "a line for {door} in\n{said}");
    }

    let mesh = folder.join("polder-demo");
    let said = polder(&mesh, &["query", "select count(*) as n from ecommerce.bronze.orders_v2", "-o", "csv", "--as", "ana"]);
    assert_eq!(said.well(), "n\n1500\n");
    let said = polder(&mesh, &["ls", "--as", "otto"]).well();
    assert_eq!(said, "there is nothing here that you may see\n");
    let said = polder(&mesh, &["validate"]).well();
    assert!(said.starts_with("valid: "), "{said}");
    let plan = polder(&mesh, &["plan", "-e", "prod", "--as", "platform_deployer"]).well();
    assert!(plan.contains("most_spending_customers"), "{plan}");

    let again = polder(folder, &["demo", "--scale", "0.001"]).well();
    assert!(again.contains("there already"), "{again}");
    assert_eq!(polder(folder, &["demo", "--scale", "0.002"]).code, 6);
    let said = polder(&mesh, &["query", "select count(*) as n from ecommerce.bronze.orders_v2", "-o", "csv"]);
    assert_eq!(said.well(), "n\n1500\n", "a second demo loads nothing twice");
}

#[test]
fn every_door_gives_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mesh = folder.join("polder-demo");
    // The second time what the recipient of the share gets is there already, and so is what is held in memory.
    for _ in 0..2 {
        let said = exactly(folder, &["demo", "--scale", "0.001", "--output", "json"], "", &[]).well();
        let report: Value = serde_json::from_str(&said).unwrap();
        let doors = report["doors"].as_array().unwrap();
        assert_eq!(doors.iter().map(|door| door["door"].as_str().unwrap()).collect::<Vec<_>>(), DOORS);
        let sql = "select count(*) as n, sum(total_spent) as total from marketing.gold.most_spending_customers_v1";
        let counted = polder(&mesh, &["query", sql, "-o", "csv"]).well();
        for door in doors {
            let read = format!("n,total\n{},{}\n", door["rows"], door["total_spent"].as_str().unwrap());
            assert_eq!(read, counted, "{door}");
            assert!(door["asked"].as_str().unwrap().contains("127.0.0.1:"), "{door}");
        }
        assert!(report["steps"].as_array().unwrap().len() > 5 && report["exports"].as_array().unwrap().len() == 3, "{report}");
    }
    let tokens: Value = serde_json::from_str(&exactly(&mesh, &["token", "list", "--all", "-o", "json"], "", &[]).well()).unwrap();
    let tokens = tokens.as_array().unwrap();
    assert_eq!(tokens.len(), 6, "of the reader, the owner and the recipient, twice: {tokens:?}");
    assert!(tokens.iter().all(|token| !token["revoked"].is_null()), "{tokens:?}");
}

#[test]
fn a_door_that_is_shut_ends_the_demo_with_what_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let mesh = folder.path().join("polder-demo");
    polder(folder.path(), &["demo", "--scale", "0.001"]).well();
    edit(&mesh, "access/analysts.yaml", "on: [finance, marketing], level: pii", "on: [finance], level: pii");
    let said = polder(folder.path(), &["demo", "--scale", "0.001"]);
    assert_ne!(said.code, 0, "{}", said.all());
    assert!(
        said.stderr.contains("cannot read marketing.gold.most_spending_customers_v1 by Unity Catalog: GET http://127.0.0.1:")
    );
    let dataset = "domains/marketing/datasets/most_spending_customers.yaml";
    edit(&mesh, dataset, "hotStorage: {keyColumns: [customer_id]}", "");
    let said = polder(folder.path(), &["demo", "--scale", "0.001"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.stderr.contains("declares no hotStorage") && said.stderr.contains("--dir"), "{}", said.all());
}
