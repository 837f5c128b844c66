//! Datasets over HTTP: rows by column, filter, order and page, for programs that speak nothing else. At `/data` for the default
//! environment, and at `/environments/{environment}/data` for each.
//!
//! A request becomes one statement, over names that are the dataset's own and values that are bound to it; it is answered under the
//! rights of whoever asks, as any statement is.

mod ask;
mod cursor;
mod openapi;
mod page;
mod statement;

use axum::Router;
use axum::extract::{FromRequestParts, OriginalUri, RawQuery};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use polder_model::{DatasetId, DomainName, ObjectName, Version};
use polder_platform::Platform;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::ask::Ask;
use self::statement::Statement;
use crate::api::query;
use crate::identified::Identified;
use crate::problem::{PathOf, Problem};
use crate::state::App;

/// Where it is, below the server's URL or an environment's.
const PREFIX: &str = "/data";

/// The routes, for the default environment and for each.
pub(crate) fn routes() -> Router<App> {
    let each = format!("/environments/{{environment}}{PREFIX}");
    Router::new().nest(PREFIX, data()).nest(&each, data())
}

fn data() -> Router<App> {
    Router::new().route("/{domain}/openapi.json", get(describe)).route("/{domain}/{name}/{version}", get(read))
}

/// `{domain}` in a path. Parts are taken by name, as an environment may stand before them.
#[derive(Deserialize)]
struct OfDomain {
    domain: String,
}

/// `{domain}`, `{name}` and `{version}` in a path.
#[derive(Deserialize)]
struct OfDataset {
    domain: String,
    name: String,
    version: String,
}

/// The environment that a request is about, on behalf of whoever asks.
struct Reader {
    platform: Platform,
    /// The address that was asked for, without its query.
    path: String,
}

impl FromRequestParts<App> for Reader {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Identified(identity) = Identified::from_request_parts(parts, app).await?;
        let path = parts.extensions.get::<OriginalUri>().map_or_else(|| parts.uri.path(), |uri| uri.0.path());
        let named = path.strip_prefix("/environments/").and_then(|rest| rest.split('/').next());
        let environment = named.unwrap_or_else(|| app.default_environment().as_str());
        Ok(Self { platform: app.platform(environment, &identity)?, path: path.to_owned() })
    }
}

async fn read(
    reader: Reader,
    PathOf(OfDataset { domain, name, version }): PathOf<OfDataset>,
    RawQuery(asked): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = query::form(&headers)?;
    let dataset = dataset(&domain, &name, &version)?;
    let data = reader.platform.offered_data(&dataset).await?;
    let ask = Ask::read(asked.as_deref().unwrap_or_default(), &data.columns)?;
    let state = ask.cursor.as_ref().and_then(|cursor| cursor.version).or(data.state.as_ref().map(|state| state.version));
    let tag = data.state.as_ref().map(|state| {
        let said = format!("{}\0{}\0{}", state.tag, asked.as_deref().unwrap_or_default(), form.media_type());
        format!("\"{}\"", hex::encode(&Sha256::digest(said)[..12]))
    });
    if tag.as_deref().is_some_and(|tag| matches_tag(&headers, tag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag.unwrap_or_default())]).into_response());
    }
    let Statement { sql, values } = Statement::of(&data, &ask, state);
    let result = reader.platform.query_with(&sql, values).await?;
    let page = page::collect(result, &ask).await?;
    let next = page.cursor(&ask, state)?;
    let bytes = query::rows::begin(form, page.into_result()).await?;
    let mut response = axum::body::Body::from_stream(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    // What somebody may see is nobody else's to keep.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, cookie"));
    if let Some(tag) = tag {
        headers.insert(header::ETAG, HeaderValue::from_str(&tag).map_err(Problem::internal)?);
    }
    if let Some(next) = next {
        let link = format!("<{}?{}>; rel=\"next\"", reader.path, ask.with_cursor(&next));
        headers.insert(header::LINK, HeaderValue::from_str(&link).map_err(Problem::internal)?);
    }
    Ok(response)
}

async fn describe(
    reader: Reader,
    PathOf(OfDomain { domain }): PathOf<OfDomain>,
) -> Result<axum::Json<serde_json::Value>, Problem> {
    let absent = || Problem::not_found("there is no such domain, or you may not know of it");
    let domain: DomainName = domain.parse().map_err(|_| absent())?;
    let datasets = reader.platform.datasets_of(&domain).await?;
    let prefix = reader.path.trim_end_matches("/openapi.json");
    Ok(axum::Json(openapi::document(&domain, prefix, &datasets)))
}

fn dataset(domain: &str, name: &str, version: &str) -> Result<DatasetId, Problem> {
    let absent = || Problem::not_found("there is no such dataset, or you may not know of it");
    Ok(DatasetId {
        domain: domain.parse::<DomainName>().map_err(|_| absent())?,
        name: name.parse::<ObjectName>().map_err(|_| absent())?,
        version: version.parse::<Version>().map_err(|_| absent())?,
    })
}

/// Whether the client has what it would be answered (RFC 9110, section 13.1.2).
fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
