//! Finding out who is asking.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::identified::{Identified, LocalIdentity};
use crate::problem::Problem;
use crate::state::App;

/// The refusal of a request that bears no credentials.
#[must_use]
pub fn no_credentials() -> Problem {
    Problem::unauthenticated("the request bears no credentials")
        .with_hint("send a token: `Authorization: Bearer ...`; `polder login` obtains one")
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// Finds out who is asking, and leaves it with the request. A request without credentials passes: what it reaches decides.
pub(crate) async fn identify(State(_app): State<App>, mut request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(LocalIdentity(identity)) = request.extensions().get::<LocalIdentity>().cloned() {
        request.extensions_mut().insert(Identified(identity));
    }
    Ok(next.run(request).await)
}

/// The routes of sign-on.
pub(crate) fn routes() -> axum::Router<App> {
    axum::Router::new()
}
