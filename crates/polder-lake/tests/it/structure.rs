//! Tables come, change, are observed and go; damaged ones say what is wrong.

use polder_access::Action;
use polder_lake::{AsOf, Error, Lake, LakeConfig, TableObservation, VacuumOptions};
use polder_model::job::WriteMode;
use polder_model::resource::Bucket;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Fixture, TABLE_ID, chain, lake, rows, stage, table};

#[tokio::test]
async fn creating_again_is_fine_and_another_table_is_not() {
    let fixture = Fixture::new(&["id int"]).await;
    fixture.lake.create_table(&fixture.table, TABLE_ID).await.unwrap();
    let error = fixture.lake.create_table(&table(&["id bigint"], json!({})), TABLE_ID).await;
    assert!(matches!(error, Err(Error::Schema { .. })), "{error:?}");
    assert_eq!(fixture.open(Action::Read).await.version(), 0);
    // Empty as it was made, it is what a broken-off apply left; with rows, it is somebody's.
    fixture.lake.create_table(&fixture.table, Uuid::from_u128(8)).await.unwrap();
    fixture.write(WriteMode::Append, "select 1 as id").await;
    let error = fixture.lake.create_table(&fixture.table, Uuid::from_u128(8)).await;
    assert!(matches!(error, Err(Error::OtherTable { .. })), "{error:?}");
}

#[tokio::test]
async fn columns_that_no_table_can_have_are_refused() {
    let fixture = Fixture::new(&["id int"]).await;
    for (columns, more, what) in [
        (vec![], json!({}), "it has no columns"),
        (vec!["a int"], json!({"partition_columns": ["b"]}), "partition column b is no column"),
        (vec!["a int"], json!({"partition_columns": ["a"]}), "every column is a partition column"),
        (vec!["a int", "b array<int>"], json!({"partition_columns": ["b"]}), "which no folder can be named by"),
        (
            vec!["a int", "_Commit_Version int"],
            json!({"has_history": true}),
            "column _Commit_Version has a name that the history",
        ),
        (vec!["a int"], json!({"properties": {"delta.enableDeletionVectors": "true"}}), "take it out"),
    ] {
        let error = fixture.lake.create_table(&table(&columns, more), TABLE_ID).await.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[tokio::test]
async fn an_added_column_is_missing_in_old_rows() {
    let fixture = Fixture::new(&["id int", "name string?"]).await;
    fixture.write(WriteMode::Append, "SELECT 1 AS id, 'a' AS name").await;
    let more = json!({"comment": "all customers", "has_history": true, "properties": {"delta.checkpointInterval": "5"}});
    let after = table(&["id int", "born timestamp_ntz?", "name string?", "tags array<string>?"], more);
    fixture.lake.alter_table(&after).await.unwrap();
    fixture.lake.alter_table(&after).await.unwrap();
    let fixture = Fixture { table: after, ..fixture };
    let handle = fixture.open(Action::Read).await;
    assert_eq!(handle.version(), 2, "the second time there is nothing to change");
    assert_eq!(handle.schema().fields().len(), 4);
    fixture.write(WriteMode::Append, "SELECT 2 AS id, make_array('x') AS tags, timestamp '2024-01-01T00:00:00' AS born").await;
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["1|~|a|~", "2|2024-01-01T00:00:00|~|[x]"]);
    assert_eq!(fixture.rows("SELECT id FROM t WHERE born IS NULL").await, ["1"]);
    let log = std::fs::read_to_string(fixture.path().join("_delta_log/00000000000000000002.json")).unwrap();
    for text in ["changeDataFeed", "timestampNtz", "all customers", "delta.enableChangeDataFeed"] {
        assert!(log.contains(text), "{text} in {log}");
    }
}

#[tokio::test]
async fn a_change_that_old_rows_do_not_fit_is_refused() {
    let fixture = Fixture::new(&["id int", "name string?"]).await;
    fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
    for (columns, what) in [
        (vec!["id int"], "column name is missing"),
        (vec!["id string", "name string?"], "column id is Int32 and cannot become Utf8"),
        (vec!["id int", "name string"], "column name is optional and cannot become required"),
        (vec!["id int", "name string?", "n int"], "column n is new and required"),
    ] {
        let error = fixture.lake.alter_table(&table(&columns, json!({}))).await.unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }
}

#[tokio::test]
async fn a_table_is_observed_by_its_log() {
    let fixture = Fixture::new(&["id int"]).await;
    assert_eq!(fixture.lake.observe(&fixture.table).await, TableObservation::Present);
    let log = fixture.path().join("_delta_log");
    std::fs::remove_file(log.join("00000000000000000000.json")).unwrap();
    let seen = fixture.lake.observe(&fixture.table).await;
    assert!(matches!(&seen, TableObservation::Unreadable(why) if why.contains("has no entries")), "{seen:?}");
    fixture.lake.drop_table(&fixture.table.location).await.unwrap();
    fixture.lake.drop_table(&fixture.table.location).await.unwrap();
    assert_eq!(fixture.lake.observe(&fixture.table).await, TableObservation::Absent);
    assert!(matches!(fixture.at(AsOf::Latest).await, Err(Error::NotFound { .. })));
}

#[tokio::test]
async fn a_bucket_with_files_is_not_removed() {
    let fixture = Fixture::new(&["id int"]).await;
    let bucket: Bucket = serde_json::from_value(json!({"provider": "aws", "name": "dev-b", "domain": "finance"})).unwrap();
    fixture.lake.make_bucket(&bucket).await.unwrap();
    assert!(fixture.lake.bucket_exists(&bucket).await.unwrap());
    assert!(fixture.lake.remove_bucket(&bucket).await.is_err());
    fixture.lake.drop_table(&fixture.table.location).await.unwrap();
    fixture.lake.remove_bucket(&bucket).await.unwrap();
    fixture.lake.remove_bucket(&bucket).await.unwrap();
    assert!(!fixture.lake.bucket_exists(&bucket).await.unwrap());
}

#[tokio::test]
async fn a_location_cannot_leave_its_bucket() {
    let folder = tempfile::TempDir::new().unwrap();
    let lake = lake(folder.path().to_owned());
    for prefix in ["../x", "a/../../x", "/etc", "a//b", ""] {
        let mut table = table(&["id int"], json!({}));
        table.location.prefix = prefix.to_owned();
        assert!(matches!(lake.create_table(&table, TABLE_ID).await, Err(Error::Url { .. })), "{prefix:?}");
        assert!(matches!(lake.drop_table(&table.location).await, Err(Error::Url { .. })), "{prefix:?}");
    }
}

#[tokio::test]
async fn a_folder_whose_tables_would_be_read_from_another_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    for name in ["a b", "100%", "a%b", "é?#", "a%zz"] {
        let root = folder.path().join(name);
        let (lake, table) = (lake(root.clone()), table(&["id int"], json!({})));
        lake.create_table(&table, TABLE_ID).await.unwrap();
        let fixture = Fixture { folder: tempfile::TempDir::new().unwrap(), lake, table };
        fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
        assert_eq!(fixture.rows("SELECT * FROM t").await, ["1"], "{name}");
    }
    for name in ["a%20b", "a%2Fb", "a%2fb", "a\\b", "a\nb"] {
        let root = folder.path().join(name).join("lake");
        let error = Lake::new(LakeConfig { root, ..LakeConfig::default() }).unwrap_err();
        assert!(chain(&error).contains("in its path would be read as another name: rename that folder"), "{}", chain(&error));
    }
}

