//! Answers that last, rows and events: whoever reads them is looked up again every second, and a reader who is out reads no more.

use std::io;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::response::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;

use super::who;
use crate::apart;
use crate::doors::flight;
use crate::state::App;

/// How often a reader is looked up again.
const EVERY: Duration = Duration::from_secs(1);

/// Ends the answer's body when the request's credentials are good no more.
pub(super) fn watched(app: App, request: Parts, name: String, response: Response) -> Response {
    let watch = Watch { app, request, name, next: Instant::now() + EVERY };
    response.map(|body| {
        if apart::is_whole(&body) {
            return body;
        }
        let frames = futures::stream::unfold(Some((body, watch)), |state| async move {
            let (mut body, mut watch) = state?;
            loop {
                // Also when frames come without a pause.
                if Instant::now() >= watch.next && !watch.is_good().await {
                    return Some((flight::cut_off(&watch.request.headers).map_or_else(broken_off, Ok), None));
                }
                match tokio::time::timeout_at(watch.next.into(), body.frame()).await {
                    Ok(Some(frame)) => return Some((frame, Some((body, watch)))),
                    Ok(None) => return None,
                    Err(_) => {}
                }
            }
        });
        Body::new(StreamBody::new(frames))
    })
}

/// The end of an answer that has no way to say why it ends.
fn broken_off() -> Result<Frame<Bytes>, axum::Error> {
    Err(axum::Error::new(io::Error::new(io::ErrorKind::PermissionDenied, "the credentials are good no more")))
}

struct Watch {
    app: App,
    /// The request, without its body.
    request: Parts,
    /// Who asked.
    name: String,
    next: Instant,
}

impl Watch {
    async fn is_good(&mut self) -> bool {
        self.next = Instant::now() + EVERY;
        match who::is_asking(&self.app, &self.request).await {
            Ok(found) => found.is_some_and(|(identity, _)| identity.name() == self.name),
            // What cannot be found out now is asked again in a second; only a refusal ends the answer.
            Err(problem) => problem.status().is_server_error(),
        }
    }
}
