//! The routes for Delta clients.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::map_response;
use axum::routing::{get, post};
use axum::{Json, Router};
use polder_model::resource::TableFormat;
use polder_model::{ObjectName, TableName};
use polder_platform::Platform;
use polder_platform::catalog::{CatalogObject, CommitsAnswer, FilesOf, NewTable};
use polder_store::CommitOutcome;
use polder_vend::Token;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::change::Update;
use super::error::{Fault, in_own_form};
use super::loaded::loaded;
use crate::state::App;
use crate::unity::commits::settle;
use crate::unity::credentials::{Vended, vend};
use crate::unity::error::Refusal;
use crate::unity::request::{Asked, Catalog, MayWrite, Named, Sent, existing, new_name};
use crate::unity::tables::full_name;
use crate::unity::types;

const VERSION: &str = "1.0";
const TABLES: &str = "/catalogs/{catalog}/schemas/{schema}/tables";
const TABLE: &str = "/catalogs/{catalog}/schemas/{schema}/tables/{table}";
const STAGING: &str = "/catalogs/{catalog}/schemas/{schema}/staging-tables";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/config", get(config))
        .route(STAGING, post(stage))
        .route(TABLES, post(create))
        .route(TABLE, get(load).post(update).delete(delete).head(exists))
        .route(&format!("{TABLE}/rename"), post(rename))
        .route(&format!("{TABLE}/metrics"), post(metrics))
        .route(&format!("{TABLE}/credentials"), get(credentials))
        .route("/staging-tables/{table_id}/credentials", get(staging_credentials))
        .route("/temporary-path-credentials", get(path_credentials))
        .layer(map_response(in_own_form))
}

/// `{catalog}`, `{schema}` and `{table}` in a path.
#[derive(Deserialize)]
struct On {
    catalog: String,
    schema: String,
    #[serde(default)]
    table: String,
}

impl On {
    fn existing(&self) -> Result<TableName, Fault> {
        let absent = |refusal: Refusal| refusal.of("TABLE");
        let (catalog, schema) = (existing(&self.catalog).map_err(absent)?, existing(&self.schema).map_err(absent)?);
        Ok(TableName { catalog, schema, object: existing(&self.table).map_err(absent)? })
    }
}

