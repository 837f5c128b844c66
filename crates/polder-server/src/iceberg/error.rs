//! Refusals in Iceberg's form: an `error` with a message, a type and the status.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::PREFIX;
use crate::environments;
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
pub(crate) fn in_its_form(path: &str, response: Response) -> Response {
    if !environments::is_of(path, PREFIX) {
        return response;
    }
    environments::refused_as("Iceberg", response, |problem| written(Refusal::from(problem)))
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
