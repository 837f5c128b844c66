//! Why a request was not answered as asked: problem details (RFC 9457), with a code that programs can tell apart and a hint for people.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not answered as asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What sort of problem it is: `urn:polder:problem:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The sort of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The sort of problem for programs, such as `not_found`.
    pub code: String,
    /// What happened.
    pub detail: String,
    /// What led to it, the nearest cause first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What is wrong with descriptors, each with its file and line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub faults: Vec<serde_json::Value>,
    /// What ties together all that the request did: in logs, in the audit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request_id: String,
}
