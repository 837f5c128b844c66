//! Which tokens are believed.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use polder_identity::{Issuer, IssuerError, IssuerSettings, Rejected, Subject};
use polder_model::secret::Secret;
use serde_json::{Value, json};

use crate::peer::{CLIENT, Peer, head, key, message, now, outbound, sign, sign_with_secret};

/// The same object with other values; null takes one away.
fn with(base: &Value, changes: Value) -> Value {
    let mut changed = base.as_object().unwrap().clone();
    for (name, value) in changes.as_object().unwrap() {
        changed.remove(name);
        if !value.is_null() {
            changed.insert(name.clone(), value.clone());
        }
    }
    changed.into()
}

fn rejection(error: IssuerError) -> Rejected {
    match error {
        IssuerError::Rejected(rejected) => rejected,
        other => panic!("{other:?}"),
    }
}

fn claim(name: &str) -> Rejected {
    Rejected::Claim(name.to_owned())
}

#[tokio::test]
async fn a_token_of_the_issuer_for_us_and_of_now_is_believed() {
    let peer = Peer::start().await;
    let (issuer, now) = (peer.issuer(), now());
    let base = peer.claims(now);
    let user = |name: &str| Subject::User(name.to_owned());
    let believed = [
        (json!({}), user("ana")),
        (json!({"aud": ["other", "https://polder.example"]}), user("ana")),
        (json!({"preferred_username": "ana@contoso.com"}), user("ana@contoso.com")),
        (json!({"preferred_username": "x", "email": "ana@contoso.com", "email_verified": true}), user("ana@contoso.com")),
        (json!({"email": "ana@contoso.com"}), user("ana@contoso.com")),
        (json!({"email": "ana@contoso.com", "email_verified": "true"}), user("ana@contoso.com")),
        (json!({"exp": now.timestamp() - 59}), user("ana")),
        (json!({"iat": now.timestamp() + 59, "nbf": now.timestamp() + 59}), user("ana")),
        (json!({"iat": null, "exp": 1_800_000_000.5}), user("ana")),
        (json!({"sub": CLIENT}), Subject::Service(CLIENT.to_owned())),
        (json!({"client_id": null, "azp": "loader", "idtyp": "app"}), Subject::Service("loader".to_owned())),
    ];
    for (changes, subject) in believed {
        let token = sign(&head("first"), &with(&base, changes.clone()), 1);
        assert_eq!(issuer.verify(&token, now).await.unwrap().subject, subject, "{changes}");
    }
    for kind in [json!("JWT"), json!("jwt"), json!("application/at+jwt"), json!(null)] {
        let token = sign(&with(&head("first"), json!({"typ": kind, "kid": null})), &base, 1);
        issuer.verify(&token, now).await.unwrap();
    }
}

#[tokio::test]
async fn what_a_token_says_wrongly_is_told() {
    let peer = Peer::start().await;
    let (issuer, now) = (peer.issuer(), now());
    let base = peer.claims(now);
    let second = now.timestamp();
    let wrong = [
        (json!({"exp": second - 60}), Rejected::Expired),
        (json!({"exp": null}), claim("exp")),
        (json!({"exp": "later"}), claim("exp")),
        (json!({"exp": -1}), Rejected::Expired),
        (json!({"exp": 1e300}), claim("exp")),
        (json!({"nbf": second + 61}), Rejected::Future),
        (json!({"iat": second + 61}), Rejected::Future),
        (json!({"nbf": "now"}), claim("nbf")),
        (json!({"aud": "https://other.example"}), Rejected::Audience),
        (json!({"aud": []}), Rejected::Audience),
        (json!({"aud": null}), Rejected::Audience),
        (json!({"aud": {"https://polder.example": true}}), Rejected::Audience),
        (json!({"iss": "https://other.example"}), Rejected::Issuer),
        (json!({"iss": format!("{}/", peer.url)}), Rejected::Issuer),
        (json!({"iss": [peer.url]}), Rejected::Issuer),
        (json!({"iss": null}), Rejected::Issuer),
        (json!({"tid": "fabrikam"}), claim("tid")),
        (json!({"tid": null}), claim("tid")),
        (json!({"sub": null}), claim("sub")),
        (json!({"sub": ""}), claim("sub")),
        (json!({"sub": 1}), claim("sub")),
        // An id token, where the audience does not tell it from an access token.
        (json!({"nonce": "x"}), Rejected::Type),
        (json!({"at_hash": "x"}), Rejected::Type),
    ];
    for (changes, expected) in wrong {
        let token = sign(&head("first"), &with(&base, changes.clone()), 1);
        assert_eq!(rejection(issuer.verify(&token, now).await.unwrap_err()), expected, "{changes}");
    }
}

