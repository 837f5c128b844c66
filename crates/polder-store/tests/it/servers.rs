//! What only a database server can do: not be there, refuse, lose connections, keep texts in another order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use polder_store::{Store, StoreError, StoreOptions};
use polder_testkit::postgres;

use crate::audit::event;
use crate::crash::{each_is_there_once, write_until};
use crate::fixtures::{Bed, at, begun, dev, group, put};

/// All that an error says, to its last cause.
fn chain(error: &StoreError) -> String {
    let mut said = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        said += &format!(": {next}");
        cause = next.source();
    }
    said
}

async fn refused(url: &str) -> StoreError {
    Store::open(url).await.err().unwrap()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_by_its_host_and_without_the_password() {
    for url in [
        "postgres://polder:s3cret@127.0.0.1:1/state",
        "postgresql://polder@127.0.0.1:1/state?password=s3cret",
        "postgres://polder:s3cret@nowhere.invalid/state",
    ] {
        let error = refused(url).await;
        let said = chain(&error);
        assert!(matches!(error, StoreError::Unavailable { .. }), "{said}");
        assert!(said.contains("127.0.0.1:1") || said.contains("nowhere.invalid"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
    assert!(!chain(&refused("postgres://polder:s3cret@[").await).contains("s3cret"));
}

#[tokio::test]
async fn a_server_that_does_not_let_us_in_is_told_so() {
    let database = postgres().await.unwrap();
    for (right, wrong) in [(database.password(), "s3cret"), ("/test_", "/missing_")] {
        let error = refused(&database.url().replace(right, wrong)).await;
        let said = chain(&error);
        assert!(matches!(error, StoreError::Refused { .. }), "{said}");
        assert!(!said.contains("s3cret") && !said.contains(database.password()), "{said}");
    }
}

#[tokio::test]
async fn connections_that_were_lost_while_idle_are_not_noticed() {
    let bed = Bed::postgres().await;
    let store = bed.open().await;
    let database = bed.database.as_ref().unwrap();
    for number in 0..3 {
        let many = (0..8).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.metastore_version(&dev()).await })
        });
        for read in many.collect::<Vec<_>>() {
            read.await.unwrap().unwrap();
        }
        let others = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                      where datname = current_database() and pid <> pg_backend_pid()";
        assert!(database.run(others).unwrap().parse::<u32>().unwrap() > 0);
        store.put_entry(&dev(), &group(&format!("group{number}"))).await.unwrap();
        store.append_audit(vec![event(number, "ana", "table a", true)]).await.unwrap();
    }
    assert_eq!(store.metastore_version(&dev()).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_lost_under_load_lose_and_double_nothing() {
    let bed = Bed::postgres().await;
    let store = bed.open().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8).map(|writer| tokio::spawn(write_until(store.clone(), stop.clone(), writer))).collect();
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
               where datname = current_database() and pid <> pg_backend_pid()";
    for _ in 0..30 {
        // Each takes a process of its own, and so another moment of the commits.
        tokio::task::block_in_place(|| bed.database.as_ref().unwrap().run(cut)).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut said = Vec::new();
    for writer in writers {
        said.extend(writer.await.unwrap());
    }
    assert!(said.len() > 20, "{}", said.len());
    each_is_there_once(&store, &said).await;
}

#[tokio::test]
async fn more_calls_than_connections_are_all_served() {
    let bed = Bed::postgres().await;
    let store = Store::open_with(&bed.place(), StoreOptions { max_connections: 2 }).await.unwrap();
    let calls = (0..40).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.put_entry(&dev(), &group(&format!("group{number}"))).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap().unwrap();
    }
    assert_eq!(store.metastore(&dev()).await.unwrap().resources.len(), 40);
    let used = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    assert_eq!(bed.database.unwrap().run(used).unwrap(), "2");
}

#[tokio::test]
async fn texts_are_in_the_order_of_bytes_whatever_the_databases_own_is() {
    let bed = Bed::postgres().await;
    let database = bed.database.as_ref().unwrap();
    let store = bed.open().await;
    let operation = begun(&store, 1, 0).await;
    // More than a page, with characters that orders disagree about.
    let names: Vec<String> =
        (0..2_500).flat_map(|number| [format!("a-{number}"), format!("a{number}"), format!("a_{number}")]).collect();
    let steps: Vec<_> = (1..).zip(&names).map(|(number, name)| put(number, name)).collect();
    store.record_steps(&operation, &steps, &[], at(1)).await.unwrap();
    let state = store.state(&dev()).await.unwrap();
    assert_eq!((state.metastore.resources.len(), state.recorded.len()), (names.len(), names.len()));
    let mut expected: Vec<String> = names.iter().map(|name| format!("group:{name}")).collect();
    expected.sort_unstable();
    let ordered = database.run("select string_agg(address, ' ' order by address) from entries").unwrap();
    assert_eq!(ordered, expected.join(" "));
}

#[tokio::test]
async fn keys_of_a_server_need_a_folder() {
    let database = postgres().await.unwrap();
    let store = Store::open(&database.url()).await.unwrap();
    let error = store.tenant_key("mask").unwrap_err();
    assert!(matches!(&error, StoreError::Key { why, .. } if why.contains("no folder is set")), "{error}");
    let folder = tempfile::TempDir::new().unwrap();
    let store = store.with_key_folder(folder.path().join("keys"));
    let key = store.tenant_key("mask").unwrap();
    let other = Store::open(&database.url()).await.unwrap().with_key_folder(folder.path().join("keys"));
    assert!(key == other.tenant_key("mask").unwrap());
}
