//! What a client is told when a request cannot be carried out, in SCIM's own form (RFC 7644, section 3.12).

use serde_json::{Value, json};

/// The longest text of a client's that an answer repeats, in characters.
const ECHO_LIMIT: usize = 120;

/// A refusal or fault with the status that it is answered with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ScimError {
    /// The HTTP status.
    pub status: u16,
    /// SCIM's word for what is wrong, where it has one.
    pub scim_type: Option<ScimType>,
    /// For people: what is wrong, and what to do where that is known.
    pub detail: String,
}

/// SCIM's words for what is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// A filter that cannot be read, or compares what cannot be compared.
    InvalidFilter,
    /// Another resource has the name already.
    Uniqueness,
    /// What is to be changed cannot be.
    Mutability,
    /// The body is not of the form that it has to have.
    InvalidSyntax,
    /// A path that names nothing that there is.
    InvalidPath,
    /// A path that selects nothing.
    NoTarget,
    /// A value that is missing or does not fit.
    InvalidValue,
}

impl ScimType {
    /// The word as it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }

    const fn status(self) -> u16 {
        if matches!(self, Self::Uniqueness) { 409 } else { 400 }
    }
}

impl ScimError {
    /// A fault of the request.
    #[must_use]
    pub fn new(scim_type: ScimType, detail: impl Into<String>) -> Self {
        Self { status: scim_type.status(), scim_type: Some(scim_type), detail: detail.into() }
    }

    /// A status for which SCIM has no word.
    #[must_use]
    pub fn status(status: u16, detail: impl Into<String>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// There is no such resource.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::status(404, format!("there is no {}", echo(what)))
    }

    /// The error as it is sent.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": self.status.to_string()});
        if let Some(scim_type) = self.scim_type {
            body["scimType"] = scim_type.as_str().into();
        }
        body["detail"] = self.detail.as_str().into();
        body
    }
}

pub(crate) fn invalid_value(detail: impl Into<String>) -> ScimError {
    ScimError::new(ScimType::InvalidValue, detail)
}

/// A client's text as an answer may repeat it: short, on one line.
pub(crate) fn echo(text: &str) -> String {
    let mut shown: String = text.chars().take(ECHO_LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(ECHO_LIMIT).is_some() {
        shown.push_str("...");
    }
    shown
}