#[tokio::test]
async fn an_address_that_an_issuer_does_not_call_verified_names_nobody() {
    let peer = Peer::start().await;
    let (issuer, now) = (peer.issuer(), now());
    let mut claims = with(&peer.claims(now), json!({"email": "ceo@contoso.com"}));
    for said in [
        json!(false),
        json!("false"),
        json!("FALSE"),
        json!("True"),
        json!(" true"),
        json!("yes"),
        json!(""),
        json!(0),
        json!(1),
        json!(null),
        json!({}),
        json!({"true": true}),
        json!([]),
        json!([true]),
    ] {
        claims["email_verified"] = said.clone();
        let token = sign(&head("first"), &claims, 1);
        assert_eq!(rejection(issuer.verify(&token, now).await.unwrap_err()), claim("email_verified"), "{said}");
        // Another claim that names the user is not about the address.
        let settings = IssuerSettings { user_claim: Some("sub".to_owned()), ..peer.settings() };
        let believed = Issuer::new(settings, outbound()).verify(&token, now).await.unwrap();
        assert_eq!(believed.subject, Subject::User("ana".to_owned()), "{said}");
    }
}

#[tokio::test]
async fn a_token_that_the_issuer_did_not_sign_is_not_believed() {
    let peer = Peer::start().await;
    let (issuer, now) = (peer.issuer(), now());
    let base = peer.claims(now);
    let good = sign(&head("first"), &base, 1);
    issuer.verify(&good, now).await.unwrap();
    let (payload, signature) = (good.split('.').nth(1).unwrap(), good.split('.').nth(2).unwrap());
    let public = key(1, "first").1;
    let x = public["x"].as_str().unwrap();
    let raw = BASE64_URL_SAFE_NO_PAD.decode(x).unwrap();
    let symmetric = json!({"alg": "HS256", "typ": "at+jwt", "kid": "first"});
    let none = |alg: &str| message(&json!({"alg": alg, "typ": "at+jwt", "kid": "first"}), &base);
    let changed = message(&head("first"), &with(&base, json!({"sub": "ceo"})));
    let other_head = message(&with(&head("first"), json!({"typ": "JWT"})), &base);
    let attacks = [
        ("signed by another key", sign(&head("first"), &base, 2), Rejected::Signature),
        ("claims changed", format!("{changed}.{signature}"), Rejected::Signature),
        ("head changed", format!("{other_head}.{signature}"), Rejected::Signature),
        ("signature cut off", format!("{}.", message(&head("first"), &base)), Rejected::Signature),
        (
            "signature of zeros",
            format!("{}.{}", message(&head("first"), &base), BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
            Rejected::Signature,
        ),
        ("no algorithm", format!("{}.", none("none")), Rejected::Form),
        ("no algorithm, in other letters", format!("{}.{signature}", none("nOnE")), Rejected::Form),
        ("the public key as a secret", sign_with_secret(&symmetric, &base, &raw), Rejected::Algorithm),
        ("the public key's text as a secret", sign_with_secret(&symmetric, &base, x.as_bytes()), Rejected::Algorithm),
        ("another algorithm for the key", sign(&with(&head("first"), json!({"alg": "RS256"})), &base, 1), Rejected::UnknownKey),
        (
            "a key of its own in the head",
            sign(&with(&head("mine"), json!({"jwk": key(2, "mine").1})), &base, 2),
            Rejected::UnknownKey,
        ),
        (
            "an address of keys in the head",
            sign(&with(&head("mine"), json!({"jku": "http://127.0.0.1:1/"})), &base, 2),
            Rejected::UnknownKey,
        ),
        (
            "what must be understood",
            sign(&with(&head("first"), json!({"crit": ["b64"], "b64": false})), &base, 1),
            Rejected::Form,
        ),
        ("another type", sign(&with(&head("first"), json!({"typ": "logout+jwt"})), &base, 1), Rejected::Type),
        ("two parts", format!("{payload}.{signature}"), Rejected::Form),
        ("four parts", format!("{good}.x"), Rejected::Form),
        ("nothing", String::new(), Rejected::Form),
        ("dots", "..".to_owned(), Rejected::Form),
        ("too long", format!("{good}{}", "x".repeat(20_000)), Rejected::Form),
        ("a key id as a path", sign(&head("../first"), &base, 1), Rejected::UnknownKey),
    ];
    for (what, token, expected) in attacks {
        assert_eq!(rejection(issuer.verify(&token, now).await.unwrap_err()), expected, "{what}");
    }
}

#[tokio::test]
async fn a_configured_claim_is_the_only_one_that_names_a_user() {
    let peer = Peer::start().await;
    let settings = IssuerSettings { user_claim: Some("upn".to_owned()), ..peer.settings() };
    let (issuer, now) = (Issuer::new(settings, outbound()), now());
    let base = with(&peer.claims(now), json!({"email": "ceo@contoso.com"}));
    let token = sign(&head("first"), &base, 1);
    assert_eq!(rejection(issuer.verify(&token, now).await.unwrap_err()), claim("upn"));
    let token = sign(&head("first"), &with(&base, json!({"upn": "ana"})), 1);
    assert_eq!(issuer.verify(&token, now).await.unwrap().subject, Subject::User("ana".to_owned()));
}

#[tokio::test]
async fn an_id_token_answers_one_sign_on_of_one_client() {
    let peer = Peer::start().await;
    let (issuer, now, nonce) = (peer.issuer(), now(), Secret::new("0123"));
    let base = with(&peer.claims(now), json!({"aud": CLIENT, "nonce": "0123", "client_id": null}));
    let jwt = with(&head("first"), json!({"typ": "JWT"}));
    let token = sign(&jwt, &base, 1);
    assert_eq!(issuer.verify_id_token(&token, &nonce, now).await.unwrap().subject, Subject::User("ana".to_owned()));
    let wrong = [
        (json!({"nonce": "0124"}), Rejected::Nonce),
        (json!({"nonce": null}), Rejected::Nonce),
        (json!({"aud": "other"}), Rejected::Audience),
        (json!({"aud": [CLIENT, "other"]}), claim("azp")),
        (json!({"aud": [CLIENT, "other"], "azp": "other"}), claim("azp")),
        (json!({"azp": "other"}), claim("azp")),
        (json!({"tid": "fabrikam"}), claim("tid")),
        (json!({"exp": now.timestamp() - 3600}), Rejected::Expired),
    ];
    for (changes, expected) in wrong {
        let token = sign(&jwt, &with(&base, changes.clone()), 1);
        assert_eq!(rejection(issuer.verify_id_token(&token, &nonce, now).await.unwrap_err()), expected, "{changes}");
    }
    let access = sign(&head("first"), &base, 1);
    assert_eq!(rejection(issuer.verify_id_token(&access, &nonce, now).await.unwrap_err()), Rejected::Type);
    let later = now + TimeDelta::hours(2);
    assert_eq!(rejection(issuer.verify_id_token(&token, &nonce, later).await.unwrap_err()), Rejected::Expired);
}
