//! Datasets over HTTP: rows by column, filter, order and page, for programs that speak nothing else. At `/data` for the default
//! environment, and at `/environments/{environment}/data` for each.
//!
//! A request becomes one statement, over names that are the dataset's own and values that are bound to it; it is answered under the
//! rights of whoever asks, as any statement is.

mod ask;
mod cursor;
mod hot;
mod keys;
mod look_up;
mod openapi;
mod page;
mod statement;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use polder_api::RowForm;
use polder_model::{DatasetId, DomainName, ObjectName, Version};
use polder_platform::DataState;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use self::ask::Ask;
use self::statement::Statement;
use crate::apart::Elsewhere;
use crate::api::query;
use crate::environments::{self, Here};
use crate::problem::{PathOf, Problem};
use crate::state::App;

/// Where it is, below the server's URL or an environment's.
const PREFIX: &str = "/data";

/// Where the rows of an answer come from: `hot` or `lake`.
const ANSWERED_FROM: HeaderName = HeaderName::from_static("polder-answered-from");
/// The version of the table that an answer is of.
const TABLE_VERSION: HeaderName = HeaderName::from_static("polder-table-version");

/// The routes, for the default environment and for each, but for [`rows`].
pub(crate) fn routes() -> Router<App> {
    environments::nested(PREFIX, || {
        Router::new()
            .route("/{domain}/openapi.json", get(describe))
            .route("/{domain}/{name}/{version}/lookup", post(look_up::look_up))
    })
}

/// The rows of a dataset. One that is held by key is answered in less time than it takes to get to another thread and back: what takes
/// longer goes [elsewhere](Elsewhere) by itself.
pub(crate) fn rows() -> Router<App> {
    environments::nested(PREFIX, || Router::new().route("/{domain}/{name}/{version}", get(read)))
}

/// `{domain}` in a path.
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

async fn read(
    reader: Here,
    elsewhere: Elsewhere,
    PathOf(OfDataset { domain, name, version }): PathOf<OfDataset>,
    RawQuery(asked): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let form = query::form(&headers)?;
    let dataset = dataset(&domain, &name, &version)?;
    if let Some(answer) = hot::read(&reader.platform, &dataset, asked.as_deref().unwrap_or_default(), form, &headers).await? {
        return Ok(answer);
    }
    let answering = async move {
        let answer = read_table(&reader, &dataset, asked.as_deref().unwrap_or_default(), form, &headers).await;
        answer.into_response()
    };
    Ok(elsewhere.answer(answering).await)
}

/// Answers from the table's files, by a query.
async fn read_table(
    reader: &Here,
    dataset: &DatasetId,
    asked: &str,
    form: RowForm,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let data = reader.platform.offered_data(dataset).await?;
    let ask = Ask::read(asked, &data.columns, data.is_metric)?;
    let state = ask.cursor.as_ref().and_then(|cursor| cursor.version).or(data.state.as_ref().map(|state| state.version));
    let tag = data.state.as_ref().map(|state| tag(state, asked, form));
    if let Some(tag) = tag.as_deref().filter(|tag| matches_tag(headers, tag)) {
        return Ok(not_modified(tag));
    }
    let Statement { sql, values } = Statement::of(&data, &ask, state);
    let result = reader.platform.query_with(&sql, values).await?;
    let page = page::collect(result, &ask).await?;
    let next = page.cursor(&ask, state)?;
    let bytes = query::rows::begin(form, page.into_result()).await?;
    let mut response = axum::body::Body::from_stream(bytes).into_response();
    Answered { form, from: From::Lake, version: state, tag: tag.as_deref() }.tell(response.headers_mut())?;
    if let Some(next) = next {
        let link = format!("<{}?{}>; rel=\"next\"", reader.path, ask.with_cursor(&next));
        response.headers_mut().insert(header::LINK, HeaderValue::from_str(&link).map_err(Problem::internal)?);
    }
    Ok(response)
}

async fn describe(reader: Here, PathOf(OfDomain { domain }): PathOf<OfDomain>) -> Result<axum::Json<serde_json::Value>, Problem> {
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

/// The tag of an answer: another one for another state, question or form.
fn tag(state: &DataState, asked: &str, form: RowForm) -> String {
    let said = format!("{}\0{asked}\0{}", state.tag, form.media_type());
    format!("\"{}\"", hex::encode(&Sha256::digest(said)[..12]))
}

fn not_modified(tag: &str) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, tag.to_owned())]).into_response()
}

/// Where rows of an answer come from.
#[derive(Debug, Clone, Copy)]
enum From {
    /// What this server holds by key.
    Hot,
    /// The table's files.
    Lake,
}

/// What an answer's headers tell of it.
struct Answered<'t> {
    form: RowForm,
    from: From,
    /// The version of the table; `None` of a view.
    version: Option<u64>,
    tag: Option<&'t str>,
}

impl Answered<'_> {
    fn tell(&self, headers: &mut HeaderMap) -> Result<(), Problem> {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.form.media_type()));
        // What somebody may see is nobody else's to keep.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(header::VARY, HeaderValue::from_static("accept, authorization, cookie"));
        let from = if matches!(self.from, From::Hot) { "hot" } else { "lake" };
        headers.insert(ANSWERED_FROM, HeaderValue::from_static(from));
        if let Some(version) = self.version {
            headers.insert(TABLE_VERSION, HeaderValue::from(version));
        }
        if let Some(tag) = self.tag {
            headers.insert(header::ETAG, HeaderValue::from_str(tag).map_err(Problem::internal)?);
        }
        Ok(())
    }
}

/// Whether the client has what it would be answered (RFC 9110, section 13.1.2).
fn matches_tag(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|value| value.split(',')).map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}
