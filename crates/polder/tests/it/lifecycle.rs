//! From nothing to tables, and what a change of the files does.

use insta::assert_snapshot;

use crate::support::{edit, loaded, piped, polder, starter};

#[test]
fn a_starter_mesh_comes_alive_and_a_second_apply_is_empty() {
    let folder = starter();
    let folder = folder.path();
    assert_snapshot!(polder(folder, &["validate"]).all(), @"");
    assert_snapshot!(polder(folder, &["plan"]).all(), @"");
    assert_snapshot!(polder(folder, &["apply", "--yes", "--output", "json"]).well(), @"");
    assert_snapshot!(polder(folder, &["apply", "--yes"]).all(), @"");
    assert_snapshot!(polder(folder, &["ls"]).all(), @"");
}

#[test]
fn a_second_run_skips_what_has_not_changed() {
    let folder = loaded();
    let said = polder(folder.path(), &["run", "--all"]).well();
    assert!(said.ends_with("2 skipped\n"), "{said}");
    let said = polder(folder.path(), &["run", "sales/daily_revenue", "--force"]).well();
    assert!(said.ends_with("1 done\n"), "{said}");
}

#[test]
fn a_failed_check_leaves_the_table_and_fails_the_command() {
    let folder = loaded();
    std::fs::write(
        folder.path().join("landing/orders/more.csv"),
        "order_id,ordered_on,customer_email,amount,note\n1,2026-01-03,x@example.com,-5.00,\n",
    )
    .unwrap();
    let said = polder(folder.path(), &["run", "sales/load_orders"]);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.stdout.contains("unique_order_id") && said.stdout.contains("range_amount"), "{}", said.all());
    let rows = polder(folder.path(), &["query", "select count(*) as n from sales.bronze.orders_v1", "--output", "csv"]).well();
    assert_eq!(rows, "n\n3\n");
}

#[test]
fn apply_asks_for_yes_where_no_one_can_answer() {
    let folder = starter();
    let said = piped(folder.path(), &["apply"], "y\n");
    assert_eq!(said.code, 2);
    assert_snapshot!(said.stderr, @"");
}

#[test]
fn a_saved_plan_is_carried_out_once() {
    let folder = starter();
    let folder = folder.path();
    assert_snapshot!(polder(folder, &["plan", "--out", "dev.plan"]).stderr, @"");
    polder(folder, &["apply", "dev.plan"]).well();
    let again = polder(folder, &["apply", "dev.plan"]);
    assert_eq!(again.code, 6, "{}", again.all());
}

#[test]
fn a_new_optional_column_is_an_update() {
    let folder = loaded();
    let path = "domains/sales/datasets/orders.yaml";
    edit(folder.path(), path, "columns:\n", "columns:\n  - {name: channel, type: string, optional: true}\n");
    let said = polder(folder.path(), &["plan", "--output", "markdown"]).well();
    assert!(said.contains("channel") && said.contains("1 to update"), "{said}");
    polder(folder.path(), &["apply", "--yes"]).well();
    let rows =
        polder(folder.path(), &["query", "select count(channel) as n, count(*) as m from sales.bronze.orders_v1", "-o", "csv"]);
    assert_eq!(rows.well(), "n,m\n0,3\n");
}
