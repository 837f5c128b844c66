//! Every route of the API as every kind of principal: one table, and nothing but the right answer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::bed::{Bed, KINDS, NONE};

/// What a kind of principal is answered. Shorthands of rows below.
type Answers = [u16; 6];

/// Anyone who is signed in.
const SIGNED_IN: Answers = [200; 6];
/// Who may see the metastore's own affairs: admins, and nobody else.
const ADMINS: Answers = [403, 403, 403, 403, 403, 200];

/// Method, path, body, and the answers to outsider, member, PII member, owner, service principal and admin. Whoever bears no
/// credentials, or none that are good, is answered 401 everywhere.
fn table() -> Vec<(&'static str, &'static str, Option<Value>, Answers)> {
    let sql = json!({"sql": "select id, name from finance.bronze.customer_v1"});
    let ask = json!({"dataset": "finance.bronze.customer_v1", "level": "regular", "purpose": "to see", "until": null});
    let vacuum = json!({"retain_seconds": 604800, "dry_run": true});
    let decided = Some(json!({}));
    let top = "organization: o\ntenants: [t]\nenvironments: [{name: dev, tenant: t}]\n";
    let files = json!({"files": {"polder.yaml": top}});
    vec![
        ("GET", "/api/v1/environments", None, SIGNED_IN),
        ("GET", "/api/v1/environments/{dev}/objects", None, SIGNED_IN),
        ("GET", "/api/v1/environments/{dev}/objects/{finance.bronze.customer_v1}", None, [404, 200, 200, 200, 200, 200]),
        ("GET", "/api/v1/environments/{dev}/objects/{finance.bronze.customer_v1}/history", None, [404, 200, 200, 200, 200, 403]),
        (
            "GET",
            "/api/v1/environments/{dev}/objects/{finance.bronze.customer_v1}/access/{ana}",
            None,
            [404, 200, 403, 200, 403, 200],
        ),
        ("POST", "/api/v1/environments/{dev}/query", Some(sql), [404, 200, 200, 200, 200, 403]),
        (
            "POST",
            "/api/v1/environments/{dev}/objects/{finance.bronze.customer_v1}/optimize",
            None,
            [404, 403, 403, 202, 202, 202],
        ),
        (
            "POST",
            "/api/v1/environments/{dev}/objects/{finance.bronze.customer_v1}/vacuum",
            Some(vacuum),
            [404, 403, 403, 202, 202, 202],
        ),
        ("GET", "/api/v1/environments/{dev}/runs", None, SIGNED_IN),
        // The operation begins; that it was refused is its result, as what is refused is each job.
        ("POST", "/api/v1/environments/{dev}/runs", Some(json!({"job": "finance/load"})), [202; 6]),
        ("GET", "/api/v1/environments/{dev}/operations", None, SIGNED_IN),
        ("GET", "/api/v1/environments/{dev}/operations/{00000000-0000-7000-8000-000000000000}", None, [404; 6]),
        ("GET", "/api/v1/environments/{dev}/operations/{00000000-0000-7000-8000-000000000000}/events", None, [404; 6]),
        ("POST", "/api/v1/environments/{dev}/operations/{00000000-0000-7000-8000-000000000000}/cancel", None, [404; 6]),
        ("POST", "/api/v1/validate", Some(json!({})), ADMINS),
        ("POST", "/api/v1/environments/{dev}/plans", Some(json!({})), ADMINS),
        ("POST", "/api/v1/environments/{dev}/applies", Some(json!({})), [403, 403, 403, 403, 403, 202]),
        ("GET", "/api/v1/environments/{dev}/personal", None, SIGNED_IN),
        ("POST", "/api/v1/environments/{dev}/personal/plans", Some(files.clone()), SIGNED_IN),
        // The operation begins, and makes nothing of what its principal may have no copy of.
        ("POST", "/api/v1/environments/{dev}/personal/applies", Some(files), [202; 6]),
        ("DELETE", "/api/v1/environments/{dev}/personal/{nobody}", None, [404; 6]),
        ("GET", "/api/v1/environments/{dev}/audit", None, ADMINS),
        ("GET", "/api/v1/environments/{dev}/audit/export", None, ADMINS),
        ("POST", "/api/v1/environments/{dev}/audit/verifications", Some(json!({})), [403, 403, 403, 403, 403, 202]),
        ("GET", "/api/v1/environments/{dev}/shares", None, SIGNED_IN),
        ("GET", "/api/v1/environments/{dev}/hot", None, SIGNED_IN),
        // Files of a volume that its owners alone may know of.
        (
            "PUT",
            "/api/v1/environments/{dev}/volumes/{finance.bronze.drop_v1}/files/{in.csv}",
            decided.clone(),
            [404, 404, 404, 200, 200, 403],
        ),
        (
            "GET",
            "/api/v1/environments/{dev}/volumes/{finance.bronze.drop_v1}/files/{in.csv}",
            None,
            [404, 404, 404, 200, 200, 403],
        ),
        ("GET", "/api/v1/environments/{dev}/volumes/{finance.bronze.drop_v1}/files", None, [404, 404, 404, 200, 200, 403]),
        (
            "POST",
            "/api/v1/environments/{dev}/volumes/{finance.bronze.drop_v1}/addresses",
            Some(json!({"path": "in.csv", "method": "read"})),
            [404, 404, 404, 201, 201, 403],
        ),
        (
            "DELETE",
            "/api/v1/environments/{dev}/volumes/{finance.bronze.drop_v1}/files/{in.csv}",
            None,
            [404, 404, 404, 204, 404, 403],
        ),
        // Nothing is received in this mesh; who sees the cache of a connection is shown with the shares.
        ("GET", "/api/v1/environments/{dev}/connections/{partner}/cache", None, [404; 6]),
        // Nothing is shared in this mesh; who makes profiles where something is, is shown with the shares.
        ("POST", "/api/v1/environments/{dev}/recipients/{ana}/profiles", Some(json!({})), [404; 6]),
        ("GET", "/api/v1/me", None, SIGNED_IN),
        ("GET", "/api/v1/tokens", None, SIGNED_IN),
        ("DELETE", "/api/v1/tokens/{0000000000000000}", None, [404; 6]),
        ("GET", "/api/v1/roles", None, ADMINS),
        ("PUT", "/api/v1/roles/{ana}/{workspace}", None, [403, 403, 403, 403, 403, 204]),
        ("DELETE", "/api/v1/roles/{ana}/{workspace}", None, [403, 403, 403, 403, 403, 204]),
        ("GET", "/api/v1/environments/{dev}/access-requests", None, SIGNED_IN),
        ("POST", "/api/v1/environments/{dev}/access-requests", Some(ask), [404, 201, 201, 201, 201, 403]),
        ("GET", "/api/v1/environments/{dev}/access-requests/{00000000-0000-7000-8000-000000000000}", None, [404; 6]),
        (
            "POST",
            "/api/v1/environments/{dev}/access-requests/{00000000-0000-7000-8000-000000000000}/approve",
            decided.clone(),
            [404; 6],
        ),
        (
            "POST",
            "/api/v1/environments/{dev}/access-requests/{00000000-0000-7000-8000-000000000000}/reject",
            Some(json!({"comment": "no"})),
            [404; 6],
        ),
        (
            "POST",
            "/api/v1/environments/{dev}/access-requests/{00000000-0000-7000-8000-000000000000}/revoke",
            Some(json!({"comment": "no"})),
            [404; 6],
        ),
        ("POST", "/api/v1/environments/{dev}/access-requests/{00000000-0000-7000-8000-000000000000}/review", decided, [404; 6]),
        ("GET", "/api/v1/environments/{dev}/grants", None, SIGNED_IN),
        ("GET", "/api/v1/environments/{dev}/grants/export", None, ADMINS),
        ("POST", "/api/v1/tokens", Some(json!({"label": "x", "scopes": ["read"]})), [201, 201, 201, 201, 201, 400]),
    ]
}

