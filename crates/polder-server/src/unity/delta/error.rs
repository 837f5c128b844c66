//! Refusals as Delta clients read them.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::unity::error::Refusal;

/// Puts a refusal of what every handler begins with into this interface's form.
pub(super) async fn in_own_form(mut response: Response) -> Response {
    match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => Fault::from(refusal).into_response(),
        None => response,
    }
}

/// A refusal, in this interface's form.
pub(super) struct Fault {
    refusal: Refusal,
    kind: Option<&'static str>,
}

impl Fault {
    /// A requirement of the request does not hold.
    pub(super) fn requirement(message: &str) -> Self {
        let refusal = Refusal::new(StatusCode::CONFLICT, "ABORTED", message);
        Self { refusal, kind: Some("UpdateRequirementConflictException") }
    }

    /// The same with another type.
    pub(super) fn of_kind(refusal: Refusal, kind: &'static str) -> Self {
        Self { refusal, kind: Some(kind) }
    }
}

impl<E: Into<Refusal>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self { refusal: error.into(), kind: None }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Refusal { status, code, message } = self.refusal;
        let kind = self.kind.unwrap_or(match status {
            StatusCode::UNAUTHORIZED => "NotAuthorizedException",
            StatusCode::FORBIDDEN => "PermissionDeniedException",
            StatusCode::NOT_FOUND if code.starts_with("SCHEMA") => "NoSuchSchemaException",
            StatusCode::NOT_FOUND if code.starts_with("CATALOG") => "NoSuchCatalogException",
            StatusCode::NOT_FOUND => "NoSuchTableException",
            StatusCode::CONFLICT => "AlreadyExistsException",
            StatusCode::TOO_MANY_REQUESTS => "ResourceExhaustedException",
            StatusCode::NOT_IMPLEMENTED => "NotImplementedException",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableException",
            status if status.is_server_error() => "InternalServerErrorException",
            _ => "InvalidParameterValueException",
        });
        (status, Json(json!({ "error": { "message": message, "type": kind, "code": status.as_u16() } }))).into_response()
    }
}
