//! Views: jobs over them follow the tables below, and nobody sees through them more than it may.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{edit, polder, starter, write};

const QUERY: &str = "domains/sales/datasets/large.sql";
const JOB: &str = "domains/sales/jobs/daily_revenue.yaml";

fn view(folder: &Path, name: &str, query: &str, columns: &str) {
    let text = format!("version: v3\ntype: view\nentityName: {name}\nentityVersion: v1\nquery: {name}.sql\ncolumns:\n{columns}");
    write(folder, &format!("domains/sales/datasets/{name}.yaml"), &text);
    write(folder, &format!("domains/sales/datasets/{name}.sql"), query);
}

/// The starter mesh, whose revenue is that of orders above 10, by a view of a view.
fn mesh() -> TempDir {
    let mesh = starter();
    let folder = mesh.path();
    let columns = "  - {name: ordered_on, type: date}\n  - {name: amount, type: \"decimal(12,2)\"}\n  - {name: buyer, type: string, tags: [pii], mask: hash}\n";
    view(folder, "paid", "select ordered_on, amount, customer_email as buyer from sales.bronze.orders_v1\n", columns);
    view(folder, "large", "select ordered_on, amount, buyer from sales.bronze.paid_v1 where amount > 10\n", columns);
    edit(folder, JOB, "name: orders, version", "name: large, version");
    edit(folder, "domains/sales/jobs/daily_revenue.sql", "from orders", "from large");
    mesh
}

#[test]
fn a_job_over_a_view_comes_after_what_fills_its_tables_and_runs_when_they_change() {
    let made = mesh();
    let folder = made.path();
    polder(folder, &["apply", "--yes"]).well();
    let revenue = || polder(folder, &["query", "select sum(revenue) as r from sales.gold.revenue_v1", "-o", "csv"]).well();
    let run = || polder(folder, &["run", "--all", "-o", "json"]).well().replace("[took]", "0");
    let daily = |text: &str| -> serde_json::Value {
        let reports: Vec<serde_json::Value> = serde_json::from_str(text).unwrap();
        reports.into_iter().find(|report| report["job"] == "sales/daily_revenue").unwrap()
    };
    let first = daily(&run());
    assert_eq!(revenue(), "r\n62.05\n", "the orders were loaded before");
    assert_eq!(first["inputs"], serde_json::json!([["sales/orders/v1", 1]]), "the table below is the input, with its version");
    assert!(run().contains("inputs unchanged: sales/orders/v1 at version 1"));
    write(
        folder,
        "landing/orders/2026-01-02.csv",
        "order_id,ordered_on,customer_email,amount,note\n4,2026-01-03,a@example.com,20.00,\n",
    );
    run();
    assert_eq!(revenue(), "r\n82.05\n", "new orders reach it through both views");
    edit(folder, QUERY, "amount > 10", "amount > 30");
    polder(folder, &["apply", "--yes"]).well();
    run();
    assert_eq!(revenue(), "r\n42.10\n", "and so does another query of a view");
}

#[test]
fn views_that_are_made_of_themselves_are_a_fault() {
    let made = mesh();
    let folder = made.path();
    edit(
        folder,
        "domains/sales/datasets/paid.sql",
        "customer_email as buyer from sales.bronze.orders_v1",
        "buyer from sales.bronze.large_v1",
    );
    let said = polder(folder, &["validate"]);
    assert_eq!(said.code, 2, "{}", said.all());
    let circle = "sales.bronze.large_v1 -> sales.bronze.paid_v1 -> sales.bronze.large_v1";
    assert!(said.all().contains(circle), "{}", said.all());
}

#[test]
fn jobs_that_wait_for_each_other_through_a_view_are_a_fault() {
    let made = mesh();
    let folder = made.path();
    // What the job makes is among what its view reads.
    edit(folder, QUERY, "where amount > 10", "where amount > (select min(revenue) from sales.gold.revenue_v1)");
    let own = polder(folder, &["validate"]);
    assert_eq!(own.code, 0, "a job that reads its own sink waits for no one by that\n{}", own.all());
    write(
        folder,
        "domains/sales/jobs/back.yaml",
        "specVersion: v1\nname: back\nsources:\n  - {domain: sales, name: revenue, version: v1}\nsink: {domain: sales, name: orders, version: v1}\nframework: {kind: sql}\n",
    );
    write(
        folder,
        "domains/sales/jobs/back.sql",
        "select orders as order_id, day as ordered_on, 'none' as customer_email, cast(0 as decimal(12, 2)) as amount from revenue\n",
    );
    let said = polder(folder, &["validate"]);
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.all().contains("sales/back -> sales/daily_revenue -> sales/back"), "{}", said.all());
}

