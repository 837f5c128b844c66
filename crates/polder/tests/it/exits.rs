//! Exit codes: what scripts branch on.

use insta::assert_snapshot;

use crate::support::{loaded, polder};

#[test]
fn each_way_to_end_has_its_code() {
    let folder = loaded();
    let folder = folder.path();
    let check = |args: &[&str], code: i32| {
        let said = polder(folder, args);
        assert_eq!(said.code, code, "polder {}\n{}", args.join(" "), said.all());
    };
    check(&["query", "select 1"], 0);
    check(&["query", "selec 1"], 2);
    check(&["query", ""], 2);
    check(&["query", "--no-such-option"], 2);
    check(&["query", "select * from sales.bronze.no_such_v1"], 4);
    check(&["query", "select 1", "--as", "nobody"], 4);
    check(&["query", "--file", "no_such.sql"], 4);
    check(&["describe", "sales.bronze.no_such_v1"], 4);
    check(&["apply", "no_such.plan"], 4);
    check(&["plan", "-e", "mars"], 4);
    check(&["run", "sales/no_such"], 4);
    check(&["run", "sales/load_orders", "--as", "bob@example.com"], 5);
    check(&["vacuum", "sales.bronze.orders_v1", "--retain-hours", "1"], 2);
    check(&["vacuum", "sales.bronze.orders_v1", "--retain-hours", "1", "--allow-short"], 0);
    check(&["init"], 6);
}

#[test]
fn a_folder_without_a_mesh_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let said = polder(folder.path(), &["plan"]);
    assert_eq!(said.code, 4);
    assert_snapshot!(said.stderr, @"
    error: there is no polder.yaml in $DIR or above it
      hint: run `polder init` to write a starter mesh here, `polder demo` to see one, or name a folder with `--dir`
    ");
}

#[test]
fn a_job_without_its_domain_is_answered_with_the_jobs_it_may_be() {
    let folder = crate::support::starter();
    let run = |job: &str| polder(folder.path(), &["run", job]).all();
    assert_snapshot!(run("load_orders"), @r#"
    exit 2
    --- stdout
    --- stderr
    error: "load_orders" names no job: write its domain and its name, as domain/job
      hint: did you mean `polder run sales/load_orders`?
    "#);
    assert_snapshot!(run("something"), @r#"
    exit 2
    --- stdout
    --- stderr
    error: "something" names no job: write its domain and its name, as domain/job
      hint: `polder run --all` runs every job that you may start
    "#);
    assert_snapshot!(run("sales/load/orders"), @r#"
    exit 2
    --- stdout
    --- stderr
    error: "sales/load/orders" names no job: write its domain and its name, as domain/job
      because: a job name may not contain '/': use letters, digits, '_' and '-'
      hint: `polder run --all` runs every job that you may start
    "#);
}

#[test]
fn a_short_retention_is_refused_with_the_flag_that_allows_it() {
    let folder = crate::support::starter();
    assert_snapshot!(polder(folder.path(), &["vacuum", "sales.bronze.orders_v1", "--retain-hours", "1"]).stderr, @"
    error: a retention of 1 hours is shorter than a week, which is 168
      hint: readers and writers at work may still need the files; add `--allow-short` when there are none
    ");
}

#[test]
fn init_names_a_folder_to_go_to_only_when_it_is_another() {
    let folder = tempfile::tempdir().unwrap();
    for (named, go) in [(".", ""), ("mesh", "cd mesh && "), ("./mesh/../other", "cd ./mesh/../other && ")] {
        let said = polder(folder.path(), &["init", named]);
        assert!(said.stderr.contains(&format!("next: {go}polder validate")), "{}", said.all());
    }
}

#[test]
fn completions_are_made_for_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(polder(folder.path(), &["completions", shell]).well().contains("polder"), "{shell}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_stops_a_query_that_would_run_for_long() {
    use std::process::{Command, Stdio};
    use std::time::Duration;

    let folder = crate::support::starter();
    let digits = "(values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9))";
    let tables = ('a'..='l').map(|name| format!("{digits} as {name}({name})")).collect::<Vec<_>>().join(", ");
    let sql = format!("select sum(a.a * b.b + l.l) from {tables}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_polder"));
    command.args(["query", &sql]).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Until it listens, Ctrl-C would end it as it ends any process.
    let listens = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
        u64::from_str_radix(caught, 16).unwrap() & 0b10 != 0
    };
    while !listens() {
        std::thread::sleep(Duration::from_millis(10));
    }
    Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("error: the query was cancelled, and nothing was changed") && !said.contains("panicked"), "{said}");
}
