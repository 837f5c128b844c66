//! Writes: append, overwrite, merge; staged, committed, taken back.

use datafusion::catalog::TableProvider;
use datafusion::common::stats::Precision;
use polder_access::Action;
use polder_lake::{AppTransaction, AsOf, Committed, Error, Write, WriteOptions};
use polder_model::job::WriteMode;
use serde_json::json;

use crate::support::{Fixture, rows, stage, stream, version_of};

fn merge_by_id() -> WriteMode {
    WriteMode::Merge { keys: vec!["ID".to_owned()] }
}

#[tokio::test]
async fn a_staged_write_is_seen_only_through_itself_until_it_is_committed() {
    let fixture = Fixture::new(&["id int", "name string?"]).await;
    fixture.write(WriteMode::Append, "SELECT 1 AS id, 'a' AS name").await;
    for (mode, after) in [
        (WriteMode::Append, vec!["1|a", "1|z", "2|b"]),
        (WriteMode::Overwrite, vec!["1|z", "2|b"]),
        (merge_by_id(), vec!["1|z", "2|b"]),
    ] {
        let handle = fixture.open(Action::Write).await;
        let staged = stage(&handle, mode.clone(), "SELECT * FROM (VALUES (1, 'z'), (2, 'b')) v(id, name)").await.unwrap();
        assert_eq!(rows(staged.provider(), "SELECT * FROM t").await, after, "{mode:?}");
        assert_eq!(rows(staged.added_provider(), "SELECT * FROM t").await, ["1|z", "2|b"], "{mode:?}");
        assert_eq!(staged.rows(), 2);
        assert_eq!(fixture.rows("SELECT * FROM t").await, ["1|a"], "{mode:?}");
        let before = fixture.data_files().len();
        staged.discard().await;
        assert!(fixture.data_files().len() < before);
        assert_eq!(fixture.data_files().len(), 1, "{mode:?} leaves no files when it is taken back");
    }
}

#[tokio::test]
async fn a_handle_moves_on_with_its_commits() {
    let fixture = Fixture::new(&["id int"]).await;
    let handle = fixture.open(Action::Write).await;
    for version in 1..=3 {
        let staged = stage(&handle, WriteMode::Append, &format!("SELECT {version} AS id")).await.unwrap();
        assert_eq!(version_of(staged.commit().await.unwrap()), version);
        assert_eq!(handle.version(), version);
    }
    assert_eq!(rows(handle.provider(), "SELECT * FROM t").await, ["1", "2", "3"]);
    assert_eq!(handle.size().rows, Some(3));
}

#[tokio::test]
async fn a_merge_replaces_rows_by_key_and_leaves_other_files_alone() {
    let fixture = Fixture::with(&["country string", "id int", "n int?"], json!({"partition_columns": ["country"]})).await;
    fixture.write(WriteMode::Append, "SELECT * FROM (VALUES ('nl', 1, 1), ('nl', 2, 2), ('be', 3, 3)) v(country, id, n)").await;
    let before = fixture.data_files();
    fixture.write(merge_by_id(), "SELECT * FROM (VALUES ('nl', 2, 20), ('de', 9, 90)) v(country, id, n)").await;
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["be|3|3", "de|9|90", "nl|1|1", "nl|2|20"]);
    // One file for each partition of the given rows, and one for the row of nl that stays.
    assert_eq!(fixture.data_files().len(), before.len() + 3);
}

