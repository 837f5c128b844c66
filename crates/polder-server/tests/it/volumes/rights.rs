//! Who may do what with files of a volume.

use serde_json::{Value, json};

use super::scene::{ADDRESSES, FILES, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn each_may_do_what_the_volume_lets_them() {
    let scene = Scene::new().await;
    scene.put("/in/a.csv", "1,2\n").await;
    let address = |method: &str| json!({"path": "in/a.csv", "method": method}).to_string();
    // Who reads, who knows of it only, who does not know of it, and who may do all.
    for (kind, read, written) in [
        ("member", 200, 403),
        ("pii", 403, 403),
        ("outsider", 404, 404),
        ("service", 200, 200),
        ("owner", 200, 200),
        ("admin", 403, 403),
        ("expired", 401, 401),
        ("revoked", 401, 401),
        ("another tenant's", 401, 401),
        ("garbage", 401, 401),
    ] {
        let status = async |method: &str, path: &str, body: String| scene.send(kind, method, path, body).await.status().as_u16();
        assert_eq!(status("GET", "", String::new()).await, read, "{kind} lists");
        assert_eq!(status("GET", "/in/a.csv", String::new()).await, read, "{kind} reads");
        assert_eq!(status("HEAD", "/in/a.csv", String::new()).await, read, "{kind} looks");
        assert_eq!(status("PUT", "/in/b.csv", "x".to_owned()).await, written, "{kind} writes");
        let deleted = if written == 200 { 204 } else { written };
        assert_eq!(status("DELETE", "/in/b.csv", String::new()).await, deleted, "{kind} deletes");
        for (method, allowed) in [("read", read), ("write", written)] {
            let asked: Value = serde_json::from_str(&address(method)).unwrap();
            let expect = if allowed == 200 { 201 } else { allowed };
            assert_eq!(scene.bed.ask(kind, "POST", ADDRESSES, Some(&asked)).await.status(), expect, "{kind} {method} address");
        }
    }
    assert_eq!(scene.listed("in").await, ["in/a.csv"]);
    // What nobody may know of is answered as what is not there, and a table is no volume.
    let other = FILES.replace("drop_v1", "nothing_v1");
    assert_eq!(scene.send_to("owner", "GET", &other, "").await.status(), 404);
    let sql = json!({"sql": "select distinct action, allowed from system.access.audit where principal = 'pia' and securable like '%drop_v1%' \
                            order by action"});
    let kept: Value = scene.bed.ask("admin", "POST", "/api/v1/environments/dev/query", Some(&sql)).await.json().await.unwrap();
    assert_eq!(
        kept,
        json!([{"action": "read files of", "allowed": false}, {"action": "write files of", "allowed": false}]),
        "every decision is on record"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_scopes_say() {
    let scene = Scene::new().await;
    scene.put("/a.csv", "1").await;
    for (scopes, read, written) in [(json!(["read"]), 403, 403), (json!(["query"]), 200, 403), (json!(["write"]), 403, 200)] {
        let asked = json!({"label": "files", "scopes": scopes});
        let made: Value = scene.bed.ask("owner", "POST", "/api/v1/tokens", Some(&asked)).await.json().await.unwrap();
        let token = made["token"].as_str().unwrap();
        let send = async |method: &str, path: &str, body: &str| {
            let request = scene.bed.client.request(method.parse().unwrap(), scene.bed.url(path)).bearer_auth(token);
            let request = request.header("content-type", "application/json").body(body.to_owned());
            request.send().await.unwrap().status().as_u16()
        };
        let file = format!("{FILES}/a.csv");
        assert_eq!(send("GET", &file, "").await, read, "{scopes}");
        assert_eq!(send("GET", FILES, "").await, read, "{scopes}");
        assert_eq!(send("PUT", &file, "1").await, written, "{scopes}");
        assert_eq!(send("POST", ADDRESSES, r#"{"path": "a.csv", "method": "write"}"#).await, 403, "{scopes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_production_only_service_principals_write() {
    let scene = Scene::new().await;
    scene.apply("prod").await;
    let file = format!("{}/a.csv", FILES.replace("/dev/", "/prod/"));
    assert_eq!(scene.send_to("owner", "PUT", &file, "1").await.status(), 403);
    assert_eq!(scene.send_to("service", "PUT", &file, "1").await.status(), 200);
    assert_eq!(scene.send_to("owner", "DELETE", &file, "").await.status(), 403);
    assert_eq!(scene.send_to("owner", "GET", &file, "").await.text().await.unwrap(), "1");
    // Each environment has files of its own.
    assert_eq!(scene.get("/a.csv").await.status(), 404);
}
