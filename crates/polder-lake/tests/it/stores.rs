//! What holds on the disk holds on S3, Azure Blob Storage and Google Cloud Storage: seen beside emulators, which `cargo xtask stores`
//! installs.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use polder_access::Action;
use polder_lake::{
    AppTransaction, AsOf, Committed, Error, FileWritten, Lake, LakeConfig, OptimizeOptions, ProviderConfig, TableHandle,
    TableObservation, VacuumOptions, Write, WriteOptions,
};
use polder_model::Provider;
use polder_model::job::WriteMode;
use polder_model::resource::{Bucket, Table};
use polder_testkit::{Cloud, Cut, ObjectStore, Proxy};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{TABLE_ID, chain, permit, rows, stage, stream, table, version_of};
use crate::volumes::{Shelf, files_are_wholes, on_volume, path, volume_of};

/// A lake whose one provider is a store at an address; options go before those of the emulator.
fn lake_at(cloud: Cloud, address: SocketAddr, options: &[(&str, &str)]) -> Lake {
    let mut all: BTreeMap<String, String> =
        cloud.options(address).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    all.extend(options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = ProviderConfig { scheme: cloud.scheme().to_owned(), options: all, of_zones: false };
    let provider: Provider = cloud.provider().parse().unwrap();
    Lake::new(LakeConfig { root: PathBuf::from("/nowhere"), providers: [(provider, config)].into() }).unwrap()
}

fn table_in(cloud: Cloud, bucket: &str, prefix: &str, columns: &[&str], more: Value) -> Table {
    let mut more = more;
    more["location"] = json!({"provider": cloud.provider(), "bucket": bucket, "prefix": prefix});
    table(columns, more)
}

fn bucket(cloud: Cloud, name: &str) -> Bucket {
    let domain = "finance".parse().unwrap();
    Bucket { provider: cloud.provider().parse().unwrap(), name: name.parse().unwrap(), domain, is_home: false }
}

async fn open(lake: &Lake, table: &Table, action: Action) -> TableHandle {
    lake.open(&permit(table, action), table, AsOf::Latest).await.unwrap()
}

async fn write(lake: &Lake, table: &Table, mode: WriteMode, sql: &str) -> u64 {
    let handle = open(lake, table, Action::Write).await;
    version_of(stage(&handle, mode, sql).await.unwrap().commit().await.unwrap())
}

async fn read(lake: &Lake, table: &Table, sql: &str) -> Vec<String> {
    rows(open(lake, table, Action::Read).await.provider(), sql).await
}

async fn read_at(lake: &Lake, table: &Table, version: u64, sql: &str) -> Vec<String> {
    let handle = lake.open(&permit(table, Action::Read), table, AsOf::Version(version)).await.unwrap();
    rows(handle.provider(), sql).await
}

/// A store that is there: whose it is, and where.
#[derive(Clone, Copy)]
struct There {
    cloud: Cloud,
    address: SocketAddr,
}

async fn on_every_cloud<F: Future<Output = ()>>(buckets: &[&str], check: impl Fn(There) -> F) {
    let checks = Cloud::ALL.map(|cloud| {
        let store = ObjectStore::start(cloud, buckets).unwrap();
        let check = check(There { cloud, address: store.address });
        // The store goes when the check is done, and not before.
        async move { (check.await, store) }
    });
    drop(futures::future::join_all(checks).await);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
async fn a_table_lives_there_as_on_the_disk() {
    on_every_cloud(&["dev-b", "dev-c"], |store| async move {
        let (cloud, lake) = (store.cloud, lake_at(store.cloud, store.address, &[]));
        let kept = json!({"partition_columns": ["country"], "properties": {"delta.checkpointInterval": "5"}});
        let columns = ["id bigint", "country string?", "n int?"];
        let table = table_in(cloud, "dev-b", "bronze/customer_v1", &columns, kept.clone());
        assert!(lake.bucket_exists(&bucket(cloud, "dev-b")).await.unwrap());
        lake.make_bucket(&bucket(cloud, "dev-b")).await.unwrap();
        assert_eq!(lake.observe(&table).await, TableObservation::Absent);
        lake.create_table(&table, TABLE_ID).await.unwrap();
        lake.create_table(&table, TABLE_ID).await.unwrap();
        assert_eq!(lake.observe(&table).await, TableObservation::Present);
        // Values that a path, a URL or a signature could take for their own.
        let sql = "SELECT 1 AS id, 'a b/ü%+&' AS country, 1 AS n UNION ALL SELECT 2, 'NL', 2 UNION ALL SELECT 3, null, 3";
        assert_eq!(write(&lake, &table, WriteMode::Append, sql).await, 1);
        for id in 4..=7 {
            let sql = format!("SELECT {id} AS id, 'NL' AS country, {id} AS n");
            write(&lake, &table, WriteMode::Append, &sql).await;
        }
        let merge = WriteMode::Merge { keys: vec!["id".to_owned()] };
        assert_eq!(write(&lake, &table, merge, "SELECT 2 AS id, 'NL' AS country, 20 AS n UNION ALL SELECT 8, 'BE', 8").await, 6);
        let all = ["1|a b/ü%+&|1", "2|NL|20", "3|~|3", "4|NL|4", "5|NL|5", "6|NL|6", "7|NL|7", "8|BE|8"];
        assert_eq!(read(&lake, &table, "SELECT id, country, n FROM t").await, all);
        assert_eq!(read(&lake, &table, "SELECT id FROM t WHERE country = 'a b/ü%+&'").await, ["1"]);
        // A log that is put together, and read on from there.
        lake.settle().await;
        let again = lake_at(cloud, store.address, &[]);
        assert_eq!(read(&again, &table, "SELECT count(*), sum(n) FROM t").await, ["8|54"]);
        // Time travel and what brings an old version back.
        assert_eq!(read_at(&lake, &table, 1, "SELECT count(*), sum(n) FROM t").await, ["3|6"]);
        let handle = open(&lake, &table, Action::Write).await;
        let older = lake.open(&permit(&table, Action::Read), &table, AsOf::Version(1)).await.unwrap();
        let staged = handle.restore(&older, WriteOptions::new(WriteMode::Overwrite)).unwrap();
        assert_eq!(version_of(staged.commit().await.unwrap()), 7);
        assert_eq!(read(&lake, &table, "SELECT id FROM t").await, ["1", "2", "3"]);
        assert_eq!(read_at(&lake, &table, 6, "SELECT count(*) FROM t").await, ["8"]);
        let operations: Vec<String> = handle.history(3).await.unwrap().into_iter().map(|commit| commit.operation).collect();
        assert_eq!(operations, ["RESTORE", "MERGE", "WRITE"]);
        // Columns, and files put together.
        let wider = table_in(cloud, "dev-b", "bronze/customer_v1", &[&columns[..], &["late date?"]].concat(), kept);
        lake.alter_table(&wider).await.unwrap();
        for id in 10..=13 {
            write(&lake, &wider, WriteMode::Append, &format!("SELECT {id} AS id, 'NL' AS country")).await;
        }
        let upkeep = open(&lake, &wider, Action::Maintain).await;
        let report = upkeep.optimize(OptimizeOptions::default()).await.unwrap();
        assert!(report.files_added == 1 && report.files_removed >= 5, "{report:?}");
        assert_eq!(read(&lake, &wider, "SELECT id FROM t WHERE late IS NULL").await, ["1", "10", "11", "12", "13", "2", "3"]);
        // Clones: in the bucket, where the store copies, and into another.
        for (bucket, prefix) in [("dev-b", "bronze/copy_v1"), ("dev-c", "bronze/copy_v1")] {
            let mut copy = table_in(
                cloud,
                bucket,
                prefix,
                &[&columns[..], &["late date?"]].concat(),
                json!({"partition_columns": ["country"]}),
            );
            copy.name = "finance.bronze.copy_v1".parse().unwrap();
            let whole = permit(&wider, Action::Read);
            let cloned = lake.clone_table(&whole, &wider, AsOf::Latest, &copy, Uuid::from_u128(8), true).await.unwrap();
            assert!(!cloned.linked && cloned.files > 1, "{cloned:?}");
            assert_eq!(read(&lake, &copy, "SELECT count(*), sum(id) FROM t").await, ["7|52"]);
            lake.drop_table(&copy.location).await.unwrap();
            assert_eq!(lake.observe(&copy).await, TableObservation::Absent);
        }
        // Vacuum takes what no version needs, and the past with it when it is told to.
        let now = VacuumOptions { retain: Duration::ZERO, dry_run: false, override_guard: true };
        let soon = upkeep.vacuum(VacuumOptions { override_guard: false, ..now }).await;
        assert!(matches!(soon, Err(Error::Retention { .. })));
        let report = upkeep.vacuum(now).await.unwrap();
        assert!(report.files.len() >= 9, "{report:?}");
        assert_eq!(read(&lake, &wider, "SELECT count(*), sum(id) FROM t").await, ["7|52"]);
        let gone = lake.open(&permit(&wider, Action::Read), &wider, AsOf::Version(6)).await.err();
        assert!(matches!(gone, Some(Error::Vacuumed { .. })), "{gone:?}");
        // What somebody else removes is seen to be gone.
        assert!(lake.remove_bucket(&bucket(cloud, "dev-b")).await.is_err());
        assert!(lake.newest_below(&wider.location, 1).await.unwrap().contains_key("_delta_log"));
        lake.drop_table(&wider.location).await.unwrap();
        lake.drop_table(&wider.location).await.unwrap();
        assert_eq!(lake.observe(&wider).await, TableObservation::Absent);
        assert!(!lake.folder_exists(&wider.location).await.unwrap());
        lake.remove_bucket(&bucket(cloud, "dev-b")).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
async fn eight_writers_at_once_lose_and_double_nothing() {
    const WRITERS: u64 = 8;
    const EACH: u64 = 6;
    on_every_cloud(&["dev-b"], |store| async move {
        let table = table_in(store.cloud, "dev-b", "bronze/busy_v1", &["id bigint"], json!({}));
        lake_at(store.cloud, store.address, &[]).create_table(&table, TABLE_ID).await.unwrap();
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            // Each with a lake of its own, as processes have: what one knows the others do not.
            let (lake, table) = (lake_at(store.cloud, store.address, &[]), table.clone());
            writers.spawn(async move {
                let handle = open(&lake, &table, Action::Write).await;
                for n in 0..EACH {
                    let sql = format!("SELECT {} AS id", writer * EACH + n);
                    version_of(stage(&handle, WriteMode::Append, &sql).await.unwrap().commit().await.unwrap());
                }
            });
        }
        writers.join_all().await;
        let lake = lake_at(store.cloud, store.address, &[]);
        let (count, sum) = (WRITERS * EACH, (0..WRITERS * EACH).sum::<u64>());
        let found = read(&lake, &table, "SELECT count(*), count(DISTINCT id), sum(id) FROM t").await;
        assert_eq!(found, [format!("{count}|{count}|{sum}")]);
        let history = open(&lake, &table, Action::Read).await.history(1000).await.unwrap();
        let versions: Vec<u64> = history.iter().map(|commit| commit.version).collect();
        assert_eq!(versions, (0..=count).rev().collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
async fn files_of_volumes_are_wholes_there() {
    on_every_cloud(&["dev-b"], |store| async move {
        let lake = lake_at(store.cloud, store.address, &[]);
        let shelf = Shelf { lake: &lake, volume: volume_of(store.cloud.provider()) };
        files_are_wholes(&shelf).await;
        let (permit, lasts) = (on_volume(Action::ReadFiles), Duration::from_secs(60));
        for name in ["in/c=NL/a-1.csv", "in/a b.csv"] {
            let written = shelf.write(name, vec![Ok(b"by address".to_vec())], true).await.unwrap();
            assert!(matches!(written, FileWritten::Done(_)));
            let signed = lake.signed_volume_url(&permit, &shelf.volume, &path(name), lasts).await;
            match (store.cloud, signed) {
                // Google's are signed with the key of a service account, and this one is nobody's.
                (Cloud::Gcs, signed) => assert!(matches!(signed, Err(Error::Store { .. })), "{signed:?}"),
                // There is no good one: whoever asks has to be given another's.
                (Cloud::Azure, Ok(None)) => assert_eq!(name, "in/a b.csv"),
                (_, signed) => {
                    let answer = fetched(signed.unwrap().unwrap().as_str());
                    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("by address"), "{name}: {answer}");
                }
            }
        }
    })
    .await;
}

/// What a server of this machine answers at an address.
fn fetched(url: &str) -> String {
    let (host, path) = url.trim_start_matches("http://").split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn append(handle: &TableHandle, id: i64) -> polder_lake::Result<Committed> {
    let transaction = Some(AppTransaction { app_id: "load".to_owned(), version: id });
    let rows = stream(&format!("SELECT {id} AS id")).await;
    let write = Write { mode: WriteMode::Append, rows, transaction, commit_info: [].into() };
    handle.stage(write).await?.commit().await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
async fn a_commit_whose_answer_is_lost_is_found_again() {
    on_every_cloud(&["dev-b"], |store| async move {
        let proxy = Proxy::to(store.address).unwrap();
        let lake = lake_at(store.cloud, proxy.address(), &[]);
        let table = table_in(store.cloud, "dev-b", "bronze/cut_v1", &["id bigint"], json!({}));
        lake.create_table(&table, TABLE_ID).await.unwrap();
        let handle = open(&lake, &table, Action::Write).await;
        // The answer is lost and the store goes on: what is there is looked at, and the load is done.
        proxy.cut("PUT", "_delta_log", Cut::Unanswered, false);
        assert_eq!(version_of(append(&handle, 1).await.unwrap()), 1);
        assert_eq!(proxy.cuts(), 1);
        // The store is gone in the middle of the commit: an error, and nothing of it is there.
        for (id, cut, there) in [(2, Cut::Unsent, false), (3, Cut::Unanswered, true)] {
            let handle = open(&lake, &table, Action::Write).await;
            proxy.cut("PUT", "_delta_log", cut, true);
            let failed = chain(&append(&handle, id).await.unwrap_err());
            let place = format!("({}) does not answer for", proxy_url(&proxy));
            assert!(failed.contains(&place) && failed.contains(store.cloud.provider()), "{failed}");
            proxy.mend();
            let again = open(&lake, &table, Action::Write).await;
            let known = again.transaction_version("load").await.unwrap();
            assert_eq!(known == Some(id), there, "{id}: {known:?}");
            let done = append(&again, id).await.unwrap();
            assert_eq!(matches!(done, Committed::AlreadyDone { .. }), there, "{done:?}");
        }
        assert_eq!(read(&lake, &table, "SELECT id FROM t").await, ["1", "2", "3"]);
    })
    .await;
}

fn proxy_url(proxy: &Proxy) -> String {
    format!("http://{}", proxy.address())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "`cargo xtask stores` runs it: it needs emulators"]
async fn a_store_that_refuses_is_told_of_with_what_to_do() {
    on_every_cloud(&["dev-b"], |store| async move {
        let (cloud, provider) = (store.cloud, store.cloud.provider());
        let lake = lake_at(cloud, store.address, &[]);
        let word = if cloud == Cloud::Azure { "container" } else { "bucket" };
        // No bucket: seen as missing, and told of by whoever needs it.
        let missing = bucket(cloud, "dev-none");
        assert!(!lake.bucket_exists(&missing).await.unwrap());
        let table = table_in(cloud, "dev-none", "bronze/t_v1", &["id bigint"], json!({}));
        let told = format!("{provider} (http://{}) has no {word} dev-none", store.address);
        for failed in [
            lake.make_bucket(&missing).await.unwrap_err(),
            lake.create_table(&table, TABLE_ID).await.unwrap_err(),
            lake.open(&permit(&table, Action::Read), &table, AsOf::Latest).await.err().unwrap(),
        ] {
            let failed = chain(&failed);
            assert!(failed.contains(&told) && failed.contains("create it"), "{failed}");
        }
        assert!(matches!(lake.observe(&table).await, TableObservation::Unreadable(why) if why.contains(&told)));
        // Credentials that are none.
        let secret = "c2VjcmV0LXRoYXQtb3BlbnMtbm90aGluZw==";
        let wrong: &[(&str, &str)] = match cloud {
            Cloud::S3 => &[("access_key_id", "nobody"), ("secret_access_key", secret)],
            Cloud::Azure => &[("account_key", secret)],
            // The emulator asks for none.
            Cloud::Gcs => return,
        };
        if cloud == Cloud::S3 {
            let enforced = posted(store.address, "/moto-api/reset-auth", "0");
            assert!(enforced.starts_with("HTTP/1.1 200"), "{enforced}");
        }
        let lake = lake_at(cloud, store.address, wrong);
        let table = table_in(cloud, "dev-b", "bronze/t_v1", &["id bigint"], json!({}));
        for failed in [
            lake.make_bucket(&bucket(cloud, "dev-b")).await.unwrap_err(),
            lake.create_table(&table, TABLE_ID).await.unwrap_err(),
            lake.open(&permit(&table, Action::Read), &table, AsOf::Latest).await.err().unwrap(),
        ] {
            let failed = chain(&failed);
            let told = format!("{provider} (http://{}) refuses the credentials for {word} dev-b (403", store.address);
            assert!(failed.contains(&told) && failed.contains("polder.yaml"), "{failed}");
            assert!(!failed.contains(secret) && !failed.contains("restore its _delta_log"), "{failed}");
        }
        // Those of a while ago.
        if cloud == Cloud::Azure {
            let shelf = Shelf { lake: &lake_at(cloud, store.address, &[]), volume: volume_of(provider) };
            let (permit, lasts) = (on_volume(Action::ReadFiles), Duration::from_secs(1));
            let url = shelf.lake.signed_volume_url(&permit, &shelf.volume, &path("x"), lasts).await.unwrap().unwrap();
            tokio::time::sleep(Duration::from_secs(3)).await;
            let lake = lake_at(cloud, store.address, &[("sas_token", url.query().unwrap())]);
            let failed = chain(&lake.create_table(&table, TABLE_ID).await.unwrap_err());
            assert!(
                failed.contains("the credentials for container dev-b of azure") && failed.contains("have expired"),
                "{failed}"
            );
            let signature = url.query_pairs().find(|(name, _)| name == "sig").unwrap().1.into_owned();
            assert!(!failed.contains(&signature) && !failed.contains("sig="), "{failed}");
        }
    })
    .await;
}

/// What a server of this machine answers to something that is posted.
fn posted(address: SocketAddr, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
