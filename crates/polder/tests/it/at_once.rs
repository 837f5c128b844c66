//! Two at once: one waits or is refused, and what both wrote is there once.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Said, edit, polder, starter, write};
use crate::trouble::{applied, ask_state};

/// Runs polder twice at the same time.
fn both(folder: &Path, one: &[&str], other: &[&str]) -> [Said; 2] {
    let start = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_polder"));
        command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    [start(one), start(other)].map(|child| {
        let output = child.wait_with_output().unwrap();
        Said {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    })
}

fn rows(folder: &Path) -> String {
    polder(folder, &["query", "select count(*) as n, count(distinct order_id) as m from sales.bronze.orders_v1", "-o", "csv"])
        .well()
}

#[test]
fn of_two_applies_one_waits_or_is_refused() {
    for _ in 0..6 {
        let folder = starter();
        let folder = folder.path();
        let apply = ["apply", "--yes"];
        let said = both(folder, &apply, &apply);
        assert!(said.iter().any(|said| said.code == 0), "{}\n{}", said[0].all(), said[1].all());
        for said in said.iter().filter(|said| said.code != 0) {
            crate::trouble::refused(said, 6, &["hint"]);
        }
        let plan = polder(folder, &["plan"]).well();
        assert!(plan.contains("Nothing to do"), "{plan}");
        assert_eq!(polder(folder, &["history", "sales.bronze.orders_v1"]).well().matches("CREATE TABLE").count(), 1);
        assert!(ask_state(folder, "select id from operations where finished is null").is_empty());
    }
}

#[test]
fn of_two_runs_of_a_job_one_loads_the_rows() {
    for _ in 0..4 {
        let folder = applied();
        let folder = folder.path();
        let run = ["run", "sales/load_orders"];
        let said = both(folder, &run, &run);
        assert!(said.iter().any(|said| said.stdout.contains("1 done")), "{}\n{}", said[0].all(), said[1].all());
        for said in said.iter().filter(|said| !said.stdout.contains("1 done")) {
            let all = said.all();
            assert!(all.contains("1 skipped") || said.code == 6 && all.contains("is already running"), "{all}");
        }
        assert_eq!(rows(folder), "n,m\n3,3\n");
        assert!(polder(folder, &run).well().contains("1 skipped"));
    }
}

#[test]
fn two_jobs_that_write_one_table_at_once_both_get_their_rows_in() {
    // With checks each write must see the other's rows; without them one slides behind the other.
    for checks in [true, false] {
        let folder = applied();
        let folder = folder.path();
        let job = std::fs::read_to_string(folder.join("domains/sales/jobs/load_orders.yaml")).unwrap();
        write(
            folder,
            "domains/sales/jobs/load_more.yaml",
            &job.replace("load_orders", "load_more").replace("landing/orders", "landing/more"),
        );
        let more: String = (100..300).map(|id| format!("{id},2026-02-01,m@example.com,1.00,\n")).collect();
        write(folder, "landing/more/a.csv", &format!("order_id,ordered_on,customer_email,amount,note\n{more}bad,,,,\n"));
        if !checks {
            edit(
                folder,
                "domains/sales/datasets/orders.yaml",
                "checks:\n  - {unique: [order_id]}\n  - {range: {column: amount, min: 0}}\n",
                "",
            );
        }
        polder(folder, &["apply", "--yes"]).well();
        for said in both(folder, &["run", "sales/load_orders"], &["run", "sales/load_more"]) {
            assert!(said.code == 0 && said.stdout.contains("1 done"), "{}", said.all());
        }
        assert_eq!(rows(folder), "n,m\n203,203\n", "checks: {checks}");
        let said = polder(folder, &["query", "select count(*) as n from sales.bronze.orders_v1_quarantine", "-o", "csv"]);
        assert_eq!(said.well(), "n\n1\n");
    }
}

#[test]
fn a_query_job_that_appends_adds_nothing_again_after_others_wrote_to_its_sink() {
    let folder = applied();
    let folder = folder.path();
    edit(folder, "domains/sales/jobs/daily_revenue.yaml", "framework:", "write: {mode: append}\nframework:");
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "--all"]).well();
    write(folder, "landing/orders/b.csv", "order_id,ordered_on,customer_email,amount,note\n9,2026-05-01,x@example.com,1.00,\n");
    polder(folder, &["run", "--all"]).well();
    polder(folder, &["optimize", "sales.gold.revenue_v1"]).well();
    let said = polder(folder, &["run", "sales/daily_revenue"]).well();
    assert!(said.contains("1 skipped"), "{said}");
}

#[test]
fn an_apply_and_a_run_at_once_both_get_done() {
    for _ in 0..4 {
        let folder = applied();
        let folder = folder.path();
        edit(
            folder,
            "domains/sales/datasets/orders.yaml",
            "  - {name: note, type: string, optional: true}\n",
            "  - {name: note, type: string, optional: true}\n  - {name: channel, type: string, optional: true}\n",
        );
        for said in both(folder, &["apply", "--yes"], &["run", "sales/load_orders"]) {
            assert_eq!(said.code, 0, "{}", said.all());
        }
        assert_eq!(rows(folder), "n,m\n3,3\n");
        assert!(polder(folder, &["plan"]).well().contains("Nothing to do"));
        let sql = "select count(channel) as n from sales.bronze.orders_v1";
        assert_eq!(polder(folder, &["query", sql, "-o", "csv"]).well(), "n\n0\n");
    }
}
