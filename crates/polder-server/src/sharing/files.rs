//! `/files/{address}`: one file by its signed address, whole or in part.

use axum::body::Body;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use futures::TryStreamExt as _;
use polder_lake::GetRange;
use serde::Deserialize;

use super::Refusal;
use crate::auth;
use crate::problem::{PathOf, Problem};
use crate::range::{Wanted, no_such_part, wanted};
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
    let address = app.auth.addresses().open(&address, Utc::now()).map_err(Problem::from)?;
    let identity = auth::by_address(&parts.extensions, address.recipient.clone());
    let platform = app.platform(address.environment.as_str(), &identity)?;
    let from = auth::address(&parts.extensions);
    let whole = platform.shared_file(&address, from, None).await?;
    let size = whole.size;
    let found = match wanted(&parts.headers, size) {
        Wanted::Whole => whole,
        Wanted::Part(range) => platform.shared_file(&address, from, Some(GetRange::Bounded(range))).await?,
        Wanted::Nothing => return Err(no_such_part(size).into()),
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
