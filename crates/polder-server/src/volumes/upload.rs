//! A file as the body of a request: taken in as it comes, as far as it may be large, for as long as it goes on coming.

use std::error::Error as _;
use std::io::{self, ErrorKind};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use polder_lake::VolumeFile;
use polder_platform::Platform;

use crate::config::Limits;
use crate::problem::Problem;

/// Whether a request brings a file, which takes as long as it takes: what is bounded is how long its next part is waited for.
pub(crate) fn carries_a_file(request: &Request) -> bool {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    *request.method() == Method::PUT && (route.ends_with("/volumes/{volume}/files/{*path}") || route == super::address::ROUTE)
}

/// Writes the file that a request brings, by its path in a volume.
///
/// # Errors
/// When it may not be written, is too large, stops coming, or is there already and was not to be replaced.
pub(crate) async fn write(
    platform: &Platform,
    (volume, path): (&str, &str),
    request: Request,
    limits: &Limits,
) -> Result<VolumeFile, Problem> {
    let (parts, body) = request.into_parts();
    let only_new = only_new(&parts.headers)?;
    let bytes = sent(&parts.headers, body, limits)?;
    let written = platform.write_volume_file(volume, path, bytes, !only_new).await;
    written.map_err(|error| refused(error, limits, only_new))
}

/// Whether only a file is to be written that is not there yet: what `If-None-Match: *` says. Other conditions are refused, as whoever
/// sends one counts on it.
fn only_new(headers: &HeaderMap) -> Result<bool, Problem> {
    let others = [header::IF_MATCH, header::IF_UNMODIFIED_SINCE, header::CONTENT_RANGE];
    let only_new = headers.get(header::IF_NONE_MATCH);
    if others.iter().any(|name| headers.contains_key(name)) || only_new.is_some_and(|value| value != "*") {
        return Err(Problem::invalid("a file is written whole, and the only condition is that there is none: If-None-Match: *"));
    }
    Ok(only_new.is_some())
}

/// The bytes that a request brings, each part waited for no longer than a request may take.
fn sent(headers: &HeaderMap, body: Body, limits: &Limits) -> Result<BoxStream<'static, io::Result<Bytes>>, Problem> {
    let most = limits.file_bytes;
    let said = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if said.is_some_and(|said| said > most) {
        return Err(too_large(most));
    }
    let parts = Arriving { body: body.into_data_stream().boxed(), patience: limits.request_timeout, left: most };
    Ok(futures::stream::unfold(Some(parts), |parts| async { parts?.next().await }).boxed())
}

struct Arriving {
    body: BoxStream<'static, Result<Bytes, axum::Error>>,
    patience: Duration,
    left: u64,
}

impl Arriving {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Option<Self>)> {
        let ended = |error: io::Error| Some((Err(error), None));
        match tokio::time::timeout(self.patience, self.body.next()).await {
            Err(late) => ended(io::Error::new(ErrorKind::TimedOut, late)),
            Ok(None) => None,
            Ok(Some(Err(error))) => ended(io::Error::other(error)),
            Ok(Some(Ok(part))) => match self.left.checked_sub(part.len() as u64) {
                Some(left) => {
                    self.left = left;
                    Some((Ok(part), Some(self)))
                }
                None => ended(io::Error::from(ErrorKind::FileTooLarge)),
            },
        }
    }
}

fn too_large(most: u64) -> Problem {
    Problem::invalid(format!("the file has more than {most} bytes, which is the most that this server takes"))
        .with_status(StatusCode::PAYLOAD_TOO_LARGE)
        .with_code("too_large")
        .with_hint("`polder serve --file-limit` sets how large a file may be")
}

/// The refusal of a file that was not written. `only_new` says whether one was not to be replaced.
fn refused(error: polder_platform::Error, limits: &Limits, only_new: bool) -> Problem {
    let cause = error.source().and_then(|source| source.downcast_ref::<io::Error>()).map(io::Error::kind);
    match (cause, error.kind()) {
        (Some(ErrorKind::FileTooLarge), _) => too_large(limits.file_bytes),
        (Some(ErrorKind::TimedOut), _) => Problem::invalid("the file stopped coming, and nothing of it was kept")
            .with_status(StatusCode::REQUEST_TIMEOUT)
            .with_code("timeout"),
        (_, polder_platform::ErrorKind::Conflict) if only_new => Problem::precondition(error.to_string()),
        _ => error.into(),
    }
}
