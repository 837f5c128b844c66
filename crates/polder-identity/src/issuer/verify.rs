//! Whether a token is the issuer's, is for us, and is so now.
//!
//! The crate `jsonwebtoken` checks signatures. What a token says is checked here: the crate would compare times with its own clock and
//! take a list of issuers for one.

use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use polder_model::secret::Secret;
use serde_json::{Map, Value};

use super::IssuerSettings;
use crate::error::Rejected;
use crate::secret;

/// What a token is used as.
pub(crate) enum Use<'a> {
    /// To call us.
    Access,
    /// To tell us who signed in, in answer to the sign-on with this nonce.
    Identity {
        /// The nonce.
        nonce: &'a Secret,
    },
}

/// What of a token's head counts. All else in it is what its maker wishes: keys and addresses of keys are not read from there.
pub(crate) struct Head {
    pub(crate) algorithm: Algorithm,
    pub(crate) key_id: Option<String>,
}

/// A token that is the issuer's.
pub(crate) struct Verified {
    pub(crate) claims: Map<String, Value>,
    pub(crate) subject: String,
    pub(crate) expires: DateTime<Utc>,
}

/// How far clocks may differ, in seconds.
const LEEWAY: i64 = 60;
/// Longer tokens are not read.
const LONGEST: usize = 16 << 10;

const ACCEPTED: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Reads the head of a token, and refuses what no key could mend.
pub(crate) fn head(token: &str, purpose: &Use<'_>) -> Result<Head, Rejected> {
    if token.len() > LONGEST {
        return Err(Rejected::Form);
    }
    // `none` is no algorithm that the crate knows, and no form that it reads.
    let header = decode_header(token).map_err(|_| Rejected::Form)?;
    if !ACCEPTED.contains(&header.alg) {
        return Err(Rejected::Algorithm);
    }
    // `crit` names what must be understood, and nothing of that is.
    if header.crit.is_some() || header.enc.is_some() || header.zip.is_some() {
        return Err(Rejected::Form);
    }
    let kind = header.typ.as_deref().map(str::to_ascii_lowercase);
    match (kind.as_deref().map(|kind| kind.strip_prefix("application/").unwrap_or(kind)), purpose) {
        (None | Some("jwt"), _) | (Some("at+jwt"), Use::Access) => {}
        _ => return Err(Rejected::Type),
    }
    Ok(Head { algorithm: header.alg, key_id: header.kid })
}

/// Judges a token whose key is known.
pub(crate) fn token(
    token: &str,
    head: &Head,
    key: &DecodingKey,
    settings: &IssuerSettings,
    purpose: &Use<'_>,
    now: DateTime<Utc>,
) -> Result<Verified, Rejected> {
    let mut rules = Validation::new(head.algorithm);
    (rules.validate_exp, rules.validate_aud) = (false, false);
    rules.required_spec_claims.clear();
    let claims = decode::<Map<String, Value>>(token, key, &rules).map_err(|_| Rejected::Signature)?.claims;
    if claims.get("iss").and_then(Value::as_str) != Some(&settings.issuer) {
        return Err(Rejected::Issuer);
    }
    let expires = times(&claims, now.timestamp())?;
    match purpose {
        Use::Access => access(&claims, &settings.audience)?,
        Use::Identity { nonce } => identity(&claims, &settings.client_id, nonce)?,
    }
    for (claim, wanted) in &settings.required_claims {
        if !claims.get(claim).is_some_and(|value| holds(value, wanted)) {
            return Err(Rejected::Claim(claim.clone()));
        }
    }
    let subject = claims.get("sub").and_then(Value::as_str).filter(|subject| !subject.is_empty());
    let subject = subject.ok_or_else(|| Rejected::Claim("sub".to_owned()))?.to_owned();
    Ok(Verified { claims, subject, expires })
}

/// Checks `exp`, which must be there, and `nbf` and `iat`, which need not.
fn times(claims: &Map<String, Value>, now: i64) -> Result<DateTime<Utc>, Rejected> {
    let expires = time(claims, "exp")?.ok_or_else(|| Rejected::Claim("exp".to_owned()))?;
    if expires.saturating_add(LEEWAY) <= now {
        return Err(Rejected::Expired);
    }
    for claim in ["nbf", "iat"] {
        if time(claims, claim)?.is_some_and(|time| time > now.saturating_add(LEEWAY)) {
            return Err(Rejected::Future);
        }
    }
    DateTime::from_timestamp(expires, 0).ok_or_else(|| Rejected::Claim("exp".to_owned()))
}

/// A time in seconds. Parts of a second, which the standard allows, are left out.
fn time(claims: &Map<String, Value>, claim: &str) -> Result<Option<i64>, Rejected> {
    let Some(value) = claims.get(claim) else { return Ok(None) };
    #[expect(clippy::cast_possible_truncation, reason = "a number beyond the range becomes its end")]
    let seconds = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds as i64));
    seconds.map(Some).ok_or_else(|| Rejected::Claim(claim.to_owned()))
}

fn access(claims: &Map<String, Value>, audience: &str) -> Result<(), Rejected> {
    if !claims.get("aud").is_some_and(|value| holds(value, audience)) {
        return Err(Rejected::Audience);
    }
    // An id token tells who signed in at some client, and opens nothing. Where the audience is the client, only these tell them apart.
    if ["nonce", "at_hash", "c_hash"].iter().any(|claim| claims.contains_key(*claim)) {
        return Err(Rejected::Type);
    }
    Ok(())
}

fn identity(claims: &Map<String, Value>, client_id: &str, nonce: &Secret) -> Result<(), Rejected> {
    let audience = claims.get("aud");
    if !audience.is_some_and(|value| holds(value, client_id)) {
        return Err(Rejected::Audience);
    }
    let several = audience.and_then(Value::as_array).is_some_and(|list| list.len() > 1);
    match claims.get("azp").map(Value::as_str) {
        Some(Some(party)) if party == client_id => {}
        None if !several => {}
        _ => return Err(Rejected::Claim("azp".to_owned())),
    }
    let answered = claims.get("nonce").and_then(Value::as_str).unwrap_or_default();
    if secret::same(answered, nonce.expose()) { Ok(()) } else { Err(Rejected::Nonce) }
}

/// Whether a claim is this text, or a list that has it.
fn holds(value: &Value, wanted: &str) -> bool {
    match value {
        Value::String(text) => text == wanted,
        Value::Array(list) => list.iter().any(|item| item.as_str() == Some(wanted)),
        _ => false,
    }
}
