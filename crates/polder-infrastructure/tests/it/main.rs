//! The tool itself, over roots that need no provider but the one that is built into it. Where no tool is on the path nothing is shown, and
//! that is said.

#![allow(clippy::print_stderr, reason = "what is skipped is said")]

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use polder_infrastructure::{Action, Failure, Happened, Tool};
use serde_json::{Value, json};

/// The tool, or a loud word that there is none.
fn tool() -> Option<Tool> {
    let found = Tool::find(None);
    if found.is_none() {
        eprintln!("SKIPPED: neither tofu nor terraform is on the path, so nothing is shown of how they are run");
    }
    found
}

fn write(root: &Path, configuration: &Value) {
    std::fs::write(root.join("main.tf.json"), configuration.to_string()).expect("the configuration is written");
}

fn two() -> Value {
    json!({
        "variable": {"word": {"type": "string", "default": "one", "description": "A word."}},
        "resource": {"terraform_data": {"first": {"input": "${var.word}"}, "second": {"input": "two"}}},
        "output": {
            "word": {"value": "${terraform_data.first.output}", "description": "The word."},
            "hidden": {"value": "hush", "sensitive": true, "description": "Nobody's business."},
        },
    })
}

fn done(tool: &Tool, root: &Path) -> Vec<(String, Action)> {
    tool.prepare(root).expect("it is prepared");
    let planned = tool.plan(root).expect("it is planned");
    let mut done = Vec::new();
    let mut told = |happened| {
        if let Happened::Done(change) = happened {
            done.push((change.address, change.action));
        }
    };
    tool.apply(root, &planned, &mut told).expect("it is applied");
    done.sort();
    done
}

#[test]
fn a_root_is_planned_applied_and_read() {
    let Some(tool) = tool() else { return };
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &two());
    let made = done(&tool, root.path());
    assert_eq!(made, [("terraform_data.first".to_owned(), Action::Create), ("terraform_data.second".to_owned(), Action::Create)]);
    let outputs = tool.outputs(root.path()).expect("outputs are read");
    assert_eq!(outputs.into_iter().collect::<Vec<_>>(), [("word".to_owned(), json!("one"))]);

    let again = tool.plan(root.path()).expect("it is planned again");
    assert!(again.changes.is_empty() && again.drift.is_empty() && !again.differs, "{again:?}");

    // Values from a file, one of them for another root.
    let values = root.path().join("values.json");
    std::fs::write(&values, json!({"word": "three", "of_another_root": 1}).to_string()).expect("values are written");
    let values = root.path().join("values.tfvars.json").tap(|to| std::fs::rename(&values, to).expect("they have their name"));
    let changed = tool.clone().with_values(values).plan(root.path()).expect("it is planned with values");
    let changes: Vec<_> = changed.changes.iter().map(|change| (change.address.as_str(), change.action)).collect();
    assert_eq!(changes, [("terraform_data.first", Action::Update)]);
    assert!(changed.differs);
}

/// For a value that something is done with on the way.
trait Tap: Sized {
    fn tap(self, with: impl FnOnce(&Self)) -> Self {
        with(&self);
        self
    }
}

impl<T> Tap for T {}

