//! Optimize, vacuum and checkpoints.

use std::time::Duration;

use polder_access::Action;
use polder_lake::{AsOf, Error, OptimizeOptions, VacuumOptions};
use polder_model::job::WriteMode;
use serde_json::json;

use crate::support::{Fixture, rows, stage};

const NOW: VacuumOptions = VacuumOptions { retain: Duration::ZERO, dry_run: false, override_guard: true };

#[tokio::test]
async fn optimize_keeps_the_rows_and_old_versions() {
    let fixture = Fixture::with(&["id int", "name string?"], json!({"has_history": true})).await;
    for id in 1..=4 {
        fixture.write(WriteMode::Append, &format!("SELECT {id} AS id, 'n' AS name")).await;
    }
    let handle = fixture.open(Action::Maintain).await;
    let report = handle.optimize(OptimizeOptions::default()).await.unwrap();
    assert_eq!((report.version, report.files_added, report.files_removed), (5, 1, 4));
    assert_eq!(handle.size().files, 1);
    assert_eq!(fixture.rows("SELECT id FROM t").await, ["1", "2", "3", "4"]);
    let old = fixture.at(AsOf::Version(2)).await.unwrap();
    assert_eq!(rows(old.provider(), "SELECT id FROM t").await, ["1", "2"]);
    let again = handle.optimize(OptimizeOptions::default()).await.unwrap();
    assert_eq!((again.version, again.files_added), (5, 0));
}

#[tokio::test]
async fn vacuum_deletes_what_no_version_needs_and_guards_the_past() {
    let fixture = Fixture::new(&["id int"]).await;
    for id in 1..=2 {
        fixture.write(WriteMode::Overwrite, &format!("SELECT {id} AS id")).await;
    }
    let orphan = fixture.path().join("part-orphan.parquet");
    let unfinished = fixture.path().join("part-x.parquet#123");
    std::fs::write(&orphan, "x").unwrap();
    std::fs::write(&unfinished, "x").unwrap();
    let handle = fixture.open(Action::Maintain).await;
    let soon = VacuumOptions { override_guard: false, ..NOW };
    assert!(matches!(handle.vacuum(soon).await, Err(Error::Retention { .. })));
    let report = handle.vacuum(VacuumOptions { dry_run: true, ..NOW }).await.unwrap();
    assert_eq!((report.files.len(), fixture.data_files().len()), (3, 4), "{report:?}");
    let report = handle.vacuum(NOW).await.unwrap();
    assert_eq!((report.files.len(), fixture.data_files().len()), (3, 1), "{report:?}");
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["2"]);
    // The handle can go on, and so can a writer that was open before.
    fixture.write(WriteMode::Append, "SELECT 3 AS id").await;
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["2", "3"]);
}

#[tokio::test]
async fn checkpoints_are_written_beside_and_read_back() {
    let fixture = Fixture::with(
        &["p string", "id int", "at timestamp"],
        json!({
            "partition_columns": ["p"],
            "properties": {"delta.checkpointInterval": "5"},
        }),
    )
    .await;
    let handle = fixture.open(Action::Write).await;
    for id in 1..=12 {
        let sql = format!("SELECT 'a b' AS p, {id} AS id, timestamp '2024-01-01T00:00:00Z' AS at");
        let _ = stage(&handle, WriteMode::Append, &sql).await.unwrap().commit().await.unwrap();
    }
    fixture.lake.settle().await;
    let log = fixture.path().join("_delta_log");
    assert!(log.join("_last_checkpoint").is_file() && log.join("00000000000000000010.checkpoint.parquet").is_file());
    for version in 0..10 {
        std::fs::remove_file(log.join(format!("{version:020}.json"))).unwrap();
    }
    assert_eq!(fixture.rows("SELECT count(*), sum(id), min(p), min(at) FROM t").await, ["12|78|a b|2024-01-01T00:00:00Z"]);
    assert_eq!(fixture.open(Action::Read).await.size().rows, Some(12));
}

#[tokio::test]
async fn upkeep_knows_files_by_names_that_are_odd() {
    let fixture = Fixture::with(&["p string?", "id int"], json!({"partition_columns": ["p"]})).await;
    let odd = "(VALUES ('a/b', 1), ('a b', 2), ('50%', 3), ('é', 4), ('a%2Fb', 5), (NULL, 6), ('x#1', 7)) v(p, id)";
    for _ in 0..2 {
        fixture.write(WriteMode::Append, &format!("SELECT * FROM {odd}")).await;
    }
    let expect = fixture.rows("SELECT * FROM t").await;
    let handle = fixture.open(Action::Maintain).await;
    assert_eq!(handle.vacuum(NOW).await.unwrap().files, Vec::<String>::new());
    assert_eq!(handle.optimize(OptimizeOptions::default()).await.unwrap().files_added, 7);
    assert_eq!(handle.vacuum(NOW).await.unwrap().files.len(), 14);
    assert_eq!(fixture.rows("SELECT * FROM t").await, expect);
    assert_eq!(fixture.rows("SELECT id FROM t WHERE p = 'a/b'").await, ["1", "1"]);
}
