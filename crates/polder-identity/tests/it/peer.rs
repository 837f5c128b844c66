//! An issuer on a loopback port: its metadata, its keys, and tokens that it would or would never sign.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use polder_identity::{Issuer, IssuerSettings};
use polder_outbound::{Outbound, OutboundConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

pub(crate) const AUDIENCE: &str = "https://polder.example";
pub(crate) const CLIENT: &str = "polder";

pub(crate) struct Peer {
    pub(crate) url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    /// How often the keys were asked for.
    pub(crate) asked: Arc<AtomicUsize>,
    /// The status that it answers with.
    pub(crate) status: Arc<AtomicUsize>,
}

impl Peer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, status) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(200)));
        let keys = Arc::new(Mutex::new(vec![key(1, "first").1]));
        let peer = Self { url: url.clone(), keys: keys.clone(), asked: asked.clone(), status: status.clone() };
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = vec![0_u8; 8192];
                let read = stream.read(&mut request).await.unwrap_or(0);
                let head = String::from_utf8_lossy(&request[..read]).into_owned();
                let body = if head.starts_with("GET /jwks ") {
                    asked.fetch_add(1, Ordering::SeqCst);
                    json!({"keys": *keys.lock().unwrap()})
                } else {
                    json!({"issuer": url, "authorization_endpoint": format!("{url}/auth"), "token_endpoint": format!("{url}/token"),
                           "jwks_uri": format!("{url}/jwks")})
                };
                let (status, body) = (status.load(Ordering::SeqCst), body.to_string());
                let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        peer
    }

    /// Publishes these keys, and no others.
    pub(crate) fn publish(&self, keys: Vec<Value>) {
        *self.keys.lock().unwrap() = keys;
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn settings(&self) -> IssuerSettings {
        IssuerSettings {
            issuer: self.url.clone(),
            audience: AUDIENCE.to_owned(),
            client_id: CLIENT.to_owned(),
            client_secret: None,
            user_claim: None,
            scopes: vec!["openid".to_owned()],
            required_claims: [("tid".to_owned(), "contoso".to_owned())].into(),
        }
    }

    pub(crate) fn issuer(&self) -> Issuer {
        Issuer::new(self.settings(), outbound())
    }

    /// The claims of a token that is believed.
    pub(crate) fn claims(&self, now: DateTime<Utc>) -> Value {
        json!({"iss": self.url, "aud": AUDIENCE, "sub": "ana", "tid": "contoso", "client_id": CLIENT,
               "iat": now.timestamp(), "exp": (now + TimeDelta::hours(1)).timestamp()})
    }
}

pub(crate) fn outbound() -> Outbound {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    Outbound::new(OutboundConfig { allow, timeout: Duration::from_secs(5), max_body_bytes: 1 << 20 })
}

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// A signing key that follows from a number, and what is published of it.
pub(crate) fn key(seed: u8, id: &str) -> (EncodingKey, Value) {
    let pkcs8 = [[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20].as_slice(), &[seed; 32]].concat();
    let key = EncodingKey::from_ed_der(&pkcs8);
    let mut public = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::EdDSA).unwrap()).unwrap();
    public["kid"] = id.into();
    (key, public)
}

pub(crate) fn head(id: &str) -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": id})
}

/// Signs as the key with this seed would, whatever the head says.
pub(crate) fn sign(head: &Value, claims: &Value, seed: u8) -> String {
    let message = message(head, claims);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key(seed, "").0, Algorithm::EdDSA).unwrap();
    format!("{message}.{signature}")
}

pub(crate) fn sign_with_secret(head: &Value, claims: &Value, secret: &[u8]) -> String {
    let message = message(head, claims);
    let key = EncodingKey::from_secret(secret);
    format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap())
}

pub(crate) fn message(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(head), part(claims))
}

#[test]
fn the_head_that_tests_write_is_the_crates() {
    let header: Header = serde_json::from_value(head("first")).unwrap();
    assert_eq!(header.alg, Algorithm::EdDSA);
}
