//! A state that was lost, or put back from a copy, while the tables stayed: no row is lost and none is doubled in silence.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::{edit, polder, write};
use crate::trouble::{STATE, loaded};

const HEAD: &str = "order_id,ordered_on,customer_email,amount,note\n";
const LOAD: [&str; 2] = ["run", "sales/load_orders"];

fn rows(folder: &Path, table: &str) -> String {
    polder(folder, &["query", &format!("select count(*) as n from sales.{table}_v1"), "-o", "csv"]).well()
}

/// A loaded mesh, its state as it was before the last load; `mode` is how rows go into the orders.
fn put_back(mode: &str) -> TempDir {
    let mesh = loaded();
    let folder = mesh.path();
    edit(folder, "domains/sales/jobs/load_orders.yaml", "{mode: append}", mode);
    polder(folder, &["apply", "--yes"]).well();
    // What is written last may still be in the log beside the database.
    let files = [STATE.to_owned(), format!("{STATE}-wal")];
    let copies = files.each_ref().map(|file| fs::read(folder.join(file)).ok());
    write(folder, "landing/orders/b.csv", &format!("{HEAD}4,2026-01-03,x@example.com,1.00,\n"));
    polder(folder, &LOAD).well();
    drop(fs::remove_file(folder.join(format!("{STATE}-shm"))));
    for (file, copy) in files.iter().zip(copies) {
        drop(fs::remove_file(folder.join(file)));
        if let Some(copy) = copy {
            fs::write(folder.join(file), copy).unwrap();
        }
    }
    mesh
}

#[test]
fn a_load_that_adds_rows_asks_first_and_goes_on_once_told() {
    let mesh = put_back("{mode: append}");
    let folder = mesh.path();
    write(folder, "landing/orders/c.csv", &format!("{HEAD}5,2026-01-03,x@example.com,1.00,\n"));
    let said = polder(folder, &LOAD);
    assert_eq!(said.code, 1, "{}", said.all());
    assert!(said.stdout.contains("that the state does not know of") && said.stdout.contains("--adopt"), "{}", said.all());
    assert_eq!(rows(folder, "bronze.orders"), "n\n4\n", "nothing is written");
    // The file that is not in yet is kept aside while what is in is adopted.
    let aside = folder.join("c.csv");
    fs::rename(folder.join("landing/orders/c.csv"), &aside).unwrap();
    let said = polder(folder, &["run", "sales/load_orders", "--adopt"]).well();
    assert!(said.contains("2 files that are there count as loaded"), "{said}");
    assert_eq!(rows(folder, "bronze.orders"), "n\n4\n");
    fs::rename(&aside, folder.join("landing/orders/c.csv")).unwrap();
    assert!(polder(folder, &LOAD).well().contains("1 done"));
    assert_eq!(rows(folder, "bronze.orders"), "n\n5\n");
    assert!(polder(folder, &LOAD).well().contains("1 skipped"));
    let said = polder(folder, &["run", "sales/load_orders", "--adopt"]).well();
    assert!(said.contains("1 skipped"), "there is nothing to adopt\n{said}");
}

#[test]
fn what_is_adopted_counts_as_loaded_where_the_quarantine_table_is_ahead() {
    let mesh = loaded();
    let folder = mesh.path();
    let table = folder.join(".polder/nonprod/lake/aws/dev-sales/bronze/orders_v1");
    let before: Vec<_> = fs::read_dir(table.join("_delta_log")).unwrap().map(|entry| entry.unwrap().path()).collect();
    write(folder, "landing/orders/b.csv", &format!("{HEAD}4,2026-01-03,x@example.com,1.00,\nbad,row\n"));
    polder(folder, &LOAD).well();
    // As after a kill between the commits of the two tables, with the state lost on top.
    for entry in fs::read_dir(table.join("_delta_log")).unwrap() {
        let path = entry.unwrap().path();
        if !before.contains(&path) {
            fs::remove_file(path).unwrap();
        }
    }
    for file in [STATE.to_owned(), format!("{STATE}-wal"), format!("{STATE}-shm")] {
        drop(fs::remove_file(folder.join(file)));
    }
    let aside = folder.join("b.csv");
    fs::rename(folder.join("landing/orders/b.csv"), &aside).unwrap();
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "sales/load_orders", "--adopt"]).well();
    assert!(polder(folder, &LOAD).well().contains("1 skipped"));
    assert_eq!(rows(folder, "bronze.orders"), "n\n3\n");
    fs::rename(&aside, folder.join("landing/orders/b.csv")).unwrap();
    assert!(polder(folder, &LOAD).well().contains("1 done"));
    assert_eq!(rows(folder, "bronze.orders"), "n\n4\n");
}

#[test]
fn a_load_that_replaces_or_merges_does_it_again() {
    for mode in ["{mode: overwrite}", "{mode: merge, keys: [order_id]}"] {
        let mesh = put_back(mode);
        let folder = mesh.path();
        write(folder, "landing/orders/c.csv", &format!("{HEAD}5,2026-01-03,x@example.com,1.00,\n"));
        assert!(polder(folder, &LOAD).well().contains("1 done"), "{mode}");
        assert_eq!(rows(folder, "bronze.orders"), "n\n5\n", "{mode}");
        assert!(polder(folder, &LOAD).well().contains("1 skipped"), "{mode}");
    }
}

#[test]
fn a_query_job_that_adds_rows_asks_first_too() {
    let mesh = loaded();
    let folder = mesh.path();
    edit(folder, "domains/sales/jobs/daily_revenue.yaml", "framework:", "write: {mode: append}\nframework:");
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "--all"]).well();
    let before = rows(folder, "gold.revenue");
    for file in [STATE.to_owned(), format!("{STATE}-wal"), format!("{STATE}-shm")] {
        drop(fs::remove_file(folder.join(file)));
    }
    polder(folder, &["apply", "--yes"]).well();
    let job = ["run", "sales/daily_revenue"];
    let said = polder(folder, &job);
    assert!(said.code == 1 && said.stdout.contains("--adopt"), "{}", said.all());
    polder(folder, &["run", "sales/daily_revenue", "--adopt"]).well();
    assert!(polder(folder, &job).well().contains("1 skipped"));
    assert_eq!(rows(folder, "gold.revenue"), before);
}

#[test]
fn of_files_with_the_same_key_the_later_one_stays() {
    let mesh = loaded();
    let folder = mesh.path();
    edit(folder, "domains/sales/jobs/load_orders.yaml", "{mode: append}", "{mode: merge, keys: [order_id]}");
    polder(folder, &["apply", "--yes"]).well();
    for (file, amount) in [("monday", "7.00"), ("tuesday", "8.00"), ("sunday", "9.00")] {
        write(folder, &format!("landing/orders/{file}.csv"), &format!("{HEAD}1,2026-01-01,eva@example.com,{amount},\n"));
    }
    let said = polder(folder, &LOAD).well();
    assert!(said.contains("done        3 "), "{said}");
    let sql = "select amount from sales.bronze.orders_v1 where order_id = 1";
    assert_eq!(polder(folder, &["query", sql, "-o", "csv"]).well(), "amount\n8.00\n");
}
