//! Refusals: what goes over the wire, and what stays in the log.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use polder_model::text::without_backtrace;
use polder_platform::ErrorKind;
use serde::de::DeserializeOwned;

/// Why a request is not answered as asked. Becomes a `problem+json` answer.
#[derive(Debug, Clone)]
pub struct Problem(Box<Said>);

/// What there is to say of it. In a box: answers are moved about, and most are no refusals.
#[derive(Debug, Clone)]
struct Said {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    hint: Option<String>,
    faults: Vec<serde_json::Value>,
    /// What led to it. Of a fault of ours it is for the log alone.
    causes: Vec<String>,
    headers: HeaderMap,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let (faults, causes, headers) = (Vec::new(), Vec::new(), HeaderMap::new());
        Self(Box::new(Said { status, code, title, detail, hint: None, faults, causes, headers }))
    }

    /// The request is wrong.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", "the request is not valid", detail)
    }

    /// Nobody knows who is asking.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in first", detail)
    }

    /// Whoever is asking may not.
    pub fn denied(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "denied", "not allowed", detail)
    }

    /// There is no such thing, or whoever is asking may not know of it.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "not found", detail)
    }

    /// Something else was first, or is at it now.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "in conflict", detail)
    }

    /// A condition of the request does not hold: someone changed it meanwhile.
    pub fn precondition(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", "changed meanwhile", detail)
    }

    /// It was understood, tried, and cannot be done.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "failed", "tried and failed", detail)
    }

    /// More than is allowed at once.
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "too many requests", detail)
            .with_header(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    /// It took too long.
    pub fn timeout() -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "took too long", "the request took longer than this server allows")
    }

    /// A store, disk or peer does not answer.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "not available", detail)
    }

    /// A fault of ours.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut problem =
            Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a fault of the server", "something went wrong here");
        problem.0.causes.push(cause.to_string());
        problem.with_hint("the log of the server says more: look for the request's id")
    }

    /// The same with what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same with another code for programs.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.0.code = code;
        self
    }

    /// The same with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The same with a header of the answer.
    #[must_use]
    pub fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The status that the answer has.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What happened.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What led to it, for the log.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// What led to it, without the backtraces that the log keeps.
    fn told_causes(&self) -> Vec<String> {
        self.0.causes.iter().map(|cause| without_backtrace(cause).to_owned()).collect()
    }

    /// What goes over the wire. Causes of a fault of ours go only to the person at this machine.
    #[must_use]
    pub fn wire(&self, request_id: &str, local: bool) -> polder_api::Problem {
        polder_api::Problem {
            kind: format!("urn:polder:problem:{}", self.0.code),
            title: self.0.title.to_owned(),
            status: self.0.status.as_u16(),
            code: self.0.code.to_owned(),
            detail: without_backtrace(&self.0.detail).to_owned(),
            causes: if local || self.0.status.is_client_error() { self.told_causes() } else { Vec::new() },
            hint: self.0.hint.clone(),
            faults: self.0.faults.clone(),
            request_id: request_id.to_owned(),
        }
    }
}

impl From<polder_platform::Error> for Problem {
    fn from(error: polder_platform::Error) -> Self {
        let detail = match error.kind() {
            // Its causes are for the log, but for those that anyone may know of.
            ErrorKind::Unavailable => error.told(),
            _ => error.to_string(),
        };
        let mut problem = match error.kind() {
            ErrorKind::Invalid => Self::invalid(detail),
            ErrorKind::NotFound => Self::not_found(detail),
            ErrorKind::Denied => Self::denied(detail),
            ErrorKind::Conflict | ErrorKind::Outpaced => Self::conflict(detail),
            ErrorKind::Unavailable => Self::unavailable(detail),
            ErrorKind::Failed => Self::unprocessable(detail),
        };
        problem.0.hint = error.hint().map(ToOwned::to_owned);
        problem.0.faults = error.faults().iter().filter_map(|fault| serde_json::to_value(fault).ok()).collect();
        problem.0.causes = error.causes();
        problem
    }
}

impl From<polder_store::StoreError> for Problem {
    fn from(error: polder_store::StoreError) -> Self {
        let mut problem = Self::unavailable("the state of the platform cannot be read or written");
        problem.0.causes.push(error.to_string());
        problem
    }
}

impl From<polder_share::AddressError> for Problem {
    fn from(error: polder_share::AddressError) -> Self {
        match error {
            polder_share::AddressError::Forged => Self::not_found(error.to_string()),
            polder_share::AddressError::Expired => Self::denied(error.to_string()).with_code("expired"),
        }
    }
}

impl IntoResponse for Problem {
    /// The body is written by [`write`], which knows the request.
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.headers_mut().extend(self.0.headers.clone());
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes the body of a refusal.
pub(crate) fn write(mut response: Response, request_id: &str, local: bool) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if problem.0.status.is_server_error() {
        tracing::error!(status = problem.0.status.as_u16(), detail = %problem.0.detail, causes = ?problem.0.causes, "refused for a fault of ours");
    }
    let headers = std::mem::take(response.headers_mut());
    let mut written = (problem.0.status, Json(problem.wire(request_id, local))).into_response();
    written.headers_mut().extend(headers);
    written.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    written
}

/// A JSON object as the body, with refusals in our form.
#[derive(Debug, Clone, Copy)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        use axum::extract::rejection::JsonRejection;
        let (parts, body) = request.into_parts();
        let bytes = match Bytes::from_request(Request::from_parts(parts.clone(), body), state).await {
            Ok(bytes) => bytes,
            Err(rejection) => {
                let problem = match rejection.status() {
                    StatusCode::PAYLOAD_TOO_LARGE => Problem::invalid("the body is larger than this server takes")
                        .with_hint("send less at once, or start the server with a larger `--body-limit`"),
                    _ => Problem::invalid(rejection.body_text()),
                };
                return Err(problem.with_status(rejection.status()).with_code("body"));
            }
        };
        // Serde would take the values of an object's fields in a list, too.
        let object = bytes.trim_ascii_start().starts_with(b"{");
        match Json::<T>::from_request(Request::from_parts(parts, bytes.into()), state).await {
            Ok(Json(_)) if !object => Err(Problem::invalid("the body is no JSON object")),
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(rejection)) => Err(Problem::invalid(rejection.body_text())
                .with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .with_code("content_type")
                .with_hint("send JSON with Content-Type: application/json")),
            Err(rejection) => Err(Problem::invalid(rejection.body_text())),
        }
    }
}

/// Query parameters, with refusals in our form.
#[derive(Debug, Clone, Copy)]
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|axum::extract::Query(value)| Self(value)).map_err(|rejection| Problem::invalid(rejection.body_text()))
    }
}

/// Parts of the path, percent-decoded, with refusals in our form.
#[derive(Debug, Clone, Copy)]
pub struct PathOf<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathOf<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(value)| Self(value)).map_err(|rejection| Problem::not_found(rejection.body_text()))
    }
}
