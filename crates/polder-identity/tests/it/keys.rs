//! How often an issuer is asked, and which of its keys count.

use std::sync::atomic::Ordering;

use chrono::TimeDelta;
use polder_identity::{Issuer, IssuerError, IssuerSettings, Rejected};
use polder_outbound::{Outbound, OutboundConfig};
use serde_json::json;

use crate::peer::{Peer, head, key, now, outbound, sign};

fn unknown(result: Result<polder_identity::Claimed, IssuerError>) -> bool {
    matches!(result, Err(IssuerError::Rejected(Rejected::UnknownKey)))
}

#[tokio::test]
async fn a_storm_of_unknown_keys_asks_the_issuer_once_a_minute() {
    let peer = Peer::start().await;
    let (issuer, start) = (peer.issuer(), now());
    let claims = peer.claims(start);
    issuer.verify(&sign(&head("first"), &claims, 1), start).await.unwrap();
    assert_eq!(peer.asked(), 1);
    for storm in 0..200 {
        let token = sign(&head(&format!("invented{storm}")), &claims, 2);
        assert!(unknown(issuer.verify(&token, start + TimeDelta::milliseconds(storm)).await));
    }
    assert_eq!(peer.asked(), 1);
    let later = start + TimeDelta::minutes(1);
    for storm in 0..50 {
        assert!(unknown(issuer.verify(&sign(&head(&format!("new{storm}")), &claims, 2), later).await));
    }
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn a_key_that_the_issuer_changed_is_taken_up_and_the_old_one_let_go() {
    let peer = Peer::start().await;
    let (issuer, start) = (peer.issuer(), now());
    let claims = peer.claims(start);
    let (old, new) = (sign(&head("first"), &claims, 1), sign(&head("second"), &claims, 2));
    issuer.verify(&old, start).await.unwrap();
    peer.publish(vec![key(2, "second").1]);
    let later = start + TimeDelta::minutes(2);
    issuer.verify(&new, later).await.unwrap();
    assert!(unknown(issuer.verify(&old, later).await));
    assert_eq!(peer.asked(), 2);
}

#[tokio::test]
async fn what_was_read_serves_for_a_day_while_the_issuer_is_down() {
    let peer = Peer::start().await;
    let (issuer, start) = (peer.issuer(), now());
    let mut claims = peer.claims(start);
    claims["exp"] = (start.timestamp() + 1_000_000).into();
    let token = sign(&head("first"), &claims, 1);
    issuer.verify(&token, start).await.unwrap();
    peer.status.store(503, Ordering::SeqCst);
    issuer.verify(&token, start + TimeDelta::hours(23)).await.unwrap();
    let day = start + TimeDelta::hours(24);
    assert!(matches!(issuer.verify(&token, day).await, Err(IssuerError::Wrong { .. })));
    // An issuer that is back is asked again.
    peer.status.store(200, Ordering::SeqCst);
    assert!(matches!(issuer.verify(&token, day).await, Err(IssuerError::Wrong { .. })));
    issuer.verify(&token, day + TimeDelta::seconds(5)).await.unwrap();
    // One that never answered is not asked for every token.
    peer.status.store(503, Ordering::SeqCst);
    let fresh = peer.issuer();
    for _ in 0..2 {
        assert!(matches!(fresh.verify(&token, start).await, Err(IssuerError::Wrong { .. })));
    }
}

#[tokio::test]
async fn keys_that_may_not_sign_so_do_not_count() {
    let peer = Peer::start().await;
    let start = now();
    let claims = peer.claims(start);
    let token = sign(&head("first"), &claims, 1);
    let good = key(1, "first").1;
    let variants = [
        ("for encryption", json!({"use": "enc"})),
        ("for another algorithm", json!({"alg": "ES256"})),
        ("a symmetric key", json!({"kty": "oct", "k": "AAAA", "crv": null, "x": null})),
        ("a short RSA key", json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "crv": null, "x": null, "alg": "RS256"})),
    ];
    for (what, changes) in variants {
        let mut bad = good.as_object().unwrap().clone();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                bad.remove(name)
            } else {
                bad.insert(name.clone(), value.clone())
            };
        }
        peer.publish(vec![json!({"kty": "quantum", "kid": "first"}), bad.into()]);
        assert!(unknown(peer.issuer().verify(&token, start).await), "{what}");
    }
    peer.publish(vec![json!({"kty": "quantum", "kid": "other"}), good]);
    peer.issuer().verify(&token, start).await.unwrap();
}

#[tokio::test]
async fn metadata_of_another_issuer_and_private_addresses_are_refused() {
    let peer = Peer::start().await;
    let start = now();
    let token = sign(&head("first"), &peer.claims(start), 1);
    let settings = IssuerSettings { issuer: peer.url.replace("127.0.0.1", "localhost"), ..peer.settings() };
    let refused = Issuer::new(settings, outbound()).verify(&token, start).await.unwrap_err();
    assert!(matches!(refused, IssuerError::Wrong { .. } | IssuerError::Unavailable { .. }), "{refused:?}");
    let closed = Outbound::new(OutboundConfig::default());
    let refused = Issuer::new(peer.settings(), closed).verify(&token, start).await.unwrap_err();
    assert!(matches!(refused, IssuerError::Unavailable { .. }), "{refused:?}");
    assert_eq!(peer.asked(), 0);
}
