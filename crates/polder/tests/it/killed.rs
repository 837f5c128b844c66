//! Killed at any step, done again: nothing is lost and nothing is there twice.

use std::path::Path;

use tempfile::TempDir;

use crate::support::{edit, polder, starter, write};
use crate::trouble::{BUCKET, applied, ask_state, contents, copy, killed_at};

/// The points that an apply passes.
const APPLY: [&str; 6] =
    ["apply.before_record", "apply.after_effect", "apply.after_record", "lake.log.written", "lake.log.synced", "lake.log.linked"];
/// The points that every run passes.
const RUN: [&str; 15] = [
    "run.planned",
    "lake.stage.begin",
    "lake.data.written",
    "lake.data.synced",
    "lake.stage.done",
    "run.staged",
    "run.commit",
    "lake.commit.begin",
    "lake.log.written",
    "lake.log.synced",
    "lake.log.linked",
    "lake.commit.done",
    "run.committed",
    "run.finish",
    "run.finished",
];
const ORDERS: &str = "domains/sales/datasets/orders.yaml";
const NOTHING: &str = "Nothing to do: everything is as declared.";

/// Kills a command at each point, each time it comes there, in a copy of the mesh of its own; returns how many died.
fn kill_everywhere(mesh: &Path, args: &[&str], points: &[&str], afterwards: impl Fn(&Path, &str)) -> usize {
    let mut died = 0;
    for point in points {
        for nth in 1.. {
            let folder = copy(mesh);
            if killed_at(folder.path(), args, point, nth) {
                assert!(nth > 1, "polder {} never comes to {point}", args.join(" "));
                break;
            }
            died += 1;
            afterwards(folder.path(), &format!("killed at {point}#{nth}"));
        }
    }
    died
}

/// What an apply leaves: the metastore, what is recorded, the commits of each table, the folders of tables.
fn state_of(folder: &Path) -> Vec<String> {
    let mut state = ask_state(folder, "select address, resource from entries order by address");
    state.extend(ask_state(folder, "select address, resource from recorded order by address"));
    state.extend(ask_state(folder, "select environment, cast(serial as text) from environments"));
    state.extend(ask_state(folder, "select table_name from table_ids order by table_name"));
    let files = contents(&folder.join(BUCKET)).into_iter().map(|(path, _)| path.display().to_string());
    // What a killed write left half written has a name that no reader looks at.
    state.extend(files.filter(|path| !path.contains('#') && path.contains("_delta_log")));
    state
}

fn as_declared(folder: &Path, expect: &[String], killed: &str) {
    let plan = polder(folder, &["plan"]).well();
    assert!(plan.contains(NOTHING), "{killed}\n{plan}");
    assert_eq!(state_of(folder), expect, "{killed}");
    assert!(ask_state(folder, "select id from operations where finished is null").is_empty(), "{killed}");
}

#[test]
fn an_apply_killed_anywhere_is_finished_by_the_next_one() {
    let mesh = starter();
    let whole = copy(mesh.path());
    polder(whole.path(), &["apply", "--yes"]).well();
    let expect = state_of(whole.path());
    assert_eq!(expect.iter().filter(|line| line.ends_with("00000000000000000000.json")).count(), 3, "{expect:?}");
    let died = kill_everywhere(mesh.path(), &["apply", "--yes"], &APPLY, |folder, killed| {
        polder(folder, &["apply", "--yes"]).well();
        as_declared(folder, &expect, killed);
    });
    assert_eq!(died, 19, "records before and after, effects and three log entries at three points each");
}

#[test]
fn an_apply_that_changes_and_removes_tables_killed_anywhere_is_finished_by_the_next_one() {
    let mesh = crate::trouble::loaded();
    let folder = mesh.path();
    edit(
        folder,
        ORDERS,
        "  - {name: note, type: string, optional: true}\n",
        "  - {name: note, type: string, optional: true}\n  - {name: channel, type: string, optional: true}\n",
    );
    for gone in ["datasets/revenue.yaml", "jobs/daily_revenue.yaml", "jobs/daily_revenue.sql"] {
        std::fs::remove_file(folder.join("domains/sales").join(gone)).unwrap();
    }
    edit(folder, "access/sales.yaml", "  - {to: analysts, on: sales.gold.revenue_v1, level: regular}\n", "");
    let apply = ["apply", "--yes", "--allow-destroy", "table:sales.gold.revenue_v1"];
    let whole = copy(folder);
    polder(whole.path(), &apply).well();
    let expect = state_of(whole.path());
    assert!(!expect.iter().any(|line| line.contains("revenue")), "{expect:?}");
    let died = kill_everywhere(folder, &apply, &APPLY, |folder, killed| {
        polder(folder, &apply).well();
        as_declared(folder, &expect, killed);
        let rows = polder(folder, &["query", "select count(*), count(channel) from sales.bronze.orders_v1", "-o", "csv"]).well();
        assert!(rows.ends_with("\n3,0\n"), "{killed}\n{rows}");
    });
    assert!(died >= 9, "{died}");
}

