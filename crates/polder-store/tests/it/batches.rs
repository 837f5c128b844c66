use polder_store::{Batch, FileSeen, PlannedBatch, Store, StoreError};

use crate::fixtures::{Bed, at, dev, job, on_both};

on_both! {
    a_planned_batch_is_open_until_done_and_its_files_are_loaded_then,
    a_batch_given_up_loads_nothing_and_keeps_its_number,
    of_two_that_plan_at_once_one_does,
    a_batch_comes_after_those_that_only_the_table_knows_of,
}

fn file(path: &str, fingerprint: &str) -> FileSeen {
    FileSeen { path: path.to_owned(), fingerprint: fingerprint.to_owned(), size_bytes: 10, modified: Some(at(-5)) }
}

async fn plan(store: &Store, files: Vec<FileSeen>) -> Batch {
    match store.plan_batch(&dev(), &job(), files, 0, at(0)).await.unwrap() {
        PlannedBatch::Planned(batch) => batch,
        PlannedBatch::Open(batch) => panic!("{batch:?} is open"),
    }
}

async fn a_planned_batch_is_open_until_done_and_its_files_are_loaded_then(bed: Bed) {
    let store = bed.open().await;
    let batch = plan(&store, vec![file("b.csv", "2"), file("a.csv", "1"), file("a.csv", "1")]).await;
    assert_eq!((batch.number, batch.files.clone()), (1, vec![file("a.csv", "1"), file("b.csv", "2")]));
    assert!(store.loaded_files(&dev(), &job(), u64::MAX).await.unwrap().is_empty());

    let store = bed.open().await;
    assert_eq!(store.open_batch(&dev(), &job()).await.unwrap(), Some(batch.clone()));
    let refused = store.plan_batch(&dev(), &job(), vec![file("c.csv", "3")], 0, at(1)).await.unwrap();
    assert_eq!(refused, PlannedBatch::Open(batch));

    store.batch_done(&dev(), &job(), 1, at(2)).await.unwrap();
    store.batch_done(&dev(), &job(), 1, at(3)).await.unwrap();
    assert_eq!(store.open_batch(&dev(), &job()).await.unwrap(), None);
    let loaded = store.loaded_files(&dev(), &job(), u64::MAX).await.unwrap();
    assert_eq!(loaded.len(), 2);
    assert!(loaded.contains("a.csv", "1") && loaded.contains("b.csv", "2"));
    // The same path with other content is another file.
    assert!(!loaded.contains("a.csv", "2") && loaded.contains_path("a.csv"));
    assert_eq!(plan(&store, vec![file("a.csv", "2")]).await.number, 2);
}

async fn a_batch_given_up_loads_nothing_and_keeps_its_number(bed: Bed) {
    let store = bed.open().await;
    plan(&store, vec![file("a.csv", "1")]).await;
    store.batch_given_up(&dev(), &job(), 1, at(1)).await.unwrap();
    assert!(store.loaded_files(&dev(), &job(), u64::MAX).await.unwrap().is_empty());
    let late = store.batch_done(&dev(), &job(), 1, at(2)).await;
    assert!(matches!(late, Err(StoreError::Missing { .. })), "{late:?}");
    assert_eq!(plan(&store, vec![file("a.csv", "1")]).await.number, 2);
    store.batch_done(&dev(), &job(), 2, at(3)).await.unwrap();
    assert!(store.loaded_files(&dev(), &job(), u64::MAX).await.unwrap().contains("a.csv", "1"));
}

async fn of_two_that_plan_at_once_one_does(bed: Bed) {
    let first = bed.open().await;
    let second = bed.open().await;
    let plan = |store: Store, path: &'static str| {
        tokio::spawn(async move { store.plan_batch(&dev(), &job(), vec![file(path, "1")], 0, at(0)).await.unwrap() })
    };
    let (a, b) = (plan(first, "a.csv"), plan(second, "b.csv"));
    let planned = [a.await.unwrap(), b.await.unwrap()].iter().filter(|p| matches!(p, PlannedBatch::Planned(_))).count();
    assert_eq!(planned, 1);
}

async fn a_batch_comes_after_those_that_only_the_table_knows_of(bed: Bed) {
    let store = bed.open().await;
    assert_eq!(store.last_batch(&dev(), &job()).await.unwrap(), 0);
    let PlannedBatch::Planned(batch) = store.plan_batch(&dev(), &job(), vec![file("a.csv", "1")], 7, at(0)).await.unwrap() else {
        panic!("nothing is open");
    };
    assert_eq!(batch.number, 8);
    store.batch_done(&dev(), &job(), 8, at(1)).await.unwrap();
    let PlannedBatch::Planned(batch) = store.plan_batch(&dev(), &job(), vec![file("b.csv", "1")], 3, at(2)).await.unwrap() else {
        panic!("nothing is open");
    };
    assert_eq!((batch.number, store.last_batch(&dev(), &job()).await.unwrap()), (9, 9));
}
