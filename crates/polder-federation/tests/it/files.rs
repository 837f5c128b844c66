//! Files of SQLite that become others while they are read.

use std::fs;
use std::path::Path;

use polder_federation::{Connections, FederationError, Limits};
use polder_model::connection::Database;
use polder_testkit::sqlite_file;

use crate::support::{ask, connections, context, open, table};

async fn value(connections: &Connections) -> Result<Vec<String>, FederationError> {
    let opened = open(connections, &(Database::Sqlite("crm.db".to_owned()), None), &table("main", "t", &["x string?"])).await?;
    Ok(ask(&context(opened), "select x from t").await.unwrap())
}

async fn make(file: &Path, value: &str) {
    sqlite_file(file, &format!("create table t (x text); insert into t values ('{value}')")).await.unwrap();
}

#[tokio::test]
async fn a_file_that_takes_anothers_place_is_read_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let (file, next) = (folder.path().join("crm.db"), folder.path().join("next.db"));
    let connections = connections(folder.path(), Limits::default());
    make(&file, "first").await;
    assert_eq!(value(&connections).await.unwrap(), ["first"]);
    make(&next, "other").await;
    fs::rename(&next, &file).unwrap();
    assert_eq!(value(&connections).await.unwrap(), ["other"]);
    // Written over, as by `cp`, it is the same file with another database in it.
    make(&next, "third").await;
    fs::write(&file, fs::read(&next).unwrap()).unwrap();
    assert_eq!(value(&connections).await.unwrap(), ["third"]);
    sqlite_file(&file, "update t set x = 'changed'").await.unwrap();
    assert_eq!(value(&connections).await.unwrap(), ["changed"]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_so_until_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let (file, next) = (folder.path().join("crm.db"), folder.path().join("next.db"));
    let connections = connections(folder.path(), Limits::default());
    for mended_by_rename in [true, false] {
        fs::write(&file, "id,name\n1,Ana\n".repeat(1000)).unwrap();
        for _ in 0..2 {
            let error = value(&connections).await.unwrap_err().to_string();
            assert!(error.contains("no SQLite database") && !error.contains("refuses"), "{error}");
        }
        make(&next, "mended").await;
        if mended_by_rename {
            fs::rename(&next, &file).unwrap();
        } else {
            fs::write(&file, fs::read(&next).unwrap()).unwrap();
        }
        assert_eq!(value(&connections).await.unwrap(), ["mended"]);
    }
}
