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
    command.args(["query", &sql]).current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
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
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
