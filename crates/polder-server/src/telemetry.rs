//! What a server tells of itself: a line for each request, counts and times of requests.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::doors::flight;
use crate::identified::{Identified, LocalIdentity, RequestId};
use crate::{iceberg, problem, sharing, unity};

/// The header that bears a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Names a request, follows it with a span, counts it, and writes the body of its refusal.
pub(crate) async fn observe(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let local = request.extensions().get::<LocalIdentity>().is_some();
    request.extensions_mut().insert(RequestId(id.clone()));
    // Paths and headers hold what people wrote: only the route is in the log, and the path through `Debug`, which escapes it.
    // A signed address is as good as a token: it is in no log and no trace.
    let shown = if route.ends_with("/{address}") { route.as_str() } else { request.uri().path() };
    let span = tracing::info_span!("request", %method, route, path = ?shown, request_id = %id);
    let path = request.uri().path().to_owned();
    let response = next.run(request).instrument(span.clone()).await;
    let response = unity::in_its_form(&path, response);
    let response = sharing::in_its_form(&path, response);
    let response = iceberg::in_its_form(&path, response);
    let response = flight::in_its_form(&path, response);
    let who = response.extensions().get::<Identified>().map(|Identified(identity)| identity.name().to_owned());
    let status = response.status().as_u16();
    let mut response = span.in_scope(|| {
        let seconds = started.elapsed().as_secs_f64();
        let labels = [("method", method.to_string()), ("route", route), ("status", status.to_string())];
        metrics::counter!("polder_http_requests_total", &labels).increment(1);
        metrics::histogram!("polder_http_request_seconds", &labels).record(seconds);
        tracing::info!(status, seconds, principal = who, "answered");
        problem::write(response, &id, local)
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The id that a request bears, if it is one that may stand in logs and headers; otherwise a new one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |text: &&str| (8..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    given.filter(plain).map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned)
}

/// What keeps traces going out, until [`Telemetry::end`].
pub struct Telemetry(Option<opentelemetry_sdk::trace::SdkTracerProvider>);

impl Telemetry {
    /// Sends what was not sent yet. A collector that does not answer is no reason not to end.
    pub async fn end(self) {
        let Some(provider) = self.0 else { return };
        // It waits for the exporter, which works on the runtime's own threads.
        let ended = tokio::task::spawn_blocking(move || provider.force_flush().and(provider.shutdown())).await;
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last traces were not sent"),
            Err(error) => tracing::warn!(%error, "the last traces were not sent"),
        }
    }
}

/// Begins the log on stderr, and to send traces to a collector where one is named. `RUST_LOG` chooses what is logged.
///
/// # Errors
/// When the collector's URL cannot be used.
pub fn start(json: bool, color: bool, verbose: bool, otlp: Option<&str>) -> Result<Telemetry, TelemetryError> {
    use opentelemetry::trace::TracerProvider as _;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::util::SubscriberInitExt as _;
    use tracing_subscriber::{EnvFilter, Layer as _, fmt};

    let default = if verbose { "info,polder_server=debug" } else { "warn,polder_server=info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if json { lines.json().flatten_event(true).boxed() } else { lines.with_ansi(color).boxed() };
    let provider = otlp.map(exporter).transpose()?;
    let traces = provider.as_ref().map(|provider| tracing_opentelemetry::layer().with_tracer(provider.tracer("polder")));
    // Already begun when something else in this process logs.
    drop(tracing_subscriber::registry().with(filter).with(lines).with(traces).try_init());
    Ok(Telemetry(provider))
}

fn exporter(url: &str) -> Result<opentelemetry_sdk::trace::SdkTracerProvider, TelemetryError> {
    use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
    use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
    let endpoint = format!("{}/v1/traces", url.trim_end_matches('/'));
    let exporter = SpanExporter::builder().with_http().with_endpoint(endpoint).build()?;
    let resource = opentelemetry_sdk::Resource::builder().with_service_name("polder").build();
    // On tokio, as the exporter's HTTP client needs it: the usual processor has a thread of its own, without.
    let batches = BatchSpanProcessor::builder(exporter, opentelemetry_sdk::runtime::Tokio).build();
    Ok(opentelemetry_sdk::trace::SdkTracerProvider::builder().with_span_processor(batches).with_resource(resource).build())
}

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("the collector cannot be used")]
pub struct TelemetryError(#[from] opentelemetry_otlp::ExporterBuildError);
