//! The audit by command: whole, noted, exported.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{loaded, polder};

#[test]
fn an_audit_is_verified_from_the_beginning_and_from_a_record_that_was_noted() {
    let folder = loaded();
    let noted = noted(folder.path());
    let since = polder(folder.path(), &["audit", "verify", "--since", &noted, "--output", "json"]).well();
    let verified: Value = serde_json::from_str(&since).unwrap();
    assert!(verified["count"].as_u64() > Some(0) && verified["fault"].is_null(), "that it was verified is recorded too: {since}");

    let (sequence, hash) = noted.split_once(':').unwrap();
    let other = format!("{sequence}:{}", hash.chars().rev().collect::<String>());
    let replaced = polder(folder.path(), &["audit", "verify", "--since", &other]);
    assert!(
        replaced.all().starts_with("exit 1\n") && replaced.stderr.contains("is not the one that was noted"),
        "{}",
        replaced.all()
    );
    let later = polder(folder.path(), &["audit", "verify", "--since", &format!("999999:{hash}")]);
    assert!(later.all().starts_with("exit 1\n") && later.stderr.contains("the audit was cut off"), "{}", later.all());
    let nonsense = polder(folder.path(), &["audit", "verify", "--since", "yesterday"]);
    assert!(nonsense.all().starts_with("exit 2\n"), "{}", nonsense.all());
}

/// The last record as `verify` prints it: the harness makes hashes steady, and so the command is run without it.
fn noted(folder: &Path) -> String {
    let said = Command::new(env!("CARGO_BIN_EXE_polder")).args(["audit", "verify"]).current_dir(folder).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).trim_end().rsplit(' ').next().unwrap().to_owned()
}

#[test]
fn an_export_goes_on_where_the_last_one_ended() {
    let folder = loaded();
    let lines = |args: &[&str]| -> Vec<Value> {
        let said = polder(folder.path(), &[&["audit", "export"], args].concat()).well();
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let all = lines(&[]);
    let sequences: Vec<_> = all.iter().map(|record| record["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, (1..=all.len() as u64).collect::<Vec<_>>());
    let next = lines(&["--form", "ocsf", "--after", &all.len().to_string()]);
    assert_eq!((&next[0]["class_uid"], &next[0]["metadata"]["sequence"]), (&6003.into(), &(all.len() + 1).into()));
}
