//! `/files/{address}`: one file by its signed address, whole or in part.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures::TryStreamExt as _;
use polder_lake::GetRange;
use polder_share::AddressError;
use serde::Deserialize;

use super::Refusal;
use crate::auth;
use crate::problem::{PathOf, Problem};
use crate::state::App;

/// `{address}` in a path.
#[derive(Deserialize)]
pub(super) struct ByAddress {
    address: String,
}

pub(super) async fn file(
    State(app): State<App>,
    PathOf(ByAddress { address }): PathOf<ByAddress>,
    parts: Parts,
) -> Result<Response, Refusal> {
    let opened = app.auth.addresses().open(&address, Utc::now());
    let address = opened.map_err(|error| match error {
        AddressError::Forged => Problem::not_found(error.to_string()),
        AddressError::Expired => Problem::denied(error.to_string()).with_code("expired"),
    })?;
    let identity = auth::by_address(&parts.extensions, address.recipient.clone());
    let platform = app.platform(address.environment.as_str(), &identity)?;
    let from = auth::address(&parts.extensions);
    let whole = platform.shared_file(&address, from, None).await?;
    let size = whole.size;
    let found = match wanted(&parts.headers, size) {
        Wanted::Whole => whole,
        Wanted::Part(range) => platform.shared_file(&address, from, Some(range)).await?,
        Wanted::Nothing => {
            let range = HeaderValue::from_str(&format!("bytes */{size}")).map_err(Problem::internal)?;
            let problem = Problem::invalid("the file has no such part").with_status(StatusCode::RANGE_NOT_SATISFIABLE);
            return Err(problem.with_header(header::CONTENT_RANGE, range).into());
        }
    };
    let length = found.range.end - found.range.start;
    let mut headers = HeaderMap::new();
    let mut set = |name, value: String| -> Result<(), Problem> {
        headers.insert(name, HeaderValue::from_str(&value).map_err(Problem::internal)?);
        Ok(())
    };
    set(header::CONTENT_TYPE, "application/octet-stream".to_owned())?;
    set(header::CONTENT_LENGTH, length.to_string())?;
    set(header::ACCEPT_RANGES, "bytes".to_owned())?;
    set(header::CACHE_CONTROL, "private, no-store".to_owned())?;
    let partly = length < size;
    if partly {
        set(header::CONTENT_RANGE, format!("bytes {}-{}/{size}", found.range.start, found.range.end - 1))?;
    }
    let status = if partly { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let body = Body::from_stream(found.bytes.map_err(std::io::Error::other));
    Ok((status, headers, body).into_response())
}

/// Which part of a file is asked for.
#[derive(Debug, PartialEq)]
enum Wanted {
    Whole,
    Part(GetRange),
    /// One that the file does not have.
    Nothing,
}

/// Reads `Range` (RFC 9110, section 14.2). What asks for several parts, or is not understood, gets the whole.
fn wanted(headers: &HeaderMap, size: u64) -> Wanted {
    let text = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let Some((first, last)) = text.and_then(|text| text.strip_prefix("bytes=")).and_then(|range| range.split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| text.trim().parse::<u64>();
    match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Ok(0) => Wanted::Nothing,
            Ok(_) if size == 0 => Wanted::Nothing,
            Ok(count) => Wanted::Part(GetRange::Bounded(size.saturating_sub(count)..size)),
            Err(_) => Wanted::Whole,
        },
        (first, last) => match (number(first), if last.is_empty() { Ok(u64::MAX) } else { number(last) }) {
            (Ok(first), Ok(last)) if first > last => Wanted::Whole,
            (Ok(first), Ok(_)) if first >= size => Wanted::Nothing,
            (Ok(first), Ok(last)) => Wanted::Part(GetRange::Bounded(first..size.min(last.saturating_add(1)))),
            _ => Wanted::Whole,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(range: &str, expect: Wanted) {
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_str(range).unwrap())]);
        assert_eq!(wanted(&headers, 100), expect, "{range}");
    }

    #[test]
    fn a_part_is_what_the_header_says() {
        check("bytes=0-9", Wanted::Part(GetRange::Bounded(0..10)));
        check("bytes=90-", Wanted::Part(GetRange::Bounded(90..100)));
        check("bytes=90-1000", Wanted::Part(GetRange::Bounded(90..100)));
        check("bytes=-8", Wanted::Part(GetRange::Bounded(92..100)));
        check("bytes=-800", Wanted::Part(GetRange::Bounded(0..100)));
        check("bytes=100-", Wanted::Nothing);
        check("bytes=-0", Wanted::Nothing);
        check("bytes=18446744073709551615-", Wanted::Nothing);
        for whole in ["bytes=5-2", "bytes=a-b", "lines=0-9", "bytes=0-1,5-6", "bytes=", "bytes=-"] {
            check(whole, Wanted::Whole);
        }
    }
}
