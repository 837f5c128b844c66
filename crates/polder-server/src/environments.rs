//! Interfaces that stand at an address of their own for the default environment, and behind `/environments/{environment}` for each.

use axum::Router;
use axum::extract::{FromRequestParts, OriginalUri};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use polder_platform::Platform;

use crate::identified::Identified;
use crate::problem::Problem;
use crate::state::App;

/// What stands before an environment's name.
const EACH: &str = "/environments/";

/// The routes of an interface, for the default environment and for each. Handlers take parts of paths by name, as there is one more
/// behind an environment.
pub(crate) fn nested(prefix: &str, routes: impl Fn() -> Router<App>) -> Router<App> {
    Router::new().nest(prefix, routes()).nest(&format!("{EACH}{{environment}}{prefix}"), routes())
}

/// Whether a path is an interface's, whichever environment it is of.
pub(crate) fn is_of(path: &str, prefix: &str) -> bool {
    let own = split(path).map_or(path, |(_, own)| own);
    own.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The environment that a path names, and the path without it.
fn split(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix(EACH)?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

/// The environment that a request is about, on behalf of whoever asks.
pub(crate) struct Here {
    pub(crate) platform: Platform,
    /// The path that was asked for, whole.
    pub(crate) path: String,
}

impl FromRequestParts<App> for Here {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Identified(identity) = Identified::from_request_parts(parts, app).await?;
        let path = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.path(), |uri| uri.0.path());
        let environment = split(path).map_or_else(|| app.default_environment().as_str(), |(environment, _)| environment);
        Ok(Self { platform: app.platform(environment, &identity)?, path: path.to_owned() })
    }
}

/// Refusals of every layer in the form of one interface: `write` has it for a refusal, and the headers of the answer stay.
pub(crate) fn refused_as(interface: &'static str, mut response: Response, write: impl FnOnce(Problem) -> Response) -> Response {
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if problem.status().is_server_error() {
        tracing::error!(interface, detail = problem.detail(), causes = ?problem.causes(), "refused a client for a fault of ours");
    }
    let mut written = write(problem);
    // What the form itself says goes before what the answer said of a body that it does not have.
    let own = std::mem::take(written.headers_mut());
    let mut headers = std::mem::take(response.headers_mut());
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_TYPE);
    headers.extend(own.into_iter().filter_map(|(name, value)| Some((name?, value))));
    *written.headers_mut() = headers;
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_is_found_whichever_environment_it_is_of() {
        for (path, expect) in [
            ("/data", true),
            ("/data/finance", true),
            ("/environments/dev/data/finance", true),
            ("/environments/dev/data", true),
            ("/database", false),
            ("/environments/data", false),
            ("/environments/dev/environments/dev/data", false),
            ("/api/data", false),
        ] {
            assert_eq!(is_of(path, "/data"), expect, "{path}");
        }
    }
}
