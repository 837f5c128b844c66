//! A process that dies at any step of a write leaves the table as it was or with the write whole; done again, it is done once.
//! One that dies in upkeep leaves every row; done again, upkeep ends.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use polder_access::Action;
use polder_lake::{AppTransaction, FAULT_POINTS, OptimizeOptions, UPKEEP_FAULT_POINTS, VacuumOptions, Write};
use polder_model::fault;
use polder_model::job::WriteMode;
use serde_json::json;

use crate::support::{Fixture, lake, permit, stream, table};

const POINT: &str = "LAKE_TEST_FAULT_POINT";
const FOLDER: &str = "LAKE_TEST_FOLDER";
const WORK: &str = "LAKE_TEST_WORK";
/// Keeps nothing but what the newest version needs.
const NOW: VacuumOptions = VacuumOptions { retain: Duration::ZERO, dry_run: false, override_guard: true };
/// The name of no point: the child writes down which it passed.
const RECORD: &str = "record";

static WANTED: OnceLock<String> = OnceLock::new();
static PASSED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

/// Dies at the point of the name wanted, or as `#3` at the third that is passed.
fn die_here(point: &'static str) {
    let mut passed = PASSED.lock().unwrap();
    passed.push(point);
    if WANTED.get().is_some_and(|wanted| wanted == point || *wanted == format!("#{}", passed.len())) {
        std::process::abort();
    }
}

/// Not a test of its own: the process that the others kill.
#[tokio::test]
#[ignore = "started by the other tests of this file"]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let table = table(&["id int"], json!({}));
    let work = std::env::var(WORK).unwrap();
    let action = if work == "write" { Action::Write } else { Action::Maintain };
    let handle = lake((&folder).into()).open(&permit(&table, action), &table, polder_lake::AsOf::Latest).await.unwrap();
    WANTED.set(std::env::var(POINT).unwrap()).unwrap();
    assert!(fault::set_hook(die_here));
    match work.as_str() {
        "optimize" => drop(handle.optimize(OptimizeOptions::default()).await.unwrap()),
        "vacuum" => drop(handle.vacuum(NOW).await.unwrap()),
        _ => {
            let rows = stream("SELECT 2 AS id").await;
            let transaction = Some(AppTransaction { app_id: "job".to_owned(), version: 1 });
            let write = Write { mode: WriteMode::Append, rows, transaction, commit_info: [].into() };
            let _ = handle.stage(write).await.unwrap().commit().await.unwrap();
        }
    }
    std::fs::write(Path::new(&folder).join("passed"), PASSED.lock().unwrap().join("\n")).unwrap();
}

/// Runs the child; returns whether it lived.
fn run_child(folder: &Path, work: &str, point: &str) -> bool {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::child", "--ignored"])
        .env(FOLDER, folder)
        .env(WORK, work)
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
    assert!(run_child(fixture.folder.path(), "write", RECORD));
    let passed = std::fs::read_to_string(fixture.folder.path().join("passed")).unwrap();
    assert_eq!(passed.lines().collect::<Vec<_>>(), FAULT_POINTS);
}

#[tokio::test]
async fn a_process_killed_at_any_step_loses_and_doubles_nothing() {
    for (step, point) in FAULT_POINTS.into_iter().enumerate() {
        let fixture = Fixture::new(&["id int"]).await;
        fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
        assert!(!run_child(fixture.folder.path(), "write", point), "{point} is passed");
        let linked = FAULT_POINTS.iter().position(|point| *point == "lake.log.linked").unwrap();
        let expect: &[&str] = if step < linked { &["1"] } else { &["1", "2"] };
        assert_eq!(fixture.rows("SELECT * FROM t").await, expect, "killed at {point}");
        assert!(run_child(fixture.folder.path(), "write", RECORD));
        assert_eq!(fixture.rows("SELECT * FROM t").await, ["1", "2"], "done again after {point}");
        fixture.open(Action::Maintain).await.vacuum(NOW).await.unwrap();
        assert_eq!(fixture.data_files().len(), 2, "nothing is left over after {point} and vacuum");
        assert_eq!(fixture.rows("SELECT * FROM t").await, ["1", "2"]);
    }
}

/// A table of three rows in three files, with files that nobody needs.
async fn worn() -> Fixture {
    let fixture = Fixture::new(&["id int"]).await;
    fixture.write(WriteMode::Append, "SELECT 0 AS id").await;
    fixture.write(WriteMode::Overwrite, "SELECT 1 AS id").await;
    for id in 2..=3 {
        fixture.write(WriteMode::Append, &format!("SELECT {id} AS id")).await;
    }
    std::fs::write(fixture.path().join("part-orphan.parquet"), "x").unwrap();
    std::fs::write(fixture.path().join("part-x.parquet#123"), "x").unwrap();
    fixture
}

#[tokio::test]
async fn upkeep_killed_at_any_step_leaves_every_row() {
    let mut passed = Vec::new();
    for (work, files_left) in [("optimize", 1), ("vacuum", 3)] {
        let fixture = worn().await;
        assert!(run_child(fixture.folder.path(), work, RECORD));
        let points = std::fs::read_to_string(fixture.folder.path().join("passed")).unwrap();
        for (step, point) in (1..).zip(points.lines()) {
            let fixture = worn().await;
            assert!(!run_child(fixture.folder.path(), work, &format!("#{step}")), "{work} passes {point}");
            let killed = format!("{work} killed at {point}, step {step}");
            assert_eq!(fixture.rows("SELECT * FROM t").await, ["1", "2", "3"], "{killed}");
            fixture.write(WriteMode::Append, "SELECT 4 AS id").await;
            assert!(run_child(fixture.folder.path(), work, RECORD), "again after {killed}");
            assert_eq!(fixture.rows("SELECT * FROM t").await, ["1", "2", "3", "4"], "again after {killed}");
            fixture.open(Action::Maintain).await.vacuum(NOW).await.unwrap();
            let files = fixture.data_files().len();
            assert!(files <= files_left + 1, "{files} files are left over after {killed} and vacuum");
        }
        passed.extend(points.lines().map(str::to_owned));
    }
    for point in UPKEEP_FAULT_POINTS {
        assert!(passed.iter().any(|passed| passed == point), "{point} is passed");
    }
}
