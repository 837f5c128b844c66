//! Tokens of our own over the API.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use polder_store::{AuditFilter, AuditPage};
use reqwest::Method;
use serde_json::json;

use super::bed::Bed;

#[tokio::test]
async fn the_first_token_administers_sees_no_data_and_is_out_once_it_is_revoked() {
    let bed = Bed::new().await;
    let (status, me) = bed.get(&bed.first, "/api/v1/me").await;
    assert_eq!((status, &me["name"], &me["roles"]), (200, &json!("bootstrap"), &json!(["account", "workspace", "metastore"])));
    let id = me["bootstrap_token"].as_str().unwrap().to_owned();
    // Another start makes no second one.
    assert!(polder_server::auth::first_start(&bed.server.app).await.unwrap().is_none());
    // Nobody else has the account role yet: it is the only way in.
    let revoke = format!("/api/v1/tokens/{id}");
    assert_eq!(bed.status(&bed.first, Method::DELETE, &revoke, None).await, 409);
    assert_eq!(bed.status(&bed.first, Method::PUT, "/api/v1/roles/admins/account", None).await, 204);
    assert_eq!(bed.status(&bed.first, Method::DELETE, &revoke, None).await, 204);
    assert_eq!(bed.get(&bed.first, "/api/v1/me").await.0, 401);
    assert!(polder_server::auth::first_start(&bed.server.app).await.unwrap().is_none());
}

#[tokio::test]
async fn a_token_is_what_it_was_made_for_until_it_is_revoked() {
    let bed = Bed::new().await;
    let (token, id) = bed.loader(&["read"]).await;
    let (_, me) = bed.get(&token, "/api/v1/me").await;
    assert_eq!((&me["name"], &me["scopes"], &me["roles"]), (&json!("loader"), &json!(["read"]), &json!([])));
    assert_eq!(me["authenticated_by"], json!(format!("token {id}")));
    assert_eq!(bed.get(&token, "/api/v1/environments/dev/objects").await.0, 200);
    let query = Some(json!({"sql": "select 1"}));
    let (status, refused) = bed.ask(&format!("Bearer {token}"), Method::POST, "/api/v1/environments/dev/query", query).await;
    assert_eq!((status.as_u16(), &refused["code"]), (403, &json!("insufficient_scope")));
    // Shown once: no list has the secret.
    let (_, own) = bed.get(&token, "/api/v1/tokens").await;
    assert_eq!(own["items"].as_array().unwrap().len(), 1);
    assert!(!own.to_string().contains(&token[30..60]));
    assert_eq!(bed.status(&token, Method::DELETE, &format!("/api/v1/tokens/{id}"), None).await, 204);
    assert_eq!(bed.get(&token, "/api/v1/me").await.0, 401);
}

#[tokio::test]
async fn a_token_makes_no_token_that_is_more_than_itself() {
    let bed = Bed::new().await;
    let (token, _) = bed.token(&bed.first, json!({"label": "loads", "scopes": ["read"], "principal": "loader", "days": 3})).await;
    let (child, id) = bed.token(&token, json!({"label": "child", "scopes": ["read"], "days": 300})).await;
    let (_, own) = bed.get(&child, "/api/v1/tokens").await;
    let ends: Vec<_> = own["items"].as_array().unwrap().iter().map(|item| item["expires"].clone()).collect();
    assert_eq!(ends[0], ends[1], "{id}: {own}");
    let refused = [
        json!({"label": "more", "scopes": ["read", "query"]}),
        json!({"label": "admin", "scopes": ["admin"]}),
        json!({"label": "another's", "scopes": ["read"], "principal": "ana"}),
        json!({"label": "scim", "scopes": ["scim"]}),
    ];
    for body in refused {
        assert_eq!(bed.status(&token, Method::POST, "/api/v1/tokens", Some(body.clone())).await, 403, "{body}");
    }
    // Not even an account admin makes the tokens of a person, which would be their data.
    let anas = json!({"label": "x", "scopes": ["read"], "principal": "ana"});
    assert_eq!(bed.status(&bed.first, Method::POST, "/api/v1/tokens", Some(anas)).await, 403);
    let wrong = [
        json!({"label": "", "scopes": ["read"], "principal": "loader"}),
        json!({"label": "a\nb", "scopes": ["read"], "principal": "loader"}),
        json!({"label": "x", "scopes": [], "principal": "loader"}),
        json!({"label": "x", "scopes": ["everything"], "principal": "loader"}),
        json!({"label": "x", "scopes": ["read"], "days": 0, "principal": "loader"}),
        json!({"label": "x", "scopes": ["read"], "days": 366, "principal": "loader"}),
        json!({"label": "x", "scopes": ["scim", "read"]}),
        json!({"label": "x", "scopes": ["read"], "principal": "loader", "kind": "bootstrap"}),
        json!({"label": "x", "scopes": ["read"], "principal": "../etc"}),
    ];
    for body in wrong {
        assert_eq!(bed.status(&bed.first, Method::POST, "/api/v1/tokens", Some(body.clone())).await, 400, "{body}");
    }
}