fn of_table(error: polder_platform::Error) -> Fault {
    Refusal::from(error).of("TABLE").into()
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Versions {
    catalog: String,
    protocol_versions: String,
}

/// What this interface can do, when the client knows its version.
async fn config(Catalog(platform): Catalog, Asked(asked): Asked<Versions>) -> Result<Json<Value>, Fault> {
    let name = existing(&asked.catalog).map_err(|refusal| refusal.of("CATALOG"))?;
    let seen = platform.catalog_object(&polder_model::Securable::Catalog(name)).await;
    seen.map_err(|error| Refusal::from(error).of("CATALOG"))?;
    let knows = asked.protocol_versions.split(',').any(|version| version.trim().split('.').next() == Some("1"));
    if !knows {
        return Err(Refusal::invalid(format!("this catalog speaks version {VERSION} only")).into());
    }
    let endpoint = |text: &str| {
        let (method, path) = text.split_once(' ').unwrap_or((text, ""));
        format!("{method} /v1{path}")
    };
    let endpoints: Vec<String> = [
        format!("POST {STAGING}"),
        format!("POST {TABLES}"),
        format!("GET {TABLE}"),
        format!("POST {TABLE}"),
        format!("DELETE {TABLE}"),
        format!("HEAD {TABLE}"),
        format!("POST {TABLE}/rename"),
        format!("GET {TABLE}/credentials"),
        format!("POST {TABLE}/metrics"),
        "GET /staging-tables/{table_id}/credentials".to_owned(),
        "GET /temporary-path-credentials".to_owned(),
    ]
    .iter()
    .map(|text| endpoint(text))
    .collect();
    Ok(Json(json!({ "endpoints": endpoints, "protocol-version": VERSION })))
}

#[derive(Deserialize)]
struct Stage {
    name: String,
}

/// What a table must have whose commits the catalog decides.
async fn stage(
    State(app): State<App>,
    Catalog(platform): Catalog,
    MayWrite(may_write): MayWrite,
    Named(on): Named<On>,
    Sent(new): Sent<Stage>,
) -> Result<Json<Value>, Fault> {
    let name = full_name(&on.catalog, &on.schema, &new.name)?;
    let staged = platform.stage_table(&name).await.map_err(|error| Refusal::from(error).of("SCHEMA"))?;
    let vended = vend(&app, &platform, may_write, &FilesOf::Table { id: staged.id, write: true }, "TABLE").await?;
    Ok(Json(json!({
        "table-id": staged.id,
        "table-type": "MANAGED",
        "location": staged.url,
        "storage-credentials": shown(&vended, true),
        "required-protocol": {
            "min-reader-version": 3,
            "min-writer-version": 7,
            "reader-features": ["catalogManaged", "vacuumProtocolCheck"],
            "writer-features": ["catalogManaged", "inCommitTimestamp", "vacuumProtocolCheck"],
        },
        "required-properties": {
            "delta.enableInCommitTimestamps": "true",
            "io.unitycatalog.tableId": staged.id,
        },
    })))
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Create {
    name: String,
    location: String,
    table_type: String,
    comment: Option<String>,
    columns: Value,
    #[serde(default)]
    partition_columns: Vec<String>,
    protocol: Value,
    properties: BTreeMap<String, String>,
    domain_metadata: Option<Value>,
    last_commit_timestamp_ms: i64,
}

async fn create(Catalog(platform): Catalog, Named(on): Named<On>, Sent(new): Sent<Create>) -> Result<Json<Value>, Fault> {
    let name = full_name(&on.catalog, &on.schema, &new.name)?;
    let external = match new.table_type.as_str() {
        "MANAGED" => false,
        "EXTERNAL" => true,
        _ => return Err(Refusal::invalid("table-type has to be MANAGED or EXTERNAL").into()),
    };
    let detail = json!({
        "columns": new.columns,
        "protocol": new.protocol,
        "domain-metadata": new.domain_metadata,
        "last-commit-version": 0,
        "last-commit-timestamp-ms": new.last_commit_timestamp_ms,
    });
    let table = NewTable {
        name,
        comment: new.comment.unwrap_or_default(),
        format: TableFormat::Delta,
        columns: types::read_struct(&new.columns)?,
        partition_columns: new.partition_columns,
        properties: new.properties,
        detail,
        url: new.location,
        external,
    };
    let made = platform.create_table(table).await.map_err(|error| Refusal::from(error).of("SCHEMA"))?;
    Ok(Json(answer(&platform, made.id).await?))
}

async fn load(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<Json<Value>, Fault> {
    let object = found(&platform, &on).await?;
    Ok(Json(answer(&platform, object.id).await?))
}

async fn exists(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<StatusCode, Fault> {
    found(&platform, &on).await.map(|_| StatusCode::NO_CONTENT)
}

async fn update(Catalog(platform): Catalog, Named(on): Named<On>, Sent(update): Sent<Update>) -> Result<Json<Value>, Fault> {
    let object = found(&platform, &on).await?;
    let now = commits(&platform, object.id).await?;
    let asked = update.asked(&now)?;
    if asked.commit.is_none() && asked.published.is_none() {
        let what = polder_model::Securable::Table(on.existing()?);
        platform.change_object(&what, &asked.change).await.map_err(|error| match error.kind() {
            polder_platform::ErrorKind::Conflict => Fault::requirement(&error.to_string()),
            _ => of_table(error),
        })?;
    } else {
        let outcome = platform.commit_table(object.id, &asked).await.map_err(of_table)?;
        settle(&outcome).map_err(|refusal| match outcome {
            CommitOutcome::Conflict => Fault::of_kind(refusal, "CommitVersionConflictException"),
            _ => refusal.into(),
        })?;
    }
    Ok(Json(answer(&platform, object.id).await?))
}

async fn delete(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<StatusCode, Fault> {
    platform.drop_table(&on.existing()?).await.map_err(of_table)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Rename {
    new_name: String,
}

async fn rename(Catalog(platform): Catalog, Named(on): Named<On>, Sent(rename): Sent<Rename>) -> Result<StatusCode, Fault> {
    let new: ObjectName = new_name(&rename.new_name)?;
    platform.rename_table(&on.existing()?, &new).await.map_err(of_table)?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Metrics {
    table_id: Uuid,
}

/// What a client says of its commit. Polder measures for itself, and keeps nothing of it.
async fn metrics(Catalog(platform): Catalog, Named(on): Named<On>, Sent(metrics): Sent<Metrics>) -> Result<StatusCode, Fault> {
    match found(&platform, &on).await?.id == metrics.table_id {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Refusal::invalid("the table-id is that of another table").into()),
    }
}

#[derive(Deserialize)]
struct Operation {
    operation: String,
}

#[derive(Deserialize)]
struct OnPath {
    location: String,
    operation: String,
}

#[derive(Deserialize)]
struct Staging {
    table_id: String,
}

async fn credentials(
    State(app): State<App>,
    Catalog(platform): Catalog,
    MayWrite(may_write): MayWrite,
    Named(on): Named<On>,
    Asked(asked): Asked<Operation>,
) -> Result<Json<Value>, Fault> {
    let write = writes(&asked.operation)?;
    let object = found(&platform, &on).await?;
    let vended = vend(&app, &platform, may_write, &FilesOf::Table { id: object.id, write }, "TABLE").await?;
    Ok(Json(json!({ "storage-credentials": shown(&vended, write) })))
}

async fn staging_credentials(
    State(app): State<App>,
    Catalog(platform): Catalog,
    MayWrite(may_write): MayWrite,
    Named(staging): Named<Staging>,
) -> Result<Json<Value>, Fault> {
    let id: Uuid = existing(&staging.table_id).map_err(|refusal| refusal.of("TABLE"))?;
    let vended = vend(&app, &platform, may_write, &FilesOf::Table { id, write: true }, "TABLE").await?;
    Ok(Json(json!({ "storage-credentials": shown(&vended, true) })))
}

async fn path_credentials(
    State(app): State<App>,
    Catalog(platform): Catalog,
    MayWrite(may_write): MayWrite,
    Asked(asked): Asked<OnPath>,
) -> Result<Json<Value>, Fault> {
    let write = writes(&asked.operation)?;
    let vended = vend(&app, &platform, may_write, &FilesOf::Path { url: asked.location, write, create: true }, "PATH").await?;
    Ok(Json(json!({ "storage-credentials": shown(&vended, write) })))
}

fn writes(operation: &str) -> Result<bool, Refusal> {
    match operation {
        "READ" => Ok(false),
        "READ_WRITE" => Ok(true),
        _ => Err(Refusal::invalid("operation has to be READ or READ_WRITE")),
    }
}

/// Credentials as Delta clients read them. Files of the local disk have none.
fn shown(vended: &Vended, write: bool) -> Value {
    let config = match &vended.token {
        None => return json!([]),
        Some(Token::Aws { access_key_id, secret_access_key, session_token, .. }) => json!({
            "s3.access-key-id": access_key_id,
            "s3.secret-access-key": secret_access_key.expose(),
            "s3.session-token": session_token.expose(),
        }),
        Some(Token::AzureSas(sas)) => json!({ "azure.sas-token": sas.expose() }),
        Some(Token::Gcp(token)) => json!({ "gcs.oauth-token": token.expose() }),
    };
    json!([{
        "prefix": format!("{}/", vended.url),
        "operation": if write { "READ_WRITE" } else { "READ" },
        "expiration-time-ms": vended.expires.timestamp_millis(),
        "config": config,
    }])
}

async fn found(platform: &Platform, on: &On) -> Result<CatalogObject, Fault> {
    platform.catalog_table(&on.existing()?).await.map_err(of_table)
}

async fn commits(platform: &Platform, id: Uuid) -> Result<CommitsAnswer, Fault> {
    platform.table_commits(id, None, 0, None).await.map_err(of_table)
}

async fn answer(platform: &Platform, id: Uuid) -> Result<Value, Fault> {
    loaded(&commits(platform, id).await?)
}
