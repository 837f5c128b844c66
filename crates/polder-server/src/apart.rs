//! Work apart from the wire: handlers run on threads of their own, so that a query that keeps every core busy keeps nobody from being
//! told whether the server lives, and no connection from being cut off in time.

use std::convert::Infallible;
use std::sync::OnceLock;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::Extensions;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;
use tracing::Instrument as _;

use crate::identified::LocalIdentity;
use crate::problem::Problem;
use crate::state::App;

/// How many threads there are at least: planning a query yields to nobody, and one must not wait for the other.
const LEAST_THREADS: usize = 4;
/// Room for plans, which are walked by calls within calls. Claimed, not filled.
const STACK_BYTES: usize = 8 << 20;
/// How many parts of an answer may wait for whoever reads it.
const AHEAD: usize = 2;

/// The threads that handlers run on, started when they are first needed.
#[derive(Debug, Default)]
pub(crate) struct Workers(OnceLock<Option<Runtime>>);

impl Workers {
    /// Where to run; `None` when the system has no thread left.
    pub(crate) fn handle(&self) -> Option<&Handle> {
        self.0.get_or_init(start).as_ref().map(Runtime::handle)
    }
}

fn start() -> Option<Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut threads = Builder::new_multi_thread();
    threads.worker_threads(cores.max(LEAST_THREADS)).thread_name("work").thread_stack_size(STACK_BYTES);
    let runtime = threads.enable_all().build();
    runtime.map_err(|error| tracing::error!(%error, "there are no threads for requests")).ok()
}

impl Drop for Workers {
    fn drop(&mut self) {
        // Not waited for: it may be dropped on a thread that must not wait.
        if let Some(runtime) = self.0.take().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// Runs what is further in on the workers' threads.
pub(crate) async fn apart(State(app): State<App>, request: Request, next: Next) -> Response {
    Elsewhere::of(&app, request.extensions()).answer(next.run(request)).await
}

/// Where work goes that would keep the wire's threads busy. What a command asks of its own process stays where it is.
pub(crate) struct Elsewhere(Option<Handle>);

impl Elsewhere {
    fn of(app: &App, request: &Extensions) -> Self {
        let is_local = request.get::<LocalIdentity>().is_some();
        Self(if is_local { None } else { app.workers.handle().cloned() })
    }

    /// Answers on the workers' threads, and makes the answer's body there.
    pub(crate) async fn answer(self, answering: impl Future<Output = Response> + Send + 'static) -> Response {
        let Some(workers) = self.0 else { return answering.await };
        let mut task = GivenUp(workers.spawn(answering.in_current_span()));
        match (&mut task.0).await {
            Ok(response) => response.map(|body| pumped(&workers, body)),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

impl FromRequestParts<App> for Elsewhere {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self::of(app, &parts.extensions))
    }
}

/// Ends a task that nobody waits for any more.
struct GivenUp(JoinHandle<Response>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether a body is there as a whole, and no work any more.
pub(crate) fn is_whole(body: &Body) -> bool {
    body.size_hint().exact().is_some()
}

/// A body whose frames, data and trailers, are made on the workers' threads. It ends being made when nobody reads it any more.
fn pumped(workers: &Handle, body: Body) -> Body {
    if is_whole(&body) {
        return body;
    }
    let (frames, read) = mpsc::channel::<Result<Frame<Bytes>, axum::Error>>(AHEAD);
    let pump = async move {
        let mut body = body;
        loop {
            tokio::select! {
                biased;
                () = frames.closed() => return,
                frame = body.frame() => {
                    let Some(frame) = frame else { return };
                    if frames.send(frame).await.is_err() {
                        return;
                    }
                }
            }
        }
    };
    workers.spawn(pump.in_current_span());
    Body::new(StreamBody::new(ReceiverStream::new(read)))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::*;

    #[tokio::test]
    async fn a_body_keeps_its_trailers_and_its_bytes_stay_where_they_are() {
        let data = Bytes::from_static(b"rows");
        let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
        let frames = [Ok::<_, axum::Error>(Frame::data(data.clone())), Ok(Frame::trailers(trailers.clone()))];
        let body = Body::new(StreamBody::new(futures::stream::iter(frames)));
        let mut body = pumped(&Handle::current(), body);
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!((first.as_ptr(), first.len()), (data.as_ptr(), 4));
        assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
        assert!(body.frame().await.is_none());
    }
}
