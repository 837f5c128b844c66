//! Results stream, stop when dropped, and stay within the memory they may use.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use polder_engine::{AliasedTables, Engine, EngineConfig, QueryError, QueryErrorKind, Resolved};
use polder_model::secret::Secret;
use polder_testkit::Mount;

use super::mesh::{KEY, Mesh, PEOPLE, Rights, analyst, engine, in_memory, people_batch, people_columns, rows};

fn small(limit: usize, spill: &std::path::Path) -> Engine {
    Engine::new(EngineConfig {
        memory_limit_bytes: Some(limit),
        target_partitions: Some(2),
        spill_dir: Some(spill.to_owned()),
        ..EngineConfig::new(Secret::new(KEY))
    })
    .unwrap()
}

#[tokio::test]
async fn a_long_result_comes_in_batches_and_stops_when_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let engine = small(1 << 20, folder.path());
    let sql = "select value, value * 2 from generate_series(1, 1000000000000)";
    let mut result = engine.query(sql, Arc::new(Mesh::default())).await.unwrap();
    let first = result.stream.next().await.unwrap().unwrap();
    assert!(first.num_rows() > 0 && first.num_rows() <= 8192);
    drop(result);
    assert_eq!(rows(&engine, &Mesh::default(), "select 1").await.unwrap(), ["1"]);
}

/// Each is at work for hours, and asks its inputs for nothing meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_is_let_go_of_ends_whatever_it_is_at() {
    let folder = tempfile::tempdir().unwrap();
    let engine = small(200 << 20, folder.path());
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let (a, b) = ("generate_series(1, 1000000) as a(x)", "generate_series(1, 1000000) as b(y)");
    for sql in [
        format!("select count(*) from {a} join {b} on a.x % 3 = b.y % 5"),
        format!("select count(*) from {a} join {b} on a.x % 3 = b.y % 5 and a.x + b.y < 0"),
        format!("select count(*) from {a}, {b} where a.x + b.y < 0"),
        format!("select a.x from {a} left join {b} on a.x < b.y - 2000000 order by a.x"),
        format!("select max(a.x + b.y) from {a}, {b}"),
    ] {
        let before = tasks();
        let mut result = engine.query(&sql, Arc::new(Mesh::default())).await.unwrap();
        let waited = tokio::time::timeout(Duration::from_millis(500), result.stream.next()).await;
        assert!(waited.is_err(), "{sql} is done already");
        drop(result);
        let over = async {
            while tasks() > before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        assert!(tokio::time::timeout(Duration::from_secs(20), over).await.is_ok(), "{sql} goes on");
    }
}

#[tokio::test]
async fn a_sort_larger_than_its_memory_spills() {
    let folder = tempfile::tempdir().unwrap();
    let engine = small(40 << 20, folder.path());
    let sql = "select value, repeat('x', 60) from generate_series(1, 1000000) order by value % 1000, value desc";
    let result = engine.query(sql, Arc::new(Mesh::default())).await.unwrap();
    let count = result.stream.try_fold(0, |sum, batch| async move { Ok(sum + batch.num_rows()) }).await.unwrap();
    assert_eq!(count, 1_000_000);
}

#[tokio::test]
async fn a_disk_without_room_to_spill_to_is_called_full() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = Mount::small_disk(folder.path(), "4m") else { return };
    let engine = small(40 << 20, folder.path());
    let sql = "select value, repeat('x', 60) from generate_series(1, 1000000) order by value % 1000, value desc";
    let result = engine.query(sql, Arc::new(Mesh::default())).await.unwrap();
    let error = QueryError::from(result.stream.try_collect::<Vec<_>>().await.unwrap_err());
    assert_eq!(error.kind, QueryErrorKind::Memory, "{error}");
    assert!(error.message.contains("the disk is full"), "{error}");
    assert!(error.hint.unwrap().contains("make room"));
}

#[tokio::test]
async fn a_query_that_needs_too_much_memory_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let engine = small(200_000, folder.path());
    let sql = "select array_agg(value) from generate_series(1, 3000000)";
    let result = engine.query(sql, Arc::new(Mesh::default())).await.unwrap();
    let error = QueryError::from(result.stream.try_collect::<Vec<_>>().await.unwrap_err());
    assert_eq!(error.kind, QueryErrorKind::Memory, "{error}");
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn aliases_lead_to_tables_under_their_permits() {
    let people = in_memory(&people_batch(&PEOPLE));
    let table =
        |rights: Rights| Resolved::Table { permit: rights.permit(), columns: people_columns(), provider: Arc::clone(&people) };
    let tables = AliasedTables::default().with("Customer", table(Rights::default())).with("masked", table(analyst()));
    let sql = "select count(*) as a, (select count(*) from MASKED) as b from customer";
    let result = engine().query(sql, Arc::new(tables.clone())).await.unwrap();
    let batches: Vec<_> = result.stream.try_collect().await.unwrap();
    let text = datafusion::arrow::util::pretty::pretty_format_batches(&batches).unwrap().to_string();
    assert!(text.contains("| 6 ") && text.contains("| 4 "), "{text}");
    let error = engine().query("select * from customer version as of 1", Arc::new(tables)).await.err().unwrap();
    assert_eq!(error.kind, QueryErrorKind::Denied);
}