#[tokio::test]
async fn a_damaged_log_is_an_error_that_names_table_and_entry() {
    for (version, bytes, why) in [
        (1, Some("{\"add\": nonsense"), "holds no action on line 1: "),
        (1, Some(""), "is empty"),
        (3, Some(""), "is empty"),
        (3, Some("\n \n"), "is empty"),
        (2, Some("{}"), "holds no action on line 1: an action has a kind"),
        (2, Some("\u{0}\u{0}"), "holds no action on line 1: "),
        (0, None, "is missing"),
        (1, None, "is missing"),
        (2, None, "is missing"),
    ] {
        let fixture = Fixture::new(&["id int"]).await;
        for id in 1..=3 {
            fixture.write(WriteMode::Append, &format!("SELECT {id} AS id")).await;
        }
        let entry = fixture.path().join(format!("_delta_log/{version:020}.json"));
        match bytes {
            Some(bytes) => std::fs::write(entry, bytes).unwrap(),
            None => std::fs::remove_file(entry).unwrap(),
        }
        let text = chain(&fixture.at(AsOf::Latest).await.err().unwrap());
        assert!(text.contains("the log of table finance.bronze.customer_v1 at /"), "{text}");
        assert!(text.contains("restore its _delta_log folder"), "{text}");
        let damage = format!("the log is damaged: version {version} {why}");
        assert!(text.contains(&damage) && text.contains(&format!("{version:020}.json")), "{damage}: {text}");
        assert!(!text.contains("ParsedLogPath"), "{text}");
    }
}

