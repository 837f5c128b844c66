//! The interface for Delta clients, against its specification.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::Scene;

const TABLES: &str = "/delta/v1/catalogs/finance/schemas/bronze/tables";

/// A managed table, made as the specification says.
async fn table(scene: &Scene) -> Value {
    let staged = scene.made("mel", "/delta/v1/catalogs/finance/schemas/bronze/staging-tables", json!({ "name": "sales" })).await;
    let folder = folder(&staged["location"]);
    std::fs::create_dir_all(format!("{folder}/_delta_log/_staged_commits")).unwrap();
    std::fs::write(format!("{folder}/_delta_log/{:020}.json", 0), "{\"commitInfo\":{}}\n").unwrap();
    assert_eq!(staged["required-properties"]["io.unitycatalog.tableId"], staged["table-id"]);
    let field = json!({ "name": "Id", "type": "long", "nullable": false, "metadata": { "delta.columnMapping.id": 1 } });
    let new = json!({
        "name": "sales", "location": staged["location"], "table-type": "MANAGED", "comment": "what was sold",
        "columns": { "type": "struct", "fields": [field] }, "protocol": staged["required-protocol"],
        "properties": { "io.unitycatalog.tableId": staged["table-id"] }, "last-commit-timestamp-ms": 17,
    });
    let loaded = scene.made("mel", TABLES, new).await;
    assert_eq!(loaded["metadata"]["table-uuid"], staged["table-id"]);
    loaded
}

fn folder(location: &Value) -> String {
    location.as_str().unwrap().strip_prefix("file://").unwrap().to_owned()
}

fn update(table: &Value, updates: Value) -> Value {
    let id = &table["metadata"]["table-uuid"];
    json!({ "requirements": [{ "type": "assert-table-uuid", "uuid": id }], "updates": updates })
}

fn add_commit(table: &Value, version: i64) -> Value {
    let name = format!("{version:020}.{}.json", uuid::Uuid::new_v4());
    std::fs::write(format!("{}/_delta_log/_staged_commits/{name}", folder(&table["metadata"]["location"])), "{}\n").unwrap();
    json!({ "action": "add-commit", "commit": {
        "version": version, "timestamp": 100 + version, "file-name": name, "file-size": 3, "file-modification-timestamp": 6,
    } })
}

async fn send(scene: &Scene, body: Value) -> (StatusCode, Value) {
    scene.post("mel", &format!("{TABLES}/sales"), body).await
}