#[test]
fn what_is_forgotten_and_what_is_destroyed_are_told_apart() {
    let Some(tool) = tool() else { return };
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &two());
    done(&tool, root.path());
    write(root.path(), &json!([{"removed": {"from": "terraform_data.first", "lifecycle": {"destroy": false}}}]));
    let planned = tool.plan(root.path()).expect("it is planned");
    let changes: Vec<_> =
        planned.changes.iter().map(|change| (change.address.as_str(), change.action, change.action.destroys())).collect();
    assert_eq!(changes, [("terraform_data.first", Action::Remove, false), ("terraform_data.second", Action::Delete, true)]);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_is_never_nothing() {
    let Some(tool) = tool() else { return };
    let root = tempfile::tempdir().expect("a folder");
    std::fs::write(root.path().join("main.tf.json"), "{\"resource\":\n").expect("half a file is written");
    let failure = tool.plan(root.path()).expect_err("half a file is no configuration");
    let Failure::Refused { doing: "plan", said, .. } = &failure else { panic!("{failure:?}") };
    assert_eq!(said[0].place, Some(("main.tf.json".to_owned(), 2)));
    assert!(failure.to_string().contains("main.tf.json:2: Missing value: The JSON data ends prematurely."), "{failure}");

    // A provider that nobody has.
    write(root.path(), &json!({"terraform": {"required_providers": {"x": {"source": "example.invalid/no/body"}}}}));
    let failure = tool.prepare(root.path()).expect_err("there is no such provider");
    assert!(failure.to_string().contains("example.invalid"), "{failure}");

    // A state that cannot be read.
    write(root.path(), &two());
    std::fs::write(root.path().join("terraform.tfstate"), "no state").expect("it is written");
    assert!(tool.prepare(root.path()).and_then(|()| tool.plan(root.path())).is_err());
    assert!(tool.outputs(root.path()).is_err());
    // A tool that is none.
    assert_eq!(Tool::find(Some("/nowhere/tofu")), None);
}

#[test]
fn a_plan_is_applied_as_it_was_seen_or_not_at_all() {
    let Some(tool) = tool() else { return };
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &two());
    tool.prepare(root.path()).expect("it is prepared");
    let planned = tool.plan(root.path()).expect("it is planned");
    done(&tool, root.path());
    let failure = tool.apply(root.path(), &planned, &mut |_| {}).expect_err("the state has moved");
    assert!(failure.to_string().contains("stale"), "{failure}");
}

#[test]
fn what_is_made_when_this_process_is_killed_is_in_the_state() {
    let Some(tool) = tool() else { return };
    let root = tempfile::tempdir().expect("a folder");
    let sleeping = json!({"local-exec": {"command": "touch begun; sleep 2; touch done"}});
    write(root.path(), &json!({"resource": {"terraform_data": {"slow": {"input": "one", "provisioner": sleeping}}}}));
    tool.prepare(root.path()).expect("it is prepared");
    // This test's own program, which applies the root and is killed in the middle of it.
    let mut other = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "applies_for_another_test", "--ignored"])
        .env("POLDER_TEST_ROOT", root.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("it is started");
    wait_for(&root.path().join("begun"));
    other.kill().expect("it is killed");
    other.wait().expect("it is gone");
    assert!(!root.path().join("done").exists(), "it was killed too late to show anything");
    // The tool still has the state: who comes next waits for it, and finds all of it.
    let planned = tool.plan(root.path()).expect("it is planned");
    assert!(root.path().join("done").exists(), "nobody waited for the tool");
    assert!(planned.changes.is_empty(), "{planned:?}");
}

/// No test of its own: what [`what_is_made_when_this_process_is_killed_is_in_the_state`] kills.
#[test]
#[ignore = "another test starts it"]
fn applies_for_another_test() {
    let root = std::env::var_os("POLDER_TEST_ROOT").expect("another test names the root");
    let tool = Tool::find(None).expect("another test has found it");
    let planned = tool.plan(Path::new(&root)).expect("it is planned");
    tool.apply(Path::new(&root), &planned, &mut |_| {}).expect("it is applied");
}

fn wait_for(file: &Path) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{} is never there", file.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn a_tool_by_a_path_from_here_is_run_in_a_roots_folder() {
    use std::os::unix::fs::PermissionsExt as _;
    let (here, root) = (tempfile::tempdir_in(".").expect("a folder"), tempfile::tempdir().expect("a root"));
    let program = here.path().join("tool");
    std::fs::write(&program, "#!/bin/sh\npwd > ran\n").expect("the tool is written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it may be run");
    let named = format!("./{}/tool", here.path().file_name().expect("its name").to_string_lossy());
    let tool = Tool::find(Some(&named)).expect("the tool is found");
    tool.prepare(root.path()).expect("it is run");
    assert!(root.path().join("ran").is_file(), "it ran in the root");
}
