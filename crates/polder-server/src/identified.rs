//! Who is asking, for handlers that need to know: nearly all of them.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use polder_platform::Identity;

use crate::problem::Problem;

/// On whose behalf a request is. A handler without it serves anyone.
#[derive(Debug, Clone)]
pub struct Identified(pub Identity);

impl<S: Send + Sync> FromRequestParts<S> for Identified {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The layer of `auth` has put it there, or there are no credentials.
        parts.extensions.get::<Self>().cloned().ok_or_else(crate::auth::no_credentials)
    }
}

/// The person at this machine, put into a request by the command line that serves itself. Nothing on a wire can say this.
#[derive(Debug, Clone)]
pub struct LocalIdentity(pub Identity);

/// What ties together all that a request does.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);
