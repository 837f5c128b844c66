//! Tables whose commits the catalog decides, by the preview interface.

use axum::http::{Method, StatusCode};
use polder_platform::{Identity, OpenOptions, Platform};
use serde_json::{Value, json};

use super::scene::Scene;

fn staged(table: &Value, version: i64, text: &str) -> Value {
    let folder = table["storage_location"].as_str().unwrap().strip_prefix("file://").unwrap();
    let name = format!("{version:020}.{}.json", uuid::Uuid::new_v4());
    std::fs::write(format!("{folder}/_delta_log/_staged_commits/{name}"), text).unwrap();
    json!({
        "table_id": table["table_id"], "table_uri": table["storage_location"],
        "commit_info": {
            "version": version, "timestamp": 5, "file_name": name, "file_size": text.len(), "file_modification_timestamp": 6,
        },
    })
}

async fn commit(scene: &Scene, who: &str, commit: &Value) -> StatusCode {
    scene.post(who, "/delta/preview/commits", commit.clone()).await.0
}

async fn latest(scene: &Scene, table: &Value) -> Value {
    let asked = json!({ "table_id": table["table_id"], "table_uri": table["storage_location"], "start_version": 0 });
    let (status, answer) = scene.ask("mel", Method::GET, "/delta/preview/commits", Some(asked)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn a_commit_is_decided_once_and_published() {
    let scene = Scene::new().await;
    let table = scene.managed_table("notes").await;
    assert_eq!((&table["table_type"], &table["owner"]), (&json!("MANAGED"), &json!("mel")));
    assert_eq!(latest(&scene, &table).await, json!({ "commits": [], "latest_table_version": 0 }));
    let (first, rival) = (staged(&table, 1, "{\"a\":1}\n"), staged(&table, 1, "{\"b\":22}\n"));
    assert_eq!(commit(&scene, "mel", &first).await, StatusCode::OK);
    assert_eq!(commit(&scene, "mel", &first).await, StatusCode::OK, "sent again, it is the same commit");
    assert_eq!(commit(&scene, "mel", &rival).await, StatusCode::CONFLICT);
    let folder = table["storage_location"].as_str().unwrap().strip_prefix("file://").unwrap();
    let entry = std::fs::read_to_string(format!("{folder}/_delta_log/{:020}.json", 1)).unwrap();
    assert_eq!(entry, "{\"a\":1}\n");
    assert_eq!(latest(&scene, &table).await["latest_table_version"], 1);
    assert_eq!(commit(&scene, "mel", &staged(&table, 3, "{}\n")).await, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_is_not_acknowledged() {
    let scene = Scene::new().await;
    let table = scene.managed_table("notes").await;
    let good = staged(&table, 1, "{}\n");
    for (field, value) in [
        ("file_name", json!(format!("{:020}.{}.json", 1, uuid::Uuid::new_v4()))),
        ("file_name", json!("../00000000000000000000.json")),
        ("file_name", json!("00000000000000000001.json")),
        (
            "file_name",
            json!(good["commit_info"]["file_name"].as_str().unwrap().replacen("00000000000000000001", "00000000000000000002", 1)),
        ),
        ("file_size", json!(1)),
        ("version", json!(-1)),
    ] {
        let mut wrong = good.clone();
        wrong["commit_info"][field] = value.clone();
        assert_eq!(commit(&scene, "mel", &wrong).await, StatusCode::BAD_REQUEST, "{field}: {value}");
    }
    let mut elsewhere = good.clone();
    elsewhere["table_uri"] = json!("file:///elsewhere");
    assert_eq!(commit(&scene, "mel", &elsewhere).await, StatusCode::BAD_REQUEST);
    assert_eq!(commit(&scene, "ana", &good).await, StatusCode::FORBIDDEN, "who may not write does not commit");
    assert_eq!(commit(&scene, "bob", &good).await, StatusCode::NOT_FOUND);
    assert_eq!(commit(&scene, "mel", &good).await, StatusCode::OK);
}

#[tokio::test]
async fn a_table_that_files_declare_commits_to_its_own_log() {
    let scene = Scene::new().await;
    let table = scene.got("olga", "/tables/finance.bronze.orders_v1").await;
    let asked = json!({ "table_id": table["table_id"], "table_uri": table["storage_location"], "start_version": 0 });
    let (status, body) = scene.ask("olga", Method::GET, "/delta/preview/commits", Some(asked)).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
}

#[tokio::test]
async fn a_managed_table_is_made_only_in_the_folder_that_was_set_aside_for_it() {
    let scene = Scene::new().await;
    let named = json!({ "catalog_name": "finance", "schema_name": "bronze", "name": "notes" });
    let staged = scene.made("mel", "/staging-tables", named.clone()).await;
    let table = |url: &Value, name: &str| {
        let mut table = named.clone();
        table["name"] = json!(name);
        table["table_type"] = json!("MANAGED");
        table["storage_location"] = url.clone();
        table["columns"] = json!([{ "name": "id", "type_text": "bigint" }]);
        table
    };
    let url = &staged["staging_location"];
    let folder = url.as_str().unwrap().strip_prefix("file://").unwrap();
    let orders = scene.got("olga", "/tables/finance.bronze.orders_v1").await;
    for (who, url, name) in [
        ("mel", &orders["storage_location"], "notes"),
        ("mel", &json!("file:///etc"), "notes"),
        ("mel", url, "others"),
        // Another's folder is nobody else's.
        ("olga", url, "notes"),
    ] {
        let (status, body) = scene.post(who, "/tables", table(url, name)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{who} {url} {name}: {body}");
    }
    scene.made("mel", "/tables", table(url, "notes")).await;
    assert_eq!(scene.post("mel", "/tables", table(url, "notes")).await.0, StatusCode::CONFLICT);
    assert_eq!(scene.delete("mel", "/tables/finance.bronze.notes").await.0, StatusCode::OK);
    assert!(!std::path::Path::new(folder).exists());
}

#[tokio::test]
async fn what_nobody_made_of_a_folder_is_collected() {
    let scene = Scene::new().await;
    let named = json!({ "catalog_name": "finance", "schema_name": "bronze", "name": "notes" });
    let staged = scene.made("mel", "/staging-tables", named).await;
    let folder = staged["staging_location"].as_str().unwrap().strip_prefix("file://").unwrap();
    let options = OpenOptions { root: scene.folder.path().to_owned(), environment: None, act_as: None };
    let platform = Platform::open(options).await.unwrap().acting(Identity::local(None));
    let now = chrono::Utc::now();
    assert_eq!(platform.collect_staging_tables(now).await.unwrap(), 0);
    assert!(std::path::Path::new(folder).exists());
    assert_eq!(platform.collect_staging_tables(now + chrono::TimeDelta::days(2)).await.unwrap(), 1);
    assert!(!std::path::Path::new(folder).exists());
    assert_eq!(platform.collect_staging_tables(now + chrono::TimeDelta::days(2)).await.unwrap(), 0);
}

#[tokio::test]
async fn a_plan_leaves_alone_what_clients_made() {
    let scene = Scene::new().await;
    scene.managed_table("notes").await;
    scene.made("mel", "/catalogs", json!({ "name": "sandbox" })).await;
    scene.made("mel", "/schemas", json!({ "catalog_name": "sandbox", "name": "s" })).await;
    let options = OpenOptions { root: scene.folder.path().to_owned(), environment: None, act_as: None };
    let platform = Platform::open(options).await.unwrap();
    let planned = platform.plan(Default::default()).await.unwrap();
    assert!(planned.plan.changes.is_empty() && planned.plan.held_back.is_empty(), "{planned:?}");
}
