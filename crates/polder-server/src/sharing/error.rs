//! Refusals in Delta Sharing's form: `errorCode` and `message`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use polder_platform::Error;
use polder_share::PageError;
use serde_json::json;

use super::PREFIX;
use crate::environments;
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
pub(crate) fn in_its_form(path: &str, response: Response) -> Response {
    if !environments::is_of(path, PREFIX) {
        return response;
    }
    environments::refused_as("shares", response, |problem| {
        let hint = problem.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        let body = json!({ "errorCode": code(problem.status()), "message": format!("{}{hint}", problem.detail()) });
        (problem.status(), Json(body)).into_response()
    })
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
