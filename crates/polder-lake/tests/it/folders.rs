//! Folders of Parquet files as tables.

use polder_access::Action;
use polder_lake::{AsOf, Error, TableObservation};
use polder_model::job::WriteMode;
use serde_json::json;

use crate::support::{Fixture, chain, stage};

async fn fixture() -> Fixture {
    let more = json!({"format": "parquet", "partition_columns": ["country"]});
    let fixture = Fixture::with(&["country string?", "id int", "note string?"], more).await;
    let session = datafusion::prelude::SessionContext::new();
    for (folder, sql) in [
        ("country=nl", "SELECT 1::int AS id, 'a' AS note"),
        ("country=a%2Fb", "SELECT 2::int AS id"),
        ("country=__HIVE_DEFAULT_PARTITION__", "SELECT 3::bigint AS id, 'c' AS note"),
        ("_temporary", "SELECT 9::int AS id"),
    ] {
        let path = fixture.path().join(folder).join("part-0.parquet");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let rows = session.sql(sql).await.unwrap();
        rows.write_parquet(path.to_str().unwrap(), Default::default(), None).await.unwrap();
    }
    fixture
}

#[tokio::test]
async fn a_folder_is_read_with_its_partitions_and_never_written() {
    let fixture = fixture().await;
    assert_eq!(fixture.lake.observe(&fixture.table).await, TableObservation::Present);
    assert_eq!(fixture.rows("SELECT * FROM t").await, ["a/b|2|~", "nl|1|a", "~|3|c"]);
    assert_eq!(fixture.rows("SELECT id FROM t WHERE country = 'nl'").await, ["1"]);
    let handle = fixture.open(Action::Write).await;
    assert_eq!((handle.version(), handle.size().rows), (0, Some(3)));
    let error = stage(&handle, WriteMode::Append, "SELECT 1 AS id").await.err().unwrap().to_string();
    assert!(error.contains("declare format delta"), "{error}");
}

#[tokio::test]
async fn a_file_that_does_not_fit_is_named() {
    let fixture = fixture().await;
    let file = fixture.path().join("country=nl/part-0.parquet");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let error = fixture.at(AsOf::Latest).await.err().unwrap();
    assert!(matches!(&error, Error::File { file, .. } if file.ends_with("country=nl/part-0.parquet")), "{error}");
    let session = datafusion::prelude::SessionContext::new();
    std::fs::remove_file(&file).unwrap();
    let rows = session.sql("SELECT 'x' AS note").await.unwrap();
    rows.write_parquet(file.to_str().unwrap(), Default::default(), None).await.unwrap();
    let text = chain(&fixture.at(AsOf::Latest).await.err().unwrap());
    assert!(text.contains("it lacks the required column id"), "{text}");
}
