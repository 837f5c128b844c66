//! Arrow Flight SQL beside the API, on the same port: who a request is from, and refusals as gRPC has them.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use hyper::body::Frame;
use polder_flight::{Asking, Door, PREFIX};
use tonic::{Code, Extensions, Status};

use crate::auth;
use crate::identified::Identified;
use crate::problem::Problem;
use crate::state::App;

/// The routes.
pub(crate) fn routes(app: &App) -> Router<App> {
    let most_bytes = app.config.limits.body_bytes;
    polder_flight::routes(FlightDoor(app.clone()), most_bytes).into_axum_router().with_state(())
}

struct FlightDoor(App);

impl Door for FlightDoor {
    fn enter(&self, extensions: &Extensions, environment: Option<&str>) -> Result<Asking, Status> {
        let Identified(identity) = extensions.get::<Identified>().ok_or_else(|| status(&auth::no_credentials()))?;
        let environment = environment.unwrap_or_else(|| self.0.default_environment().as_str());
        let platform = self.0.platform(environment, identity).map_err(|problem| status(&problem))?;
        Ok(Asking { platform, name: identity.name().to_owned() })
    }
}

/// A refusal from further out, such as of a token that is not accepted, in the form that clients of gRPC read.
pub(crate) fn in_its_form(path: &str, mut response: Response) -> Response {
    if !path.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('/')) {
        return response;
    }
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    if problem.status().is_server_error() {
        tracing::error!(detail = problem.detail(), causes = ?problem.causes(), "refused a client of Flight SQL for a fault of ours");
    }
    let mut written = status(&problem).into_http::<Body>();
    *written.extensions_mut() = std::mem::take(response.extensions_mut());
    for name in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
        if let Some(value) = response.headers_mut().remove(&name) {
            written.headers_mut().insert(name, value);
        }
    }
    written
}

/// The end of a gRPC answer whose reader's credentials are good no more; `None` where the request was no call of gRPC.
pub(crate) fn cut_off(request: &HeaderMap) -> Option<Frame<Bytes>> {
    let content_type = request.get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !content_type.starts_with("application/grpc") {
        return None;
    }
    let mut trailers = HeaderMap::new();
    Status::unauthenticated("the credentials are good no more: sign in again").add_header(&mut trailers).ok()?;
    Some(Frame::trailers(trailers))
}

fn status(problem: &Problem) -> Status {
    let code = match problem.status() {
        StatusCode::UNAUTHORIZED => Code::Unauthenticated,
        StatusCode::FORBIDDEN => Code::PermissionDenied,
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::CONFLICT => Code::Aborted,
        StatusCode::UNPROCESSABLE_ENTITY => Code::FailedPrecondition,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::PAYLOAD_TOO_LARGE => Code::ResourceExhausted,
        StatusCode::GATEWAY_TIMEOUT => Code::DeadlineExceeded,
        StatusCode::SERVICE_UNAVAILABLE => Code::Unavailable,
        status if status.is_server_error() => Code::Internal,
        _ => Code::InvalidArgument,
    };
    let hint = problem.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
    Status::new(code, format!("{}{hint}", problem.detail()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::response::IntoResponse as _;

    use super::*;

    #[test]
    fn a_refusal_is_a_status_of_grpc_where_grpc_is_spoken_and_nowhere_else() {
        let refused = || Problem::too_many("wait").into_response();
        let there = in_its_form("/arrow.flight.protocol.FlightService/DoGet", refused());
        assert_eq!((there.status(), &there.headers()["grpc-status"]), (StatusCode::OK, &HeaderValue::from_static("8")));
        assert_eq!(
            (&there.headers()["content-type"], &there.headers()["retry-after"]),
            (&"application/grpc".parse().unwrap(), &"1".parse().unwrap())
        );
        let here = in_its_form("/api/v1/environments", refused());
        assert_eq!(here.status(), StatusCode::TOO_MANY_REQUESTS);
    }

    #[test]
    fn an_answer_that_is_cut_off_says_why_to_a_client_of_grpc() {
        let of = |content_type| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let trailers = cut_off(&of("application/grpc+proto")).unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "16");
        assert!(cut_off(&of("application/json")).is_none() && cut_off(&HeaderMap::new()).is_none());
    }
}
