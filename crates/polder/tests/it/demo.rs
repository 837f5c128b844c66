//! The demo from beginning to end, small.

use crate::support::polder;

#[test]
fn the_demo_shows_masked_clear_and_refused_and_can_be_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let said = polder(folder, &["demo", "--scale", "0.001"]).well();
    for part in ["C***************", "Customer#0000", "otto, an outsider", "skipped", "Try next"] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
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
