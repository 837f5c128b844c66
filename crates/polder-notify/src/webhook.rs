//! Webhooks: a POST of JSON, signed so that the receiver knows who sent it, when, and that nothing was changed.
//!
//! The signature is HMAC-SHA256, keyed with the shared secret, over the timestamp, a full stop and the body's bytes. A receiver
//! checks it before it reads the body, refuses timestamps older than some minutes, and knows repetitions by the delivery's id.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use http::{Method, Request};
use polder_model::secret::Secret;
use sha2::Sha256;
use uuid::Uuid;

use crate::error::SendError;
use crate::notice::Notice;

/// The header with the delivery's id, the same at each attempt.
pub const DELIVERY: &str = "polder-delivery";
/// The header with what happened.
pub const EVENT: &str = "polder-event";
/// The header with when it was sent, in seconds since 1970.
pub const TIMESTAMP: &str = "polder-timestamp";
/// The header with the signature: `v1=` and 64 hexadecimal digits.
pub const SIGNATURE: &str = "polder-signature";

/// Makes the request that tells of a notice.
///
/// # Errors
/// [`SendError::Message`] when the notice or the URL cannot be written.
pub fn message(
    url: &url::Url,
    secret: &Secret,
    id: Uuid,
    notice: &Notice,
    now: DateTime<Utc>,
) -> Result<Request<Bytes>, SendError> {
    let body = serde_json::to_vec(notice).map_err(|e| SendError::Message { why: e.to_string() })?;
    let timestamp = now.timestamp().to_string();
    let request = Request::builder()
        .method(Method::POST)
        .uri(url.as_str())
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(DELIVERY, id.to_string())
        .header(EVENT, &notice.event)
        .header(SIGNATURE, signature(secret, &timestamp, &body))
        .header(TIMESTAMP, timestamp);
    request.body(body.into()).map_err(|e| SendError::Message { why: e.to_string() })
}

/// Returns the signature of a body that is sent at a time.
#[must_use]
pub fn signature(secret: &Secret, timestamp: &str, body: &[u8]) -> String {
    format!("v1={}", hex::encode(keyed(secret, timestamp, body).finalize().into_bytes()))
}

/// Whether a signature is that of a body and its timestamp. Takes as long for a wrong one as for a right one.
#[must_use]
pub fn verify(secret: &Secret, timestamp: &str, body: &[u8], signature: &str) -> bool {
    let Some(given) = signature.strip_prefix("v1=").and_then(|digits| hex::decode(digits).ok()) else { return false };
    keyed(secret, timestamp, body).verify_slice(&given).is_ok()
}

fn keyed(secret: &Secret, timestamp: &str, body: &[u8]) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
    let mut mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac
}
