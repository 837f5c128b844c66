//! How much anyone may ask for: requests at once by principal, time, and the size of bodies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::apart;
use crate::identified::Identified;
use crate::problem::Problem;
use crate::state::App;
use crate::volumes;

/// What each principal has under way.
#[derive(Debug)]
pub struct Concurrency {
    limit: usize,
    principals: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Concurrency {
    /// Lets each principal have this many requests under way.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit, principals: Mutex::default() }
    }

    /// Takes a place for a principal's request; `None` when all are taken.
    pub(crate) fn enter(&self, principal: &str) -> Option<OwnedSemaphorePermit> {
        let mut principals = self.principals.lock().unwrap_or_else(PoisonError::into_inner);
        if principals.len() > 10_000 {
            principals.retain(|_, places| places.available_permits() < self.limit);
        }
        let places = principals.entry(principal.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.limit)));
        places.clone().try_acquire_owned().ok()
    }
}

/// Keeps a place for as long as the request is worked on and its answer is read.
pub(crate) async fn concurrency(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(Identified(identity)) = request.extensions().get::<Identified>() else { return next.run(request).await };
    let place = match enter(&app, identity.name()) {
        Ok(place) => place,
        Err(problem) => return problem.into_response(),
    };
    until_read(next.run(request).await, place)
}

/// Takes a place for a principal's request.
///
/// # Errors
/// When all are taken.
pub(crate) fn enter(app: &App, principal: &str) -> Result<OwnedSemaphorePermit, Problem> {
    app.concurrency.enter(principal).ok_or_else(|| {
        let limit = app.config.limits.concurrent_per_principal;
        Problem::too_many(format!("{limit} requests of {principal} are under way already"))
            .with_hint("wait for some of them to end")
    })
}

/// Keeps a place for as long as an answer is read: a stream of rows is under way until its last one is.
pub(crate) fn until_read(answer: Response, place: OwnedSemaphorePermit) -> Response {
    answer.map(|body| if apart::is_whole(&body) { body } else { held(body, place) })
}

/// A body that keeps something until it is read or given up.
fn held<T: Send + 'static>(body: Body, kept: T) -> Body {
    Body::new(body.map_frame(move |frame| {
        let _kept = &kept;
        frame
    }))
}

/// Ends a request that takes too long before its answer begins. One that brings a file is bounded by its parts.
pub(crate) async fn time(limit: Duration, request: Request, next: Next) -> Response {
    if volumes::carries_a_file(&request) {
        return next.run(request).await;
    }
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timeout().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use http_body_util::StreamBody;
    use hyper::body::Frame;

    use super::*;

    #[tokio::test]
    async fn a_place_is_kept_until_the_trailers_are_read_or_the_body_is_given_up() {
        let places = Concurrency::new(1);
        let body = || {
            let trailers = HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("0"))]);
            let frames = [Ok::<_, axum::Error>(Frame::data("rows".into())), Ok(Frame::trailers(trailers))];
            held(Body::new(StreamBody::new(futures::stream::iter(frames))), places.enter("ana").unwrap())
        };
        let mut read = body();
        assert!(read.frame().await.unwrap().unwrap().is_data());
        assert!(places.enter("ana").is_none());
        assert_eq!(read.frame().await.unwrap().unwrap().into_trailers().unwrap()["grpc-status"], "0");
        drop(read);
        drop(body());
        assert!(places.enter("ana").is_some());
    }
}
