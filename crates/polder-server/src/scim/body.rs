//! Reading bodies and conditions of requests.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts;
use polder_scim::{ScimError, ScimType};
use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::answer::Refusal;

/// The largest body, in bytes: a group with some ten thousand members.
const BODY_BYTES: usize = 1 << 20;

/// A JSON body, whichever of SCIM's content types it has.
pub(super) struct Body(pub(super) Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;
    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let content_type = request.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
        if let Some(content_type) = content_type
            && !matches!(content_type.split(';').next().map(str::trim), Some("application/scim+json" | "application/json"))
        {
            return Err(ScimError::status(415, "send JSON with Content-Type: application/scim+json").into());
        }
        let too_large =
            || ScimError::status(413, format!("a body has at most {BODY_BYTES} bytes: add members in several requests"));
        let bytes = axum::body::to_bytes(request.into_body(), BODY_BYTES).await.map_err(|_| too_large())?;
        let syntax = |e: serde_json::Error| ScimError::new(ScimType::InvalidSyntax, format!("the body is no JSON: {e}"));
        Ok(Self(serde_json::from_slice(&bytes).map_err(syntax)?))
    }
}

/// The query's parameters, decoded, and the version that a change is for.
pub(super) struct Asked {
    parameters: Vec<(String, String)>,
    if_match: Option<String>,
}

impl Asked {
    /// The parameters.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Whether the client says which attributes it wants to see.
    pub(super) fn wants_attributes(&self) -> bool {
        self.parameters().any(|(name, _)| matches!(name, "attributes" | "excludedAttributes"))
    }

    /// Refuses when the version is not the one that the client knows.
    pub(super) fn check(&self, version: u64) -> Result<(), ScimError> {
        polder_scim::if_match(self.if_match.as_deref(), version)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Refusal;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let query = parts.uri.query().unwrap_or_default();
        let parameters = form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()));
        // A header that is no text is nobody's version.
        let if_match = parts.headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap_or_default().to_owned());
        Ok(Self { parameters: parameters.collect(), if_match })
    }
}

/// The id in a path. One that is none is that of nothing.
pub(super) fn id(kind: polder_scim::ResourceKind, text: &str) -> Result<Uuid, ScimError> {
    Uuid::try_parse(text).map_err(|_| not_found(kind, text))
}

/// There is no such user or group.
pub(super) fn not_found(kind: polder_scim::ResourceKind, id: &str) -> ScimError {
    ScimError::not_found(&format!("{} {id}", kind.as_str()))
}
