//! Signing in at a real issuer: by browser, by device, as a program; and what an attacker would try on the way.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use polder_identity::flow::Trip;
use polder_identity::{Issuer, IssuerSettings, Login, Party, secret};
use polder_model::secret::Secret;
use polder_outbound::{Outbound, OutboundConfig};
use reqwest::Method;
use serde_json::{Value, json};

use super::bed::Bed;
use super::browser::{Browser, form};

const SESSION: &str = "polder-session";
const SIGN_ON: &str = "polder-sign-on";

/// A client of the issuer that calls it as the command line does.
async fn party(bed: &Bed, client_id: &str, client_secret: Option<&str>) -> Party {
    let config: Value = bed.client().get(format!("{}/auth/config", bed.url)).send().await.unwrap().json().await.unwrap();
    let text = |name: &str| config[name].as_str().unwrap().to_owned();
    let settings = IssuerSettings {
        issuer: text("issuer"),
        audience: text("audience"),
        client_id: client_id.to_owned(),
        client_secret: client_secret.map(Secret::new),
        user_claim: None,
        scopes: Vec::new(),
        required_claims: Default::default(),
    };
    let outbound = Outbound::new(OutboundConfig { allow: vec!["127.0.0.0/8".parse().unwrap()], ..OutboundConfig::default() });
    Issuer::new(settings, outbound).party(Utc::now()).await.unwrap()
}

fn scopes() -> Vec<String> {
    ["openid", "email", "offline_access"].map(str::to_owned).to_vec()
}

/// Signs in by the authorization code flow, as the command line does on a loopback port.
async fn code_flow(bed: &Bed, who: &str) -> (Party, Login) {
    let party = party(bed, "polder", None).await;
    let trip = Trip {
        state: secret::random().unwrap(),
        nonce: secret::random().unwrap(),
        verifier: secret::random().unwrap(),
        redirect: "http://127.0.0.1:45678/callback".to_owned(),
    };
    let url = party.sign_on_url(&trip, &scopes());
    let back = Browser::new().sign_in(url.as_str(), who, "http://127.0.0.1:45678/").await;
    let answer = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    assert_eq!(answer("state"), trip.state.expose());
    let login = party.exchange(&trip, &answer("code")).await.unwrap();
    (party, login)
}

