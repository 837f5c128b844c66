//! Whose a name is, and who is out.

use std::time::{Duration, Instant};

use polder_model::{EnvironmentName, Resource};
use polder_store::{AuditFilter, AuditPage};
use reqwest::Method;
use serde_json::{Value, json};

use super::bed::{Bed, GROUP, USER};

async fn declare(bed: &Bed, resource: Value) {
    let resource: Resource = serde_json::from_value(resource).unwrap();
    let dev: EnvironmentName = "dev".parse().unwrap();
    bed.server.app.store.put_entry(&dev, &resource).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_files_own_is_theirs_unless_they_say_otherwise() {
    let bed = Bed::new().await;
    declare(&bed, json!({"kind": "group", "name": "finance-owners", "members": ["fred"]})).await;
    declare(&bed, json!({"kind": "group", "name": "analysts", "members": [], "managed_by_scim": true})).await;
    declare(&bed, json!({"kind": "service_principal", "name": "loader"})).await;
    declare(&bed, json!({"kind": "user", "name": "fred"})).await;
    let group = |name: &str| json!({"schemas": [GROUP], "displayName": name});
    let user = |name: &str| json!({"schemas": [USER], "userName": name});

    assert!(bed.listed("/Groups").await.is_empty());
    for name in ["finance-owners", "Finance Owners", "loader", "fred", "everyone", "LOCAL", "bootstrap", "scim"] {
        let detail = bed.post("/Groups", group(name)).await.refused(409, Some("uniqueness"));
        assert!(detail.contains(&name.to_lowercase().replace(' ', "-")), "{detail}");
    }
    for name in ["loader", "finance-owners", "analysts", "everyone", "scim", " fred"] {
        bed.post("/Users", user(name)).await.refused(409, Some("uniqueness"));
    }
    // The files say what fred may do, the identity provider whether he is in.
    let fred = bed.post("/Users", user("Fred")).await.expect(201)["id"].clone();
    let analysts = bed.post("/Groups", group("Analysts")).await.expect(201)["id"].as_str().unwrap().to_owned();
    let renamed = json!([{"op": "replace", "path": "displayName", "value": "finance owners"}]);
    bed.patch(&format!("/Groups/{analysts}"), renamed).await.refused(409, Some("uniqueness"));
    bed.patch(&format!("/Groups/{analysts}"), json!([{"op": "add", "path": "members", "value": [{"value": fred}]}]))
        .await
        .expect(204);

    // A group that files took over meanwhile is not changed any more, but may go.
    let later = bed.group("later").await;
    declare(&bed, json!({"kind": "group", "name": "later", "members": []})).await;
    let add = json!([{"op": "add", "path": "members", "value": [{"value": fred}]}]);
    bed.patch(&format!("/Groups/{later}"), add).await.refused(409, Some("uniqueness"));
    bed.send(Method::DELETE, &format!("/Groups/{later}"), None).await.expect(204);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_deactivated_is_out_with_the_answer_and_the_audit_says_who_did_it() {
    let bed = Bed::new().await;
    declare(&bed, json!({"kind": "service_principal", "name": "loader"})).await;
    let ana = bed.user("ana").await;
    // Somebody of a user: a token that is kept for her.
    let minted = polder_identity::token::mint(polder_identity::TokenKind::Personal).unwrap();
    let record = polder_store::TokenRecord {
        id: minted.id.clone(),
        kind: "personal".to_owned(),
        principal: "ana".parse().unwrap(),
        label: String::new(),
        scopes: vec!["read".to_owned()],
        created: chrono::Utc::now(),
        created_by: "ana".to_owned(),
        expires: None,
        revoked: None,
        revoked_by: None,
        used: None,
        parent: None,
    };
    let token = polder_store::NewToken { record: &record, secret_hash: &minted.secret_hash };
    bed.server.app.store.add_token(&token).await.unwrap();
    let me = async || {
        let request = reqwest::Client::new().get(bed.url() + "/api/v1/me").bearer_auth(minted.shown.expose());
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(me().await, 200);
    bed.send_as(minted.shown.expose(), Method::GET, "/Users", &[], None).await.refused(403, None);
    let started = Instant::now();
    bed.patch(&format!("/Users/{ana}"), json!([{"op": "Replace", "path": "active", "value": "False"}])).await.expect(200);
    assert_eq!(me().await, 401);
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    // Coming back does not bring the token back.
    bed.patch(&format!("/Users/{ana}"), json!([{"op": "Replace", "path": "active", "value": "True"}])).await.expect(200);
    assert_eq!(me().await, 401);
    bed.send(Method::DELETE, &format!("/Users/{ana}"), None).await.expect(204);

    let audit = bed.server.app.store.audit(&AuditFilter::default(), AuditPage::After(0), 100).await.unwrap();
    let about_ana = audit.iter().map(|record| &record.event).filter(|event| event.securable == "user ana");
    let told: Vec<_> = about_ana.map(|event| format!("{} {} {}", event.principal, event.action, event.detail)).collect();
    assert_eq!(told, ["scim create user ", "scim change user deactivated", "scim change user activated", "scim remove user ",]);
    let denied = audit.iter().find(|record| !record.event.allowed).unwrap();
    assert_eq!((denied.event.principal.as_str(), denied.event.action.as_str()), ("ana", "use scim"));
    assert!(audit.iter().all(|record| record.event.securable != "user ana" || !record.event.request_id.is_empty()));
}
