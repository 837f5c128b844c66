//! Catalogs, schemas, tables, views and volumes: seen, made, changed, dropped.

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::scene::{Scene, names};

#[tokio::test]
async fn everyone_sees_what_they_may_know_of_and_nothing_else() {
    let scene = Scene::new().await;
    assert_eq!(names(&scene.got("ana", "/catalogs").await["catalogs"]), ["finance"]);
    assert_eq!(names(&scene.got("ana", "/schemas?catalog_name=finance").await["schemas"]), ["bronze"]);
    let tables = scene.got("ana", "/tables?catalog_name=finance&schema_name=bronze").await;
    assert_eq!(names(&tables["tables"]), ["checked_v1", "customer_v1", "orders_v1"]);
    assert_eq!(scene.got("bob", "/catalogs").await, json!({ "catalogs": [] }));
    // What is hidden is answered as what is not there, word for word.
    for (there, absent) in [
        ("/catalogs/finance", "/catalogs/finanza"),
        ("/schemas?catalog_name=finance", "/schemas?catalog_name=finanza"),
        ("/tables?catalog_name=finance&schema_name=bronze", "/tables?catalog_name=finanza&schema_name=bronze"),
        ("/tables/finance.bronze.orders_v1", "/tables/finanza.bronze.orders_v1"),
        ("/volumes/finance.bronze.orders_v1", "/volumes/finanza.bronze.orders_v1"),
        ("/permissions/table/finance.bronze.orders_v1", "/permissions/table/finanza.bronze.orders_v1"),
        ("/effective-permissions/catalog/finance", "/effective-permissions/catalog/finanza"),
    ] {
        let (status, hidden) = scene.get("bob", there).await;
        let (_, missing) = scene.get("bob", absent).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{there}");
        assert_eq!(hidden.to_string().replace("finance", "finanza"), missing.to_string(), "{there}");
    }
}

#[tokio::test]
async fn a_table_has_every_field_that_some_client_needs() {
    let scene = Scene::new().await;
    let table = scene.got("ana", "/tables/finance.bronze.orders_v1?full_name=finance.bronze.orders_v1").await;
    let location = format!("file://{}/aws/dev-finance/bronze/orders_v1", scene.lake().display());
    assert_eq!(table["storage_location"], location);
    for (name, value) in [
        ("name", json!("orders_v1")),
        ("catalog_name", json!("finance")),
        ("schema_name", json!("bronze")),
        ("full_name", json!("finance.bronze.orders_v1")),
        ("table_type", json!("EXTERNAL")),
        ("data_source_format", json!("DELTA")),
        ("owner", json!("owners")),
        ("comment", json!("what was ordered")),
        ("properties", json!({})),
        ("created_by", json!(null)),
    ] {
        assert_eq!(table[name], value, "{name}");
    }
    assert!(table["created_at"].as_i64().unwrap() > 1_700_000_000_000, "{table}");
    assert!(table["updated_at"].as_i64().unwrap() >= table["created_at"].as_i64().unwrap());
    assert!(table["table_id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    assert_eq!(
        table["columns"][1],
        json!({
            "name": "price", "type_text": "decimal(10,2)", "type_name": "DECIMAL", "type_precision": 10, "type_scale": 2,
            "type_json": "{\"name\":\"price\",\"type\":\"decimal(10,2)\",\"nullable\":true,\"metadata\":{}}",
            "position": 1, "nullable": true,
        })
    );
    assert_eq!(table["columns"][2]["partition_index"], 0);
    let schema = scene.got("ana", "/schemas/finance.bronze").await;
    for name in ["catalog_type", "metastore_id", "schema_id", "full_name"] {
        assert!(schema[name].is_string(), "{name}");
    }
}

#[tokio::test]
async fn pages_put_together_are_the_list() {
    let scene = Scene::new().await;
    let path = "/tables?catalog_name=finance&schema_name=bronze";
    for size in [1, 2, 3] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = scene.got("ana", &format!("{path}&max_results={size}&page_token={token}")).await;
            seen.extend(names(&page["tables"]).into_iter().map(str::to_owned));
            match page.get("next_page_token") {
                Some(next) => token = next.as_str().unwrap().to_owned(),
                None => break,
            }
        }
        assert_eq!(seen, ["checked_v1", "customer_v1", "orders_v1"], "{size}");
    }
    let all = scene.got("ana", &format!("{path}&max_results=0")).await;
    assert_eq!((all["tables"].as_array().unwrap().len(), all.get("next_page_token")), (3, None));
    for wrong in ["max_results=-1", "max_results=x", "page_token=%21", "page_token=_w"] {
        let (status, body) = scene.get("ana", &format!("{path}&{wrong}")).await;
        assert_eq!((status, &body["error_code"]), (StatusCode::BAD_REQUEST, &json!("INVALID_ARGUMENT")), "{wrong}");
    }
}

