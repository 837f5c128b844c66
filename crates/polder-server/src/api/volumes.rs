//! `/environments/{environment}/volumes/{volume}`: files of volumes, and signed addresses of them.

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{TimeDelta, Utc};
use polder_api::{
    AddressMade, AddressMethod, FilesQuery, NewAddress, Page, PageQuery, Problem as Refusal, VolumeEntry, VolumeEntryKind,
};
use polder_identity::Scope;
use polder_platform::VolumeFileAddress;
use polder_share::FileMethod;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::paging;
use crate::auth;
use crate::idempotency::NeverKept;
use crate::identified::Identified;
use crate::problem::{Body as JsonBody, Parameters, PathOf, Problem};
use crate::state::App;
use crate::volumes;

/// For how long an address is good where nobody says, in seconds.
const USUAL_SECONDS: u32 = 900;

/// What a path names.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfVolume {
    environment: String,
    /// catalog.schema.volume
    volume: String,
}

/// What a path names.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
struct OfFile {
    environment: String,
    /// catalog.schema.volume
    volume: String,
    /// The file's path in the volume
    path: String,
}

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(read, write, delete)).routes(routes!(address))
}

/// List a folder of a volume
///
/// Files that are being written are not shown. A folder that is not there holds nothing.
#[utoipa::path(get, path = "/environments/{environment}/volumes/{volume}/files", tag = "volumes",
    params(OfVolume, FilesQuery), responses(
    (status = 200, description = "A page of its files and folders, by path", body = Page<VolumeEntry>),
    (status = 400, description = "There is no such page, or that is no folder's path", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not read its files", body = Refusal),
    (status = 404, description = "There is no such volume, or you may not know of it", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(OfVolume { environment, volume }): PathOf<OfVolume>,
    Parameters(FilesQuery { prefix, limit, cursor }): Parameters<FilesQuery>,
) -> Result<Json<Page<VolumeEntry>>, Problem> {
    let platform = app.platform(&environment, &identity)?;
    let found = platform.volume_entries(&volume, prefix.as_deref().unwrap_or_default()).await?;
    let entries = found.into_iter().map(shown).collect();
    paging::page(entries, &PageQuery { limit, cursor }, |entry: &VolumeEntry| entry.path.clone()).map(Json)
}

/// Read a file of a volume
///
/// `Range` and `If-Range` ask for a part of it, `If-None-Match` for what you do not have yet. HEAD tells of its size and state.
#[utoipa::path(get, path = "/environments/{environment}/volumes/{volume}/files/{*path}", tag = "volumes",
    params(OfFile), responses(
    (status = 200, description = "The file", content((Vec<u8> = "application/octet-stream"))),
    (status = 206, description = "The part that was asked for", content((Vec<u8> = "application/octet-stream"))),
    (status = 304, description = "You have it already"),
    (status = 400, description = "That is no file's path", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not read its files", body = Refusal),
    (status = 404, description = "There is no such file or volume, or you may not know of it", body = Refusal),
    (status = 409, description = "It became another file while it was read", body = Refusal),
    (status = 416, description = "It has no such part", body = Refusal),
))]
async fn read(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(OfFile { environment, volume, path }): PathOf<OfFile>,
    parts: Parts,
) -> Result<Response, Problem> {
    let found = app.platform(&environment, &identity)?.volume_file(&volume, &path).await?;
    volumes::answer(&found, &parts.method, &parts.headers, "private, no-cache").await
}

/// Write a file of a volume
///
/// The body is the file, of any type. The file is there as a whole when this is answered, or not at all; what was there by its name
/// is replaced, unless `If-None-Match: *` says that it is not to be.
#[utoipa::path(put, path = "/environments/{environment}/volumes/{volume}/files/{*path}", tag = "volumes",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    params(OfFile), responses(
    (status = 200, description = "The file as it is there", body = VolumeEntry),
    (status = 400, description = "That is no file's path, or the file broke off", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not write its files", body = Refusal),
    (status = 404, description = "There is no such volume, or you may not know of it", body = Refusal),
    (status = 408, description = "The file stopped coming", body = Refusal),
    (status = 409, description = "A folder is in the way", body = Refusal),
    (status = 412, description = "There is such a file already", body = Refusal),
    (status = 413, description = "It is larger than this server takes", body = Refusal),
))]
async fn write(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(OfFile { environment, volume, path }): PathOf<OfFile>,
    request: Request,
) -> Result<Response, Problem> {
    let platform = app.platform(&environment, &identity)?;
    let file = volumes::write(&platform, (&volume, &path), request, &app.config.limits).await?;
    let etag = volumes::etag(&file);
    let mut response = Json(shown(polder_lake::VolumeEntry::File(file))).into_response();
    if let Some(etag) = etag {
        response.headers_mut().insert(header::ETAG, etag);
    }
    Ok(response)
}

