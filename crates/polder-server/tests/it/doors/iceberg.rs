//! Iceberg's interface over real sockets: who is handed a table's files, and who is told nothing of them.

use serde_json::{Value, json};

use super::bed::{Bed, NONE};

const TABLE: &str = "/iceberg/v1/finance/namespaces/bronze/tables/customer_v1";

impl Bed {
    /// The status and the body of an answer.
    async fn told(&self, kind: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let answer = self.ask(kind, method, path, body).await;
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn read(&self, kind: &str, path: &str) -> (u16, Value) {
        self.told(kind, "GET", path, None).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_open_to_whoever_may_read_it_whole_and_to_nobody_else() {
    let bed = Bed::loaded().await;
    let plan = format!("{TABLE}/plan");
    for (kind, status, said) in [
        ("owner", 200, ""),
        ("pii", 200, ""),
        ("service", 200, ""),
        ("member", 403, "ForbiddenException"),
        ("admin", 403, "ForbiddenException"),
        ("outsider", 404, "NoSuchTableException"),
        ("nobody", 401, "NotAuthorizedException"),
    ] {
        for (method, path, body) in [("GET", TABLE, None), ("POST", plan.as_str(), Some(json!({})))] {
            let (found, body) = bed.told(kind, method, path, body.as_ref()).await;
            assert_eq!(found, status, "{kind} {method} {path}: {body}");
            if status != 200 {
                assert_eq!((&body["error"]["type"], &body["error"]["code"]), (&json!(said), &json!(status)), "{kind}: {body}");
                assert!(!body.to_string().contains(".parquet") && !body.to_string().contains("file://"), "{kind}: {body}");
            }
        }
    }
    for kind in NONE {
        let (status, body) = bed.read(kind, TABLE).await;
        assert_eq!((status, &body["error"]["type"]), (401, &json!("NotAuthorizedException")), "{kind}: {body}");
    }
    let hidden = bed.read("outsider", TABLE).await;
    let absent = bed.read("outsider", &TABLE.replace("customer", "absent")).await;
    assert_eq!(hidden.1.to_string().replace("customer", "absent"), absent.1.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_of_what_the_caller_may_know_of() {
    let bed = Bed::new().await;
    for (kind, known) in [("owner", true), ("pii", true), ("member", true), ("service", true), ("outsider", false)] {
        let status = if known { 200 } else { 404 };
        let (config, said) = bed.read(kind, "/iceberg/v1/config?warehouse=finance").await;
        assert_eq!(config, status, "{kind}: {said}");
        if known {
            assert_eq!(said["overrides"]["prefix"], "finance");
            assert!(said["endpoints"].as_array().unwrap().iter().all(|end| !end.as_str().unwrap().starts_with("DELETE")));
        }
        let (namespaces, said) = bed.read(kind, "/iceberg/v1/finance/namespaces").await;
        assert_eq!(namespaces, status, "{kind}: {said}");
        if known {
            assert!(said["namespaces"].as_array().unwrap().contains(&json!(["bronze"])), "{said}");
        }
        let (tables, said) = bed.read(kind, "/iceberg/v1/finance/namespaces/bronze/tables").await;
        assert_eq!(tables, status, "{kind}: {said}");
        if known {
            assert!(said["identifiers"].as_array().unwrap().contains(&json!({"namespace": ["bronze"], "name": "customer_v1"})));
        }
        let there = if known { 204 } else { 404 };
        for path in ["/iceberg/v1/finance/namespaces/bronze", TABLE] {
            assert_eq!(bed.told(kind, "HEAD", path, None).await.0, there, "{kind} {path}");
        }
        assert_eq!(bed.read(kind, "/iceberg/v1/finance/namespaces/bronze/views").await.0, status, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_metadata_leads_to_is_there_and_is_the_same_for_a_version() {
    let bed = Bed::loaded().await;
    let (_, first) = bed.read("owner", TABLE).await;
    assert_eq!(bed.read("pii", TABLE).await.1, first);
    let metadata = &first["metadata"];
    let path = |url: &Value| url.as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    let kept = std::fs::read_to_string(path(&first["metadata-location"])).unwrap();
    assert_eq!(&serde_json::from_str::<Value>(&kept).unwrap(), metadata);
    assert!(std::path::Path::new(&path(&metadata["snapshots"][0]["manifest-list"])).is_file());
    assert!(first.get("storage-credentials").is_none(), "files of the local disk have no credential");
    let (_, plan) =
        bed.told("owner", "POST", &format!("{TABLE}/plan"), Some(&json!({"snapshot-id": metadata["current-snapshot-id"]}))).await;
    let tasks = plan["file-scan-tasks"].as_array().unwrap();
    assert_eq!((&plan["status"], tasks.len()), (&json!("completed"), 1));
    assert!(std::path::Path::new(&path(&tasks[0]["data-file"]["file-path"])).is_file());
    assert_eq!(tasks[0]["data-file"]["record-count"], 1);
    let none = json!({"filter": {"type": "gt", "term": "id", "value": 1000}});
    let (_, pruned) = bed.told("owner", "POST", &format!("{TABLE}/plan"), Some(&none)).await;
    assert_eq!(pruned["file-scan-tasks"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_rows_is_a_table() {
    let bed = Bed::new().await;
    let (status, loaded) = bed.read("owner", TABLE).await;
    assert_eq!(status, 200, "{loaded}");
    assert_eq!(loaded["metadata"]["snapshots"][0]["summary"]["total-records"], "0");
    let (_, plan) = bed.told("owner", "POST", &format!("{TABLE}/plan"), Some(&json!({}))).await;
    assert_eq!(plan["file-scan-tasks"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_may_only_look_is_handed_no_files() {
    let bed = Bed::loaded().await;
    let scopes = json!({"label": "to look", "scopes": ["read"]});
    let (_, made) = bed.told("owner", "POST", "/api/v1/tokens", Some(&scopes)).await;
    let ask = |path: &str| bed.client.get(bed.url(path)).bearer_auth(made["token"].as_str().unwrap()).send();
    assert_eq!(ask("/iceberg/v1/config?warehouse=finance").await.unwrap().status(), 200);
    let refused = ask(TABLE).await.unwrap();
    assert_eq!(refused.status(), 403);
    let said: Value = refused.json().await.unwrap();
    assert_eq!(said["error"]["type"], "ForbiddenException", "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_are_apart_and_nothing_is_written() {
    let bed = Bed::loaded().await;
    assert_eq!(bed.read("owner", &format!("/environments/dev{TABLE}")).await.0, 200);
    for path in [
        format!("/environments/nowhere{TABLE}"),
        "/iceberg/v1/finance/namespaces/bronze%1Fdeeper/tables".to_owned(),
        "/iceberg/v1/finance/namespaces/..%2Fbronze/tables/customer_v1".to_owned(),
        "/iceberg/v1/finance/namespaces/bronze/tables/..%2F..%2Fcustomer_v1".to_owned(),
        "/iceberg/v1/absent/namespaces".to_owned(),
        "/iceberg/v1/finance/namespaces?parent=absent".to_owned(),
        "/iceberg/v1/config?warehouse=absent".to_owned(),
        "/iceberg/v1/nothing/here".to_owned(),
    ] {
        let (status, said) = bed.read("owner", &path).await;
        assert_eq!((status, &said["error"]["code"]), (404, &json!(404)), "{path}: {said}");
    }
    assert_eq!(bed.read("owner", "/iceberg/v1/config").await.0, 400);
    let new = json!({"name": "made", "schema": {"type": "struct", "fields": []}});
    for (method, path) in [("POST", "/iceberg/v1/finance/namespaces/bronze/tables"), ("DELETE", TABLE), ("POST", TABLE)] {
        let (status, said) = bed.told("owner", method, path, Some(&new)).await;
        assert_eq!((status, &said["error"]["type"]), (405, &json!("UnsupportedOperationException")), "{method} {path}: {said}");
    }
    for wrong in [json!([]), json!({"snapshot-id": "x"}), json!({"snapshot-id": 99}), json!({"start-snapshot-id": 1})] {
        let (status, said) = bed.told("owner", "POST", &format!("{TABLE}/plan"), Some(&wrong)).await;
        assert_eq!((status, &said["error"]["type"]), (400, &json!("BadRequestException")), "{wrong}: {said}");
    }
    let deep = format!("{}true{}", "{\"filter\":{\"type\":\"not\",\"child\":".repeat(5_000), "}}".repeat(5_000));
    let sent = bed.client.post(bed.url(&format!("{TABLE}/plan"))).bearer_auth(&bed.tokens["owner"]).body(deep).send().await;
    assert_eq!(sent.unwrap().status(), 400);
}
