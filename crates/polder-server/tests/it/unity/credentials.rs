//! Who is handed files: only those who may read them whole and in clear.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::scene::Scene;

async fn id(scene: &Scene, table: &str) -> Value {
    scene.got("olga", &format!("/tables/finance.bronze.{table}")).await["table_id"].clone()
}

async fn ask(scene: &Scene, who: &str, table: &str, operation: &str) -> (StatusCode, Value) {
    let asked = json!({ "table_id": id(scene, table).await, "operation": operation });
    scene.post(who, "/temporary-table-credentials", asked).await
}

#[tokio::test]
async fn masked_tables_are_read_by_sql_only() {
    let scene = Scene::new().await;
    assert_eq!(ask(&scene, "ana", "orders_v1", "READ").await.0, StatusCode::OK);
    let (status, body) = ask(&scene, "ana", "customer_v1", "READ").await;
    assert_eq!((status, &body["error_code"]), (StatusCode::FORBIDDEN, &json!("PERMISSION_DENIED")));
    assert!(body["message"].as_str().unwrap().contains("masks or row filters"), "{body}");
    assert_eq!(ask(&scene, "olga", "customer_v1", "READ").await.0, StatusCode::OK);
}

#[tokio::test]
async fn who_may_not_write_is_handed_no_files_to_write() {
    let scene = Scene::new().await;
    assert_eq!(ask(&scene, "ana", "orders_v1", "READ_WRITE").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&scene, "olga", "orders_v1", "READ_WRITE").await.0, StatusCode::OK);
    // Whoever writes files passes no check.
    let (status, body) = ask(&scene, "olga", "checked_v1", "READ_WRITE").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(body["message"].as_str().unwrap().contains("checks"), "{body}");
    assert_eq!(ask(&scene, "olga", "checked_v1", "READ").await.0, StatusCode::OK);
    assert_eq!(ask(&scene, "olga", "orders_v1", "DELETE").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn ids_and_places_that_are_hidden_are_as_absent_ones() {
    let scene = Scene::new().await;
    let absent = uuid::Uuid::from_u128(7).to_string();
    let hidden = id(&scene, "orders_v1").await;
    for table_id in [json!(absent), hidden, json!("../x"), json!("")] {
        let asked = json!({ "table_id": table_id, "operation": "READ" });
        let (status, body) = scene.post("bob", "/temporary-table-credentials", asked).await;
        assert_eq!((status, &body["error_code"]), (StatusCode::NOT_FOUND, &json!("TABLE_NOT_FOUND")), "{table_id}");
    }
    let url = scene.got("olga", "/tables/finance.bronze.orders_v1").await["storage_location"].as_str().unwrap().to_owned();
    let nothing = url.replace("orders_v1", "nothing");
    let path = async |who: &str, url: &str, operation: &str| {
        scene.post(who, "/temporary-path-credentials", json!({ "url": url, "operation": operation })).await
    };
    let (status, hidden) = path("bob", &url, "PATH_READ").await;
    assert_eq!((status, &hidden), (StatusCode::NOT_FOUND, &path("bob", &nothing, "PATH_READ").await.1));
    assert_eq!(path("bob", "file:///etc/passwd", "PATH_READ").await.0, StatusCode::NOT_FOUND);
    assert_eq!(path("ana", &url, "PATH_READ").await.0, StatusCode::OK);
    assert_eq!(path("ana", &format!("{url}/_delta_log"), "PATH_READ").await.0, StatusCode::OK);
    assert_eq!(path("ana", &url, "PATH_READ_WRITE").await.0, StatusCode::FORBIDDEN);
    assert_eq!(path("ana", &nothing, "PATH_CREATE_TABLE").await.0, StatusCode::FORBIDDEN);
    assert_eq!(path("olga", &nothing, "PATH_CREATE_TABLE").await.0, StatusCode::OK);
    // A new table's folder is not one that holds another.
    assert_eq!(path("olga", &url, "PATH_CREATE_TABLE").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn files_of_this_disk_are_named_and_need_no_credential() {
    let scene = Scene::new().await;
    let (_, body) = ask(&scene, "ana", "orders_v1", "READ").await;
    let names: Vec<&String> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["expiration_time", "url"]);
    assert!(body["expiration_time"].as_i64().unwrap() > chrono::Utc::now().timestamp_millis());
}
