//! A process that dies at any step of a write leaves the table as it was or with the write whole; done again, it is done once.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use polder_access::Action;
use polder_lake::{AppTransaction, FAULT_POINTS, VacuumOptions, Write};
use polder_model::fault;
use polder_model::job::WriteMode;
use serde_json::json;

use crate::support::{Fixture, lake, permit, stream, table};

const POINT: &str = "LAKE_TEST_FAULT_POINT";
const FOLDER: &str = "LAKE_TEST_FOLDER";
/// The name of no point: the child writes down which it passed.
const RECORD: &str = "record";

static WANTED: OnceLock<String> = OnceLock::new();
static PASSED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

fn die_here(point: &'static str) {
    PASSED.lock().unwrap().push(point);
    if WANTED.get().is_some_and(|wanted| wanted == point) {
        std::process::abort();
    }
}

/// Not a test of its own: the process that the others kill.
#[tokio::test]
#[ignore = "started by the other tests of this file"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let table = table(&["id int"], json!({}));
    let handle = lake((&folder).into()).open(&permit(&table, Action::Write), &table, polder_lake::AsOf::Latest).await.unwrap();
    WANTED.set(std::env::var(POINT).unwrap()).unwrap();
    assert!(fault::set_hook(die_here));
    let rows = stream("SELECT 2 AS id").await;
    let transaction = Some(AppTransaction { app_id: "job".to_owned(), version: 1 });
    let write = Write { mode: WriteMode::Append, rows, transaction, commit_info: [].into() };
    let _ = handle.stage(write).await.unwrap().commit().await.unwrap();
    std::fs::write(Path::new(&folder).join("passed"), PASSED.lock().unwrap().join("\n")).unwrap();
}

/// Runs the child; returns whether it lived.
fn run_child(folder: &Path, point: &str) -> bool {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::child", "--ignored"])
        .env(FOLDER, folder)
        .env(POINT, point)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

#[tokio::test]
async fn bytes_are_on_the_disk_before_their_names_and_data_before_the_log() {
    let fixture = Fixture::new(&["id int"]).await;
    assert!(run_child(fixture.folder.path(), RECORD));
    let passed = std::fs::read_to_string(fixture.folder.path().join("passed")).unwrap();
    assert_eq!(passed.lines().collect::<Vec<_>>(), FAULT_POINTS);
}

#[tokio::test]
async fn a_process_killed_at_any_step_loses_and_doubles_nothing() {
    for (step, point) in FAULT_POINTS.into_iter().enumerate() {
        let fixture = Fixture::new(&["id int"]).await;
        fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
        assert!(!run_child(fixture.folder.path(), point), "{point} is passed");
        let linked = FAULT_POINTS.iter().position(|point| *point == "lake.log.linked").unwrap();
        let expect: &[&str] = if step < linked { &["1"] } else { &["1", "2"] };
        assert_eq!(fixture.rows("SELECT * FROM t").await, expect, "killed at {point}");
        assert!(run_child(fixture.folder.path(), RECORD));
        assert_eq!(fixture.rows("SELECT * FROM t").await, ["1", "2"], "done again after {point}");
        let now = VacuumOptions { retain: Duration::ZERO, dry_run: false, override_guard: true };
        fixture.open(Action::Maintain).await.vacuum(now).await.unwrap();
        assert_eq!(fixture.data_files().len(), 2, "nothing is left over after {point} and vacuum");
        assert_eq!(fixture.rows("SELECT * FROM t").await, ["1", "2"]);
    }
}
