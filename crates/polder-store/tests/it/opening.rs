use std::fs;
use std::path::Path;

use polder_store::{StepRecord, Store, StoreError};
use tempfile::TempDir;

use crate::fixtures::{Bed, dev, group, on_both};

on_both! {
    what_was_written_is_there_after_closing_and_opening,
    those_who_open_a_new_database_at_once_all_succeed,
    a_database_of_a_newer_form_is_refused,
}

async fn error_of(path: &Path) -> StoreError {
    Store::open(path.to_str().unwrap()).await.err().unwrap()
}

async fn what_was_written_is_there_after_closing_and_opening(bed: Bed) {
    let store = bed.open().await;
    store.put_entry(&dev(), &group("analysts")).await.unwrap();
    store.close().await;
    let store = bed.open().await;
    assert_eq!(store.entries(&dev(), Default::default()).await.unwrap(), [(*group("analysts")).clone()]);
}

#[tokio::test]
async fn a_path_and_its_url_are_the_same_database_whatever_characters_it_has() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a b?c#d%41é.db");
    let store = Store::open(path.to_str().unwrap()).await.unwrap();
    store.put_entry(&dev(), &group("analysts")).await.unwrap();
    assert!(path.exists());
    store.close().await;
    let store = Store::open(&format!("sqlite://{}", path.display())).await.unwrap();
    assert_eq!(store.metastore_version(&dev()).await.unwrap(), 1);
}

