//! A domain that goes as a whole: what is lost is told first, what has to be kept stays.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{edit, polder};
use crate::trouble::{copy, copy_into, killed_at, loaded, refused};

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

    let page = polder(folder, &["plan", "--output", "markdown"]).well();
    let (_, lost) = page.split_once("#### What would be destroyed if it were allowed to").unwrap_or_else(|| panic!("{page}"));
    assert!(lost.contains("| `table:sales.bronze.orders_v1` | 3 |"), "{page}");

    let plan = polder(folder, &["plan", "--allow-destroy", "domain:sales"]).well();
    assert!(plan.contains("What this destroys:") && !plan.contains("Held back"), "{plan}");
    polder(folder, &["apply", "--yes", "--allow-destroy", "domain:sales"]).well();
    assert!(polder(folder, &["plan"]).well().contains("Nothing to do"));
    let gone = polder(folder, &["query", "select count(*) from sales.bronze.orders_v1"]);
    assert_ne!(gone.code, 0, "{}", gone.all());
    // Another domain cannot go by that name.
    let said = polder(folder, &["plan", "--allow-destroy", "domain:nobody"]);
    assert!(said.code == 0 && said.stdout.contains("Nothing to do"), "{}", said.all());
    assert!(said.stderr.contains("names domain:nobody, which this plan does not destroy"), "{}", said.all());
}

#[test]
fn a_plan_says_what_is_lost_to_programs_too_and_is_a_plan_all_the_same() {
    let folder = loaded();
    let folder = folder.path();
    let planned = |args: &[&str]| polder(folder, &[&["plan", "--output", "json"], args].concat()).well();
    let losses = |plan: &str| serde_json::from_str::<serde_json::Value>(plan).unwrap()["losses"].take();
    assert_eq!(losses(&planned(&[])), serde_json::json!([]));
    polder(folder, &["query", "select count(*) from sales.bronze.orders_v1"]).well();
    take_out(folder);
    let orders = |plan: &str| {
        let losses = losses(plan);
        losses.as_array().unwrap().iter().find(|loss| loss["address"] == "table:sales.bronze.orders_v1").unwrap().clone()
    };
    let held = orders(&planned(&[]));
    assert!(held["planned"] == false && held["rows"] == 3 && held["bytes"].as_u64() > Some(0), "{held}");
    assert!(held["changed"].is_string() && held["readers"][0]["last"].is_string() && held["shared_with"].is_array(), "{held}");
    // To the letter, as `polder` here does not show ids.
    let args = ["plan", "--output", "json", "--allow-destroy", "domain:sales"];
    let plan = Command::new(env!("CARGO_BIN_EXE_polder")).args(args).current_dir(folder).output().unwrap().stdout;
    assert_eq!(orders(std::str::from_utf8(&plan).unwrap())["planned"], true);
    fs::write(folder.join("all.plan"), plan).unwrap();
    polder(folder, &["apply", "all.plan"]).well();
}

#[test]
fn what_is_allowed_to_be_destroyed_and_is_not_is_told() {
    let folder = loaded();
    let folder = folder.path();
    let spared = |args: &[&str], address: &str| {
        let said = polder(folder, &[args, &["--allow-destroy", address]].concat());
        assert_eq!(said.code, 0, "{}", said.all());
        said.stderr.contains(&format!("warning: --allow-destroy names {address}, which this plan does not destroy"))
    };
    // Declared as it is, and not there at all.
    for address in ["table:sales.bronze.orders_v1", "table:sales.bronze.order_v1", "domain:nobody"] {
        assert!(spared(&["plan"], address) && spared(&["apply", "--yes"], address), "{address}");
    }
    take_out(folder);
    for address in ["domain:sales", "table:sales.bronze.orders_v1"] {
        assert!(!spared(&["plan"], address), "{address}");
    }
    // Where something waits to be allowed, a name of nothing stands for what was meant.
    refused(&polder(folder, &["plan", "--allow-destroy", "domain:nobody"]), 2, &["there is no domain:nobody", "held back are:"]);
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

#[test]
fn what_is_declared_again_is_not_destroyed_by_going_on_with_an_apply_that_was_cut_short() {
    const TABLES: [&str; 4] = ["one", "three", "two", "zero"];
    let folder = loaded();
    let folder = folder.path();
    for name in TABLES {
        let dataset = format!("{{entityName: {name}, entityVersion: v1, columns: [{{name: id, type: bigint}}]}}\n");
        fs::write(folder.join(format!("domains/sales/datasets/{name}.yaml")), dataset).unwrap();
    }
    polder(folder, &["apply", "--yes"]).well();
    for name in TABLES {
        polder(folder, &["query", &format!("insert into sales.bronze.{name}_v1 values (1)")]).well();
    }
    let whole = |folder: &Path| {
        let ask = |name: &&&str| polder(folder, &["query", &format!("select id from sales.bronze.{name}_v1 where id = 1")]);
        TABLES.iter().filter(|name| ask(name).stdout.contains("1 row")).count()
    };
    let mut spared = 0;
    for nth in (1..).step_by(3) {
        let copy = copy(folder);
        let copy = copy.path();
        take_out(copy);
        if killed_at(copy, &["apply", "--yes", "--allow-destroy", "domain:sales"], "apply.after_record", nth) {
            break;
        }
        let before = whole(copy);
        copy_into(&folder.join("domains"), &copy.join("domains"));
        fs::copy(folder.join("access/sales.yaml"), copy.join("access/sales.yaml")).unwrap();
        polder(copy, &["apply", "--yes"]).well();
        // One may have been begun with, and is not whole any more.
        let after = whole(copy);
        assert!(after + 1 >= before, "killed at #{nth}: of {before} tables {after} are left");
        spared += after;
        assert!(polder(copy, &["plan"]).well().contains("Nothing to do"), "killed at #{nth}");
    }
    assert!(spared > 0);
}