/// The path as it is sent: what stands in braces is the value.
fn sent(path: &str) -> String {
    path.replace(['{', '}'], "")
}

/// The path without the values, to be compared with the API's own description.
fn shape(path: &str) -> String {
    let mut shape = String::new();
    let mut inside = false;
    for c in path.chars() {
        match c {
            '{' => inside = true,
            '}' => {
                inside = false;
                shape.push_str("{}");
            }
            c if !inside => shape.push(c),
            _ => {}
        }
    }
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_every_kind_of_principal_as_the_table_says() {
    let bed = Bed::new().await;
    let mut wrong = Vec::new();
    for (method, path, body, answers) in table() {
        let address = sent(path);
        for kind in NONE.iter().chain(["nobody"].iter()) {
            let got = bed.ask(kind, method, &address, body.as_ref()).await.status().as_u16();
            if got != 401 {
                wrong.push(format!("{method} {address} with credentials {kind}: {got}, not 401"));
            }
        }
        for (kind, expected) in KINDS[1..].iter().zip(answers) {
            let answer = bed.ask(kind, method, &address, body.as_ref()).await;
            let got = answer.status().as_u16();
            if got != expected {
                wrong.push(format!(
                    "{method} {address} as {kind}: {got}, not {expected}: {}",
                    answer.text().await.unwrap_or_default()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_route_is_missing_from_the_table() {
    let described = serde_json::to_value(polder_server::openapi()).unwrap();
    let mut routes = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in
            methods.as_object().unwrap().keys().filter(|key| ["get", "put", "post", "patch", "delete"].contains(&key.as_str()))
        {
            routes.insert(format!("{} {}", method.to_uppercase(), shape(path)));
        }
    }
    let told: BTreeSet<String> = table().iter().map(|(method, path, ..)| format!("{method} {}", shape(path))).collect();
    assert_eq!(routes.difference(&told).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the table");
    assert_eq!(told.difference(&routes).collect::<Vec<_>>(), Vec::<&String>::new(), "not in the API");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_interfaces_are_closed_to_whoever_bears_no_good_credentials() {
    let bed = Bed::new().await;
    let routes = [
        ("GET", "/api/2.1/unity-catalog/catalogs"),
        ("GET", "/api/2.1/unity-catalog/schemas?catalog_name=finance"),
        ("GET", "/api/2.1/unity-catalog/tables?catalog_name=finance&schema_name=bronze"),
        ("GET", "/api/2.1/unity-catalog/tables/finance.bronze.customer_v1"),
        ("POST", "/api/2.1/unity-catalog/temporary-table-credentials"),
        ("POST", "/api/2.1/unity-catalog/temporary-path-credentials"),
        ("POST", "/api/2.1/unity-catalog/catalogs"),
        ("DELETE", "/api/2.1/unity-catalog/catalogs/finance"),
        ("GET", "/api/2.1/unity-catalog/permissions/catalog/finance"),
        ("POST", "/api/2.1/unity-catalog/delta/preview/commits"),
        ("GET", "/environments/dev/api/2.1/unity-catalog/catalogs"),
        ("GET", "/iceberg/v1/config?warehouse=finance"),
        ("GET", "/iceberg/v1/finance/namespaces"),
        ("GET", "/iceberg/v1/finance/namespaces/bronze/tables"),
        ("GET", "/iceberg/v1/finance/namespaces/bronze/views"),
        ("POST", "/iceberg/v1/finance/namespaces/bronze/tables/customer_v1/metrics"),
        ("GET", "/environments/dev/iceberg/v1/finance/namespaces"),
        ("POST", "/data/finance/customer/v1/lookup"),
        ("POST", "/environments/dev/data/finance/customer/v1/lookup"),
        ("GET", "/scim/v2/Users"),
        ("POST", "/scim/v2/Groups"),
        ("GET", "/scim/v2/Schemas"),
    ];
    for (method, path) in routes {
        for kind in NONE.iter().chain(["nobody"].iter()) {
            let body = (method == "POST").then(|| json!({}));
            let status = bed.ask(kind, method, path, body.as_ref()).await.status();
            assert_eq!(status, 401, "{method} {path} with credentials {kind}");
        }
    }
    // SCIM is not for people, whatever they own.
    for kind in &KINDS[1..6] {
        assert_eq!(bed.ask(kind, "GET", "/scim/v2/Users", None).await.status(), 403, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_sees_masks_and_a_pii_member_does_not() {
    let bed = Bed::new().await;
    let operation = bed.run("finance/load").await;
    let sql = json!({"sql": "select name from finance.bronze.customer_v1"});
    for (kind, shown) in [("member", "***"), ("pii", "Ana"), ("owner", "Ana")] {
        let rows: Value = bed.ask(kind, "POST", "/api/v1/environments/dev/query", Some(&sql)).await.json().await.unwrap();
        assert_eq!(rows, json!([{"name": shown}]), "{kind}");
    }
    // Another's operation is as one that is not there; admins see it.
    assert_eq!(bed.ask("member", "GET", &operation, None).await.status(), 404);
    assert_eq!(bed.ask("admin", "GET", &operation, None).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_a_table_for_admins_and_nothing_for_others() {
    let bed = Bed::new().await;
    let sql = json!({"sql": "select count(*) > 0 as any_record from system.access.audit where principal = 'otto'"});
    bed.ask("outsider", "GET", "/api/v1/environments/dev/objects/finance.bronze.customer_v1", None).await;
    for (kind, status) in [("outsider", 404), ("member", 404), ("owner", 404), ("admin", 200)] {
        let answer = bed.ask(kind, "POST", "/api/v1/environments/dev/query", Some(&sql)).await;
        assert_eq!(answer.status(), status, "{kind}");
        if kind == "admin" {
            assert_eq!(answer.json::<Value>().await.unwrap(), json!([{"any_record": true}]));
        }
    }
    let listed = json!({"sql": "select table_name from information_schema.tables where table_catalog = 'system'"});
    let rows: Value = bed.ask("member", "POST", "/api/v1/environments/dev/query", Some(&listed)).await.json().await.unwrap();
    assert_eq!(rows, json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_with_its_key_is_done_once() {
    let bed = Bed::new().await;
    let body = json!({"dataset": "finance.bronze.customer_v1", "level": "regular", "purpose": "twice", "until": null});
    let send = |key: &'static str, body: Value| {
        let request = bed.client.post(bed.url("/api/v1/environments/dev/access-requests")).bearer_auth(&bed.tokens["member"]);
        request.header("idempotency-key", key).json(&body).send()
    };
    let first = send("k-1", body.clone()).await.unwrap();
    assert_eq!(first.status(), 201);
    let first: Value = first.json().await.unwrap();
    let again = send("k-1", body.clone()).await.unwrap();
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    assert_eq!((again.status().as_u16(), again.json::<Value>().await.unwrap()), (201, first));
    let other =
        send("k-1", json!({"dataset": "finance.bronze.customer_v1", "level": "regular", "purpose": "another", "until": null}));
    assert_eq!(other.await.unwrap().status(), 422);
    let listed: Value = bed.ask("member", "GET", "/api/v1/environments/dev/access-requests", None).await.json().await.unwrap();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
    let query = async |key: &'static str, sql: &str| {
        let request = bed.client.post(bed.url("/api/v1/environments/dev/query")).bearer_auth(&bed.tokens["owner"]);
        let answer = request.header("idempotency-key", key).json(&json!({ "sql": sql })).send().await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed"), answer.json::<Value>().await.unwrap())
    };
    let insert = "insert into finance.bronze.customer_v1 values (5, 'Eve')";
    let (status, replayed, told) = query("q-1", insert).await;
    assert_eq!((status, replayed, &told[0]["affected_rows"]), (200, false, &json!(1)));
    assert_eq!(query("q-1", insert).await, (200, true, told));
    assert_eq!(query("q-1", "delete from finance.bronze.customer_v1").await.0, 422);
    // Rows are read anew, and what was refused may be tried again.
    let count = "select count(*) as n from finance.bronze.customer_v1";
    assert_eq!(query("q-2", count).await, (200, false, json!([{"n": 1}])));
    assert_eq!(query("q-3", "insert into finance.bronze.customer_v1 values (6)").await.0, 400);
    assert_eq!(query("q-3", "insert into finance.bronze.customer_v1 values (6, 'Fay')").await.0, 200);
    assert_eq!(query("q-2", count).await, (200, false, json!([{"n": 2}])));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_watched_and_cancelled_and_of_progress_the_last_word_is_kept() {
    let bed = Bed::new().await;
    let begin = polder_server::operations::Begin {
        environment: "dev".parse().unwrap(),
        kind: polder_api::OperationKind::Run,
        principal: "ana".parse().unwrap(),
    };
    let app = &bed.server.app;
    let work = |events: polder_server::operations::Events| async move {
        events.tell(&json!({"is": "begun"}));
        for rows in 0..1000 {
            events.progress("rows", &json!({ "rows": rows }));
        }
        std::future::pending::<()>().await;
        Ok(json!(null))
    };
    let begun = app.operations.begin(&app.store, begin, work).await.unwrap();
    let path = format!("/api/v1/environments/dev/operations/{}", begun.id);
    // The stream lasts until the operation has ended.
    let watching = bed.ask("member", "GET", &format!("{path}/events"), None).await;
    assert_eq!(bed.ask("outsider", "POST", &format!("{path}/cancel"), None).await.status(), 404);
    let asked: Value = bed.ask("member", "POST", &format!("{path}/cancel"), None).await.json().await.unwrap();
    assert_eq!((&asked["status"], &asked["cancel_requested"]), (&json!("running"), &json!(true)));
    let told = watching.text().await.unwrap();
    assert!(told.contains("\"begun\"") && told.contains("\"rows\":999"), "{told}");
    assert!(told.matches("\"rows\"").count() <= 3, "{told}");
    assert!(told.contains("event: end") && told.contains("\"cancelled\""), "{told}");
    assert_eq!(bed.ask("member", "POST", &format!("{path}/cancel"), None).await.status(), 409);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lasts_ends_with_the_readers_rights() {
    let bed = Bed::new().await;
    let begin = polder_server::operations::Begin {
        environment: "dev".parse().unwrap(),
        kind: polder_api::OperationKind::Run,
        principal: "ana".parse().unwrap(),
    };
    let app = &bed.server.app;
    let work = |_| async { std::future::pending::<Result<Value, polder_server::Problem>>().await };
    let begun = app.operations.begin(&app.store, begin, work).await.unwrap();
    let path = format!("/api/v1/environments/dev/operations/{}/events", begun.id);
    let watching = bed.ask("member", "GET", &path, None).await;
    assert_eq!(watching.status(), 200);
    let id = bed.tokens["member"].split('_').nth(2).unwrap();
    let revoked = app.store.revoke_token(id, "olga", chrono::Utc::now()).await.unwrap();
    assert_eq!(revoked, polder_store::TokenRevoked::Revoked);
    let read = tokio::time::timeout(std::time::Duration::from_secs(10), watching.text()).await.expect("it ends");
    assert!(read.is_err(), "{read:?}");
}
