//! Refusals in Iceberg's form: an `error` with a message, a type and the status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::PREFIX;
use crate::problem::Problem;
use crate::unity::error::Refusal;

/// Puts a refusal of what every handler begins with into this interface's form.
pub(super) async fn in_own_form(mut response: Response) -> Response {
    match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => written(refusal),
        None => response,
    }
}

fn written(refusal: Refusal) -> Response {
    let Refusal { status, code, message } = refusal;
    let kind = match status {
        StatusCode::UNAUTHORIZED => "NotAuthorizedException",
        StatusCode::FORBIDDEN => "ForbiddenException",
        StatusCode::NOT_FOUND if code.starts_with("TABLE") => "NoSuchTableException",
        StatusCode::NOT_FOUND if code.starts_with("SCHEMA") || code.starts_with("CATALOG") => "NoSuchNamespaceException",
        StatusCode::NOT_FOUND => "NotFoundException",
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNPROCESSABLE_ENTITY => "UnsupportedOperationException",
        StatusCode::CONFLICT => "CommitFailedException",
        StatusCode::TOO_MANY_REQUESTS => "SlowDownException",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableException",
        status if status.is_server_error() => "InternalServerError",
        _ => "BadRequestException",
    };
    let body = json!({ "error": { "message": message, "type": kind, "code": status.as_u16() } });
    let mut response = (status, Json(body)).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// A refusal from further out, such as of a token that is not accepted, in the form that clients of Iceberg read.
pub(crate) fn in_its_form(path: &str, mut response: Response) -> Response {
    let below = path.strip_prefix("/environments/").and_then(|rest| rest.split_once('/')).map_or(path, |(_, rest)| rest);
    if !below.trim_start_matches('/').starts_with(PREFIX.trim_start_matches('/')) {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if problem.status().is_server_error() {
        tracing::error!(detail = problem.detail(), causes = ?problem.causes(), "refused a client of Iceberg for a fault of ours");
    }
    let headers = std::mem::take(response.headers_mut());
    let mut written = written(Refusal::from(problem));
    written.headers_mut().extend(headers.into_iter().filter_map(|(name, value)| Some((name?, value))));
    written.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    written
}

/// What a table cannot be shown as, or a plan cannot be made of.
pub(super) fn refused(error: polder_iceberg::Error) -> Refusal {
    use polder_iceberg::Error;
    match &error {
        Error::Unsupported(_) => {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "FAILED_PRECONDITION", format!("{error}; or read it by SQL"))
        }
        Error::Request(_) => Refusal::invalid(error.to_string()),
        Error::Log(_) | Error::Avro(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a table cannot be shown as Iceberg");
            Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "INTERNAL",
                "the table's log cannot be shown as Iceberg: read it by SQL",
            )
        }
    }
}

/// An address under the interface's that is none.
pub(super) async fn nothing_here() -> Refusal {
    Refusal::new(
        StatusCode::NOT_FOUND,
        "ENDPOINT_NOT_FOUND",
        "there is nothing at this address: GET .../config lists what there is",
    )
}

/// A method that an address does not take.
pub(super) async fn not_that_way() -> Refusal {
    let message = "tables are only read here: write them as Delta tables, or by a job";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", message)
}
