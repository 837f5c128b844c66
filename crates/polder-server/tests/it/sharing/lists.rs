//! What a recipient is offered, and who is no recipient.

use serde_json::{Value, json};

use super::scene::{CUSTOMER, SHARE, Scene};
use crate::doors::bed::NONE;

async fn items(recipient: &super::scene::Recipient<'_>, path: &str) -> Value {
    let answer = recipient.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    let text = answer.text().await.unwrap();
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    serde_json::from_str::<Value>(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_lists_what_it_is_offered() {
    let scene = Scene::new().await;
    let acme = scene.recipient("acme").await;
    let shares = items(&acme, "/shares").await;
    assert_eq!(shares["items"][0]["name"], "partners");
    assert!(shares["items"][0]["id"].is_string() && shares.get("nextPageToken").is_none(), "{shares}");
    assert_eq!(items(&acme, "/shares/PARTNERS").await["share"]["name"], "partners");
    assert_eq!(items(&acme, "/shares/partners/schemas").await["items"], json!([{"name": "finance", "share": "partners"}]));
    let names = |list: &Value| {
        let items = list["items"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for path in ["/shares/partners/all-tables", "/shares/partners/schemas/Finance/tables"] {
        let tables = items(&acme, path).await;
        assert_eq!(names(&tables), ["customer_v1", "rates_v1"]);
        assert_eq!((&tables["items"][0]["schema"], &tables["items"][0]["share"]), (&json!("finance"), &json!("partners")));
        assert!(tables["items"][0]["id"].is_string() && tables["items"][0]["shareId"].is_string());
    }
    let first = items(&acme, "/shares/partners/all-tables?maxResults=1").await;
    assert_eq!(names(&first), ["customer_v1"]);
    let next = first["nextPageToken"].as_str().unwrap();
    let second = items(&acme, &format!("/shares/partners/all-tables?maxResults=1&pageToken={next}")).await;
    assert_eq!((names(&second), second.get("nextPageToken")), (vec!["rates_v1".to_owned()], None));
    // The same by the environment's own address.
    let dev = format!("/environments/dev/delta-sharing{CUSTOMER}");
    for path in
        [format!("{dev}/metadata"), format!("{dev}/version"), "/environments/dev/delta-sharing/shares/partners".to_owned()]
    {
        let answer = scene.bed.client.get(scene.bed.url(&path)).bearer_auth(&acme.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
    }
    for (path, status) in [
        ("/shares?maxResults=-1", 400),
        ("/shares?pageToken=%25%25", 400),
        ("/shares/other", 404),
        ("/shares/partners/schemas/other/tables", 404),
        ("/shares/partners/schemas/finance/tables/absent/metadata", 404),
        ("/shares/partners/schemas/other/tables/customer_v1/version", 404),
        ("/shares/a%2Fb/schemas", 404),
        ("/shares/%0d%0a/schemas", 404),
        ("/elsewhere", 404),
    ] {
        let answer = acme.get(path).await;
        assert_eq!(answer.status(), status, "{path}");
        let body: Value = answer.json().await.unwrap();
        assert!(body["errorCode"].is_string() && body["message"].is_string(), "{path}: {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_recipient_is_offered_nothing() {
    let scene = Scene::new().await;
    let ask = async |kind: &str, path: &str| {
        let answer = scene.bed.ask(kind, "GET", &format!("/delta-sharing{path}"), None).await;
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    for kind in ["outsider", "member", "pii", "owner", "service"] {
        assert_eq!(ask(kind, "/shares").await, (200, "{\"items\":[]}".to_owned()), "{kind}");
        for path in ["/shares/partners", "/shares/partners/all-tables", &format!("{CUSTOMER}/metadata")] {
            let (status, body) = ask(kind, path).await;
            assert_eq!(status, 404, "{kind} {path}: {body}");
        }
    }
    for kind in NONE.iter().chain(&["nobody"]) {
        let (status, body) = ask(kind, "/shares").await;
        assert_eq!(status, 401, "{kind}");
        assert!(body.contains("errorCode"), "{body}");
    }
    // The other way round: a recipient comes in by no other door.
    let acme = scene.recipient("acme").await;
    for path in ["/api/v1/environments/dev/objects", "/api/2.1/unity-catalog/catalogs", "/api/v1/environments"] {
        let answer = scene.bed.client.get(scene.bed.url(path)).bearer_auth(&acme.token).send().await.unwrap();
        assert_eq!(answer.status(), 403, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_asks_from_its_networks() {
    let scene = Scene::new().await;
    let remote = scene.recipient("remote").await;
    assert_eq!(items(&remote, "/shares").await["items"], json!([]));
    let answer = remote.get("/shares/partners/all-tables").await;
    assert_eq!(answer.status(), 403);
    assert!(answer.text().await.unwrap().contains("not offered to this address"));
    let share = scene.bed.folder().read(SHARE).unwrap().replace("203.0.113.0/24", "127.0.0.0/8");
    scene.apply(SHARE, &share).await;
    assert_eq!(remote.get("/shares/partners/all-tables").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_are_for_those_who_govern_to_make_and_end_as_they_say() {
    let scene = Scene::new().await;
    let path = "/api/v1/environments/dev/recipients/acme/profiles";
    for (kind, status) in [("outsider", 404), ("member", 404), ("pii", 404), ("owner", 201), ("service", 404), ("admin", 201)] {
        let answer = scene.bed.ask(kind, "POST", path, Some(&json!({}))).await;
        assert_eq!(answer.status(), status, "{kind}: {}", answer.text().await.unwrap());
    }
    for name in ["loader", "nobody_at_all", "ana", "a%2Fb"] {
        let path = format!("/api/v1/environments/dev/recipients/{name}/profiles");
        assert_eq!(scene.bed.ask("owner", "POST", &path, Some(&json!({}))).await.status(), 404, "{name}");
    }
    let first = scene.recipient("acme").await;
    let second = scene.profile("acme", json!({"overlap_hours": 1})).await;
    // The owner's, the admin's, and the first.
    assert_eq!(second["replaced"], 3);
    assert_eq!(first.get("/shares").await.status(), 200);
    let third = scene.profile("acme", json!({"overlap_hours": 0, "days": 7})).await;
    assert_eq!(third["replaced"], 4);
    assert_eq!(first.get("/shares").await.status(), 401);
    for wrong in [json!({"days": 0}), json!({"days": 100_000}), json!({"overlap_hours": 1_000_000})] {
        assert_eq!(scene.bed.ask("owner", "POST", path, Some(&wrong)).await.status(), 400, "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_trades_its_id_and_secret_for_a_token() {
    let scene = Scene::new().await;
    let profile = scene.profile("acme", json!({"oauth": true})).await["profile"].clone();
    assert_eq!((&profile["shareCredentialsVersion"], &profile["type"]), (&json!(2), &json!("oauth_client_credentials")));
    let text = |key: &str| profile[key].as_str().unwrap();
    let traded = scene
        .bed
        .client
        .post(text("tokenEndpoint"))
        .basic_auth(text("clientId"), Some(text("clientSecret")))
        .form(&[("grant_type", "client_credentials"), ("scope", text("scope"))])
        .send()
        .await
        .unwrap();
    assert_eq!(traded.status(), 200);
    let traded: Value = traded.json().await.unwrap();
    assert_eq!(traded["scope"], "share");
    let listed = scene.bed.client.get(format!("{}/shares", text("endpoint")));
    let listed = listed.bearer_auth(traded["access_token"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(listed.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_governs_sees_what_is_shared_in_which_form() {
    let scene = Scene::new().await;
    let list = async |kind: &str| -> Value {
        scene.bed.ask(kind, "GET", "/api/v1/environments/dev/shares", None).await.json().await.unwrap()
    };
    let shares = list("owner").await;
    let forms = shares["items"][0]["forms"].as_array().unwrap();
    let form = |recipient: &str, table: &str| {
        let found = forms.iter().find(|form| form["recipient"] == recipient && form["table"] == table).unwrap();
        (found["shared_as"].as_str().unwrap().to_owned(), found["masked"].clone(), found["rows"].clone())
    };
    assert_eq!(form("acme", "finance.bronze.customer_v1"), ("copy".to_owned(), json!(["name (redact)"]), json!(2)));
    assert_eq!(form("clinic", "finance.bronze.customer_v1"), ("files".to_owned(), json!([]), json!(2)));
    assert_eq!(form("acme", "finance.bronze.rates_v1"), ("files".to_owned(), json!([]), json!(3)));
    for kind in ["outsider", "member", "pii", "service"] {
        assert_eq!(list(kind).await["items"], json!([]), "{kind}");
    }
    assert_eq!(list("admin").await["items"].as_array().unwrap().len(), 1);
}
