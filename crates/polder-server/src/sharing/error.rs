//! Refusals in Delta Sharing's form: `errorCode` and `message`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use polder_platform::Error;
use polder_share::PageError;
use serde_json::json;

use super::PREFIX;
use crate::problem::Problem;

/// Why a request is not answered as asked.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Problem);

impl Refusal {
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self(Problem::invalid(detail))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let problem = Problem::from(error);
        // Clients ask again for a while.
        let waits = problem.status() == StatusCode::SERVICE_UNAVAILABLE;
        Self(if waits { problem.with_header(header::RETRY_AFTER, HeaderValue::from_static("5")) } else { problem })
    }
}

impl From<PageError> for Refusal {
    fn from(error: PageError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // Written by `in_its_form`, as those of the layers further out.
        self.0.into_response()
    }
}

/// A refusal in the form that clients of shares read.
pub(crate) fn in_its_form(path: &str, mut response: Response) -> Response {
    let below = path.strip_prefix("/environments/").and_then(|rest| rest.split_once('/')).map_or(path, |(_, rest)| rest);
    let below = below.trim_start_matches('/');
    if !below.strip_prefix(&PREFIX[1..]).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if problem.status().is_server_error() {
        tracing::error!(detail = problem.detail(), causes = ?problem.causes(), "refused a recipient for a fault of ours");
    }
    let hint = problem.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    let body = json!({ "errorCode": code(problem.status()), "message": format!("{}{hint}", problem.detail()) });
    let headers = std::mem::take(response.headers_mut());
    let mut written = (problem.status(), Json(body)).into_response();
    written.headers_mut().extend(headers.into_iter().filter_map(|(name, value)| Some((name?, value))));
    written.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // An answer without a body may have said so.
    written.headers_mut().remove(header::CONTENT_LENGTH);
    written
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "RESOURCE_DOES_NOT_EXIST",
        StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
        StatusCode::FORBIDDEN => "PERMISSION_DENIED",
        StatusCode::TOO_MANY_REQUESTS => "REQUEST_LIMIT_EXCEEDED",
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => "TEMPORARILY_UNAVAILABLE",
        status if status.is_server_error() => "INTERNAL_ERROR",
        _ => "INVALID_PARAMETER_VALUE",
    }
}

/// An address under the door's that is none.
pub(super) async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing of Delta Sharing at this address")
}

/// A method that an address does not take.
pub(super) async fn not_that_way() -> Problem {
    Problem::invalid("this address does not take this method").with_status(StatusCode::METHOD_NOT_ALLOWED)
}
