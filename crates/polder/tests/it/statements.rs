//! Statements that change something, on the command line: killed at every step, and after each the table is as before or as after.

use std::path::Path;

use polder_lake::FAULT_POINTS;

use crate::support::polder;
use crate::trouble::{killed_at, loaded};

const ORDERS: &str = "sales.bronze.orders_v1";

fn value(folder: &Path, sql: &str) -> String {
    let said = polder(folder, &["query", sql, "--output", "csv"]).well();
    said.lines().nth(1).unwrap_or_default().to_owned()
}

fn there(folder: &Path, table: &str) -> bool {
    polder(folder, &["query", &format!("select count(*) from {table}")]).code == 0
}

#[test]
fn a_change_of_rows_that_is_killed_is_done_or_not_begun() {
    let sum = format!("select sum(amount) from {ORDERS}");
    let points = FAULT_POINTS.iter().chain(&["statement.staged", "statement.committed"]);
    let mut died = 0;
    for point in points {
        let folder = loaded();
        let before = value(folder.path(), &sum);
        let lived = killed_at(folder.path(), &["query", &format!("update {ORDERS} set amount = amount + 1")], point, 1);
        died += u32::from(!lived);
        let after = value(folder.path(), &sum);
        let doubled =
            killed_at(folder.path(), &["query", &format!("update {ORDERS} set amount = amount + 1")], "no such point", 1);
        assert!(doubled, "the next one goes on");
        let again = value(folder.path(), &sum);
        let number = |text: &str| text.parse::<f64>().unwrap();
        let rows = number(&value(folder.path(), &format!("select count(*) from {ORDERS}")));
        let steps = ((number(&after) - number(&before)) / rows).round();
        assert!(steps == 0.0 || steps == 1.0, "{point}: {before} {after}");
        assert_eq!(((number(&again) - number(&after)) / rows).round(), 1.0, "{point}");
    }
    assert!(died >= 8, "it died at {died} points only");
}

#[test]
fn a_table_that_is_being_made_when_polder_is_killed_is_there_whole_or_not_at_all() {
    let rows = |folder: &Path, table: &str| value(folder, &format!("select count(*) from {table}"));
    for sql in [
        format!("create table sales.bronze.made as select * from {ORDERS}"),
        format!("create table sales.bronze.made shallow clone {ORDERS}"),
    ] {
        let mut died = 0;
        for point in FAULT_POINTS.iter().chain(&["catalog.table.unnamed"]) {
            for nth in 1..=2 {
                let folder = loaded();
                died += u32::from(!killed_at(folder.path(), &["query", &sql], point, nth));
                if there(folder.path(), "sales.bronze.made") {
                    assert_eq!(rows(folder.path(), "sales.bronze.made"), rows(folder.path(), ORDERS), "{point}#{nth}: {sql}");
                    continue;
                }
                // What was left of it is in nobody's way.
                polder(folder.path(), &["query", &sql]).well();
                assert_eq!(rows(folder.path(), "sales.bronze.made"), rows(folder.path(), ORDERS), "{point}#{nth}: {sql}");
            }
        }
        assert!(died >= 3, "it died at {died} points only: {sql}");
    }
}