#[tokio::test]
async fn a_merge_refuses_keys_that_decide_nothing() {
    let fixture = Fixture::new(&["id int?", "n int?"]).await;
    let handle = fixture.open(Action::Write).await;
    for (sql, what) in [
        ("SELECT * FROM (VALUES (1, 1), (1, 2)) v(id, n)", "come more than once"),
        ("SELECT * FROM (VALUES (NULL, 1), (1, 2)) v(id, n)", "have no value in the merge key"),
    ] {
        let error = stage(&handle, merge_by_id(), sql).await.err().unwrap().to_string();
        assert!(error.contains(what), "{error}");
        assert_eq!(fixture.data_files(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_applications_write_is_done_once() {
    let fixture = Fixture::new(&["id int"]).await;
    for (version, expect) in [(1, "new"), (1, "done"), (2, "new"), (1, "done")] {
        // Opened anew each time, as after a crash.
        let handle = fixture.open(Action::Write).await;
        let rows = stream("SELECT 1 AS id").await;
        let transaction = Some(AppTransaction { app_id: "job".to_owned(), version });
        let write = Write { mode: WriteMode::Append, rows, transaction, commit_info: [].into() };
        let outcome = match handle.stage(write).await.unwrap().commit().await.unwrap() {
            Committed::Committed { .. } => "new",
            Committed::AlreadyDone { .. } => "done",
            Committed::Conflict { .. } => "conflict",
        };
        assert_eq!(outcome, expect, "{version}");
    }
    let handle = fixture.open(Action::Write).await;
    assert_eq!(handle.transaction_version("job").await.unwrap(), Some(2));
    assert_eq!(handle.transaction_version("other").await.unwrap(), None);
    assert_eq!(fixture.data_files().len(), 2);
}

#[tokio::test]
async fn an_empty_text_names_no_folder() {
    let values = "SELECT * FROM (VALUES (1, ''), (2, 'nl'), (3, NULL)) v(id, country)";
    let required = Fixture::with(&["country string", "id int"], json!({"partition_columns": ["country"]})).await;
    let handle = required.open(Action::Write).await;
    let error = stage(&handle, WriteMode::Append, &format!("{values} WHERE id < 3")).await.err().unwrap().to_string();
    assert!(error.contains("partition column country is required and 1 rows have an empty text"), "{error}");
    assert_eq!(required.data_files(), Vec::<String>::new());
    let optional = Fixture::with(&["country string?", "id int"], json!({"partition_columns": ["country"]})).await;
    optional.write(WriteMode::Append, values).await;
    assert_eq!(optional.rows("SELECT id, country FROM t").await, ["1|~", "2|nl", "3|~"]);
    assert_eq!(optional.data_files().len(), 2);
}

#[tokio::test]
async fn rows_that_do_not_fit_are_refused_and_leave_nothing() {
    let fixture = Fixture::new(&["id int", "name string?"]).await;
    let handle = fixture.open(Action::Write).await;
    for (sql, what) in [
        ("SELECT 1 AS id, 2 AS colour", "it has no column colour"),
        ("SELECT 'x' AS name", "column id is required and 1 rows have no value"),
        ("SELECT NULL::int AS id", "column id is required"),
        ("SELECT 'secret' AS id", "column id holds Utf8 and a value of it is no Int32"),
        ("SELECT 3000000000 AS id", "a value of it is no Int32"),
    ] {
        let error = stage(&handle, WriteMode::Append, sql).await.err().unwrap().to_string();
        assert!(error.starts_with("rows do not fit table finance.bronze.customer_v1: ") && error.contains(what), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    // The writers were dropped: their threads delete what there is, in their own time.
    assert_eq!(fixture.rows("SELECT * FROM t").await, Vec::<String>::new());
}

#[tokio::test]
async fn partition_values_of_every_kind_find_their_rows_again() {
    let columns = ["s string?", "d date?", "ts timestamp?", "n decimal(5,2)?", "b boolean?", "v int"];
    let fixture = Fixture::with(&columns, json!({"partition_columns": ["s", "d", "ts", "n", "b"]})).await;
    let sql = "SELECT * FROM (VALUES
        ('a/b=c %é''', date '2024-01-02', timestamp '2024-01-02T03:04:05.000006Z', 1.5, true, 1),
        (NULL, NULL, NULL, NULL, NULL, 2),
        ('../x', date '1969-12-31', timestamp '1969-12-31T23:59:59Z', -1.25, false, 3)) x(s, d, ts, n, b, v)";
    fixture.write(WriteMode::Append, sql).await;
    let expect = [
        "../x|1969-12-31|1969-12-31T23:59:59Z|-1.25|false|3",
        "a/b=c %é'|2024-01-02|2024-01-02T03:04:05.000006Z|1.50|true|1",
        "~|~|~|~|~|2",
    ];
    assert_eq!(fixture.rows("SELECT * FROM t").await, expect);
    for filter in ["s = 'a/b=c %é'''", "d = date '2024-01-02'", "ts > timestamp '2000-01-01T00:00:00Z'", "n > 1", "b"] {
        assert_eq!(fixture.rows(&format!("SELECT v FROM t WHERE {filter}")).await, ["1"], "{filter}");
    }
    assert_eq!(fixture.rows("SELECT v FROM t WHERE s IS NULL").await, ["2"]);
    // The Delta library reads the same.
    let theirs = delta(&fixture).await.table_provider().await.unwrap();
    assert_eq!(rows(theirs, "SELECT s, d, ts, n, b, v FROM t").await, expect);
}

#[tokio::test]
async fn counts_and_bounds_come_from_the_log_and_leave_files_out() {
    let fixture = Fixture::new(&["id int", "name string?"]).await;
    for start in [0, 100, 200] {
        let sql = format!("SELECT value AS id, 'n' || value AS name FROM generate_series({start}, {start} + 99)");
        fixture.write(WriteMode::Append, &sql).await;
    }
    let provider = fixture.open(Action::Read).await.provider();
    let statistics = provider.statistics().unwrap();
    assert_eq!(statistics.num_rows, Precision::Exact(300));
    assert_eq!(statistics.column_statistics[0].max_value.to_string(), "Exact(Int32(299))");
    assert_eq!(files_in_plan(provider.as_ref(), "id = 150").await, 1);
    assert_eq!(files_in_plan(provider.as_ref(), "id >= 100").await, 2);
    assert_eq!(files_in_plan(provider.as_ref(), "id % 7 = 1").await, 3);
    assert_eq!(rows(provider, "SELECT min(id), max(id), count(*), count(name) FROM t").await, ["0|299|300|300"]);
}

async fn files_in_plan(provider: &dyn TableProvider, filter: &str) -> usize {
    let session = datafusion::prelude::SessionContext::new();
    let schema = datafusion::common::DFSchema::try_from(provider.schema()).unwrap();
    let filter = session.parse_sql_expr(filter, &schema).unwrap();
    let plan = provider.scan(&session.state(), None, &[filter], None).await.unwrap();
    let text = datafusion::physical_plan::displayable(plan.as_ref()).one_line().to_string();
    text.matches(".parquet").count()
}

#[tokio::test]
async fn row_level_changes_are_kept_when_the_table_has_a_history() {
    let fixture = Fixture::with(&["id int", "n int?"], json!({"has_history": true})).await;
    fixture.write(WriteMode::Append, "SELECT * FROM (VALUES (1, 1), (2, 2)) v(id, n)").await;
    fixture.write(merge_by_id(), "SELECT * FROM (VALUES (2, 20), (3, 30)) v(id, n)").await;
    fixture.write(WriteMode::Overwrite, "SELECT 4 AS id, 4 AS n").await;
    let feed = delta(&fixture).await.scan_cdf().with_starting_version(0);
    let feed = deltalake_core::delta_datafusion::DeltaCdfTableProvider::try_new(feed).unwrap();
    let found = rows(std::sync::Arc::new(feed), "SELECT _commit_version, _change_type, id, n FROM t").await;
    let expect = [
        "1|insert|1|1",
        "1|insert|2|2",
        "2|insert|3|30",
        "2|update_postimage|2|20",
        "2|update_preimage|2|2",
        "3|delete|1|1",
        "3|delete|2|20",
        "3|delete|3|30",
        "3|insert|4|4",
    ];
    assert_eq!(found, expect);
}

#[tokio::test]
async fn a_permit_opens_its_own_table_and_allows_its_own_action() {
    let fixture = Fixture::new(&["id int"]).await;
    let reader = fixture.open(Action::Read).await;
    assert!(matches!(stage(&reader, WriteMode::Append, "SELECT 1 AS id").await, Err(Error::Permit { .. })));
    assert!(matches!(reader.optimize(Default::default()).await, Err(Error::Permit { .. })));
    let browse = crate::support::permit(&fixture.table, Action::Browse);
    assert!(matches!(fixture.lake.open(&browse, &fixture.table, AsOf::Latest).await, Err(Error::Permit { .. })));
    let other = polder_model::resource::Table { name: "finance.bronze.other_v1".parse().unwrap(), ..fixture.table.clone() };
    let permit = crate::support::permit(&other, Action::Read);
    assert!(matches!(fixture.lake.open(&permit, &fixture.table, AsOf::Latest).await, Err(Error::Permit { .. })));
}

#[tokio::test]
async fn many_rows_and_partitions_keep_every_row() {
    let fixture = Fixture::with(&["p int", "id bigint", "text string"], json!({"partition_columns": ["p"]})).await;
    let handle = fixture.open(Action::Write).await;
    let mut writer = handle.append(WriteOptions::new(WriteMode::Append)).unwrap();
    let mut batches =
        stream("SELECT value % 200 AS p, value AS id, repeat(value::string, 10) AS text FROM generate_series(1, 60000)").await;
    while let Some(batch) = futures::StreamExt::next(&mut batches).await {
        writer.write(&batch.unwrap()).await.unwrap();
    }
    let staged = writer.finish().await.unwrap();
    assert_eq!(staged.rows(), 60_000);
    assert_eq!(version_of(staged.commit().await.unwrap()), 1);
    assert_eq!(
        fixture.rows("SELECT count(*), count(DISTINCT id), sum(id), count(DISTINCT p) FROM t").await,
        ["60000|60000|1800030000|200"]
    );
}

async fn delta(fixture: &Fixture) -> deltalake_core::DeltaTable {
    deltalake_core::open_table(url::Url::from_directory_path(fixture.path()).unwrap()).await.unwrap()
}
