//! Access on request over the API: what goes over the wire.

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::{HeaderMap, Method, Request, StatusCode};
use polder_platform::{Apply, OpenOptions, Platform};
use polder_server::InProcess;
use polder_testkit::MeshFolder;
use serde_json::{Value, json};

const FILES: [(&str, &str); 4] = [
    (
        "polder.yaml",
        "organization: Contoso\ntenants: [{name: main $STATE, server: {access: {dataProtection: protection, maximumDays: 60}}}]\n\
         environments: [{name: dev, tenant: main}]\ndepartments: [money]\nusers: [olga, pia, ana, bob]\n\
         groups: [{name: owners, members: [olga]}, {name: protection, members: [pia]}, {name: analysts, members: [ana]}]\n",
    ),
    ("domains/finance/domain.yaml", "{department: money, owner: owners, servicePrincipals: [loader]}\n"),
    (
        "domains/finance/datasets/customer.yaml",
        "{entityName: customer, entityVersion: v1, columns: [{name: id, type: bigint}, {name: name, type: string, tags: [pii]}]}\n",
    ),
    ("access/finance.yaml", "grants: [{to: analysts, on: finance, privileges: [BROWSE]}]\n"),
];
const REQUESTS: &str = "/api/v1/environments/dev/access-requests";

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

struct Mesh {
    folder: MeshFolder,
}

impl Mesh {
    async fn applied() -> Self {
        let folder = MeshFolder::new(&FILES).await.unwrap();
        let options = OpenOptions { root: folder.path().to_owned(), environment: None, act_as: None };
        let platform = Platform::open(options).await.unwrap();
        platform.apply(Apply::Fresh { allow_destroy: Default::default() }, &mut |_| {}).await.unwrap();
        Self { folder }
    }

    async fn as_(&self, who: &str) -> Caller {
        Caller(InProcess::open(self.folder.path(), None, Some(who.parse().unwrap())).await.unwrap())
    }
}

struct Caller(InProcess);

impl Caller {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let (parts, stream) = self.0.call(request.body(bytes).unwrap()).await.into_parts();
        let read: Vec<Bytes> = stream.try_collect().await.unwrap();
        let body = serde_json::from_slice(&read.concat()).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, &[], &body).await
    }
}

fn wish() -> Value {
    json!({"dataset": "finance/customer/v1", "level": "regular", "purpose": "churn model"})
}

