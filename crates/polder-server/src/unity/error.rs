//! Refusals in Unity Catalog's form: `error_code`, `message`, `details`. Clients parse the body whatever the status is.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use polder_platform::{Error, ErrorKind};
use polder_vend::VendError;
use serde_json::json;

use super::PREFIX;
use crate::environments;
use crate::problem::Problem;

/// Why a request is not answered as asked.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// The same with the code of this kind of object: `TABLE_NOT_FOUND`.
    pub(crate) fn of(mut self, noun: &str) -> Self {
        if self.status == StatusCode::NOT_FOUND {
            self.code = format!("{noun}_NOT_FOUND");
        }
        self
    }

    /// The same for an object that was to be made: `TABLE_ALREADY_EXISTS`.
    pub(crate) fn of_new(mut self, noun: &str) -> Self {
        if self.status == StatusCode::CONFLICT {
            self.code = format!("{noun}_ALREADY_EXISTS");
        }
        self
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let (status, code) = match error.kind() {
            ErrorKind::Invalid => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND"),
            ErrorKind::Denied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
            ErrorKind::Conflict | ErrorKind::Outpaced => (StatusCode::CONFLICT, "ABORTED"),
            ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
            ErrorKind::Failed => (StatusCode::UNPROCESSABLE_ENTITY, "FAILED_PRECONDITION"),
        };
        if status.is_server_error() {
            tracing::error!(error = %error, causes = ?error.causes(), "refused a client of the catalog for a fault of ours");
        }
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::new(status, code, format!("{}{hint}", error.told()))
    }
}

impl From<VendError> for Refusal {
    fn from(error: VendError) -> Self {
        let (status, code) = match &error {
            VendError::Settings { .. } => (StatusCode::BAD_REQUEST, "FAILED_PRECONDITION"),
            VendError::Refused { .. } | VendError::Answer { .. } | VendError::Unreachable { .. } => {
                (StatusCode::BAD_GATEWAY, "UNAVAILABLE")
            }
            _ => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        };
        if status.is_server_error() {
            tracing::error!(error = ?error, "no credential was made");
        }
        Self::new(status, code, error.to_string())
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let code = match problem.status() {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::UNAUTHORIZED => "UNAUTHENTICATED",
            StatusCode::FORBIDDEN => "PERMISSION_DENIED",
            StatusCode::TOO_MANY_REQUESTS => "RESOURCE_EXHAUSTED",
            StatusCode::GATEWAY_TIMEOUT => "DEADLINE_EXCEEDED",
            StatusCode::SERVICE_UNAVAILABLE => "UNAVAILABLE",
            status if status.is_server_error() => "INTERNAL",
            _ => "INVALID_ARGUMENT",
        };
        let hint = problem.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        Self::new(problem.status(), code, format!("{}{hint}", problem.detail()))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "error_code": self.code, "message": self.message, "details": [] });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // For those below whose clients read another form.
        response.extensions_mut().insert(self);
        response
    }
}

/// A refusal from further out, such as of a token that is not accepted, in the form that clients of the catalog read.
pub(crate) fn in_its_form(path: &str, response: Response) -> Response {
    if !environments::is_of(path, PREFIX) {
        return response;
    }
    environments::refused_as("the catalog", response, |problem| Refusal::from(problem).into_response())
}

/// An address under the catalog's that is none.
pub(super) async fn nothing_here() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "ENDPOINT_NOT_FOUND", "the catalog has nothing at this address")
}

/// A method that an address does not take.
pub(super) async fn not_that_way() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "INVALID_ARGUMENT", "this address does not take this method")
}
