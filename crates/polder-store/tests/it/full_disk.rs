//! A disk that is full, and has room again.

use std::fs;
use std::path::Path;
use std::process::Command;

use polder_store::{Store, StoreError};
use tempfile::TempDir;

use crate::fixtures::{Bed, dev, group, open, table};

/// How many writes are tried at once: more than the store has connections.
const AT_ONCE: usize = 8;

async fn all_is_well(store: &Store) {
    let puts = (0..AT_ONCE).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            store.put_entry(&dev(), &group(&format!("after{number}"))).await?;
            store.metastore(&dev()).await
        })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_sqlite_took_back_by_itself_leaves_no_connection_behind() {
    let bed = Bed::sqlite();
    let store = bed.open().await;
    bed.run("create trigger full before insert on entries begin select raise(rollback, 'no room'); end").await.unwrap();
    for _ in 0..AT_ONCE {
        let error = store.put_entry(&dev(), &group("a")).await.unwrap_err();
        assert!(format!("{error:?}").contains("no room"), "{error:?}");
    }
    bed.run("drop trigger full").await.unwrap();
    all_is_well(&store).await;
}

/// A small disk; gone when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with a word about it, where mounting is not allowed.
    #[allow(clippy::print_stderr)]
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]).arg(folder.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                eprintln!("SKIPPED: no disk can be mounted here: {other:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left.
    fn fill(&self) {
        let error = fs::write(self.path().join("filler"), vec![0; 8 << 20]).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_disk_that_was_full_is_written_again_once_it_has_room() {
    let Some(disk) = SmallDisk::mount() else { return };
    let store = open(disk.path().join("state.db").to_str().unwrap(), &disk.path().join("keys")).await;
    store.put_entry(&dev(), &group("before")).await.unwrap();
    disk.fill();
    let mut refused = 0;
    for number in 0..100 {
        match store.put_entry(&dev(), &table(number, 500)).await {
            Ok(()) => {}
            Err(StoreError::Full { .. }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!(refused >= AT_ONCE, "{refused}");
    assert!(store.entry(&dev(), &group("before").address()).await.unwrap().is_some());
    fs::remove_file(disk.path().join("filler")).unwrap();
    all_is_well(&store).await;
}
