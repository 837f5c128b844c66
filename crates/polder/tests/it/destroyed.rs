//! A domain that goes as a whole: what is lost is told first, what has to be kept stays.

use std::fs;
use std::path::Path;

use crate::support::{edit, polder};
use crate::trouble::{loaded, refused};

fn take_out(folder: &Path) {
    fs::remove_dir_all(folder.join("domains/sales")).unwrap();
    fs::remove_file(folder.join("access/sales.yaml")).unwrap();
}

#[test]
fn a_domain_is_destroyed_by_a_plan_of_its_own_that_says_what_is_lost() {
    let folder = loaded();
    let folder = folder.path();
    polder(folder, &["query", "select count(*) from sales.bronze.orders_v1"]).well();
    // While it is declared nobody destroys it.
    let said = polder(folder, &["apply", "--yes", "--allow-destroy", "domain:sales"]);
    refused(&said, 2, &["domain:sales is declared", "delete the folder domains/sales first"]);

    take_out(folder);
    let plan = polder(folder, &["plan"]).well();
    let lines: Vec<&str> = plan.lines().collect();
    let heading = lines.iter().position(|line| *line == "What would be destroyed if it were allowed to:");
    let listed = &lines[heading.unwrap_or_else(|| panic!("{plan}"))..];
    let orders = listed.iter().find(|line| line.starts_with("table:sales.bronze.orders_v1")).unwrap_or_else(|| panic!("{plan}"));
    let cells: Vec<&str> = orders.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(cells[1], "3", "{orders}");
    assert!(cells[4].contains('('), "somebody has read it: {orders}");
    assert!(plan.contains("--allow-destroy domain:sales"), "{plan}");
    refused(&polder(folder, &["apply", "--yes"]), 3, &["held back"]);

    let plan = polder(folder, &["plan", "--allow-destroy", "domain:sales"]).well();
    assert!(plan.contains("What this destroys:") && !plan.contains("Held back"), "{plan}");
    polder(folder, &["apply", "--yes", "--allow-destroy", "domain:sales"]).well();
    assert!(polder(folder, &["plan"]).well().contains("Nothing to do"));
    let gone = polder(folder, &["query", "select count(*) from sales.bronze.orders_v1"]);
    assert_ne!(gone.code, 0, "{}", gone.all());
    // Another domain cannot go by that name.
    let said = polder(folder, &["plan", "--allow-destroy", "domain:nobody"]);
    assert!(said.code == 0 && said.stdout.contains("Nothing to do"), "{}", said.all());
}

#[test]
fn what_has_to_be_held_is_kept_whatever_is_allowed() {
    let folder = loaded();
    let folder = folder.path();
    edit(
        folder,
        "domains/sales/datasets/orders.yaml",
        "entityName: orders\n",
        "entityName: orders\nusage: {pattern: legalHold, holdDays: 30}\n",
    );
    polder(folder, &["apply", "--yes"]).well();
    take_out(folder);
    let said = polder(folder, &["apply", "--yes", "--allow-destroy", "domain:sales"]);
    refused(&said, 3, &["held back"]);
    let plan = polder(folder, &["plan", "--allow-destroy", "table:sales.bronze.orders_v1"]).well();
    assert!(plan.contains("held until 20") && plan.contains("30 days from its last change"), "{plan}");
    let rows = polder(folder, &["query", "select count(*) as n from sales.bronze.orders_v1", "-o", "csv"]).well();
    assert_eq!(rows, "n\n3\n");
}