async fn those_who_open_a_new_database_at_once_all_succeed(bed: Bed) {
    for _ in 0..5 {
        let place = bed.place();
        let open = || {
            let place = place.clone();
            tokio::spawn(async move { Store::open(&place).await.map(drop) })
        };
        for opened in [open(), open(), open(), open()] {
            opened.await.unwrap().unwrap();
        }
        let anew = match &bed.database {
            Some(database) => database.run("drop schema public cascade; create schema public").map(drop),
            None => fs::remove_file(&place).map_err(Into::into),
        };
        anew.unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_and_those_beside_it_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let bed = Bed::sqlite();
    let store = bed.open().await;
    store.put_entry(&dev(), &group("analysts")).await.unwrap();
    for file in ["state.db", "state.db-wal", "state.db-shm"] {
        assert_eq!(mode(&bed.folder.path().join(file)), 0o600, "{file}");
    }
    store.close().await;
    // What somebody else decided stays so.
    let path = bed.folder.path().join("state.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let store = bed.open().await;
    store.put_entry(&dev(), &group("engineers")).await.unwrap();
    for file in ["state.db", "state.db-wal"] {
        assert_eq!(mode(&bed.folder.path().join(file)), 0o640, "{file}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_named_and_left_as_it_is() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let operation = crate::fixtures::begun(&store, 1, 0).await;
    let steps: Vec<StepRecord> = (0..50).map(|number| crate::fixtures::put(number, &format!("group{number}"))).collect();
    store.record_steps(&operation, &steps, &[], crate::fixtures::at(1)).await.unwrap();
    store.close().await;
    let whole = fs::read(bed.folder.path().join("state.db")).unwrap();
    let mut scribbled = whole.clone();
    // The root page of the schema: everything hangs from it.
    scribbled[100..400].fill(0xAA);
    let cases: [(&str, Vec<u8>); 4] = [
        ("garbage", b"this is no database, but long enough to have a header of a hundred bytes. ".repeat(3)),
        ("stub", whole[..50].to_vec()),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("scribbled", scribbled),
    ];
    for (case, bytes) in cases {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("state.db");
        fs::write(&path, &bytes).unwrap();
        let error = error_of(&path).await;
        assert!(matches!(error, StoreError::Damaged { .. }), "{case}: {error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{case}: {error}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "{case}");
    }
}

#[tokio::test]
async fn damage_found_later_is_told_as_damage() {
    let bed = Bed::sqlite();
    let path = bed.folder.path().join("state.db");
    bed.open().await.close().await;
    let made = fs::read(&path).unwrap().len();
    let store = bed.open().await;
    let operation = crate::fixtures::begun(&store, 1, 0).await;
    let steps: Vec<StepRecord> = (0..500).map(|number| crate::fixtures::put(number, &format!("group{number}"))).collect();
    store.record_steps(&operation, &steps, &[], crate::fixtures::at(1)).await.unwrap();
    store.close().await;
    let mut bytes = fs::read(&path).unwrap();
    // Past the first pages, which opening reads.
    bytes[made..].fill(0xAA);
    fs::write(&path, &bytes).unwrap();
    let store = bed.open().await;
    let found = store.entries(&dev(), Default::default()).await.map(|entries| entries.len());
    assert!(matches!(found, Err(StoreError::Damaged { .. })), "{found:?}");
}

#[tokio::test]
async fn a_damaged_metastore_is_never_one_with_less_in_it() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let operation = crate::fixtures::begun(&store, 1, 0).await;
    let steps: Vec<StepRecord> = (0..50).map(|number| crate::fixtures::put(number, &format!("group{number}"))).collect();
    store.record_steps(&operation, &steps, &[], crate::fixtures::at(1)).await.unwrap();
    store.close().await;
    let whole = fs::read(bed.folder.path().join("state.db")).unwrap();
    let path = bed.folder.path().join("damaged.db");
    let mut told = 0;
    for page in 1..whole.len() / 4096 {
        let mut bytes = whole.clone();
        // How many cells a page has stands in its fourth and fifth byte: SQLite believes it to have none.
        bytes[page * 4096 + 3..page * 4096 + 5].fill(0);
        fs::write(&path, bytes).unwrap();
        let Ok(store) = Store::open(path.to_str().unwrap()).await else { continue };
        match store.state(&dev()).await {
            Ok(state) => assert_eq!([state.metastore.resources.len(), state.recorded.len()], [50; 2], "page {page}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "page {page}: {error:?}");
                told += 1;
            }
        }
        store.close().await;
        for ending in ["-wal", "-shm"] {
            drop(fs::remove_file(bed.folder.path().join(format!("damaged.db{ending}"))));
        }
    }
    assert!(told > 3, "the pages of the entries, of what is recorded and of their indexes: {told}");
}

#[tokio::test]
async fn a_place_where_nothing_can_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for path in ["file/state.db", "missing/state.db"] {
        let path = folder.path().join(path);
        let error = error_of(&path).await;
        assert!(matches!(error, StoreError::CannotOpen { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert!(matches!(Store::open("").await, Err(StoreError::Place { .. })));
}

async fn a_database_of_a_newer_form_is_refused(bed: Bed) {
    bed.open().await.close().await;
    bed.run("insert into polder_form (number) values (99)").await.unwrap();
    let error = Store::open(&bed.place()).await.err().unwrap();
    assert!(matches!(error, StoreError::Newer { found: 99, .. }), "{error:?}");
}

#[tokio::test]
async fn calls_can_be_made_from_any_task() {
    fn spawnable(_: impl Future + Send) {}
    let bed = Bed::sqlite();
    let store = bed.open().await;
    let (dev, job, now) = (dev(), crate::fixtures::job(), crate::fixtures::at(0));
    let operation = crate::fixtures::begun(&store, 1, 0).await;
    spawnable(store.record_steps(&operation, &[], &[], now));
    spawnable(store.state(&dev));
    spawnable(store.metastore(&dev));
    spawnable(store.plan_batch(&dev, &job, vec![], 0, now));
    spawnable(store.append_audit(vec![]));
    spawnable(store.verify_audit(None, &mut |_| ()));
    spawnable(store.interrupt_dead_runs(&dev, now, &crate::fixtures::nobody_is_dead));
    spawnable(store.resume(
        &store.unfinished(&dev).await.unwrap().unwrap(),
        &crate::fixtures::holder(1),
        crate::fixtures::TTL,
        now,
        &crate::fixtures::nobody_is_dead,
    ));
}
