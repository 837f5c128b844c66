//! From nothing to tables, and what a change of the files does.

use insta::assert_snapshot;

use crate::support::{edit, loaded, piped, polder, starter};

#[test]
fn a_starter_mesh_comes_alive_and_a_second_apply_is_empty() {
    let folder = starter();
    let folder = folder.path();
    assert_snapshot!(polder(folder, &["validate"]).all(), @"
    exit 0
    --- stdout
    valid: 2 environments, 1 department, 1 domain, 3 datasets, 2 jobs, 7 grants
    --- stderr
    ");
    assert_snapshot!(polder(folder, &["plan"]).all(), @"
    exit 0
    --- stdout
    Plan for dev (tenant nonprod), on top of state 0

    Create
       + tenant nonprod
           new in polder.yaml:5:11
       + environment dev
           new in polder.yaml:7:12
       + department commerce
           new in polder.yaml:10:15
       + user ana@example.com
           new in polder.yaml:18:9
       + user bob@example.com
           new in polder.yaml:18:26
       + service principal deployer
           new in polder.yaml:19:21
       + service principal sales_jobs
           new in domains/sales/domain.yaml:5:21
       + group analysts
           new in polder.yaml:23:12
       + group deployers
           new in polder.yaml:21:12
       + group sales_owners
           new in polder.yaml:22:12
       + domain sales
           new in domains/sales/domain.yaml:2:1
       + bucket aws/dev-sales
           new in domains/sales/datasets/orders.yaml:10:13
       + catalog sales
           new in domains/sales/domain.yaml:2:1
       + schema sales.bronze
           new in domains/sales/datasets/orders.yaml:4:13
       + schema sales.gold
           new in domains/sales/datasets/revenue.yaml:4:13
       + table sales.bronze.orders_v1
           new in domains/sales/datasets/orders.yaml:4:13
           placed on aws: aws or azure will do: aws, the first of those in the organization's order
       + table sales.bronze.orders_v1_quarantine
           new in domains/sales/jobs/load_orders.yaml:3:7
           placed on aws: aws or azure will do: aws, the first of those in the organization's order
       + table sales.gold.revenue_v1
           new in domains/sales/datasets/revenue.yaml:4:13
           placed on aws: aws or azure will do: aws, the first of those in the organization's order
       + grant catalog:sales:analysts
           new in access/sales.yaml:3:6
       + grant catalog:sales:sales_jobs
           new in domains/sales/domain.yaml:5:21
       + grant metastore:deployers
           new in access/platform.yaml:4:6
       + grant schema:sales.bronze:analysts
           new in access/sales.yaml:3:6
       + grant schema:sales.gold:analysts
           new in access/sales.yaml:4:6
       + grant table:sales.bronze.orders_v1:analysts
           new in access/sales.yaml:3:6
       + grant table:sales.gold.revenue_v1:analysts
           new in access/sales.yaml:4:6
       + job sales/daily_revenue
           new in domains/sales/jobs/daily_revenue.yaml:3:7
       + job sales/load_orders
           new in domains/sales/jobs/load_orders.yaml:3:7

    Plan: 27 to create, 0 to update, 0 to replace, 0 to delete, 0 drifted, 0 held back.
    --- stderr
    ");
    assert_snapshot!(polder(folder, &["apply", "--yes", "--output", "json"]).well(), @r#"
    {
      "environment": "dev",
      "plan": "[id]",
      "summary": {
        "create": 27,
        "update": 0,
        "replace": 0,
        "delete": 0,
        "drift": 0,
        "held_back": 0
      },
      "steps": 31,
      "resumed": 0,
      "seconds": [took]
    }
    "#);
    assert_snapshot!(polder(folder, &["apply", "--yes"]).all(), @"
    exit 0
    --- stdout
    dev is as declared: nothing to do
    --- stderr
    ");
    assert_snapshot!(polder(folder, &["ls"]).all(), @"
    exit 0
    --- stdout
    NAME                               KIND   COLUMNS  OWNER         COMMENT
    sales.bronze.orders_v1             table        5  sales_owners  orders as the shop exports them
    sales.bronze.orders_v1_quarantine  table        5  sales_owners  rows that did not fit sales.bronze.orders_v1, each with the reason
    sales.gold.revenue_v1              table        3  sales_owners  revenue by day
    --- stderr
    ");
}

#[test]
fn the_starters_production_is_applied_and_run_by_its_service_principals() {
    let folder = starter();
    let prod = |args: &[&str], principal: &str| polder(folder.path(), &[args, &["-e", "prod", "--as", principal]].concat());
    assert!(prod(&["plan"], "deployer").well().contains("27 to create"));
    assert_eq!(polder(folder.path(), &["apply", "--yes", "-e", "prod"]).code, 5, "the local account is no service principal");
    prod(&["apply", "--yes"], "deployer").well();
    assert!(prod(&["plan"], "deployer").well().contains("Nothing to do"));
    assert!(prod(&["run", "--all"], "sales_jobs").well().ends_with("2 done\n"));
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
    assert_snapshot!(said.stderr, @"
    error: the plan has changes and no one is there to ask
      hint: add `--yes`, or save the plan and apply the file
    ");
}

#[test]
fn a_saved_plan_is_carried_out_once() {
    let folder = starter();
    let folder = folder.path();
    assert_snapshot!(polder(folder, &["plan", "--out", "dev.plan"]).stderr, @"saved: carry it out with `polder apply dev.plan -e dev`");
    polder(folder, &["apply", "dev.plan"]).well();
    let again = polder(folder, &["apply", "dev.plan"]);
    assert_eq!(again.code, 6, "{}", again.all());
}

#[test]
fn a_new_optional_column_is_an_update() {
    let folder = loaded();
    let path = "domains/sales/datasets/orders.yaml";
    let note = "  - {name: note, type: string, optional: true}\n";
    edit(folder.path(), path, note, &format!("{note}{}", note.replace("note", "channel")));
    let said = polder(folder.path(), &["plan", "--output", "markdown"]).well();
    assert!(said.contains("column 'channel' added") && said.contains("| 0 | 1 | 0 |"), "{said}");
    polder(folder.path(), &["apply", "--yes"]).well();
    let rows =
        polder(folder.path(), &["query", "select count(channel) as n, count(*) as m from sales.bronze.orders_v1", "-o", "csv"]);
    assert_eq!(rows.well(), "n,m\n0,3\n");
}

#[test]
fn a_mesh_may_be_named_from_elsewhere_in_any_way() {
    let above = tempfile::tempdir().unwrap();
    let elsewhere = above.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    polder(above.path(), &["init", "mesh"]).well();
    std::os::unix::fs::symlink("../mesh", elsewhere.join("link")).unwrap();
    polder(&elsewhere, &["-C", "../mesh", "apply", "--yes"]).well();
    polder(&elsewhere, &["-C", "../elsewhere/../mesh", "run", "--all"]).well();
    for named in ["../mesh", "link"] {
        let rows = polder(&elsewhere, &["-C", named, "query", "select count(*) as n from sales.bronze.orders_v1", "-o", "csv"]);
        assert_eq!(rows.well(), "n\n3\n");
        let again = polder(&elsewhere, &["-C", named, "run", "sales/load_orders"]).well();
        assert!(again.contains("1 unchanged") || again.contains("skipped"), "{again}");
    }
}

#[test]
fn where_nothing_is_applied_the_next_step_is_named() {
    let folder = starter();
    let folder = folder.path();
    let next = "nothing is applied in dev yet: `polder apply -e dev`";
    assert_eq!(polder(folder, &["ls"]).well(), format!("{next}\n"));
    for args in [&["query", "select * from sales.bronze.orders_v1"][..], &["describe", "sales.bronze.orders_v1"]] {
        let said = polder(folder, args);
        assert!(said.code == 4 && said.stderr.contains(next), "{}", said.all());
    }
}
