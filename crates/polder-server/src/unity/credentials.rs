//! Credentials for files, short-lived and for one folder. Files of the local disk are named, and opened by no credential.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, TimeDelta, Utc};
use polder_platform::Platform;
use polder_platform::catalog::{FilesOf, OpenFiles};
use polder_vend::{Credentials, LIFETIME, Token, Vendor};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::Refusal;
use super::request::{Catalog, MayWrite, Sent, existing};
use crate::state::App;

/// A table's files.
#[derive(Deserialize)]
pub(super) struct OfTable {
    table_id: String,
    operation: String,
}

/// A volume's files.
#[derive(Deserialize)]
pub(super) struct OfVolume {
    volume_id: String,
    operation: String,
}

/// The files at a URL.
#[derive(Deserialize)]
pub(super) struct OfPath {
    url: String,
    operation: String,
}

pub(super) async fn of_table(
    State(app): State<App>,
    Catalog(platform): Catalog,
    MayWrite(may_write): MayWrite,
    Sent(asked): Sent<OfTable>,
) -> Result<Json<Value>, Refusal> {
    let write = operation(&asked.operation, "READ", "READ_WRITE")?;
    let id: Uuid = existing(&asked.table_id).map_err(|refusal| refusal.of("TABLE"))?;
    answer(&app, &platform, may_write, &FilesOf::Table { id, write }, "TABLE").await
}

pub(super) async fn of_volume(
    State(app): State<App>,
    Catalog(platform): Catalog,
    MayWrite(may_write): MayWrite,
    Sent(asked): Sent<OfVolume>,
) -> Result<Json<Value>, Refusal> {
    let write = operation(&asked.operation, "READ_VOLUME", "WRITE_VOLUME")?;
    let id: Uuid = existing(&asked.volume_id).map_err(|refusal| refusal.of("VOLUME"))?;
    answer(&app, &platform, may_write, &FilesOf::Volume { id, write }, "VOLUME").await
}

pub(super) async fn of_path(
    State(app): State<App>,
    Catalog(platform): Catalog,
    MayWrite(may_write): MayWrite,
    Sent(asked): Sent<OfPath>,
) -> Result<Json<Value>, Refusal> {
    let create = asked.operation == "PATH_CREATE_TABLE";
    let write = create || operation(&asked.operation, "PATH_READ", "PATH_READ_WRITE")?;
    answer(&app, &platform, may_write, &FilesOf::Path { url: asked.url, write, create }, "PATH").await
}

/// Whether an operation writes.
fn operation(said: &str, read: &str, write: &str) -> Result<bool, Refusal> {
    match said {
        said if said == read => Ok(false),
        said if said == write => Ok(true),
        _ => Err(Refusal::invalid(format!("operation has to be {read} or {write}"))),
    }
}

/// Files that were opened: where, with what credential if one is needed, until when.
pub(crate) struct Vended {
    pub(crate) url: String,
    pub(crate) token: Option<Token>,
    pub(crate) region: Option<String>,
    pub(crate) expires: DateTime<Utc>,
}

/// Opens files to the caller.
pub(crate) async fn vend(app: &App, platform: &Platform, may_write: bool, of: &FilesOf, noun: &str) -> Result<Vended, Refusal> {
    let (FilesOf::Table { write, .. } | FilesOf::Volume { write, .. } | FilesOf::Path { write, .. }) = of;
    if *write && !may_write {
        let message = "the token is not good for writing files: it lacks the scope write";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message));
    }
    let OpenFiles { url, scope, settings } = platform.open_files(of).await.map_err(|error| Refusal::from(error).of(noun))?;
    let now = Utc::now();
    let Some(settings) = settings else {
        return Ok(Vended { url, token: None, region: None, expires: now + TimeDelta::from_std(LIFETIME).unwrap_or_default() });
    };
    let region = settings.region().map(str::to_owned);
    let Credentials { token, expires } = Vendor::new(app.outbound.clone()).vend(&scope, &settings, LIFETIME, now).await?;
    Ok(Vended { url, token: Some(token), region, expires })
}

async fn answer(app: &App, platform: &Platform, may_write: bool, of: &FilesOf, noun: &str) -> Result<Json<Value>, Refusal> {
    let Vended { url, token, expires, .. } = vend(app, platform, may_write, of, noun).await?;
    let mut answer = json!({ "expiration_time": expires.timestamp_millis(), "url": url });
    match token {
        None => {}
        Some(Token::Aws { access_key_id, secret_access_key, session_token, access_point }) => {
            answer["aws_temp_credentials"] = json!({
                "access_key_id": access_key_id,
                "secret_access_key": secret_access_key.expose(),
                "session_token": session_token.expose(),
            });
            if let Some(access_point) = access_point {
                answer["aws_temp_credentials"]["access_point"] = json!(access_point);
            }
        }
        Some(Token::AzureSas(sas)) => answer["azure_user_delegation_sas"] = json!({ "sas_token": sas.expose() }),
        Some(Token::Gcp(token)) => answer["gcp_oauth_token"] = json!({ "oauth_token": token.expose() }),
    }
    Ok(Json(answer))
}
