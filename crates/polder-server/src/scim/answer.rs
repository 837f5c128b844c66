//! Answers in SCIM's form, refusals too, wherever in the server they come from.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use polder_scim::{ScimError, version_tag};
use polder_store::StoreError;
use serde_json::{Map, Value};

use crate::problem::Problem;

const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/scim+json");

/// Why a request is not answered as asked.
pub(super) enum Refusal {
    /// For a reason that SCIM has a form for.
    Scim(ScimError),
    /// For another one.
    Problem(Box<Problem>),
}

impl From<ScimError> for Refusal {
    fn from(error: ScimError) -> Self {
        Self::Scim(error)
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Scim(error) => refused(&error),
            // Its body is written by [`in_scim_form`].
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// An answer with a body.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body.to_string()).into_response()
}

/// An answer that is a resource, with where it is and its version.
pub(super) fn resource(status: StatusCode, location: &str, version: u64, resource: Map<String, Value>) -> Response {
    let mut response = answer(status, &resource.into());
    let values = [(header::LOCATION, location.to_owned()), (header::ETAG, version_tag(version))];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Writes refusals in SCIM's form where SCIM is spoken, also those of the layers around the routes.
pub(crate) async fn in_scim_form(request: Request, next: Next) -> Response {
    let is_scim = request.uri().path().split('/').nth(1) == Some("scim");
    let mut response = next.run(request).await;
    if !is_scim {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let status = problem.status();
    if status.is_server_error() {
        tracing::error!(status = status.as_u16(), detail = %problem.detail(), causes = ?problem.causes(), "refused for a fault of ours");
    }
    let detail = match problem.hint() {
        Some(hint) => format!("{}: {hint}", problem.detail()),
        None => problem.detail().to_owned(),
    };
    let mut written = refused(&ScimError::status(status.as_u16(), detail));
    let content_type = written.headers_mut().remove(header::CONTENT_TYPE);
    written.headers_mut().extend(std::mem::take(response.headers_mut()));
    if let Some(content_type) = content_type {
        written.headers_mut().insert(header::CONTENT_TYPE, content_type);
    }
    // An answer without a body may have said so.
    written.headers_mut().remove(header::CONTENT_LENGTH);
    written
}

fn refused(error: &ScimError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, &error.to_json())
}
