//! What a session's cookie is good for, and when it is not.

use chrono::{TimeDelta, Utc};
use polder_identity::secret;
use polder_model::secret::Secret;
use polder_store::{IdentityChange, Session, UserContent};
use reqwest::Method;
use serde_json::{Value, json};

use super::bed::Bed;

/// A session of ana's that began so long ago and was last used so long ago; its cookie.
async fn session(bed: &Bed, principal: &str, began: TimeDelta, seen: TimeDelta) -> Secret {
    let (cookie, now) = (secret::random().unwrap(), Utc::now());
    let session = Session {
        principal: principal.parse().unwrap(),
        authenticated_by: "oidc test".to_owned(),
        created: now - began,
        expires: now - began + TimeDelta::hours(12),
        seen: now - seen,
    };
    bed.server.app.store.begin_session(&secret::hash(cookie.expose()), &session, None).await.unwrap();
    cookie
}

async fn send(bed: &Bed, cookie: &Secret, method: Method, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
    let mut request = bed
        .client()
        .request(method, format!("{}{path}", bed.url))
        .header("cookie", format!("polder-session={}", cookie.expose()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.json(&json!({"label": "x", "scopes": ["read"]})).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test]
async fn a_session_ends_when_it_is_old_or_idle() {
    let bed = Bed::new().await;
    let hours = TimeDelta::hours;
    for (began, seen, expected) in
        [(hours(0), hours(0), 200), (hours(11), hours(1), 200), (hours(13), hours(0), 401), (hours(3), hours(2), 401)]
    {
        let cookie = session(&bed, "ana", began, seen).await;
        assert_eq!(send(&bed, &cookie, Method::GET, "/api/v1/me", &[]).await.0, expected, "{began} {seen}");
    }
}

#[tokio::test]
async fn a_company_sets_how_long_tokens_and_sessions_are_good() {
    let bed = Bed::set(", credentials: {tokenDays: 7, sessionHours: 1, idleMinutes: 10}").await;
    let minutes = TimeDelta::minutes;
    for (began, seen, expected) in
        [(minutes(59), minutes(9), 200), (minutes(61), minutes(0), 401), (minutes(20), minutes(11), 401)]
    {
        let cookie = session(&bed, "ana", began, seen).await;
        assert_eq!(send(&bed, &cookie, Method::GET, "/api/v1/me", &[]).await.0, expected, "{began} {seen}");
    }
    let make = |days: Option<u32>| json!({"label": "x", "scopes": ["read"], "principal": "loader", "days": days});
    assert_eq!(bed.status(&bed.first, Method::POST, "/api/v1/tokens", Some(make(Some(8)))).await, 400);
    let first = format!("Bearer {}", bed.first);
    let (_, made) = bed.ask(&first, Method::POST, "/api/v1/tokens", Some(make(None))).await;
    let expires: chrono::DateTime<Utc> = made["summary"]["expires"].as_str().unwrap().parse().unwrap();
    assert_eq!((expires - Utc::now()).num_hours(), 7 * 24 - 1);
}

#[tokio::test]
async fn a_change_by_cookie_comes_from_a_page_of_ours_or_not_at_all() {
    let bed = Bed::new().await;
    let cookie = session(&bed, "ana", TimeDelta::zero(), TimeDelta::zero()).await;
    let csrf = send(&bed, &cookie, Method::GET, "/api/v1/me", &[]).await.1["csrf_token"].as_str().unwrap().to_owned();
    let other = session(&bed, "ana", TimeDelta::zero(), TimeDelta::zero()).await;
    let others = send(&bed, &other, Method::GET, "/api/v1/me", &[]).await.1["csrf_token"].as_str().unwrap().to_owned();
    let (here, csrf, others) = (bed.url.as_str(), csrf.as_str(), others.as_str());
    let refused: [&[(&str, &str)]; 8] = [
        &[],
        &[("x-csrf-token", csrf)],
        &[("origin", here)],
        &[("origin", here), ("x-csrf-token", others)],
        &[("origin", "https://evil.example"), ("x-csrf-token", csrf)],
        &[("origin", "null"), ("x-csrf-token", csrf)],
        &[("origin", here), ("sec-fetch-site", "cross-site"), ("x-csrf-token", csrf)],
        &[("origin", here), ("sec-fetch-site", "same-site"), ("x-csrf-token", csrf)],
    ];
    for headers in refused {
        let (status, said) = send(&bed, &cookie, Method::POST, "/api/v1/tokens", headers).await;
        assert_eq!((status, &said["code"]), (403, &json!("csrf")), "{headers:?}");
    }
    for headers in [&[("origin", here), ("x-csrf-token", csrf)][..], &[("sec-fetch-site", "same-origin"), ("x-csrf-token", csrf)]]
    {
        assert_eq!(send(&bed, &cookie, Method::POST, "/api/v1/tokens", headers).await.0, 201, "{headers:?}");
    }
}

#[tokio::test]
async fn who_is_deactivated_is_out_with_sessions_and_tokens() {
    let bed = Bed::new().await;
    let user = |active| UserContent {
        name: "cleo".parse().unwrap(),
        user_name: "cleo".to_owned(),
        display_name: None,
        external_id: None,
        active,
        document: "{}".to_owned(),
    };
    let store = &bed.server.app.store;
    let id = uuid::Uuid::now_v7();
    let made = store.create_user::<()>(id, user(true), Utc::now()).await.unwrap();
    assert!(matches!(made, IdentityChange::Made(_)));
    let cookie = session(&bed, "cleo", TimeDelta::zero(), TimeDelta::zero()).await;
    let me = send(&bed, &cookie, Method::GET, "/api/v1/me", &[]).await.1;
    let headers = [("origin", bed.url.as_str()), ("x-csrf-token", me["csrf_token"].as_str().unwrap())];
    let token = send(&bed, &cookie, Method::POST, "/api/v1/tokens", &headers).await.1["token"].as_str().unwrap().to_owned();
    assert_eq!(bed.get(&token, "/api/v1/me").await.0, 200);
    let change = store.change_user(id, Utc::now(), |_| Ok::<_, ()>(user(false))).await.unwrap();
    assert!(matches!(change, IdentityChange::Made(_)));
    assert_eq!(bed.get(&token, "/api/v1/me").await.0, 401);
    assert_eq!(send(&bed, &cookie, Method::GET, "/api/v1/me", &[]).await.0, 401);
}