#[tokio::test]
async fn a_damaged_entry_stops_a_handle_that_moves_on() {
    for entry in ["{\"add\":{\"path\":1}}", "", "nonsense"] {
        let fixture = Fixture::new(&["id int"]).await;
        let handle = fixture.open(Action::Write).await;
        std::fs::write(fixture.path().join("_delta_log/00000000000000000001.json"), entry).unwrap();
        let staged = stage(&handle, WriteMode::Append, "SELECT 1 AS id").await.unwrap();
        for error in [handle.refresh().await.unwrap_err(), staged.commit().await.unwrap_err()] {
            assert!(matches!(error, Error::Log { .. }), "{error}");
            let text = chain(&error);
            assert!(text.contains("the log is damaged: version 1 ") && text.contains("00001.json"), "{text}");
        }
        assert_eq!(fixture.data_files().len(), 1, "what was written stays, as the write may count");
    }
}

#[tokio::test]
async fn a_damaged_data_file_is_an_error_of_the_query() {
    for keep in [0, 10, 200] {
        let fixture = Fixture::new(&["id int", "name string?"]).await;
        fixture.write(WriteMode::Append, "SELECT value AS id, 'x' AS name FROM generate_series(1, 100)").await;
        let path = fixture.data_files().remove(0);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..keep]).unwrap();
        let provider = fixture.open(Action::Read).await.provider();
        let error = crate::support::try_rows(provider, "SELECT sum(id) FROM t").await.unwrap_err().to_string();
        assert!(!error.is_empty());
        std::fs::remove_file(&path).unwrap();
        let provider = fixture.open(Action::Read).await.provider();
        assert!(crate::support::try_rows(provider, "SELECT sum(id) FROM t").await.is_err());
    }
}

#[tokio::test]
async fn versions_and_times_of_the_past_can_be_read() {
    let fixture = Fixture::new(&["id int"]).await;
    let mut times = vec![chrono::Utc::now()];
    for id in 1..=3 {
        fixture.write(WriteMode::Overwrite, &format!("SELECT {id} AS id")).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        times.push(chrono::Utc::now());
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    for version in 1..=3_u64 {
        let expect = [version.to_string()];
        let by_number = fixture.at(AsOf::Version(version)).await.unwrap();
        assert_eq!(rows(by_number.provider(), "SELECT * FROM t").await, expect);
        let by_time = fixture.at(AsOf::Timestamp(times[version as usize])).await.unwrap();
        assert_eq!((by_time.version(), rows(by_time.provider(), "SELECT * FROM t").await), (version, expect.to_vec()));
    }
    let error = fixture.at(AsOf::Version(9)).await.err().unwrap().to_string();
    assert_eq!(error, "table finance.bronze.customer_v1 has no version 9: it has 0 to 3");
    let early = times[0] - chrono::Duration::days(1);
    assert!(matches!(fixture.at(AsOf::Timestamp(early)).await, Err(Error::NoVersionAt { .. })));
    let permit = crate::support::permit(&fixture.table, Action::Write);
    let old = fixture.lake.open(&permit, &fixture.table, AsOf::Version(1)).await.unwrap();
    assert!(matches!(stage(&old, WriteMode::Append, "SELECT 1 AS id").await, Err(Error::NotWritable { .. })));
}

#[tokio::test]
async fn a_version_whose_files_are_gone_is_not_counted_either() {
    let fixture = Fixture::new(&["id int"]).await;
    for id in 1..=2 {
        fixture.write(WriteMode::Overwrite, &format!("SELECT {id} AS id")).await;
    }
    let now = VacuumOptions { retain: std::time::Duration::ZERO, dry_run: false, override_guard: true };
    fixture.open(Action::Maintain).await.vacuum(now).await.unwrap();
    let error = fixture.at(AsOf::Version(1)).await.err().unwrap();
    assert!(matches!(&error, Error::Vacuumed { version: 1, .. }), "{error}");
    assert!(error.to_string().contains("cannot be read any more: vacuum deleted files of it: read a newer version"), "{error}");
    for readable in [AsOf::Version(0), AsOf::Version(2), AsOf::Latest] {
        assert!(fixture.at(readable).await.is_ok(), "{readable:?}");
    }
}

#[tokio::test]
async fn the_history_says_what_was_done_newest_first() {
    let fixture = Fixture::new(&["id int"]).await;
    fixture.write(WriteMode::Append, "SELECT 1 AS id").await;
    fixture.write(WriteMode::Merge { keys: vec!["id".to_owned()] }, "SELECT 1 AS id").await;
    let history = fixture.open(Action::Read).await.history(10).await.unwrap();
    let seen: Vec<_> = history.iter().map(|commit| (commit.version, commit.operation.as_str())).collect();
    assert_eq!(seen, [(2, "MERGE"), (1, "WRITE"), (0, "CREATE TABLE")]);
    assert!(history.iter().all(|commit| commit.timestamp.is_some()));
    assert_eq!(fixture.open(Action::Read).await.history(1).await.unwrap().len(), 1);
}
