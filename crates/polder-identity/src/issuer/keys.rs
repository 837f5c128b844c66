//! An issuer's keys, read once an hour and, for a key that is not known, at most once a minute: a storm of tokens with invented keys
//! is not passed on.

use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use polder_outbound::Outbound;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use super::discovery::{CURRENT, PAUSE, STALE, fetch, not_again};
use super::verify::Head;
use crate::error::IssuerError;

/// How seldom keys are read again because one is not known.
const UNKNOWN: TimeDelta = TimeDelta::minutes(1);

const WHAT: &str = "key set";

/// RSA keys of fewer bits are not accepted.
const RSA_BYTES: usize = 2048 / 8;

#[derive(Default)]
pub(crate) struct Keys {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Arc<[Jwk]>,
    read: Option<DateTime<Utc>>,
    tried: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Returns the key that a token's head names, if the issuer publishes it and it may sign so.
    pub(super) async fn find(
        &self,
        jwks_uri: &Url,
        outbound: &Outbound,
        head: &Head,
        now: DateTime<Utc>,
    ) -> Result<Option<DecodingKey>, IssuerError> {
        let mut state = self.state.lock().await;
        let age = state.read.map(|read| now - read);
        let known = named(&state.keys, head);
        let ask = match age {
            None => state.tried.is_none_or(|tried| now - tried >= PAUSE),
            Some(age) if age < CURRENT => known.is_none() && state.tried.is_none_or(|tried| now - tried >= UNKNOWN),
            Some(_) => state.tried.is_none_or(|tried| now - tried >= PAUSE),
        };
        if !ask {
            return match age {
                Some(age) if age < STALE => Ok(known),
                _ => Err(not_again(WHAT)),
            };
        }
        state.tried = Some(now);
        match fetch::<Published>(jwks_uri.as_str(), outbound, WHAT).await {
            Ok(published) => {
                // A key of a kind that we do not know is no fault of the others.
                state.keys = published.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
                state.read = Some(now);
                Ok(named(&state.keys, head))
            }
            Err(_) if age.is_some_and(|age| age < STALE) => Ok(known),
            Err(error) => Err(error),
        }
    }
}

/// The key of the head's name; without a name, the only key that could have signed.
fn named(keys: &[Jwk], head: &Head) -> Option<DecodingKey> {
    let mut fitting = keys.iter().filter(|key| match &head.key_id {
        Some(id) => key.common.key_id.as_ref() == Some(id),
        None => true,
    });
    let mut fitting = fitting.by_ref().filter(|key| may_sign(key, head.algorithm));
    let found = fitting.next()?;
    if head.key_id.is_none() && fitting.next().is_some() {
        return None;
    }
    DecodingKey::from_jwk(found).ok()
}

/// Whether a key is for signing, and for this algorithm: one of another type would be read as what it is not.
fn may_sign(key: &Jwk, algorithm: Algorithm) -> bool {
    let for_signing = key.common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature);
    let for_this = key.common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(algorithm));
    let fits = match (&key.algorithm, algorithm) {
        (
            AlgorithmParameters::RSA(rsa),
            Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512,
        ) => BASE64_URL_SAFE_NO_PAD.decode(&rsa.n).is_ok_and(|n| n.iter().skip_while(|byte| **byte == 0).count() >= RSA_BYTES),
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES256) => curve.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(curve), Algorithm::ES384) => curve.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(pair), Algorithm::EdDSA) => pair.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    for_signing && for_this && fits
}
