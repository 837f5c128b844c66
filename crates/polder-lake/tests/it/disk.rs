//! A disk that is full or read-only, on a small one that is mounted for the test.

use std::path::Path;
use std::process::Command;

use polder_access::Action;
use polder_lake::AsOf;
use polder_model::job::WriteMode;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Fixture, TABLE_ID, chain, lake, rows, stage, table};

/// A small disk; gone when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, with a word about it, where mounting is not allowed.
    #[allow(clippy::print_stderr)]
    fn mount() -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(folder.path()).output();
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

    fn make_read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(self.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_leaves_the_table_as_it_was() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (lake, table) = (lake(disk.path().to_owned()), table(&["id bigint", "text string"], json!({})));
    lake.create_table(&table, TABLE_ID).await.unwrap();
    let fixture = Fixture { folder: TempDir::new().unwrap(), lake, table };
    let handle = fixture.open(Action::Write).await;
    let sql = "SELECT value AS id, repeat(md5(value::string), 4) AS text FROM generate_series(1, 40000)";
    let error = stage(&handle, WriteMode::Append, sql).await.err().unwrap();
    assert!(chain(&error).contains("No space left"), "{}", chain(&error));
    assert_eq!(handle.size().rows, Some(0));
    // Nothing of it takes up space.
    let small = stage(&handle, WriteMode::Append, "SELECT 1 AS id, 'x' AS text").await.unwrap();
    let _ = small.commit().await.unwrap();
    let reopened = fixture.at(AsOf::Latest).await.unwrap();
    assert_eq!(rows(reopened.provider(), "SELECT * FROM t").await, ["1|x"]);
}

#[tokio::test]
async fn a_read_only_disk_is_read_and_its_refusal_named() {
    let Some(disk) = SmallDisk::mount() else { return };
    let (lake, table) = (lake(disk.path().to_owned()), table(&["id int"], json!({})));
    lake.create_table(&table, TABLE_ID).await.unwrap();
    let fixture = Fixture { folder: TempDir::new().unwrap(), lake, table };
    fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
    disk.make_read_only();
    let handle = fixture.open(Action::Write).await;
    assert_eq!(rows(handle.provider(), "SELECT * FROM t").await, ["1"]);
    let error = chain(&stage(&handle, WriteMode::Append, "SELECT 2 AS id").await.err().unwrap());
    assert!(error.contains("cannot write table finance.bronze.customer_v1") && error.contains("Read-only"), "{error}");
}
