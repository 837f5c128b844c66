//! `/oidc/v1/token`: where clients trade a secret for a short-lived token (OAuth 2 client credentials), as some know no other way.
//!
//! The client is a principal, its secret one of its tokens. What comes back is a JSON Web Token, as clients read its `exp`.

use axum::extract::{DefaultBodyLimit, Form, State, rejection::FormRejection};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, routing::post};
use chrono::{TimeDelta, Utc};
use polder_identity::{Scopes, TokenKind};
use polder_model::secret::Secret;
use polder_store::TokenRecord;
use serde::Deserialize;
use serde_json::json;

use super::{credentials, who};
use crate::problem::Problem;
use crate::state::App;

/// Where it is.
pub(super) const PATH: &str = "/oidc/v1/token";

/// How large a form may be: nobody has shown any credentials yet.
const BODY_BYTES: usize = 16 << 10;

/// How long a token lasts that was traded for another.
const LASTS: TimeDelta = TimeDelta::hours(1);

pub(super) fn routes() -> axum::Router<App> {
    axum::Router::new().route(PATH, post(trade)).layer(DefaultBodyLimit::max(BODY_BYTES))
}

#[derive(Deserialize)]
struct Trade {
    grant_type: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    scope: Option<String>,
}

/// A refusal in OAuth's form (RFC 6749, section 5.2). `error_id` is what some clients demand.
struct Refused(StatusCode, &'static str, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Self(status, error, description) = self;
        let body = json!({"error": error, "error_description": description, "error_id": uuid::Uuid::now_v7().to_string()});
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"polder\""));
        }
        response
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        tracing::error!(detail = problem.detail(), causes = ?problem.causes(), "a token could not be traded");
        Self(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", "the server cannot look that up now")
    }
}

const NOT_A_CLIENT: Refused =
    Refused(StatusCode::UNAUTHORIZED, "invalid_client", "no principal has this id and this token as its secret");

async fn trade(
    State(app): State<App>,
    headers: HeaderMap,
    extensions: axum::http::Extensions,
    form: Result<Form<Trade>, FormRejection>,
) -> Result<Response, Refused> {
    let Ok(Form(asked)) = form else {
        return Err(Refused(StatusCode::BAD_REQUEST, "invalid_request", "send a form: grant_type=client_credentials"));
    };
    if asked.grant_type.as_deref() != Some("client_credentials") {
        return Err(Refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", "only client_credentials is supported here"));
    }
    let now = Utc::now();
    let from = who::address(&extensions);
    if app.auth.attempts.too_many(from, now) {
        return Err(Refused(StatusCode::TOO_MANY_REQUESTS, "slow_down", "too many wrong credentials came from this address"));
    }
    let client = client(&headers, &asked).ok_or(NOT_A_CLIENT)?;
    let record = match who::own_token(&app, &client.1, now).await? {
        Some(record) if is_clients(&record, &client.0) => record,
        _ => {
            who::failed(&app, &extensions, "no client has this id and this token as its secret", now).await?;
            return Err(NOT_A_CLIENT);
        }
    };
    let expires = record.expires.map_or(now + LASTS, |end| end.min(now + LASTS));
    let scope = narrowed(&record, asked.scope.as_deref());
    let token = app.auth.signer.issue(record.principal.as_str(), &record.id, &scope, now, expires);
    let token = token.ok_or_else(|| Refused::from(Problem::internal("a token could not be signed")))?;
    let body = json!({
        "access_token": token.expose(),
        "token_type": "Bearer",
        "expires_in": (expires - now).num_seconds(),
        "scope": asked.scope.unwrap_or(scope),
    });
    let fixed = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((fixed, Json(body)).into_response())
}

/// The client's id and secret, from the header or from the form.
fn client(headers: &HeaderMap, asked: &Trade) -> Option<(String, Secret)> {
    match headers.get(header::AUTHORIZATION) {
        Some(value) => {
            let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| credentials::basic(encoded.trim()).ok()).flatten().map(decoded)
        }
        None => Some((asked.client_id.clone()?, Secret::new(asked.client_secret.as_deref()?))),
    }
}

/// Ids in a Basic header are form-encoded before (RFC 6749, section 2.3.1); tokens have no character to which that matters.
fn decoded((id, secret): (String, Secret)) -> (String, Secret) {
    let plain = percent_encoding::percent_decode_str(&id).decode_utf8().map(std::borrow::Cow::into_owned);
    (plain.unwrap_or(id), secret)
}

/// Whether a token is this client's: named as its principal, or by its own id.
fn is_clients(record: &TokenRecord, client_id: &str) -> bool {
    record.kind != TokenKind::Bootstrap.as_str()
        && (record.principal.as_str().eq_ignore_ascii_case(client_id) || record.id == client_id)
}

/// What the traded token is good for: those of our scopes that were asked for, or all of the token's when none of ours was, as other
/// words (`all-apis`) say nothing here.
fn narrowed(record: &TokenRecord, asked: Option<&str>) -> String {
    let own = Scopes::read(&record.scopes).unwrap_or_default();
    let asked: Scopes = asked.unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    let kept = if asked == Scopes::NONE { own } else { own.iter().filter(|scope| asked.has(*scope)).collect() };
    kept.words().join(" ")
}
