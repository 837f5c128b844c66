//! A receiver of calls: it answers as it is told to, and remembers what it got.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

#[derive(Clone, Default)]
struct Shared {
    got: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<Vec<(u16, &'static str)>>>,
}

pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    shared: Shared,
}

impl Receiver {
    /// Answers with these, in order, and with 200 and nothing after that.
    pub(crate) async fn answering(answers: &[(u16, &'static str)]) -> Self {
        let shared = Shared::default();
        shared.answers.lock().unwrap().extend(answers.iter().rev());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(receive).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, shared }
    }

    pub(crate) fn got(&self) -> Vec<Received> {
        self.shared.got.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn receive(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    shared.got.lock().unwrap().push(Received { method, uri, headers, body });
    let (status, text) = shared.answers.lock().unwrap().pop().unwrap_or((200, ""));
    (StatusCode::from_u16(status).unwrap(), text)
}