#[tokio::test]
async fn what_clients_make_is_theirs_until_they_drop_it() {
    let scene = Scene::new().await;
    let catalog = json!({ "name": "sandbox", "comment": "to play in", "properties": { "a": "b" } });
    let (status, _) = scene.post("ana", "/catalogs", catalog.clone()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let made = scene.made("mel", "/catalogs", catalog.clone()).await;
    assert_eq!((&made["owner"], &made["properties"]["a"], &made["created_by"]), (&json!("mel"), &json!("b"), &json!("mel")));
    let (status, again) = scene.post("mel", "/catalogs", catalog).await;
    assert_eq!((status, &again["error_code"]), (StatusCode::CONFLICT, &json!("CATALOG_ALREADY_EXISTS")));
    scene.made("mel", "/schemas", json!({ "catalog_name": "sandbox", "name": "s", "comment": "one" })).await;
    let (_, again) = scene.post("mel", "/schemas", json!({ "catalog_name": "sandbox", "name": "s" })).await;
    assert_eq!(again["error_code"], "SCHEMA_ALREADY_EXISTS");
    let view = json!({
        "catalog_name": "sandbox", "schema_name": "s", "name": "v", "table_type": "VIEW",
        "view_definition": "select id from finance.bronze.orders_v1", "columns": [{ "name": "id", "type_text": "bigint" }],
    });
    let shown = scene.made("mel", "/tables", view).await;
    assert_eq!((&shown["table_type"], &shown["data_source_format"]), (&json!("VIEW"), &json!(null)));
    let volume = json!({ "catalog_name": "sandbox", "schema_name": "s", "name": "files", "volume_type": "MANAGED" });
    let volume = scene.made("mel", "/volumes", volume).await;
    let folder = volume["storage_location"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    assert!(std::path::Path::new(&folder).is_dir());
    let changed = scene.patch("mel", "/schemas/sandbox.s", json!({ "comment": "two", "properties": { "k": "v" } })).await.1;
    assert_eq!((&changed["comment"], &changed["properties"]["k"]), (&json!("two"), &json!("v")));
    // Nobody else sees it, and nobody else drops it.
    assert_eq!(scene.get("ana", "/catalogs/sandbox").await.0, StatusCode::NOT_FOUND);
    assert_eq!(scene.delete("ana", "/catalogs/sandbox?force=true").await.0, StatusCode::NOT_FOUND);
    assert_eq!(scene.delete("mel", "/catalogs/sandbox").await.0, StatusCode::CONFLICT);
    assert_eq!(scene.delete("mel", "/catalogs/sandbox?force=true").await.0, StatusCode::OK);
    assert_eq!(scene.get("mel", "/catalogs/sandbox").await.0, StatusCode::NOT_FOUND);
    assert!(!std::path::Path::new(&folder).exists(), "its files are gone");
}

#[tokio::test]
async fn what_files_declare_is_not_changed_here() {
    let scene = Scene::new().await;
    for (method, path, body) in [
        (Method::DELETE, "/tables/finance.bronze.orders_v1", None),
        (Method::DELETE, "/schemas/finance.bronze?force=true", None),
        (Method::DELETE, "/catalogs/finance?force=true", None),
        (Method::PATCH, "/catalogs/finance", Some(json!({ "comment": "mine" }))),
        (Method::PATCH, "/schemas/finance.bronze", Some(json!({ "comment": "mine" }))),
        (Method::POST, "/delta/v1/catalogs/finance/schemas/bronze/tables/orders_v1/rename", Some(json!({ "new-name": "x" }))),
    ] {
        let (status, body) = scene.ask("olga", method, path, body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{path}: {body}");
        assert!(body.to_string().contains("domains/finance/"), "{body}");
    }
    let (status, _) = scene.post("olga", "/schemas", json!({ "catalog_name": "finance", "name": "bronze" })).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn in_production_people_make_nothing() {
    let scene = Scene::new().await;
    let live = "/environments/live/api/2.1/unity-catalog";
    assert_eq!(names(&scene.got("ana", &format!("{live}/catalogs")).await["catalogs"]), ["finance"]);
    for (path, body) in [
        ("catalogs", json!({ "name": "sandbox" })),
        ("schemas", json!({ "catalog_name": "finance", "name": "s" })),
        ("staging-tables", json!({ "catalog_name": "finance", "schema_name": "bronze", "name": "t" })),
    ] {
        let (status, answer) = scene.post("mel", &format!("{live}/{path}"), body).await;
        assert_eq!((status, &answer["error_code"]), (StatusCode::FORBIDDEN, &json!("PERMISSION_DENIED")), "{path}");
    }
    for sql in ["CREATE TABLE finance.bronze.t (id bigint)", "CREATE SCHEMA finance.s", "GRANT SELECT ON CATALOG finance TO mel"]
    {
        for who in ["mel", "olga"] {
            let (status, answer) = scene.post(who, "/api/v1/environments/live/query", json!({ "sql": sql })).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{who}: {sql}: {answer}");
        }
    }
    let nowhere = scene.get("ana", "/environments/nowhere/api/2.1/unity-catalog/catalogs").await;
    assert_eq!((nowhere.0, &nowhere.1["error_code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn an_external_table_is_the_catalog_owners_to_make_in_its_own_storage() {
    let scene = Scene::new().await;
    let orders = scene.got("olga", "/tables/finance.bronze.orders_v1").await;
    let bucket = orders["storage_location"].as_str().unwrap().strip_suffix("/bronze/orders_v1").unwrap().to_owned();
    let table = |url: String| {
        json!({
            "catalog_name": "finance", "schema_name": "bronze", "name": "found", "table_type": "EXTERNAL",
            "data_source_format": "DELTA", "storage_location": url, "columns": [{ "name": "id", "type_text": "bigint" }],
        })
    };
    // To point a table at files is to open them.
    assert_eq!(scene.post("mel", "/tables", table(format!("{bucket}/found"))).await.0, StatusCode::FORBIDDEN);
    for url in [
        "file:///etc".to_owned(),
        "s3://elsewhere/x".to_owned(),
        bucket.clone(),
        format!("{bucket}/bronze/orders_v1"),
        format!("{bucket}/bronze/orders_v1/inner"),
        format!("{bucket}/bronze"),
        format!("{bucket}/a/../bronze/orders_v1"),
        format!("{bucket}/%2e%2e/other"),
        format!("{bucket}/managed/x"),
    ] {
        let (status, body) = scene.post("olga", "/tables", table(url.clone())).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{url}: {body}");
    }
    let made = scene.made("olga", "/tables", table(format!("{bucket}/found"))).await;
    assert_eq!(made["table_type"], "EXTERNAL");
    let folder = made["storage_location"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(scene.delete("olga", "/tables/finance.bronze.found").await.0, StatusCode::OK);
    assert!(std::path::Path::new(&folder).is_dir(), "the files of an external table stay");
}

#[tokio::test]
async fn kinds_that_are_not_kept_are_empty_lists() {
    let scene = Scene::new().await;
    let functions = scene.got("ana", "/functions?catalog_name=finance&schema_name=bronze").await;
    assert_eq!(functions, json!({ "functions": [] }));
    assert_eq!(scene.got("ana", "/models").await, json!({ "registered_models": [] }));
    let hidden = scene.get("bob", "/functions?catalog_name=finance&schema_name=bronze").await;
    assert_eq!(hidden.0, StatusCode::NOT_FOUND);
    assert_eq!(scene.post("ana", "/models", json!({})).await.0, StatusCode::NOT_IMPLEMENTED);
    assert!(scene.got("ana", "/metastore_summary").await["metastore_id"].is_string());
}

#[tokio::test]
async fn a_catalog_gets_no_storage_of_a_domains_by_its_name() {
    let scene = Scene::new().await;
    for name in ["vault", "own"] {
        scene.made("mel", "/catalogs", json!({ "name": name })).await;
        scene.made("mel", "/schemas", json!({ "catalog_name": name, "name": "s" })).await;
    }
    let stage = |name: &str| json!({ "catalog_name": name, "schema_name": "s", "name": "t" });
    assert_eq!(scene.post("mel", "/staging-tables", stage("vault")).await.0, StatusCode::CONFLICT);
    let checked = scene.got("olga", "/tables/finance.bronze.checked_v1").await;
    let free = checked["storage_location"].as_str().unwrap().replace("checked_v1", "free");
    let mut table = stage("vault");
    table["table_type"] = json!("EXTERNAL");
    table["storage_location"] = json!(free);
    table["columns"] = json!([{ "name": "id", "type_text": "bigint" }]);
    assert_eq!(scene.post("mel", "/tables", table).await.0, StatusCode::CONFLICT);
    let staged = scene.made("mel", "/staging-tables", stage("own")).await;
    assert!(staged["staging_location"].as_str().unwrap().contains("/dev-own/managed/"), "{staged}");
}

#[tokio::test]
async fn what_is_said_of_a_thing_controls_nobodys_terminal() {
    let scene = Scene::new().await;
    for comment in ["\u{1b}]0;pwn\u{7}", "a\u{202e}b", "a\u{200b}b", "a\u{0}b"] {
        let schema = json!({ "catalog_name": "finance", "name": "said", "comment": comment });
        let (status, said) = scene.post("mel", "/schemas", schema).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{comment:?}: {said}");
    }
    let fine = json!({ "catalog_name": "finance", "name": "said", "comment": "two\nlines, and \u{e9}" });
    scene.made("mel", "/schemas", fine).await;
}
