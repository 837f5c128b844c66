//! What a server tells of itself: a line for each request, counts and times of requests.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::identified::{Identified, LocalIdentity, RequestId};
use crate::problem;

/// The header that bears a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request, follows it with a span, counts it, and writes the body of its refusal.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let local = request.extensions().get::<LocalIdentity>().is_some();
    request.extensions_mut().insert(RequestId(id.clone()));
    // Paths and headers hold what people wrote: only the route is in the log, and the path through `Debug`, which escapes it.
    let span = tracing::info_span!("request", %method, route, path = ?request.uri().path(), request_id = %id);
    let response = next.run(request).instrument(span.clone()).await;
    let who = response.extensions().get::<Identified>().map(|Identified(identity)| identity.name().to_owned());
    let status = response.status().as_u16();
    let mut response = span.in_scope(|| {
        let seconds = started.elapsed().as_secs_f64();
        let labels = [("method", method.to_string()), ("route", route), ("status", status.to_string())];
        metrics::counter!("polder_http_requests_total", &labels).increment(1);
        metrics::histogram!("polder_http_request_seconds", &labels).record(seconds);
        tracing::info!(status, seconds, principal = who, "answered");
        problem::write(response, &id, local)
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The id that a request bears, if it is one that may stand in logs and headers; otherwise a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |text: &&str| (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    given.filter(plain).map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned)
}
