//! JSON Web Tokens that we make: a token of ours in the form that clients expect who trade a secret for a short-lived token.
//!
//! Signed with the tenant's key (Ed25519), so that every server of the platform believes it. It names the token that it was traded
//! for; whoever accepts it looks that one up again, and a revoked one opens nothing more.

use chrono::{DateTime, Utc};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use polder_model::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::error::Rejected;
use crate::secret;

/// What makes such tokens and knows them again.
pub struct Signer {
    url: String,
    key_id: String,
    signs: EncodingKey,
    checks: DecodingKey,
}

/// What such a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    iss: String,
    aud: String,
    /// Whom it stands for.
    pub sub: String,
    /// The id of the token that it was traded for.
    pub tid: String,
    /// What it is good for, in words between spaces.
    pub scope: String,
    iat: i64,
    exp: i64,
}

/// The bytes before the 32 of a private Ed25519 key in PKCS #8 (RFC 8410).
const PKCS8_ED25519: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

impl Issued {
    /// When it ends.
    #[must_use]
    pub fn expires(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.exp, 0).unwrap_or_default()
    }
}

impl Signer {
    /// Makes a signer of the tenant's key, 64 hexadecimal digits, for the server at this URL. `None` when that is no key.
    #[must_use]
    pub fn new(key: &Secret, url: &str) -> Option<Self> {
        let seed: [u8; 32] = hex::decode(key.expose()).ok()?.try_into().ok()?;
        let signs = EncodingKey::from_ed_der(&[PKCS8_ED25519.as_slice(), &seed].concat());
        let public = Jwk::from_encoding_key(&signs, Algorithm::EdDSA).ok()?;
        let checks = DecodingKey::from_jwk(&public).ok()?;
        let fingerprint = secret::hash(&hex::encode(checks.try_get_as_bytes().ok()?));
        Some(Self { url: url.to_owned(), key_id: format!("polder-{}", &fingerprint[..16]), signs, checks })
    }

    /// Makes a token. `None` when it cannot be signed.
    #[must_use]
    pub fn issue(&self, sub: &str, tid: &str, scope: &str, now: DateTime<Utc>, expires: DateTime<Utc>) -> Option<Secret> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some("at+jwt".to_owned());
        header.kid = Some(self.key_id.clone());
        let claims = Issued {
            iss: self.url.clone(),
            aud: self.url.clone(),
            sub: sub.to_owned(),
            tid: tid.to_owned(),
            scope: scope.to_owned(),
            iat: now.timestamp(),
            exp: expires.timestamp(),
        };
        encode(&header, &claims, &self.signs).ok().map(Secret::new)
    }

    /// Whether a token says that we made it; [`Signer::verify`] tells whether that is true.
    #[must_use]
    pub fn is_ours(&self, token: &str) -> bool {
        decode_header(token).is_ok_and(|header| header.kid.as_deref() == Some(&self.key_id))
    }

    /// Reads a token that we made.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Issued, Rejected> {
        let mut rules = Validation::new(Algorithm::EdDSA);
        // Times are checked below, against the caller's clock.
        (rules.validate_exp, rules.validate_aud) = (false, false);
        rules.required_spec_claims.clear();
        let claims = decode::<Issued>(token, &self.checks, &rules).map_err(|_| Rejected::Signature)?.claims;
        match () {
            () if claims.iss != self.url => Err(Rejected::Issuer),
            () if claims.aud != self.url => Err(Rejected::Audience),
            () if claims.exp <= now.timestamp() => Err(Rejected::Expired),
            () => Ok(claims),
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn signer(digit: char, url: &str) -> Signer {
        Signer::new(&Secret::new(digit.to_string().repeat(64)), url).unwrap()
    }

    #[test]
    fn a_token_is_believed_by_whoever_has_the_key_until_it_ends() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (here, also_here) = (signer('a', "https://polder"), signer('a', "https://polder"));
        let token = here.issue("loader", "0123", "read query", now, now + TimeDelta::hours(1)).unwrap();
        assert!(also_here.is_ours(token.expose()));
        let read = also_here.verify(token.expose(), now).unwrap();
        assert_eq!((read.sub.as_str(), read.tid.as_str(), read.scope.as_str()), ("loader", "0123", "read query"));
        assert_eq!(here.verify(token.expose(), now + TimeDelta::hours(1)), Err(Rejected::Expired));
        let other = signer('b', "https://polder");
        assert!(!other.is_ours(token.expose()));
        assert_eq!(other.verify(token.expose(), now), Err(Rejected::Signature));
        assert_eq!(signer('a', "https://other").verify(token.expose(), now), Err(Rejected::Issuer));
    }

    #[test]
    fn a_token_that_was_changed_is_not_believed() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let here = signer('a', "https://polder");
        let token = here.issue("loader", "0123", "read", now, now + TimeDelta::hours(1)).unwrap();
        let other = here.issue("admin", "4567", "admin", now, now + TimeDelta::hours(1)).unwrap();
        let (head, rest) = token.expose().split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let payload = other.expose().split('.').nth(1).unwrap();
        assert_eq!(here.verify(&format!("{head}.{payload}.{signature}"), now), Err(Rejected::Signature));
    }
}
