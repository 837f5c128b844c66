//! For whoever operates the server: whether it lives, whether it can serve, and its figures.

use std::sync::OnceLock;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::problem::Problem;
use crate::state::App;

/// The routes. They serve anyone, and tell nothing of the mesh.
pub(crate) fn routes() -> Router<App> {
    Router::new().route("/health", get(health)).route("/ready", get(ready)).route("/metrics", get(figures))
}

/// The process lives.
async fn health() -> &'static str {
    "ok\n"
}

/// The state can be read, and state and data can be written.
async fn ready(State(app): State<App>) -> Result<&'static str, Problem> {
    app.store.directory_version().await?;
    app.disk.check().await?;
    Ok("ready\n")
}

/// The figures, in Prometheus' text form.
async fn figures() -> impl IntoResponse {
    let text = recorder().map(PrometheusHandle::render).unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}

/// The upper ends of the buckets of times, in seconds.
const BUCKETS_SECONDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

/// Keeps the figures; `None` when something else in this process keeps them.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let builder = || PrometheusBuilder::new().set_buckets(&BUCKETS_SECONDS).ok();
    RECORDER.get_or_init(|| builder()?.install_recorder().ok()).as_ref()
}