#[test]
fn an_apply_killed_again_and_again_gets_there() {
    let folder = starter();
    let folder = folder.path();
    let attempts = (1..20).find(|_| killed_at(folder, &["apply", "--yes"], "apply.after_record", 2));
    assert!(attempts.is_some_and(|attempts| attempts > 2), "{attempts:?}");
    assert!(polder(folder, &["plan"]).well().contains(NOTHING));
}

/// A mesh with three files to load, of which two have rows that do not fit.
fn three_files() -> TempDir {
    let mesh = applied();
    let head = "order_id,ordered_on,customer_email,amount,note\n";
    write(
        mesh.path(),
        "landing/orders/b.csv",
        &format!("{head}4,2026-01-03,x@example.com,1.00,\nfive,2026-01-03,x@example.com,1.00,\n"),
    );
    write(mesh.path(), "landing/orders/c.csv", &format!("{head}6,2026-01-03\n7,2026-01-04,x@example.com,2.50,\n,,,,\n"));
    mesh
}

/// How many rows there are, once and in all.
fn counts(folder: &Path) -> String {
    let sql = "select 'sink', count(*), count(distinct order_id), sum(amount) from sales.bronze.orders_v1 \
               union all select 'rejected', count(*), count(distinct concat(file, line)), 0 \
               from sales.bronze.orders_v1_quarantine order by 1";
    polder(folder, &["query", sql, "-o", "csv"]).well()
}

/// The runs of a job, oldest first.
fn runs(folder: &Path, job: &str) -> Vec<String> {
    ask_state(folder, &format!("select status from runs where job = '{job}' order by started"))
}

/// What is on record after a run that was killed, one that goes on, and a third.
fn then(killed: &str, goes_on: bool) -> [&'static str; 3] {
    match (killed.contains("run.finished"), goes_on) {
        (true, _) => ["succeeded", "skipped", "skipped"],
        (false, true) => ["interrupted", "succeeded", "skipped"],
        (false, false) => ["interrupted", "skipped", "skipped"],
    }
}

/// Whether a load that was killed there had not committed its rows yet: quarantine comes first, the sink second.
fn loads_again(killed: &str) -> bool {
    let committed = ["lake.log.linked#2", "lake.commit.done#2", "run.committed", "run.finish"];
    !committed.iter().any(|point| killed.contains(point))
}

#[test]
fn a_load_killed_anywhere_is_done_once_by_the_next_run() {
    let mesh = three_files();
    let load = ["run", "sales/load_orders"];
    let whole = copy(mesh.path());
    polder(whole.path(), &load).well();
    let expect = counts(whole.path());
    assert!(expect.contains("rejected,3,3,") && expect.contains("sink,5,5,70.55"), "{expect}");
    let points: Vec<&str> = RUN.into_iter().chain(["run.quarantined"]).collect();
    let died = kill_everywhere(mesh.path(), &load, &points, |folder, killed| {
        polder(folder, &load).well();
        let third = polder(folder, &load).well();
        assert!(third.contains("1 skipped"), "{killed}\n{third}");
        assert_eq!(counts(folder), expect, "{killed}");
        let runs = runs(folder, "sales/load_orders");
        assert_eq!(runs, then(killed, loads_again(killed)), "{killed}");
    });
    assert!(died >= 22, "{died}");
}

#[test]
fn a_query_job_killed_anywhere_is_done_once_by_the_next_run() {
    let mesh = crate::trouble::applied();
    edit(
        mesh.path(),
        "domains/sales/jobs/daily_revenue.yaml",
        "framework: {kind: sql}",
        "write: {mode: append}\nframework: {kind: sql}",
    );
    polder(mesh.path(), &["apply", "--yes"]).well();
    polder(mesh.path(), &["run", "sales/load_orders"]).well();
    let job = ["run", "sales/daily_revenue"];
    let rows = |folder: &Path| {
        polder(folder, &["query", "select count(*), sum(orders), sum(revenue) from sales.gold.revenue_v1", "-o", "csv"]).well()
    };
    let died = kill_everywhere(mesh.path(), &job, &RUN, |folder, killed| {
        polder(folder, &job).well();
        let third = polder(folder, &job).well();
        assert!(third.contains("1 skipped"), "{killed}\n{third}");
        assert!(rows(folder).ends_with("\n2,3,67.05\n"), "{killed}\n{}", rows(folder));
        assert_eq!(runs(folder, "sales/daily_revenue"), then(killed, true), "{killed}");
    });
    assert_eq!(died, RUN.len());
}

