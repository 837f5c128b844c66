//! SCIM 2.0 at `/scim/v2`: an identity provider keeps users and groups here. What SCIM is and says is `polder-scim`'s; what is kept is
//! the store's. Groups that files keep are neither shown nor changed.

use axum::Router;
use axum::routing::{any, get, post};

use crate::state::App;

mod access;
mod answer;
mod audit;
mod body;
mod change;
mod discovery;
mod groups;
mod list;
mod names;
mod row;
mod users;

pub(crate) use answer::in_scim_form;

/// Where the service is.
const ROOT: &str = "/scim/v2";

/// The routes.
pub(crate) fn routes() -> Router<App> {
    let service = Router::new()
        .route("/ServiceProviderConfig", get(discovery::service_provider_config))
        .route("/ResourceTypes", get(discovery::resource_types))
        .route("/ResourceTypes/{id}", get(discovery::resource_type))
        .route("/Schemas", get(discovery::schemas))
        .route("/Schemas/{id}", get(discovery::schema))
        .route("/Users", get(users::list).post(users::create))
        .route("/Users/.search", post(users::search))
        .route("/Users/{id}", get(users::read).put(users::replace).patch(users::patch).delete(users::delete))
        .route("/Groups", get(groups::list).post(groups::create))
        .route("/Groups/.search", post(groups::search))
        .route("/Groups/{id}", get(groups::read).put(groups::replace).patch(groups::patch).delete(groups::delete))
        .route("/.search", post(list::search_all))
        .route("/Me", any(discovery::not_supported))
        .route("/Bulk", any(discovery::not_supported));
    Router::new().nest(ROOT, service)
}

/// The URL of the service, without a slash at its end.
fn base(app: &App) -> String {
    app.url() + ROOT
}