#[test]
fn a_view_is_described_and_explained_with_what_is_below_it() {
    let made = mesh();
    let folder = made.path();
    let filter = "checks:\n";
    edit(
        folder,
        "domains/sales/datasets/orders.yaml",
        filter,
        "rowFilters:\n  - {group: analysts, where: \"amount < 40\"}\nchecks:\n",
    );
    // The view says of no column that it is personal: what is below it is masked all the same.
    for name in ["paid", "large"] {
        edit(folder, &format!("domains/sales/datasets/{name}.yaml"), "tags: [pii], mask: hash", "tags: [pii], mask: redact");
    }
    edit(folder, "access/sales.yaml", "grants:\n", "grants:\n  - {to: analysts, on: sales.bronze.large_v1, level: pii}\n");
    polder(folder, &["apply", "--yes"]).well();
    let describe = |who: &[&str]| -> serde_json::Value {
        let said = polder(folder, &[&["describe", "sales.bronze.large_v1", "-o", "json"], who].concat()).well();
        serde_json::from_str(&said).unwrap()
    };
    let bob = describe(&["--as", "bob@example.com"]);
    assert_eq!(bob["rows"], "filtered", "{bob}");
    let buyer = |summary: &serde_json::Value| summary["columns"][2]["mask"].clone();
    assert_eq!(buyer(&bob), "redact, hash", "PII of the view in clear is PII of the table below, masked: {bob}");
    let admin = describe(&[]);
    assert_eq!((admin["rows"].as_str(), buyer(&admin).as_str()), (Some("all"), None), "{admin}");
    let said = polder(folder, &["explain", "access", "bob@example.com", "sales.bronze.large_v1"]);
    for part in [
        "it reads view sales.bronze.paid_v1",
        "it reads table sales.bronze.orders_v1",
        "rows where: amount < 40",
        "masked: customer_email (hash)",
    ] {
        assert!(said.stdout.contains(part), "no {part:?} in\n{}", said.all());
    }
}

#[test]
fn a_guardrail_below_a_view_is_told_as_one() {
    let made = mesh();
    let folder = made.path();
    edit(folder, "access/sales.yaml", "grants:\n", "grants:\n  - {to: analysts, on: sales.bronze.large_v1, level: regular}\n");
    let forbid = "@reason(\"orders are audited\")\nforbid (principal in Polder::Group::\"analysts\", \
                  action == Polder::Action::\"read\", resource == Polder::Table::\"sales.bronze.orders_v1\");\n";
    write(folder, "policies/audited.cedar", forbid);
    polder(folder, &["apply", "--yes"]).well();
    for table in ["orders", "large"] {
        let sql = format!("select count(*) from sales.bronze.{table}_v1");
        let said = polder(folder, &["query", &sql, "--as", "bob@example.com"]);
        assert_eq!(said.code, 5, "{}", said.all());
        assert!(said.stderr.contains("guardrail audited forbids it: orders are audited"), "{}", said.all());
    }
}

#[test]
fn personal_values_are_no_names_of_folders() {
    let made = starter();
    let folder = made.path();
    let format = "  format: delta\n";
    edit(folder, "domains/sales/datasets/orders.yaml", format, "  format: delta\n  partitioningColumns: [customer_email]\n");
    let said = polder(folder, &["validate"]);
    assert_eq!(said.code, 2, "{}", said.all());
    assert!(said.all().contains("orders.yaml:4:13: error: column customer_email is PII"), "{}", said.all());
}

#[test]
fn whom_row_filters_hide_rows_from_is_not_told_how_many_there_are() {
    let made = starter();
    let folder = made.path();
    let orders = "domains/sales/datasets/orders.yaml";
    edit(folder, orders, "checks:\n", "rowFilters:\n  - {group: analysts, where: \"amount < 40\"}\nchecks:\n");
    polder(folder, &["apply", "--yes"]).well();
    polder(folder, &["run", "sales/load_orders"]).well();
    for (who, told) in [("ana@example.com", true), ("bob@example.com", false)] {
        let history = polder(folder, &["history", "sales.bronze.orders_v1", "-o", "json", "--as", who]).well();
        assert_eq!(history.contains("numOutputRows"), told, "{who}\n{history}");
        let runs = polder(folder, &["runs", "-o", "json", "--as", who]).well();
        assert!(runs.contains("sales/load_orders"), "{who}\n{runs}");
        assert_eq!(runs.contains("\"rows\": 3"), told, "{who}\n{runs}");
    }
}

#[test]
fn whom_row_filters_hide_rows_from_is_shown_no_folder_of_theirs() {
    let made = starter();
    let folder = made.path();
    let orders = "domains/sales/datasets/orders.yaml";
    edit(folder, orders, "  format: delta\n", "  format: delta\n  partitioningColumns: [ordered_on]\n");
    edit(folder, orders, "checks:\n", "rowFilters:\n  - {group: analysts, where: \"amount < 10\"}\nchecks:\n");
    edit(
        folder,
        "access/sales.yaml",
        "grants:\n",
        "grants:\n  - {to: analysts, on: sales.bronze.orders_v1, privileges: [MODIFY]}\n",
    );
    polder(folder, &["apply", "--yes"]).well();
    let load = ["run", "sales/load_orders"];
    polder(folder, &load).well();
    let more = "order_id,ordered_on,customer_email,amount,note\n9,2026-01-02,a@example.com,20.00,\n";
    write(folder, "landing/orders/more.csv", more);
    polder(folder, &load).well();
    polder(folder, &["optimize", "sales.bronze.orders_v1"]).well();
    let vacuum = ["vacuum", "sales.bronze.orders_v1", "--retain-hours", "0", "--allow-short", "--dry-run"];
    let all = polder(folder, &vacuum).well();
    assert!(all.contains("ordered_on=2026-01-02/part-"), "{all}");
    let bob = polder(folder, &[&vacuum[..], &["--as", "bob@example.com"]].concat()).well();
    assert!(bob.contains("part-") && !bob.contains("ordered_on"), "{bob}");
}

#[test]
fn personal_data_in_a_view_is_tagged_there_and_nowhere_else() {
    let made = mesh();
    let folder = made.path();
    edit(folder, "domains/sales/datasets/paid.yaml", ", tags: [pii], mask: hash", "");
    let said = polder(folder, &["validate"]).all();
    assert!(
        said.contains("the view's column is not tagged so") && said.contains("help: tag the view's column `tags: [pii]`\n"),
        "{said}"
    );
}
