//! A provider between a share's server and whoever receives it: it knows the recipient by a secret that tests have, counts what is
//! asked, and answers otherwise than the server where a test says so.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Of the workspace's `.cargo/config.toml`.
pub(super) const SECRET: &str = env!("POLDER_SECRET_TEST");

/// What is answered otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Otherwise {
    #[default]
    Not,
    /// Files are said to be here.
    FilesAt(String),
    /// Files are said to have another size.
    Sizes,
    /// Addresses of files end at once, the first time.
    Expired,
    /// Files are refused, the first time that each is fetched.
    RefusedOnce,
    /// Files lead elsewhere.
    Redirect,
    /// Files come with some bytes changed.
    Damaged,
    /// Each file is on a page of its own.
    Pages,
    /// The table is another, in the same version.
    AnotherTable,
    /// The server is in trouble.
    Trouble,
}

#[derive(Clone)]
pub(super) struct Provider {
    at: String,
    upstream: String,
    token: String,
    client: reqwest::Client,
    pub(super) otherwise: Arc<Mutex<Otherwise>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Provider {
    /// Begins. `endpoint` is the server's, with the part of its address that begins the protocol's paths.
    pub(super) async fn start(endpoint: &str, token: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = endpoint.split_inclusive('/').take(3).collect::<String>().trim_end_matches('/').to_owned();
        let provider = Self {
            at: format!("http://{}", listener.local_addr().unwrap()),
            upstream,
            token: token.to_owned(),
            client: reqwest::Client::new(),
            otherwise: Arc::default(),
            seen: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        provider
    }

    /// Where the share is offered.
    pub(super) fn endpoint(&self) -> String {
        format!("{}/delta-sharing", self.at)
    }

    pub(super) fn answers(&self, otherwise: Otherwise) {
        *self.otherwise.lock().unwrap() = otherwise;
    }

    /// What was asked since this was asked last: the last part of each path, or `file`.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

async fn answer(State(provider): State<Provider>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let is_file = path.contains("/files/");
    let what = if is_file { "file".to_owned() } else { path.rsplit('/').next().unwrap_or_default().to_owned() };
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let hint = said["jsonPredicateHints"].as_str().map(|hint| format!(" {hint}")).unwrap_or_default();
    let limit = said["limitHint"].as_u64().map(|limit| format!(" limit {limit}")).unwrap_or_default();
    let first = {
        let mut seen = provider.seen.lock().unwrap();
        seen.push(format!("{what}{hint}{limit}"));
        seen.iter().filter(|seen| seen.starts_with(&what)).count() == 1
    };
    let otherwise = provider.otherwise.lock().unwrap().clone();
    if path == "/token" {
        let basic = headers.get("authorization").is_some_and(|value| value.to_str().unwrap().starts_with("Basic "));
        let form = String::from_utf8(body.to_vec()).unwrap();
        let known = basic && form == "grant_type=client_credentials&scope=all";
        let token = json!({"access_token": SECRET, "expires_in": 3600, "token_type": "Bearer"});
        return if known { Json(token).into_response() } else { StatusCode::UNAUTHORIZED.into_response() };
    }
    match otherwise {
        Otherwise::Trouble => return (StatusCode::INTERNAL_SERVER_ERROR, "secret words").into_response(),
        Otherwise::Redirect if is_file => return (StatusCode::FOUND, [("location", "http://127.0.0.1:1/")]).into_response(),
        Otherwise::RefusedOnce if is_file && first => return StatusCode::FORBIDDEN.into_response(),
        _ => {}
    }
    let mut request = provider.client.request(method, format!("{}{uri}", provider.upstream)).body(body);
    for (name, value) in &headers {
        if name == "authorization" {
            let known = value == &format!("Bearer {SECRET}");
            request = if known { request.bearer_auth(&provider.token) } else { request.header(name, value) };
        } else if name != "host" && name != "content-length" {
            request = request.header(name, value);
        }
    }
    let there = request.send().await.unwrap();
    let (status, version) = (there.status(), there.headers().get("delta-table-version").cloned());
    let mut bytes = there.bytes().await.unwrap().to_vec();
    if is_file && otherwise == Otherwise::Damaged {
        bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
    }
    if !is_file && status.is_success() {
        bytes = provider.lines(&bytes, &otherwise, &said, first);
    }
    let mut response = (status, bytes).into_response();
    if let Some(version) = version {
        response.headers_mut().insert("delta-table-version", version);
    }
    response
}

impl Provider {
    fn lines(&self, bytes: &[u8], otherwise: &Otherwise, said: &Value, first: bool) -> Vec<u8> {
        let text = std::str::from_utf8(bytes).unwrap();
        let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        if *otherwise == Otherwise::AnotherTable {
            for line in lines.iter_mut().filter(|line| line.get("metaData").is_some()) {
                line["metaData"]["id"] = "another".into();
            }
        }
        for line in lines.iter_mut().filter(|line| line.get("file").is_some()) {
            let file = &mut line["file"];
            let url = file["url"].as_str().unwrap().replace(&self.upstream, &self.at);
            file["url"] = url.into();
            match otherwise {
                Otherwise::FilesAt(place) => file["url"] = place.clone().into(),
                Otherwise::Sizes => file["size"] = (file["size"].as_u64().unwrap() + 1).into(),
                Otherwise::Expired if first => {
                    file["expirationTimestamp"] = 1.into();
                    file["url"] = format!("{}/gone/files/x", self.at).into();
                }
                _ => {}
            }
        }
        if *otherwise == Otherwise::Pages {
            let page: usize = said["pageToken"].as_str().map_or(0, |token| token.parse().unwrap());
            let files: Vec<Value> = lines.iter().filter(|line| line.get("file").is_some()).cloned().collect();
            lines.retain(|line| line.get("file").is_none());
            lines.extend(files.get(page).cloned());
            let next = (page + 1 < files.len()).then(|| (page + 1).to_string());
            lines.push(json!({"endStreamAction": {"nextPageToken": next}}));
        }
        lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
    }
}