#[tokio::test]
async fn a_table_loads_as_it_was_made() {
    let scene = Scene::new().await;
    table(&scene).await;
    let loaded = scene.got("mel", &format!("{TABLES}/sales")).await;
    let metadata = &loaded["metadata"];
    assert_eq!(metadata["columns"]["fields"][0]["metadata"]["delta.columnMapping.id"], 1);
    assert_eq!(metadata["properties"]["delta.feature.catalogManaged"], "supported");
    assert_eq!(metadata["properties"]["delta.lastCommitTimestamp"], "17");
    assert_eq!(
        (&metadata["table-type"], &loaded["commits"], &loaded["latest-table-version"]),
        (&json!("MANAGED"), &json!([]), &json!(0))
    );
    assert_eq!(scene.ask("mel", Method::HEAD, &format!("{TABLES}/sales"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(scene.ask("bob", Method::HEAD, &format!("{TABLES}/sales"), None).await.0, StatusCode::NOT_FOUND);
    let (status, body) = scene.get("mel", &format!("{TABLES}/nothing")).await;
    assert_eq!((status, &body["error"]["type"]), (StatusCode::NOT_FOUND, &json!("NoSuchTableException")));
}

#[tokio::test]
async fn commits_and_changes_are_made_together() {
    let scene = Scene::new().await;
    let made = table(&scene).await;
    let both = json!([add_commit(&made, 1), { "action": "set-properties", "updates": { "a": "1" } }, { "action": "set-table-comment", "comment": "new" }]);
    let (status, after) = send(&scene, update(&made, both.clone())).await;
    assert_eq!(status, StatusCode::OK, "{after}");
    assert_eq!(after["latest-table-version"], 1);
    assert_eq!((&after["metadata"]["properties"]["a"], &after["metadata"]["last-commit-version"]), (&json!("1"), &json!(1)));
    assert_ne!(after["metadata"]["etag"], made["metadata"]["etag"]);
    let rows_only = update(&made, json!([add_commit(&made, 2)]));
    let (status, second) = send(&scene, rows_only).await;
    assert_eq!((status, &second["metadata"]["etag"]), (StatusCode::OK, &after["metadata"]["etag"]));
    let (status, body) = send(&scene, update(&made, json!([add_commit(&made, 2)]))).await;
    assert_eq!((status, &body["error"]["type"]), (StatusCode::CONFLICT, &json!("CommitVersionConflictException")));
}

#[tokio::test]
async fn requirements_that_do_not_hold_are_told_as_such() {
    let scene = Scene::new().await;
    let made = table(&scene).await;
    let change = json!([{ "action": "set-properties", "updates": { "a": "1" } }]);
    let other = json!({ "requirements": [{ "type": "assert-table-uuid", "uuid": uuid::Uuid::nil() }], "updates": change });
    let mut stale = update(&made, change.clone());
    stale["requirements"].as_array_mut().unwrap().push(json!({ "type": "assert-etag", "etag": "old" }));
    for body in [other, stale] {
        let (status, body) = send(&scene, body).await;
        assert_eq!((status, &body["error"]["type"]), (StatusCode::CONFLICT, &json!("UpdateRequirementConflictException")));
    }
    for body in [
        json!({ "requirements": [], "updates": change }),
        update(&made, json!([])),
        update(&made, json!([{ "action": "fly" }])),
        update(&made, json!([change[0], change[0]])),
    ] {
        let (status, answer) = send(&scene, body.clone()).await;
        assert_eq!((status, answer["error"]["code"].as_u64()), (StatusCode::BAD_REQUEST, Some(400)), "{body}");
    }
    assert_eq!(send(&scene, update(&made, change)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_table_is_renamed_measured_and_dropped() {
    let scene = Scene::new().await;
    let made = table(&scene).await;
    let id = &made["metadata"]["table-uuid"];
    let metrics = |id: &Value| json!({ "table-id": id, "report": {} });
    assert_eq!(scene.post("mel", &format!("{TABLES}/sales/metrics"), metrics(id)).await.0, StatusCode::NO_CONTENT);
    let wrong = metrics(&json!(uuid::Uuid::nil()));
    assert_eq!(scene.post("mel", &format!("{TABLES}/sales/metrics"), wrong).await.0, StatusCode::BAD_REQUEST);
    let taken = scene.post("mel", &format!("{TABLES}/sales/rename"), json!({ "new-name": "orders_v1" })).await;
    assert_eq!((taken.0, &taken.1["error"]["type"]), (StatusCode::CONFLICT, &json!("AlreadyExistsException")));
    assert_eq!(
        scene.post("mel", &format!("{TABLES}/sales/rename"), json!({ "new-name": "sold" })).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(scene.got("mel", &format!("{TABLES}/sold")).await["metadata"]["table-uuid"], *id);
    assert_eq!(scene.get("mel", &format!("{TABLES}/sales")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(scene.delete("mel", &format!("{TABLES}/sold")).await.0, StatusCode::NO_CONTENT);
    assert_eq!(scene.get("mel", &format!("{TABLES}/sold")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_configuration_names_what_there_is() {
    let scene = Scene::new().await;
    let config = scene.got("ana", "/delta/v1/config?catalog=finance&protocol-versions=1.0,2.3").await;
    assert_eq!(config["protocol-version"], "1.0");
    let load = "GET /v1/catalogs/{catalog}/schemas/{schema}/tables/{table}";
    assert!(config["endpoints"].as_array().unwrap().contains(&json!(load)), "{config}");
    let (status, _) = scene.get("ana", "/delta/v1/config?catalog=finance&protocol-versions=2.0").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, body) = scene.get("bob", "/delta/v1/config?catalog=finance&protocol-versions=1.0").await;
    assert_eq!((status, &body["error"]["type"]), (StatusCode::NOT_FOUND, &json!("NoSuchCatalogException")));
}
