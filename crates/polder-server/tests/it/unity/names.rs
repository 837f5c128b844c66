//! Hostile names, wrong bodies, nobody: each answered in the catalog's form.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::Scene;

fn is_refusal(status: StatusCode, body: &Value, path: &str) {
    assert!(status.is_client_error(), "{path}: {status} {body}");
    assert!(body["error_code"].is_string() && body["message"].is_string() && body["details"].is_array(), "{path}: {body}");
}

#[tokio::test]
async fn an_encoded_dot_parts_a_name_and_an_encoded_slash_none() {
    let scene = Scene::new().await;
    let table = scene.got("ana", "/tables/finance%2Ebronze%2eorders_v1").await;
    assert_eq!(table["full_name"], "finance.bronze.orders_v1");
    let upper = scene.got("ana", "/tables/FINANCE.Bronze.ORDERS_V1").await;
    assert_eq!(upper["full_name"], "finance.bronze.orders_v1");
    for name in [
        "finance%2Fbronze%2Forders_v1",
        "finance.bronze.orders_v1%2F..%2Fcustomer_v1",
        "..%2F..%2Fetc%2Fpasswd",
        "finance.bronze",
        "finance.bronze.orders_v1.x",
        "finance.bronze.%27%20or%201=1--",
        "finance.bronze.%22x%22",
        "finance.bronze.%00",
        "finance.bronze.%0d%0aX-Evil:1",
        "finance.bronze.\u{5b57}".replace('\u{5b57}', "%E5%AD%97").as_str(),
        "%FF%FE",
        ".",
        "%2e%2e",
    ] {
        for kind in ["tables", "schemas", "catalogs", "volumes", "permissions/table"] {
            if (kind, name) == ("schemas", "finance.bronze") {
                continue;
            }
            let path = format!("/{kind}/{name}");
            let (status, body) = scene.get("ana", &path).await;
            is_refusal(status, &body, &path);
            assert!(!body["message"].as_str().unwrap().contains(['\r', '\n', '\0']), "{path}: {body}");
        }
    }
    let long = format!("/tables/{}.b.c", "x".repeat(5000));
    let (status, body) = scene.get("ana", &long).await;
    is_refusal(status, &body, "a long name");
    assert!(body["message"].as_str().unwrap().len() < 300);
}

#[tokio::test]
async fn a_name_that_can_be_none_is_not_made() {
    let scene = Scene::new().await;
    for name in ["", "a.b", "a/b", "../x", "a b", "a'b", "a\"b", "a\u{5b57}", "a\u{0}b", "1x", &"x".repeat(300)] {
        let (status, body) = scene.post("mel", "/catalogs", json!({ "name": name })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name:?}: {body}");
        let (status, _) = scene.post("mel", "/schemas", json!({ "catalog_name": "finance", "name": name })).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{name:?}");
    }
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_in_the_catalogs_form() {
    let scene = Scene::new().await;
    for path in [
        "/catalogs",
        "/schemas",
        "/tables",
        "/volumes",
        "/staging-tables",
        "/delta/preview/commits",
        "/temporary-table-credentials",
        "/temporary-volume-credentials",
        "/temporary-path-credentials",
    ] {
        for body in [None, Some(json!([])), Some(json!({ "name": 7 })), Some(json!("x"))] {
            let (status, answer) = scene.ask("mel", Method::POST, path, body).await;
            is_refusal(status, &answer, path);
        }
    }
    let (status, body) = scene.patch("olga", "/permissions/catalog/finance", json!({ "changes": "all" })).await;
    is_refusal(status, &body, "permissions");
}

#[tokio::test]
async fn nobody_is_told_nothing() {
    let scene = Scene::new().await;
    for path in ["/catalogs", "/tables/finance.bronze.orders_v1", "/metastore_summary", "/models", "/delta/preview/commits"] {
        let (status, body) = scene.get("", path).await;
        assert_eq!((status, &body["error_code"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED")), "{path}");
    }
    let (status, body) = scene.get("", "/delta/v1/config?catalog=finance&protocol-versions=1.0").await;
    assert_eq!((status, &body["error"]["type"]), (StatusCode::UNAUTHORIZED, &json!("NotAuthorizedException")));
}

#[tokio::test]
async fn what_is_no_address_is_answered_in_the_catalogs_form() {
    let scene = Scene::new().await;
    let (status, body) = scene.get("ana", "/nothing/here").await;
    assert_eq!((status, &body["error_code"]), (StatusCode::NOT_FOUND, &json!("ENDPOINT_NOT_FOUND")));
    let (status, body) = scene.ask("ana", Method::PUT, "/catalogs", None).await;
    assert_eq!((status, body["error_code"].is_string()), (StatusCode::METHOD_NOT_ALLOWED, true));
}
