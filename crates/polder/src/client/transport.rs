//! How a request gets to the API and its answer back: through the router in this process, or over HTTP.

use std::io;

use anyhow::Context as _;
use bytes::Bytes;
use futures::StreamExt as _;
use http::{Method, Request, Response, header};
use polder_model::PrincipalName;
use polder_model::secret::Secret;
use polder_server::InProcess;
use polder_server::local::Answer;
use url::Url;

use crate::failure::{Exit, Failure};

/// How a request gets to the API.
#[derive(Clone)]
pub(crate) enum Transport {
    /// Through the router in this process.
    InProcess(InProcess),
    /// Over HTTP.
    Remote(Remote),
}

/// A server, and the token that it knows the caller by.
#[derive(Clone)]
pub(crate) struct Remote {
    server: Url,
    token: Option<Secret>,
    http: reqwest::Client,
}

impl Remote {
    pub(crate) fn new(server: Url, token: Option<Secret>) -> anyhow::Result<Self> {
        // A redirect would carry the token to where nobody looked.
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).user_agent("polder").build()?;
        Ok(Self::by(http, server, token))
    }

    /// The same by a client of HTTP that is there already.
    pub(crate) const fn by(http: reqwest::Client, server: Url, token: Option<Secret>) -> Self {
        Self { server, token, http }
    }

    async fn call<B: Into<reqwest::Body>>(&self, request: Request<B>) -> anyhow::Result<Response<Answer>> {
        let (parts, body) = request.into_parts();
        let address = format!("{}{}", self.server.as_str().trim_end_matches('/'), parts.uri);
        let mut sent = self.http.request(parts.method, address).headers(parts.headers).body(body);
        if let Some(token) = &self.token {
            sent = sent.bearer_auth(token.expose());
        }
        let response = sent.send().await.map_err(|error| self.unreachable(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut answer = Response::new(response.bytes_stream().map(|part| part.map_err(io::Error::other)).boxed());
        *answer.status_mut() = status;
        *answer.headers_mut() = headers;
        Ok(answer)
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        let message = format!("the server {} does not answer", self.server);
        Failure::new(Exit::Unavailable, message, "see that the address is right and that the server runs")
            .because(error.without_url())
    }
}

impl Transport {
    /// The same on behalf of someone else.
    pub(super) fn acting(&self, act_as: PrincipalName) -> Self {
        match self {
            Self::InProcess(local) => Self::InProcess(local.acting(Some(act_as))),
            Self::Remote(remote) => Self::Remote(remote.clone()),
        }
    }

    /// Sends a request with a JSON body, or with none.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        accept: &str,
    ) -> anyhow::Result<Response<Answer>> {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, accept);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(body.unwrap_or_default().into()).context("cannot write the request")?).await
    }

    /// Sends a request.
    pub(super) async fn send(&self, request: Request<Bytes>) -> anyhow::Result<Response<Answer>> {
        match self {
            Self::InProcess(local) => Ok(local.call(request).await),
            Self::Remote(remote) => remote.call(request).await,
        }
    }

    /// Sends a request whose body comes in parts.
    pub(super) async fn send_with(&self, request: Request<Answer>) -> anyhow::Result<Response<Answer>> {
        match self {
            Self::InProcess(local) => Ok(local.call_with(request).await),
            Self::Remote(remote) => remote.call(request.map(reqwest::Body::wrap_stream)).await,
        }
    }
}