#[tokio::test]
async fn a_token_is_a_password_for_clients_that_know_nothing_else() {
    let bed = Bed::new().await;
    let (token, _) = bed.loader(&["read"]).await;
    let basic = |user: &str| format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{token}")));
    for (user, expected) in [("loader", 200), ("Loader", 200), ("token", 200), ("", 200), ("ana", 401)] {
        let (status, _) = bed.ask(&basic(user), Method::GET, "/api/v1/me", None).await;
        assert_eq!(status.as_u16(), expected, "{user}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused_and_told_nothing() {
    let bed = Bed::new().await;
    let (token, id) = bed.loader(&["read"]).await;
    let (other, _) = bed.loader(&["read"]).await;
    // Another token's id with this one's secret, with a checksum that is right.
    let minted = polder_identity::token::mint(polder_identity::TokenKind::Service).unwrap();
    let invented = minted.shown.expose().to_owned();
    let as_boot = token.replace("_svc_", "_boot_");
    let mixed = format!("polder_svc_{id}_{}", &other[28..]);
    let wrong =
        ["", "x", "polder_", &token[..token.len() - 1], &invented, &as_boot, &mixed, "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30."];
    let (_, expected) = bed.get(&invented, "/api/v1/me").await;
    for wrong in wrong {
        let (status, said) = bed.get(wrong, "/api/v1/me").await;
        assert_eq!((status, &said["code"], &said["detail"]), (401, &expected["code"], &expected["detail"]), "{wrong}");
    }
    for header in ["Bearer", "Digest x", "Basic !", "Basic YQ==", &format!("Token {token}")] {
        assert_eq!(bed.ask(header, Method::GET, "/api/v1/me", None).await.0.as_u16(), 401, "{header}");
    }
    let twice = bed.client().get(format!("{}/api/v1/me", bed.url)).bearer_auth(&token).header("authorization", "Bearer x");
    assert_eq!(twice.send().await.unwrap().status().as_u16(), 401);
    let nobody = bed.client().get(format!("{}/api/v1/me", bed.url)).send().await.unwrap();
    assert_eq!(nobody.status().as_u16(), 401);
    assert!(nobody.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
}

#[tokio::test]
async fn wrong_credentials_are_in_the_audit_once_a_minute_and_say_nothing_of_the_token() {
    let bed = Bed::new().await;
    let (token, id) = bed.loader(&["read"]).await;
    let revoked = bed.status(&bed.first, Method::DELETE, &format!("/api/v1/tokens/{id}"), None).await;
    assert_eq!(revoked, 204);
    for _ in 0..5 {
        assert_eq!(bed.get(&token, "/api/v1/me").await.0, 401);
        assert_eq!(bed.get("x", "/api/v1/me").await.0, 401);
    }
    let filter = AuditFilter { action: Some("AUTHENTICATE".to_owned()), ..AuditFilter::default() };
    let records = bed.server.app.store.audit(&filter, AuditPage::After(0), 100).await.unwrap();
    let told: Vec<_> = records.iter().map(|record| &record.event).map(|event| (event.allowed, event.detail.as_str())).collect();
    assert_eq!(told, [(false, "the token is revoked"), (false, "it is no token of ours, and no issuer is set")]);
    assert!(records.iter().all(|record| record.event.principal.as_str() == "nobody" && record.event.source == "127.0.0.1"));
}

#[tokio::test]
async fn a_thing_that_is_called_as_a_route_takes_the_scope_of_its_own_route() {
    let bed = Bed::new().await;
    let (read, _) = bed.loader(&["read"]).await;
    let (query, _) = bed.loader(&["query"]).await;
    let catalog = "/api/2.1/unity-catalog";
    for name in ["validate", "query", "runs", "commits", "optimize", "vacuum", "staging-tables", "credentials", "access-requests"]
    {
        let (one, table) =
            (format!("{catalog}/catalogs/{name}"), format!("{catalog}/delta/v1/catalogs/a/schemas/b/tables/{name}"));
        let changes = json!({"changes": []});
        for token in [&read, &query] {
            assert_eq!(bed.status(token, Method::DELETE, &one, None).await, 403, "{one}");
            assert_eq!(bed.status(token, Method::DELETE, &table, None).await, 403, "{table}");
            let grants = format!("{catalog}/permissions/catalog/{name}");
            assert_eq!(bed.status(token, Method::PATCH, &grants, Some(changes.clone())).await, 403, "{grants}");
        }
        assert_eq!(bed.get(&query, &one).await.0, 403, "{one}");
    }
}

#[tokio::test]
async fn what_is_refused_for_want_of_a_role_or_a_scope_is_in_the_audit() {
    let bed = Bed::new().await;
    let (plain, _) = bed.loader(&["read", "admin"]).await;
    let (read, _) = bed.loader(&["read"]).await;
    assert_eq!(bed.status(&plain, Method::PUT, "/api/v1/roles/loader/account", None).await, 403);
    assert_eq!(bed.status(&read, Method::PUT, "/api/v1/roles/loader/account", None).await, 403);
    let ask = json!({"label": "x", "scopes": ["read"], "principal": "ana"});
    assert_eq!(bed.status(&plain, Method::POST, "/api/v1/tokens", Some(ask)).await, 403);
    let filter = AuditFilter { allowed: Some(false), ..AuditFilter::default() };
    let records = bed.server.app.store.audit(&filter, AuditPage::After(0), 100).await.unwrap();
    let told: Vec<_> =
        records.iter().map(|record| &record.event).map(|event| (event.action.as_str(), event.securable.as_str())).collect();
    let route = "PUT /api/v1/roles/{principal}/{role}";
    assert_eq!(
        told,
        [("USE_ROLE", "role account"), ("USE_TOKEN", route), ("USE_ROLE", "role account"), ("CREATE_TOKEN", "token")]
    );
}

#[tokio::test]
async fn whoever_watches_the_server_is_answered_whatever_they_bear() {
    let bed = Bed::new().await;
    for path in ["/health", "/ready", "/metrics"] {
        let answer = bed.client().get(format!("{}{path}", bed.url)).bearer_auth("nonsense").send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
}
