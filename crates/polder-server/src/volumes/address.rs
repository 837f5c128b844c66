//! `/files/{address}`: one file of a volume by its signed address, to read or to write. The address stands for whoever asked for it, whose
//! rights count at each use.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::Utc;
use polder_platform::Platform;
use polder_share::{FileMethod, VolumeAddress};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

use super::answer;
use crate::auth;
use crate::limits;
use crate::problem::{PathOf, Problem};
use crate::state::App;

/// Where addresses are.
pub(super) const ROUTE: &str = "/files/{address}";

/// The longest that an address is good for, in seconds.
pub(crate) const MOST_SECONDS: u32 = 3600;

/// `{address}` in a path.
#[derive(Deserialize)]
struct ByAddress {
    address: String,
}

/// The routes.
pub(crate) fn routes() -> Router<App> {
    Router::new().route(ROUTE, get(read).put(write))
}

/// An address as it is handed out.
///
/// # Errors
/// When this process is no server, and no setting says where one is.
pub(crate) fn url(app: &App, address: &VolumeAddress) -> Result<String, Problem> {
    Ok(format!("{}{}", app.url_for_others()?, ROUTE.replace("{address}", &app.auth.volume_addresses().sign(address))))
}

async fn read(State(app): State<App>, PathOf(at): PathOf<ByAddress>, parts: Parts) -> Result<Response, Problem> {
    let Opened { address, platform, place } = open(&app, &at, &parts.extensions, FileMethod::Read).await?;
    let found = platform.volume_file(&address.volume.to_string(), address.file.as_str()).await?;
    let answered = answer(&found, &parts.method, &parts.headers, "private, no-store").await?;
    Ok(limits::until_read(answered, place))
}

async fn write(State(app): State<App>, PathOf(at): PathOf<ByAddress>, request: Request) -> Result<Response, Problem> {
    let Opened { address, platform, place: _place } = open(&app, &at, request.extensions(), FileMethod::Write).await?;
    super::write(&platform, (&address.volume.to_string(), address.file.as_str()), request, &app.config.limits).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// An address that is followed.
struct Opened {
    address: VolumeAddress,
    /// On behalf of whoever asked for it.
    platform: Platform,
    /// One of the requests that they may have under way.
    place: OwnedSemaphorePermit,
}

async fn open(app: &App, at: &ByAddress, extensions: &Extensions, method: FileMethod) -> Result<Opened, Problem> {
    let address = app.auth.volume_addresses().open(&at.address, Utc::now())?;
    if address.method != method {
        return Err(Problem::denied("the address is not for this method").with_hint("ask for one that is"));
    }
    if !auth::is_known(app, &address.principal).await? {
        return Err(Problem::denied("whoever asked for the address may not use it any more"));
    }
    let identity = auth::by_address(extensions, address.principal.clone());
    let platform = app.platform(address.environment.as_str(), &identity)?;
    let place = limits::enter(app, address.principal.as_str())?;
    Ok(Opened { address, platform, place })
}
