//! What an issuer publishes of itself, read once an hour.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use polder_outbound::Outbound;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use url::Url;

use crate::error::IssuerError;

/// What an issuer publishes of itself (OpenID Connect Discovery 1.0), as far as it is used.
#[derive(Debug, Clone, Deserialize)]
pub struct Metadata {
    /// Its URL.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: Url,
    /// Where tokens are had.
    pub token_endpoint: Url,
    /// Where the device flow begins, if it is offered.
    #[serde(default)]
    pub device_authorization_endpoint: Option<Url>,
    /// Where its keys are.
    pub jwks_uri: Url,
    /// Whether its answers to the browser say that they are its own (RFC 9207).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

/// The metadata that was read last.
#[derive(Default)]
pub(crate) struct Discovery {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Option<(DateTime<Utc>, Arc<Metadata>)>,
    failed: Option<DateTime<Utc>>,
}

/// For how long what was read counts as current.
pub(super) const CURRENT: TimeDelta = TimeDelta::hours(1);
/// For how long it serves while the issuer does not answer, or not as it should.
pub(super) const STALE: TimeDelta = TimeDelta::hours(24);
/// How long an issuer that does not answer is left alone, so that a flood of tokens does not become a flood of calls.
pub(super) const PAUSE: TimeDelta = TimeDelta::seconds(5);

const WHAT: &str = "metadata";

impl Discovery {
    pub(super) async fn current(
        &self,
        issuer: &str,
        outbound: &Outbound,
        now: DateTime<Utc>,
    ) -> Result<Arc<Metadata>, IssuerError> {
        // Held while it is read: of many who wait, one asks.
        let mut state = self.state.lock().await;
        let known = |within| state.last.as_ref().filter(|(at, _)| now - *at < within).map(|(_, metadata)| metadata.clone());
        if let Some(current) = known(CURRENT) {
            return Ok(current);
        }
        let before = known(STALE);
        if state.failed.is_some_and(|at| now - at < PAUSE) {
            return before.ok_or_else(|| not_again(WHAT));
        }
        match read(issuer, outbound).await {
            Ok(metadata) => {
                *state = State { last: Some((now, metadata.clone())), failed: None };
                Ok(metadata)
            }
            Err(error) => {
                state.failed = Some(now);
                before.ok_or(error)
            }
        }
    }
}

/// What could not be read, and is not asked for again yet.
pub(super) fn not_again(what: &'static str) -> IssuerError {
    IssuerError::Wrong { what, why: "it could not be read a moment ago".to_owned() }
}

async fn read(issuer: &str, outbound: &Outbound) -> Result<Arc<Metadata>, IssuerError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata = fetch::<Metadata>(&url, outbound, WHAT).await?;
    if metadata.issuer == issuer {
        Ok(Arc::new(metadata))
    } else {
        Err(IssuerError::Wrong { what: WHAT, why: "it names another issuer".to_owned() })
    }
}

/// Reads a JSON document of the issuer.
pub(super) async fn fetch<T: DeserializeOwned>(url: &str, outbound: &Outbound, what: &'static str) -> Result<T, IssuerError> {
    let wrong = |why: String| IssuerError::Wrong { what, why };
    let request = http::Request::get(url).header(http::header::ACCEPT, "application/json").body(Bytes::new());
    let request = request.map_err(|_| wrong("its URL cannot be read".to_owned()))?;
    let answer = outbound.send(request).await.map_err(|e| IssuerError::Unavailable { what, source: Arc::new(e) })?;
    if !answer.status().is_success() {
        return Err(wrong(format!("it answers with status {}", answer.status().as_u16())));
    }
    serde_json::from_slice(answer.body())
        .map_err(|e| wrong(format!("it is not as the standard says, at line {} column {}", e.line(), e.column())))
}
