//! A file as an answer: whole, in part, or only what is known of it.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::TryStreamExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use polder_lake::VolumeFile;
use polder_platform::OpenFile;

use crate::problem::Problem;
use crate::range::{Wanted, no_such_part, wanted};

/// The name of the policy by which browsers run nothing of a file that somebody opens in them all the same.
const CONTENT_SECURITY_POLICY: HeaderName = HeaderName::from_static("content-security-policy");

/// Answers a request for a file. `cache` says who may keep the answer.
pub(crate) async fn answer(
    found: &OpenFile,
    method: &Method,
    asked: &HeaderMap,
    cache: &'static str,
) -> Result<Response, Problem> {
    let file = found.file();
    let etag = etag(file);
    let mut headers = described(file, etag.as_ref(), cache)?;
    if etag.as_ref().is_some_and(|etag| is_known(asked, etag)) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    let range = match part(asked, etag.as_ref(), file.size) {
        Wanted::Whole => 0..file.size,
        Wanted::Part(range) => range,
        Wanted::Nothing => return Err(no_such_part(file.size)),
    };
    let length = range.end - range.start;
    let partly = length < file.size;
    set(&mut headers, header::CONTENT_LENGTH, &length.to_string())?;
    if partly {
        set(&mut headers, header::CONTENT_RANGE, &format!("bytes {}-{}/{}", range.start, range.end - 1, file.size))?;
    }
    let status = if partly { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let body = match *method {
        Method::HEAD => Body::empty(),
        _ => Body::from_stream(found.read(range).await?.map_err(std::io::Error::other)),
    };
    Ok((status, headers, body).into_response())
}

/// The ETag of a file as headers have it.
pub(crate) fn etag(file: &VolumeFile) -> Option<HeaderValue> {
    let said = file.etag.as_deref()?;
    let quoted = said.starts_with('"') || said.starts_with("W/");
    HeaderValue::from_str(&if quoted { said.to_owned() } else { format!("\"{said}\"") }).ok()
}

fn described(file: &VolumeFile, etag: Option<&HeaderValue>, cache: &'static str) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    set(&mut headers, header::CONTENT_TYPE, "application/octet-stream")?;
    set(&mut headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff")?;
    set(&mut headers, CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox")?;
    // By RFC 6266, in the one form that takes every name.
    let name = utf8_percent_encode(file.path.name(), NON_ALPHANUMERIC);
    set(&mut headers, header::CONTENT_DISPOSITION, &format!("attachment; filename*=UTF-8''{name}"))?;
    set(&mut headers, header::ACCEPT_RANGES, "bytes")?;
    set(&mut headers, header::CACHE_CONTROL, cache)?;
    set(&mut headers, header::LAST_MODIFIED, &http_date(file.modified))?;
    if let Some(etag) = etag {
        headers.insert(header::ETAG, etag.clone());
    }
    Ok(headers)
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), Problem> {
    headers.insert(name, HeaderValue::from_str(value).map_err(Problem::internal)?);
    Ok(())
}

fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Whether whoever asks has this state of the file already.
fn is_known(asked: &HeaderMap, etag: &HeaderValue) -> bool {
    let plain = |text: &str| text.trim().trim_start_matches("W/").to_owned();
    let etag = plain(etag.to_str().unwrap_or_default());
    let listed = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|one| one.trim() == "*" || plain(one) == etag)
}

/// Which part is asked for. `If-Range` asks for it of one state of the file, and for the whole of any other.
fn part(asked: &HeaderMap, etag: Option<&HeaderValue>, size: u64) -> Wanted {
    match asked.get(header::IF_RANGE) {
        Some(state) if Some(state) != etag => Wanted::Whole,
        _ => wanted(asked, size),
    }
}
