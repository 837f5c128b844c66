//! Idempotency keys: a POST that is sent again with the same `Idempotency-Key` is answered as it was, and not done again.

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use polder_store::Keyed;
use sha2::{Digest as _, Sha256};

use crate::identified::Identified;
use crate::problem::Problem;
use crate::state::App;

/// The header that bears the key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that says of an answer that it was given before.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

const JSON: &str = "application/json";
/// The largest answer that is kept, in bytes.
const ANSWER_LIMIT: usize = 1 << 20;

/// Put into an answer that holds a secret: it is never kept, and so never given again.
#[derive(Debug, Clone, Copy)]
pub struct NeverKept;

/// Put into an answer that tells what is there and changed nothing: it may be asked for again, and be another then.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChangedNothing;

/// Answers a request as one like it was answered, or keeps its answer.
pub(crate) async fn replay(State(app): State<App>, request: Request, next: Next) -> Response {
    let key = match key(&request) {
        Ok(Some(key)) => key,
        Ok(None) => return next.run(request).await,
        Err(problem) => return problem.into_response(),
    };
    let Some(Identified(identity)) = request.extensions().get::<Identified>() else { return next.run(request).await };
    let principal = identity.name().to_owned();
    replayed(&app, &principal, &key, request, next).await.unwrap_or_else(Problem::into_response)
}

async fn replayed(app: &App, principal: &str, key: &str, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let limit = app.config.limits.body_bytes;
    let body = to_bytes(body, limit).await.map_err(|_| {
        Problem::invalid(format!("the body has more than {limit} bytes, or broke off")).with_status(StatusCode::PAYLOAD_TOO_LARGE)
    })?;
    let address = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let digest = hex::encode(Sha256::new().chain_update(address).chain_update([0]).chain_update(&body).finalize());
    match app.store.take_key(principal, key, &digest, Utc::now()).await? {
        Keyed::First => {}
        Keyed::Answered { status, body: Some(body) } => return Ok(given_before(status, body)),
        Keyed::Answered { body: None, .. } => {
            return Err(Problem::conflict("this was done already, and its answer is not shown again")
                .with_hint("look up what it made; to do it once more, send a new Idempotency-Key"));
        }
        Keyed::UnderWay { since } => {
            return Err(Problem::conflict(format!("a request with this key is being worked on since {since}"))
                .with_hint("wait for its answer; should its server be gone, look whether it was done, then send a new key"));
        }
        Keyed::Another => {
            return Err(Problem::unprocessable("this Idempotency-Key was used for another request")
                .with_code("idempotency_key_reused")
                .with_hint("send a new key with each new request"));
        }
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(app, principal, key, response).await
}

/// Keeps an answer. What failed for want of something that may be there later is not kept: it may be tried again.
async fn keep(app: &App, principal: &str, key: &str, response: Response) -> Result<Response, Problem> {
    let again = response.status().is_server_error()
        || matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
    let changed_nothing =
        response.extensions().get::<Problem>().is_some() || response.extensions().get::<ChangedNothing>().is_some();
    if again || changed_nothing {
        app.store.give_key_back(principal, key).await?;
        return Ok(response);
    }
    let status = response.status().as_u16();
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|form| form == JSON);
    let shown_again = is_json && response.extensions().get::<NeverKept>().is_none();
    let (parts, body) = response.into_parts();
    if body.size_hint().exact().is_some_and(|bytes| bytes > ANSWER_LIMIT as u64) {
        app.store.keep_answer(principal, key, status, None).await?;
        return Ok(Response::from_parts(parts, body));
    }
    let body: Bytes = to_bytes(body, ANSWER_LIMIT).await.map_err(Problem::internal)?;
    let text = std::str::from_utf8(&body).ok().filter(|_| shown_again);
    app.store.keep_answer(principal, key, status, text).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn given_before(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    response
}

/// The key of a request that has one and may be answered from what is kept.
fn key(request: &Request) -> Result<Option<String>, Problem> {
    if request.method() != Method::POST {
        return Ok(None);
    }
    let Some(value) = request.headers().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()));
    let wrong = || Problem::invalid("an Idempotency-Key has from 1 to 128 visible ASCII characters").with_hint("send a new UUID");
    text.map(|text| Some(text.to_owned())).ok_or_else(wrong)
}
