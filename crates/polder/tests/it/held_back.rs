//! What would lose data waits until it is named.

use std::path::Path;

use crate::support::{edit, polder};
use crate::trouble::{loaded, refused};

const ORDERS: &str = "domains/sales/datasets/orders.yaml";
const QUERY: &str = "domains/sales/jobs/daily_revenue.sql";

fn rows(folder: &Path, table: &str) -> String {
    polder(folder, &["query", &format!("select count(*) as n from {table}"), "-o", "csv"]).well()
}

#[test]
fn a_breaking_change_waits_for_a_new_version_or_permission() {
    let breaking: [(&str, &str, &str); 3] = [
        ("{name: order_id, type: bigint}", "{name: order_id, type: string}", "order_id"),
        ("  - {name: note, type: string, optional: true}\n", "", "note"),
        ("{name: note, type: string, optional: true}", "{name: note, type: string}", "note"),
    ];
    for (from, to, column) in breaking {
        let folder = loaded();
        let folder = folder.path();
        edit(folder, ORDERS, from, to);
        let plan = polder(folder, &["plan"]).well();
        for part in
            ["1 held back", column, "sales.bronze.orders_v1", "--allow-destroy table:sales.bronze.orders_v1", "entityVersion"]
        {
            assert!(plan.contains(part), "{column}: no {part:?} in\n{plan}");
        }
        refused(&polder(folder, &["apply", "--yes"]), 3, &["1 held back: dev is NOT as declared"]);
        assert_eq!(rows(folder, "sales.bronze.orders_v1"), "n\n3\n", "{column}: nothing is lost");
        polder(folder, &["apply", "--yes", "--allow-destroy", "table:sales.bronze.orders_v1"]).well();
        assert_eq!(rows(folder, "sales.bronze.orders_v1"), "n\n0\n", "{column}: replaced");
        let plan = polder(folder, &["plan"]).well();
        assert!(plan.contains("Nothing to do"), "{plan}");
        let said = polder(folder, &["run", "sales/load_orders"]).all();
        assert!(said.contains("1 done") || column == "note", "the files are new to the new table\n{said}");
    }
}

#[test]
fn a_new_version_stands_beside_the_old_one() {
    let folder = loaded();
    let folder = folder.path();
    let old = std::fs::read_to_string(folder.join(ORDERS)).unwrap();
    let new = old.replace("entityVersion: v1", "entityVersion: v2").replace("type: bigint", "type: string");
    crate::support::write(folder, "domains/sales/datasets/orders_v2.yaml", &new);
    polder(folder, &["apply", "--yes"]).well();
    assert_eq!(rows(folder, "sales.bronze.orders_v1"), "n\n3\n");
    assert_eq!(rows(folder, "sales.bronze.orders_v2"), "n\n0\n");
}

#[test]
fn a_dataset_that_is_not_declared_any_more_stays_until_it_is_named() {
    let folder = loaded();
    let folder = folder.path();
    for gone in ["datasets/revenue.yaml", "jobs/daily_revenue.yaml"] {
        std::fs::remove_file(folder.join("domains/sales").join(gone)).unwrap();
    }
    std::fs::remove_file(folder.join(QUERY)).unwrap();
    edit(folder, "access/sales.yaml", "  - {to: analysts, on: sales.gold.revenue_v1, level: regular}\n", "");
    let plan = polder(folder, &["plan"]).well();
    assert!(plan.contains("held back") && plan.contains("--allow-destroy table:sales.gold.revenue_v1"), "{plan}");
    // What needs no permission is done, and the exit code tells of the rest: again when nothing else is left.
    refused(&polder(folder, &["apply", "--yes"]), 3, &["applied to dev: 1 step", "4 held back: dev is NOT as declared"]);
    let said = polder(folder, &["apply", "--yes", "--output", "json"]);
    refused(&said, 3, &["\"held_back\": 4", "\"steps\": 0"]);
    assert_eq!(rows(folder, "sales.gold.revenue_v1"), "n\n2\n");
    // Naming something else does not help.
    refused(&polder(folder, &["apply", "--yes", "--allow-destroy", "table:sales.bronze.orders_v1"]), 3, &["4 held back"]);
    assert_eq!(rows(folder, "sales.gold.revenue_v1"), "n\n2\n");
    // Nor does a misspelt name, which is told.
    let said = polder(folder, &["apply", "--yes", "--allow-destroy", "table:sales.gold.revenu_v1"]);
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(
        said.stderr.contains("there is no table:sales.gold.revenu_v1") && said.stderr.contains("table:sales.gold.revenue_v1"),
        "{}",
        said.all()
    );
    polder(folder, &["apply", "--yes", "--allow-destroy", "table:sales.gold.revenue_v1"]).well();
    assert_eq!(polder(folder, &["query", "select * from sales.gold.revenue_v1"]).code, 4);
    assert!(!folder.join(crate::trouble::BUCKET).join("gold/revenue_v1").exists());
    let plan = polder(folder, &["plan"]).well();
    assert!(plan.contains("Nothing to do"), "{plan}");
}
