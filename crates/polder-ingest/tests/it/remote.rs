//! Files of an object store.

use std::path::Path;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use polder_ingest::{Cause, ReadSpec, Stores, find};
use polder_model::job::{BadRows, FileFormat};
use url::Url;

use crate::loading::{block_on, columns, drain, source};

struct Bucket(Arc<InMemory>);

impl Stores for Bucket {
    fn store(&self, bucket: &Url) -> Result<Arc<dyn ObjectStore>, Cause> {
        assert_eq!(bucket.as_str(), "s3://in/");
        let store: Arc<dyn ObjectStore> = Arc::<InMemory>::clone(&self.0);
        Ok(store)
    }
}

async fn put(bucket: &Bucket, path: &str, content: impl Into<Vec<u8>>) {
    bucket.0.put(&path.into(), content.into().into()).await.unwrap();
}

fn spec(pattern: &str, format: FileFormat) -> ReadSpec {
    let mut source = source(format);
    source.files = format!("s3://in/{pattern}");
    ReadSpec::new(columns("a bigint"), source, BadRows::Fail)
}

#[test]
fn objects_are_found_by_glob_and_read() {
    let bucket = Bucket(Arc::default());
    block_on(async {
        for (path, value) in [("x/b.ndjson", 2), ("x/a.ndjson", 1), ("x/deep/c.ndjson", 3), ("y/d.ndjson", 4)] {
            put(&bucket, path, format!("{{\"a\":{value}}}\n")).await;
        }
        let spec = spec("x/?.ndjson", FileFormat::Ndjson);
        let files = find(&spec.source, Path::new("/"), &bucket).await.unwrap();
        let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["s3://in/x/a.ndjson", "s3://in/x/b.ndjson"]);
        assert_eq!(drain(files, spec).await.unwrap().rows, ["1", "2"]);
    });
}

#[test]
fn an_object_written_anew_is_another_and_is_not_read_as_the_old() {
    let bucket = Bucket(Arc::default());
    block_on(async {
        let spec = spec("f.ndjson", FileFormat::Ndjson);
        put(&bucket, "f.ndjson", "{\"a\":1}\n").await;
        let old = find(&spec.source, Path::new("/"), &bucket).await.unwrap();
        put(&bucket, "f.ndjson", "{\"a\":2}\n").await;
        let new = find(&spec.source, Path::new("/"), &bucket).await.unwrap();
        assert_ne!(old[0].fingerprint, new[0].fingerprint);
        let error = drain(old, spec).await.unwrap_err();
        assert!(error.starts_with("cannot read s3://in/f.ndjson beyond byte 0"), "{error}");
    });
}

#[test]
fn parquet_objects_are_read_in_parts() {
    let bucket = Bucket(Arc::default());
    let values: Vec<i64> = (0..400_000).map(|i| i * 7_919 % 1_000_003).collect();
    let content = crate::parquet_files::written(vec![("a", Arc::new(arrow::array::Int64Array::from(values.clone())))], 100_000);
    assert!(content.len() > 1024 * 1024);
    block_on(async {
        put(&bucket, "f.parquet", content).await;
        let spec = spec("*.parquet", FileFormat::Parquet);
        let files = find(&spec.source, Path::new("/"), &bucket).await.unwrap();
        let rows = drain(files, spec).await.unwrap().rows;
        assert!(rows.iter().map(|row| row.parse::<i64>().unwrap()).eq(values));
    });
}