#[tokio::test]
async fn a_browser_signs_in_stays_signed_in_and_signs_out() {
    let bed = Bed::with_issuer().await;
    let mut browser = Browser::new();
    let back = browser.sign_in(&format!("{}/auth/login?return_to=/api/v1/me", bed.url), "ana", &bed.url).await;
    let landed = browser.get(back.as_str()).await;
    assert_eq!((landed.status.as_u16(), landed.location().unwrap().path()), (303, "/api/v1/me"), "{}", landed.text);
    let set = landed.set_cookies();
    assert!(
        set.iter().any(|cookie| cookie.starts_with(SESSION) && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"))
    );
    assert_eq!(browser.cookie(&bed.url, SIGN_ON), None);
    let me: Value = serde_json::from_str(&browser.get(&format!("{}/api/v1/me", bed.url)).await.text).unwrap();
    assert_eq!(
        (&me["name"], me["authenticated_by"].as_str().unwrap().starts_with("session oidc")),
        (&json!("ana@contoso.com"), true)
    );
    let csrf = me["csrf_token"].as_str().unwrap();
    let cookie = browser.cookie(&bed.url, SESSION).unwrap();
    let headers = [("origin", bed.url.as_str()), ("sec-fetch-site", "same-origin"), ("x-csrf-token", csrf)];
    let out = browser.send(Method::POST, &format!("{}/auth/logout", bed.url), &headers, None).await;
    assert_eq!(out.status.as_u16(), 204, "{}", out.text);
    assert_eq!(browser.cookie(&bed.url, SESSION), None);
    // The cookie that somebody copied is worth nothing any more.
    browser.set_cookie(&bed.url, SESSION, &cookie);
    assert_eq!(browser.get(&format!("{}/api/v1/me", bed.url)).await.status.as_u16(), 401);
}

#[tokio::test]
async fn an_answer_is_good_once_and_in_the_browser_that_asked() {
    let bed = Bed::with_issuer().await;
    let login = format!("{}/auth/login", bed.url);
    // Somebody else's answer, in a browser that asked for nothing, or for something else: no session of theirs (login CSRF).
    let (mut attacker, mut victim) = (Browser::new(), Browser::new());
    let back = attacker.sign_in(&login, "bob", &bed.url).await;
    assert_eq!(victim.get(back.as_str()).await.status.as_u16(), 400);
    victim.get(&login).await;
    let refused = victim.get(back.as_str()).await;
    assert_eq!((refused.status.as_u16(), victim.cookie(&bed.url, SESSION)), (400, None));
    // It was taken: not even the browser that asked can use it now.
    assert_eq!(attacker.get(back.as_str()).await.status.as_u16(), 400);
    // Replayed after it succeeded.
    let mut browser = Browser::new();
    let back = browser.sign_in(&login, "ana", &bed.url).await;
    let cookie = browser.cookie(&bed.url, SIGN_ON).unwrap();
    assert_eq!(browser.get(back.as_str()).await.status.as_u16(), 303);
    browser.set_cookie(&bed.url, SIGN_ON, &cookie);
    assert_eq!(browser.get(back.as_str()).await.status.as_u16(), 400);
    // Another issuer's answer, mixed up with ours; an invented state; no state.
    let mut browser = Browser::new();
    let back = browser.sign_in(&login, "ana", &bed.url).await;
    let mixed = back.as_str().replace(
        &format!("iss={}", url::form_urlencoded::byte_serialize(bed.issuer().as_bytes()).collect::<String>()),
        "iss=https%3A%2F%2Fevil.example",
    );
    assert_ne!(mixed, back.as_str());
    assert_eq!(browser.get(&mixed).await.status.as_u16(), 400);
    for query in ["state=0&code=x", "code=x", "error=access_denied", ""] {
        assert_eq!(browser.get(&format!("{}/auth/callback?{query}", bed.url)).await.status.as_u16(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_session_that_was_planted_is_not_the_one_that_is_signed_in() {
    let bed = Bed::with_issuer().await;
    let mut browser = Browser::new();
    let planted = "a".repeat(64);
    browser.set_cookie(&bed.url, SESSION, &planted);
    let back = browser.sign_in(&format!("{}/auth/login", bed.url), "ana", &bed.url).await;
    browser.get(back.as_str()).await;
    let first = browser.cookie(&bed.url, SESSION).unwrap();
    assert_ne!(first, planted);
    let mut attacker = Browser::new();
    attacker.set_cookie(&bed.url, SESSION, &planted);
    assert_eq!(attacker.get(&format!("{}/api/v1/me", bed.url)).await.status.as_u16(), 401);
    // Signing in again ends the session before.
    let back = browser.sign_in(&format!("{}/auth/login", bed.url), "ana", &bed.url).await;
    browser.get(back.as_str()).await;
    assert_ne!(browser.cookie(&bed.url, SESSION).unwrap(), first);
    attacker.set_cookie(&bed.url, SESSION, &first);
    assert_eq!(attacker.get(&format!("{}/api/v1/me", bed.url)).await.status.as_u16(), 401);
}

#[tokio::test]
async fn nobody_is_sent_to_another_server_after_signing_in() {
    let bed = Bed::with_issuer().await;
    for elsewhere in ["https://evil.example/", "//evil.example", "/%5Cevil.example", "/%09/evil.example", "%2F%2Fevil.example"] {
        let mut browser = Browser::new();
        let back = browser.sign_in(&format!("{}/auth/login?return_to={elsewhere}", bed.url), "ana", &bed.url).await;
        let landed = browser.get(back.as_str()).await;
        assert_eq!(landed.location().unwrap().as_str(), format!("{}/", bed.url), "{elsewhere}");
    }
}

#[tokio::test]
async fn who_signs_in_and_is_nobody_here_is_refused() {
    let bed = Bed::with_issuer().await;
    let mut browser = Browser::new();
    let back = browser.sign_in(&format!("{}/auth/login", bed.url), "mallory", &bed.url).await;
    let refused = browser.get(back.as_str()).await;
    assert_eq!((refused.status.as_u16(), browser.cookie(&bed.url, SESSION)), (403, None), "{}", refused.text);
    let (_, login) = code_flow(&bed, "mallory").await;
    assert_eq!(bed.get(login.access_token.expose(), "/api/v1/me").await.0, 401);
}

#[tokio::test]
async fn the_command_line_signs_in_by_code_and_by_refresh() {
    let bed = Bed::with_issuer().await;
    let (party, login) = code_flow(&bed, "ana").await;
    let me = bed.get(login.access_token.expose(), "/api/v1/me").await;
    assert_eq!((me.0, &me.1["name"]), (200, &json!("ana@contoso.com")), "{}", me.1);
    assert_eq!(me.1["authenticated_by"], json!(format!("oidc {}", bed.issuer())));
    let renewed = party.refresh(login.refresh_token.as_ref().unwrap()).await.unwrap();
    assert_eq!(bed.get(renewed.access_token.expose(), "/api/v1/me").await.0, 200);
    // An id token is no access token, and tokens that were changed are none.
    assert_eq!(bed.get(login.id_token.unwrap().expose(), "/api/v1/me").await.0, 401);
    let parts: Vec<&str> = login.access_token.expose().split('.').collect();
    let mut claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    claims["email"] = json!("bob");
    let changed = format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2]);
    let unsigned = format!("{}.{}.", BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#), parts[1]);
    for wrong in [changed, unsigned] {
        assert_eq!(bed.get(&wrong, "/api/v1/me").await.0, 401);
    }
}

#[tokio::test]
async fn a_person_signs_in_on_another_device() {
    let bed = Bed::with_issuer().await;
    let party = party(&bed, "polder", None).await;
    let device = party.begin_device(&scopes()).await.unwrap();
    let at_the_other = async {
        let mut browser = Browser::new();
        let mut page = browser.get(device.whole_url().unwrap()).await;
        for _ in 0..12 {
            if page.text.contains("Sign-in Success") {
                return;
            }
            page = match (page.location(), form(&page, "ana")) {
                (Some(next), _) => browser.get(next.as_str()).await,
                (None, Some((action, form))) => browser.send(Method::POST, action.as_str(), &[], Some(&form)).await,
                (None, None) => panic!("{}", page.text),
            };
        }
        panic!("no end: {}", page.text);
    };
    let (login, ()) = tokio::join!(party.finish_device(&device), at_the_other);
    let (status, me) = bed.get(login.unwrap().access_token.expose(), "/api/v1/me").await;
    assert_eq!((status, &me["name"]), (200, &json!("ana@contoso.com")));
}

#[tokio::test]
async fn a_program_signs_in_as_itself() {
    let bed = Bed::with_issuer().await;
    let login = party(&bed, "loader", Some("a-secret-of-a-test")).await.client_credentials(&[]).await.unwrap();
    let (status, me) = bed.get(login.access_token.expose(), "/api/v1/me").await;
    assert_eq!((status, &me["name"]), (200, &json!("loader")), "{me}");
    assert!(party(&bed, "loader", Some("wrong")).await.client_credentials(&[]).await.is_err());
}
