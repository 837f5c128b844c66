//! Every route, and the layers that a request passes on its way: outermost the one that names, follows and counts it, then limits,
//! then who is asking.

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::problem::Problem;
use crate::state::App;
use crate::{
    apart, api, auth, data, described, doors, iceberg, idempotency, limits, ops, scim, sharing, telemetry, unity, unread, volumes,
};

/// Every route over an app.
pub fn router(app: App) -> Router {
    let (api, document) = routes().split_for_parts();
    let request_timeout = app.config.limits.request_timeout;
    let body_bytes = app.config.limits.body_bytes;
    let document = Json(described::complete(document));
    let api = api.layer(from_fn_with_state(app.clone(), idempotency::replay));
    let identified = |routes: Router<App>| {
        routes
            .method_not_allowed_fallback(not_that_way)
            .layer(from_fn_with_state(app.clone(), limits::concurrency))
            .layer(from_fn_with_state(app.clone(), auth::identify))
    };
    let routes = Router::new()
        .merge(api)
        .route("/api/v1/openapi.json", axum::routing::get(move || std::future::ready(document.clone())))
        .merge(auth::routes())
        .merge(scim::routes())
        .merge(sharing::routes())
        .merge(volumes::routes())
        .merge(data::routes())
        .merge(unity::routes())
        .merge(iceberg::routes())
        .merge(doors::flight::routes(&app))
        .fallback(nothing_here);
    identified(routes)
        .layer(from_fn_with_state(app.clone(), apart::apart))
        .merge(identified(data::rows()))
        // Whoever watches the server is not asked who it is: it has to be answered when nobody can be looked up.
        .merge(ops::routes())
        .layer(from_fn(move |request, next| limits::time(request_timeout, request, next)))
        .layer(DefaultBodyLimit::max(body_bytes))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(scim::in_scim_form))
        .layer(from_fn(unread::unread))
        .layer(from_fn(telemetry::observe))
        .with_state(app)
}

/// The description of our API.
#[must_use]
pub fn openapi() -> OpenApi {
    described::complete(routes().into_openapi())
}

fn routes() -> OpenApiRouter<App> {
    let info = InfoBuilder::new().title("Polder").version(env!("CARGO_PKG_VERSION")).build();
    OpenApiRouter::with_openapi(OpenApiBuilder::new().info(info).build()).nest("/api/v1", api::routes())
}

async fn nothing_here() -> Problem {
    Problem::not_found("there is nothing at this address").with_hint("GET /api/v1/openapi.json describes what there is")
}

async fn not_that_way() -> Problem {
    Problem::invalid("this address does not take this method")
        .with_status(axum::http::StatusCode::METHOD_NOT_ALLOWED)
        .with_code("method_not_allowed")
}

fn panicked(cause: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let said = cause.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| cause.downcast_ref::<String>().cloned());
    Problem::internal(said.unwrap_or_else(|| "a panic".to_owned())).into_response()
}
