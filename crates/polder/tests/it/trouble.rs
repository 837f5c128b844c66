//! What the tests of faults have in common: prepared meshes to copy, the state database from behind, small disks.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub(crate) use polder_testkit::Mount;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use tempfile::TempDir;

use crate::support::{Said, command, polder, starter};

/// Where the starter mesh keeps the state of its first environment.
pub(crate) const STATE: &str = ".polder/nonprod/state.db";
/// Where it keeps the tables of that environment.
pub(crate) const BUCKET: &str = ".polder/nonprod/lake/aws/dev-sales";

/// The starter mesh, applied: a copy of one that is made once.
pub(crate) fn applied() -> TempDir {
    static MADE: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = starter();
        polder(folder.path(), &["apply", "--yes"]).well();
        folder
    });
    copy(MADE.path())
}

/// The starter mesh, applied and loaded: a copy of one that is made once.
pub(crate) fn loaded() -> TempDir {
    static MADE: LazyLock<TempDir> = LazyLock::new(|| {
        let folder = applied();
        polder(folder.path(), &["run", "--all"]).well();
        folder
    });
    copy(MADE.path())
}

/// A copy of a folder.
pub(crate) fn copy(from: &Path) -> TempDir {
    let folder = TempDir::new().unwrap();
    copy_into(from, folder.path());
    folder
}

/// Copies what is in a folder, modes included.
pub(crate) fn copy_into(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_into(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Runs polder so that it dies when it comes to a fault point for the `nth` time; whether it lived to the end.
pub(crate) fn killed_at(folder: &Path, args: &[&str], point: &str, nth: u32) -> bool {
    let said = command(folder, args, "", &[("POLDER_FAULT_POINT", &format!("{point}#{nth}"))]);
    // A process that was killed has no exit code.
    assert!([0, -1].contains(&said.code), "{point}#{nth} of polder {}\n{}", args.join(" "), said.all());
    said.code == 0
}

/// What the state database answers, a line for each row.
pub(crate) fn ask_state(folder: &Path, sql: &str) -> Vec<String> {
    in_state(folder, async |connection| {
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap();
        let text = |row: &sqlx::sqlite::SqliteRow| {
            let columns = (0..row.len()).map(|column| row.get_unchecked::<String, _>(column));
            columns.collect::<Vec<_>>().join(" ")
        };
        rows.iter().map(text).collect()
    })
}

/// Changes the state database behind polder's back; the statement must hit one row.
pub(crate) fn change_state(folder: &Path, sql: &str) {
    let changed =
        in_state(folder, async |connection| sqlx::query(AssertSqlSafe(sql)).execute(connection).await.unwrap().rows_affected());
    assert_eq!(changed, 1, "{sql}");
}

fn in_state<T>(folder: &Path, work: impl AsyncFnOnce(&mut SqliteConnection) -> T) -> T {
    let options = SqliteConnectOptions::new().filename(folder.join(STATE));
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(async {
        let mut connection = options.connect().await.unwrap();
        let answer = work(&mut connection).await;
        connection.close().await.unwrap();
        answer
    })
}

/// Every file below a folder with its bytes, by path.
pub(crate) fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push((path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// Asserts that a command was refused: with this exit code, saying all of this, without a panic.
pub(crate) fn refused(said: &Said, code: i32, parts: &[&str]) {
    let all = said.all();
    assert_eq!(said.code, code, "{all}");
    assert!(!all.contains("panicked"), "{all}");
    for part in parts {
        assert!(all.contains(part), "no {part:?} in\n{all}");
    }
}

#[test]
fn an_older_state_that_is_not_there_is_not_found() {
    let mesh = loaded();
    for state in ["version as of 99", "timestamp as of '2001-01-01'"] {
        let said = polder(mesh.path(), &["query", &format!("select * from sales.bronze.orders_v1 {state}")]);
        assert_eq!(said.code, 4, "{}", said.all());
        assert!(said.stderr.contains("polder history"), "{}", said.all());
    }
}