/// Delete a file of a volume
#[utoipa::path(delete, path = "/environments/{environment}/volumes/{volume}/files/{*path}", tag = "volumes",
    params(OfFile), responses(
    (status = 204, description = "It is gone"),
    (status = 400, description = "That is no file's path", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not write its files", body = Refusal),
    (status = 404, description = "There is no such file or volume, or you may not know of it", body = Refusal),
))]
async fn delete(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(OfFile { environment, volume, path }): PathOf<OfFile>,
    parts: Parts,
) -> Result<StatusCode, Problem> {
    if [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE].iter().any(|name| parts.headers.contains_key(name))
    {
        return Err(Problem::invalid("a file is deleted without conditions"));
    }
    app.platform(&environment, &identity)?.delete_volume_file(&volume, &path).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make an address by which one file is read or written
///
/// Whoever has the address needs no other credentials. It stands for you: at each use your right to do so is decided anew, and recorded.
/// It is good for this file and this method, for an hour at most. To write, your token needs the scope `write`.
#[utoipa::path(post, path = "/environments/{environment}/volumes/{volume}/addresses", tag = "volumes", request_body = NewAddress,
    params(OfVolume), responses(
    (status = 201, description = "The address; it is not shown again", body = AddressMade),
    (status = 400, description = "That is no file's path, or too long a time", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not do so yourself", body = Refusal),
    (status = 404, description = "There is no such volume, or you may not know of it", body = Refusal),
))]
async fn address(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(OfVolume { environment, volume }): PathOf<OfVolume>,
    JsonBody(asked): JsonBody<NewAddress>,
) -> Result<Response, Problem> {
    let seconds = asked.seconds.unwrap_or(USUAL_SECONDS);
    if !(1..=volumes::MOST_SECONDS).contains(&seconds) {
        return Err(Problem::invalid(format!("an address is good for 1 to {} seconds", volumes::MOST_SECONDS)));
    }
    let method = match asked.method {
        AddressMethod::Read => FileMethod::Read,
        AddressMethod::Write => FileMethod::Write,
    };
    if method == FileMethod::Write && !identity.writes {
        auth::refuse_scope(&app, &identity, &format!("an address to write a file of {volume}"), Scope::Write).await?;
        return Err(Problem::denied("the token is not good for this: it lacks the scope write").with_code("insufficient_scope"));
    }
    let expires = Utc::now() + TimeDelta::seconds(seconds.into());
    let lasts = Duration::from_secs(seconds.into());
    let platform = app.platform(&environment, &identity)?;
    let made = platform.volume_file_address(&volume, &asked.path, method, asked.direct, (expires.timestamp(), lasts)).await?;
    let (url, direct) = match made {
        VolumeFileAddress::Store(url) => (url.to_string(), true),
        VolumeFileAddress::Ours(address) => (volumes::url(&app, &address)?, false),
    };
    let made = AddressMade { url, method: asked.method, expires, direct };
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.extensions_mut().insert(NeverKept);
    Ok(response)
}

fn shown(entry: polder_lake::VolumeEntry) -> VolumeEntry {
    match entry {
        polder_lake::VolumeEntry::Folder(path) => {
            VolumeEntry { path: path.into(), kind: VolumeEntryKind::Folder, size: None, modified: None }
        }
        polder_lake::VolumeEntry::File(file) => VolumeEntry {
            path: file.path.into(),
            kind: VolumeEntryKind::File,
            size: Some(file.size),
            modified: Some(file.modified),
        },
    }
}