#[tokio::test]
async fn a_request_is_made_followed_and_decided_over_the_api() {
    let mesh = Mesh::applied().await;
    let (ana, olga, pia) = (mesh.as_("ana").await, mesh.as_("olga").await, mesh.as_("pia").await);
    let made = ana.post(REQUESTS, wish()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let one = format!("{REQUESTS}/{id}");
    assert_eq!((made.headers["location"].to_str().unwrap(), made.headers["etag"].to_str().unwrap()), (one.as_str(), "\"1\""));
    assert_eq!((made.body["state"].as_str(), made.body["kind"].as_str()), (Some("requested"), Some("table")));

    let to_decide = olga.get(&format!("{REQUESTS}?to_decide=true")).await;
    assert_eq!(to_decide.body["items"][0]["id"].as_str(), Some(id.as_str()));
    assert_eq!(pia.get(&format!("{REQUESTS}?to_decide=true")).await.body, json!({"items": []}));

    // Whoever looked at another state does not decide on this one.
    for (tag, status) in [("\"9\"", 412), ("W/\"1\"", 412), ("nonsense", 412)] {
        let refused = olga.send(Method::POST, &format!("{one}/approve"), &[("if-match", tag)], &json!({})).await;
        assert_eq!(refused.status.as_u16(), status, "{tag}: {}", refused.body);
    }
    let own = ana.post(&format!("{one}/approve"), json!({})).await;
    assert_eq!((own.status, own.body["code"].as_str()), (StatusCode::FORBIDDEN, Some("denied")));
    let approved =
        olga.send(Method::POST, &format!("{one}/approve"), &[("if-match", "\"1\"")], &json!({"comment": "fine"})).await;
    assert_eq!((approved.status, approved.body["state"].as_str()), (StatusCode::OK, Some("provisioned")), "{}", approved.body);
    assert_eq!(approved.headers["etag"], "\"3\"");
    assert_eq!(olga.post(&format!("{one}/approve"), json!({})).await.status, StatusCode::CONFLICT);

    let shown = ana.get(&one).await;
    let events: Vec<&str> = shown.body["history"].as_array().unwrap().iter().map(|one| one["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["requested", "approved", "provisioned"]);
    let grants = ana.get("/api/v1/environments/dev/grants").await;
    assert_eq!(grants.body.as_array().unwrap().len(), 3);
    assert_eq!(ana.get("/api/v1/environments/dev/grants/export").await.status, StatusCode::FORBIDDEN);
    let revoked = olga.post(&format!("{one}/revoke"), json!({"comment": "no more"})).await;
    assert_eq!(revoked.body["state"].as_str(), Some("revoked"));
    assert_eq!(ana.get("/api/v1/environments/dev/grants").await.body, json!([]));
}

#[tokio::test]
async fn a_request_that_is_sent_twice_is_made_once() {
    let mesh = Mesh::applied().await;
    let ana = mesh.as_("ana").await;
    let key = [("idempotency-key", "4f9c0a52-once")];
    let (first, again) =
        (ana.send(Method::POST, REQUESTS, &key, &wish()).await, ana.send(Method::POST, REQUESTS, &key, &wish()).await);
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.body, again.body);
    assert_eq!(ana.post(REQUESTS, wish()).await.status, StatusCode::CONFLICT);
    assert_eq!(ana.get(REQUESTS).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_in_the_form_of_problems() {
    let mesh = Mesh::applied().await;
    let (ana, bob) = (mesh.as_("ana").await, mesh.as_("bob").await);
    let with = |key: &str, value: Value| {
        let mut wish = wish();
        wish[key] = value;
        wish
    };
    for (body, status) in [
        (with("purpose", json!("")), 400),
        (json!(["finance/customer/v1", "regular", "churn model", null, null]), 400),
        (with("purpose", json!("a\nb")), 400),
        (with("purpose", json!("x".repeat(1001))), 400),
        (with("level", json!("all")), 400),
        (with("until", json!("2020-01-01T00:00:00Z")), 400),
        (with("until", json!("9999-12-31T23:59:59Z")), 400),
        (with("until", json!("soon")), 400),
        (with("dataset", json!("finance")), 400),
        (with("dataset", json!("'; drop table access_requests; --")), 404),
        (with("dataset", json!("../../etc/passwd")), 404),
        (with("beneficiary", json!("bob")), 403),
        (with("beneficiary", json!("everyone")), 403),
        (with("beneficiary", json!("no such\u{0} one")), 400),
        (with("approved", json!(true)), 400),
        (json!([]), 400),
        (json!("x"), 400),
    ] {
        let refused = ana.post(REQUESTS, body.clone()).await;
        assert_eq!(refused.status.as_u16(), status, "{body}: {}", refused.body);
        assert_eq!(refused.headers["content-type"], "application/problem+json");
        assert!(refused.body["code"].is_string() && refused.body["request_id"].is_string());
    }
    assert!(ana.get(REQUESTS).await.body["items"].as_array().unwrap().is_empty());

    // What one may not know of, and what is not there: the same, to the last byte but the names.
    let made = ana.post(REQUESTS, wish()).await;
    let (hidden, absent) = (made.body["id"].as_str().unwrap(), "0192f0c1-2222-7333-8444-555555555555");
    let told = async |method: Method, path: &str, id: &str| {
        let mut answer = bob.send(method, &path.replace("ID", id), &[], &json!({})).await;
        answer.body["request_id"] = Value::Null;
        (answer.status, answer.body.to_string().replace(id, "ID"))
    };
    for (method, path) in
        [(Method::GET, "ID"), (Method::POST, "ID/approve"), (Method::POST, "ID/revoke"), (Method::POST, "ID/review")]
    {
        let path = format!("{REQUESTS}/{path}");
        let told_of_hidden = told(method.clone(), &path, hidden).await;
        assert_eq!(told_of_hidden.0, StatusCode::NOT_FOUND);
        assert_eq!(told_of_hidden, told(method, &path, absent).await, "{path}");
    }
    assert_eq!(bob.get(&format!("{REQUESTS}/not-an-id")).await.status, StatusCode::NOT_FOUND);
    for query in ["?cursor=!", "?cursor=eA", "?limit=0", "?limit=1001", "?state=open", "?mine=perhaps"] {
        assert_eq!(ana.get(&format!("{REQUESTS}{query}")).await.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let elsewhere = ana.get("/api/v1/environments/prod/access-requests").await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
}
