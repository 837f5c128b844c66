//! Several writers on one table.

use polder_access::Action;
use polder_lake::{AppTransaction, Committed, Write};
use polder_model::job::WriteMode;

use crate::support::{Fixture, stage, stream, table, version_of};

#[tokio::test]
async fn appends_of_two_writers_both_land() {
    let fixture = Fixture::new(&["id int"]).await;
    let (one, two) = (fixture.open(Action::Write).await, fixture.open(Action::Write).await);
    let first = stage(&one, WriteMode::Append, "SELECT 1 AS id").await.unwrap();
    let second = stage(&two, WriteMode::Append, "SELECT 2 AS id").await.unwrap();
    assert_eq!(version_of(first.commit().await.unwrap()), 1);
    assert_eq!(version_of(second.commit().await.unwrap()), 2);
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["1", "2"]);
    assert_eq!(two.size().rows, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_lose_and_double_nothing() {
    let fixture = Fixture::new(&["id int"]).await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..4 {
        let handle = fixture.open(Action::Write).await;
        writers.spawn(async move {
            for n in 0..10 {
                let staged = stage(&handle, WriteMode::Append, &format!("SELECT {} AS id", writer * 10 + n)).await.unwrap();
                version_of(staged.commit().await.unwrap());
            }
        });
    }
    writers.join_all().await;
    assert_eq!(fixture.rows("SELECT count(*), count(DISTINCT id), sum(id) FROM t").await, ["40|40|780"]);
    assert_eq!(fixture.open(Action::Read).await.version(), 40);
}

#[tokio::test]
async fn a_write_that_looked_at_the_whole_table_conflicts_with_an_append() {
    for mode in [WriteMode::Overwrite, WriteMode::Merge { keys: vec!["id".to_owned()] }] {
        let fixture = Fixture::new(&["id int"]).await;
        fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
        let handle = fixture.open(Action::Write).await;
        let staged = stage(&handle, mode.clone(), "SELECT 1 AS id").await.unwrap();
        fixture.write(WriteMode::Append, "SELECT 2 AS id").await;
        assert_eq!(staged.commit().await.unwrap(), Committed::Conflict { version: 2 });
        assert_eq!(fixture.data_files().len(), 2, "{mode:?} leaves no files");
        // The handle has moved on: staged again, it fits.
        let staged = stage(&handle, mode, "SELECT 1 AS id").await.unwrap();
        assert_eq!(version_of(staged.commit().await.unwrap()), 3);
    }
}

#[tokio::test]
async fn an_append_with_checks_can_ask_for_an_unchanged_table() {
    let fixture = Fixture::new(&["id int"]).await;
    let handle = fixture.open(Action::Write).await;
    let staged = stage(&handle, WriteMode::Append, "SELECT 1 AS id").await.unwrap();
    fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
    assert_eq!(staged.commit_if_unchanged().await.unwrap(), Committed::Conflict { version: 1 });
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["1"]);
}

#[tokio::test]
async fn an_append_conflicts_with_a_change_of_columns() {
    let fixture = Fixture::new(&["id int"]).await;
    let handle = fixture.open(Action::Write).await;
    let staged = stage(&handle, WriteMode::Append, "SELECT 1 AS id").await.unwrap();
    fixture.lake.alter_table(&table(&["id int", "n int?"], serde_json::json!({}))).await.unwrap();
    assert_eq!(staged.commit().await.unwrap(), Committed::Conflict { version: 1 });
}

#[tokio::test]
async fn of_two_processes_with_the_same_transaction_one_writes() {
    let fixture = Fixture::new(&["id int"]).await;
    let mut staged = Vec::new();
    for _ in 0..2 {
        let transaction = Some(AppTransaction { app_id: "job".to_owned(), version: 1 });
        let rows = stream("SELECT 1 AS id").await;
        let write = Write { mode: WriteMode::Append, rows, transaction, commit_info: [].into() };
        staged.push(fixture.open(Action::Write).await.stage(write).await.unwrap());
    }
    let (second, first) = (staged.pop().unwrap(), staged.pop().unwrap());
    version_of(first.commit().await.unwrap());
    assert_eq!(second.commit().await.unwrap(), Committed::AlreadyDone { version: 1 });
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["1"]);
}