#[test]
fn a_saved_plan_killed_anywhere_is_carried_out_when_it_is_applied_again() {
    let mesh = starter();
    polder(mesh.path(), &["plan", "--out", "dev.plan"]).well();
    let apply = ["apply", "dev.plan"];
    kill_everywhere(mesh.path(), &apply, &["apply.after_effect", "apply.after_record"], |folder, killed| {
        let said = polder(folder, &apply);
        assert_eq!(said.code, 0, "{killed}\n{}", said.all());
        assert!(polder(folder, &["plan"]).well().contains(NOTHING), "{killed}");
        assert_eq!(polder(folder, &apply).code, 6, "{killed}: it is carried out once");
    });
}

#[test]
fn a_load_that_replaces_or_merges_killed_anywhere_is_done_once_by_the_next_run() {
    for (mode, expect) in [("{mode: overwrite}", "4,4,168.05"), ("{mode: merge, keys: [order_id]}", "4,4,168.05")] {
        let mesh = crate::trouble::loaded();
        let folder = mesh.path();
        edit(folder, "domains/sales/jobs/load_orders.yaml", "{mode: append}", mode);
        polder(folder, &["apply", "--yes"]).well();
        let head = "order_id,ordered_on,customer_email,amount,note\n";
        let file = if mode.contains("merge") { "b.csv" } else { "2026-01-01.csv" };
        if mode.contains("merge") {
            // The later file wins, in a batch of its own.
            write(folder, "landing/orders/a.csv", &format!("{head}3,2026-01-02,eva@example.com,1.00,\n"));
        }
        let old = "1,2026-01-01,eva@example.com,19.95,\n2,2026-01-01,tom@example.com,5.00,gift\n";
        let kept = if mode.contains("merge") { "" } else { old };
        let rows = format!(
            "{kept}3,2026-01-02,eva@example.com,43.10,\n4,2026-01-03,x@example.com,100.00,\nfive,2026-01-03,x@example.com,1.00,\n"
        );
        write(folder, &format!("landing/orders/{file}"), &format!("{head}{rows}"));
        let load = ["run", "sales/load_orders"];
        let points: Vec<&str> = RUN.into_iter().chain(["run.quarantined"]).collect();
        let died = kill_everywhere(folder, &load, &points, |folder, killed| {
            polder(folder, &load).well();
            let third = polder(folder, &load).well();
            assert!(third.contains("1 skipped"), "{mode} {killed}\n{third}");
            let counts = counts(folder);
            assert!(counts.contains(&format!("sink,{expect}")) && counts.contains("rejected,1,1,"), "{mode} {killed}\n{counts}");
            assert_eq!(runs(folder, "sales/load_orders").len(), 4, "{mode} {killed}");
        });
        assert!(died >= 22, "{died}");
    }
}

#[test]
fn a_query_job_that_replaces_or_merges_killed_anywhere_leaves_one_of_each_row() {
    for mode in ["{mode: overwrite}", "{mode: merge, keys: [day]}"] {
        let mesh = crate::trouble::applied();
        let folder = mesh.path();
        edit(
            folder,
            "domains/sales/jobs/daily_revenue.yaml",
            "framework: {kind: sql}",
            &format!("write: {mode}\nframework: {{kind: sql}}"),
        );
        polder(folder, &["apply", "--yes"]).well();
        polder(folder, &["run", "--all"]).well();
        write(
            folder,
            "landing/orders/b.csv",
            "order_id,ordered_on,customer_email,amount,note\n4,2026-01-02,x@example.com,1.00,\n",
        );
        polder(folder, &["run", "sales/load_orders"]).well();
        let job = ["run", "sales/daily_revenue"];
        let died = kill_everywhere(folder, &job, &RUN, |folder, killed| {
            polder(folder, &job).well();
            assert!(polder(folder, &job).well().contains("1 skipped"), "{mode} {killed}");
            let sql = "select count(*), count(distinct day), sum(orders), sum(revenue) from sales.gold.revenue_v1";
            let rows = polder(folder, &["query", sql, "-o", "csv"]).well();
            assert!(rows.ends_with("\n2,2,4,68.05\n"), "{mode} {killed}\n{rows}");
        });
        assert!(died >= RUN.len(), "{died}");
    }
}
