//! Trading a token for a short-lived one, as catalog clients do.

use reqwest::Method;
use serde_json::{Value, json};

use super::bed::Bed;

async fn trade(bed: &Bed, form: &[(&str, &str)]) -> (u16, Value) {
    let answer = bed.client().post(format!("{}/oidc/v1/token", bed.url)).form(form).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_client_gets_a_json_web_token_that_is_good_for_what_its_secret_is() {
    let bed = Bed::new().await;
    let (secret, id) = bed.loader(&["read", "query"]).await;
    for client in ["loader", id.as_str()] {
        let form =
            [("grant_type", "client_credentials"), ("client_id", client), ("client_secret", &secret), ("scope", "all-apis")];
        let (status, answer) = trade(&bed, &form).await;
        assert_eq!((status, &answer["token_type"], &answer["scope"]), (200, &json!("Bearer"), &json!("all-apis")), "{answer}");
        assert_eq!(answer["expires_in"], json!(3600));
        let (status, me) = bed.get(answer["access_token"].as_str().unwrap(), "/api/v1/me").await;
        assert_eq!((status, &me["name"], &me["scopes"]), (200, &json!("loader"), &json!(["read", "query"])));
    }
    let basic = bed.client().post(format!("{}/oidc/v1/token", bed.url)).basic_auth("loader", Some(&secret));
    let answer: Value =
        basic.form(&[("grant_type", "client_credentials"), ("scope", "read")]).send().await.unwrap().json().await.unwrap();
    let traded = answer["access_token"].as_str().unwrap().to_owned();
    assert_eq!(bed.get(&traded, "/api/v1/me").await.1["scopes"], json!(["read"]));
    // Revoked with what it was traded for, at once.
    assert_eq!(bed.status(&secret, Method::DELETE, &format!("/api/v1/tokens/{id}"), None).await, 204);
    assert_eq!(bed.get(&traded, "/api/v1/me").await.0, 401);
}

#[tokio::test]
async fn who_is_no_client_is_refused_in_oauths_form() {
    let bed = Bed::new().await;
    let (secret, _) = bed.loader(&["read"]).await;
    let grant = ("grant_type", "client_credentials");
    let refused = [
        (vec![grant, ("client_id", "loader"), ("client_secret", "x")], 401, "invalid_client"),
        (vec![grant, ("client_id", "ana"), ("client_secret", secret.as_str())], 401, "invalid_client"),
        (vec![grant, ("client_id", "loader")], 401, "invalid_client"),
        (vec![grant, ("client_id", "bootstrap"), ("client_secret", bed.first.as_str())], 401, "invalid_client"),
        (
            vec![("grant_type", "password"), ("client_id", "loader"), ("client_secret", secret.as_str())],
            400,
            "unsupported_grant_type",
        ),
    ];
    for (form, status, error) in refused {
        let (found, said) = trade(&bed, &form).await;
        assert_eq!((found, &said["error"]), (status, &json!(error)), "{form:?}");
        assert!(said["error_description"].is_string() && said["error_id"].is_string());
    }
    let (status, said) = bed.ask("", Method::POST, "/oidc/v1/token", Some(json!({"grant_type": "client_credentials"}))).await;
    assert_eq!((status.as_u16(), &said["error"]), (400, &json!("invalid_request")));
}

#[tokio::test]
async fn a_traded_token_that_was_changed_is_refused() {
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    let bed = Bed::new().await;
    let (secret, _) = bed.loader(&["read"]).await;
    let form = [("grant_type", "client_credentials"), ("client_id", "loader"), ("client_secret", &secret)];
    let token = trade(&bed, &form).await.1["access_token"].as_str().unwrap().to_owned();
    let parts: Vec<&str> = token.split('.').collect();
    let read = |part: &str| serde_json::from_slice::<Value>(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    let write = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let (mut head, mut claims) = (read(parts[0]), read(parts[1]));
    claims["scope"] = json!("admin");
    let changed = format!("{}.{}.{}", parts[0], write(&claims), parts[2]);
    head["alg"] = json!("none");
    let unsigned = format!("{}.{}.", write(&head), parts[1]);
    for wrong in [changed, unsigned, format!("{}.{}.", parts[0], parts[1])] {
        assert_eq!(bed.get(&wrong, "/api/v1/me").await.0, 401, "{wrong}");
    }
    assert_eq!(bed.get(&token, "/api/v1/me").await.0, 200);
}

#[tokio::test]
async fn what_a_traded_token_makes_does_not_outlive_it() {
    let bed = Bed::new().await;
    let (secret, id) = bed.loader(&["read"]).await;
    let form = [("grant_type", "client_credentials"), ("client_id", "loader"), ("client_secret", secret.as_str())];
    let (_, answer) = trade(&bed, &form).await;
    let traded = answer["access_token"].as_str().unwrap();
    let (child, _) = bed.token(traded, json!({"label": "child", "scopes": ["read"], "days": 300})).await;
    let expires: chrono::DateTime<chrono::Utc> =
        bed.get(&child, "/api/v1/me").await.1["expires"].as_str().unwrap().parse().unwrap();
    assert!(expires <= chrono::Utc::now() + chrono::TimeDelta::hours(1), "{expires}");
    // Nor the token that it was traded for.
    assert_eq!(bed.status(&bed.first, Method::DELETE, &format!("/api/v1/tokens/{id}"), None).await, 204);
    assert_eq!(bed.get(&child, "/api/v1/me").await.0, 401);
}

#[tokio::test]
async fn nobody_without_credentials_sends_much() {
    let bed = Bed::new().await;
    let form = [("grant_type", "client_credentials"), ("client_id", &*"x".repeat(100_000)), ("client_secret", "x")];
    assert!([400, 413].contains(&trade(&bed, &form).await.0));
}
