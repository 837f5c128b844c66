//! Who goes through the doors: where they are, and what opens them.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use polder_model::secret::Secret;
use reqwest::{RequestBuilder, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::client::Client;

/// Somebody with a token, and a recipient of shares with a profile.
pub(super) struct Visitor {
    /// The server's URL, without a slash at its end.
    pub(super) server: String,
    /// Where clients of PostgreSQL connect.
    pub(super) postgres: SocketAddr,
    /// Whose the token is.
    pub(super) name: &'static str,
    pub(super) token: Secret,
    /// The API, by that token.
    pub(super) api: Client,
    pub(super) profile: Profile,
    pub(super) http: reqwest::Client,
}

/// A profile of Delta Sharing, as far as it is used here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Profile {
    pub(super) endpoint: String,
    bearer_token: String,
}

impl Visitor {
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("{}{path}", self.server)).bearer_auth(self.token.expose())
    }

    pub(super) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.server)).bearer_auth(self.token.expose()).json(body)
    }

    /// A question of the recipient's.
    pub(super) fn post_as_recipient(&self, path: &str, body: &Value) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.profile.endpoint)).bearer_auth(&self.profile.bearer_token).json(body)
    }
}

/// The answer, unless it is a refusal. The address is in no error: some are secrets.
pub(super) async fn answer(request: RequestBuilder) -> anyhow::Result<Response> {
    let response = request.send().await.map_err(reqwest::Error::without_url).context("the server does not answer")?;
    let status = response.status();
    if !status.is_success() {
        bail!("the server answered {status}: {}", response.text().await.unwrap_or_default().trim_end());
    }
    Ok(response)
}

/// What the answer holds.
pub(super) async fn json(request: RequestBuilder) -> anyhow::Result<Value> {
    answer(request).await?.json().await.map_err(|error| error.without_url().into())
}

/// A text in an answer.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> anyhow::Result<&'v str> {
    value.pointer(pointer).and_then(Value::as_str).with_context(|| format!("the answer has no {pointer}"))
}
