//! Tables: lists, metadata with the credential for what it leads to, and scan plans.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use polder_iceberg::PlanRequest;
use polder_model::resource::TableFormat;
use polder_model::{Resource, TableName};
use polder_platform::Platform;
use polder_platform::catalog::{FilesOf, Listing, WholeTable};
use polder_vend::Token;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::refused;
use super::kept;
use super::namespaces::On;
use crate::state::App;
use crate::unity::credentials::{Vended, vend};
use crate::unity::error::Refusal;
use crate::unity::request::{Catalog, Named, Sent, existing};

/// The header by which a client asks for credentials.
const DELEGATION: &str = "x-iceberg-access-delegation";

impl On {
    fn table_name(&self) -> Result<TableName, Refusal> {
        let (catalog, schema) = self.schema()?;
        Ok(TableName { catalog, schema, object: existing(&self.table).map_err(|refusal| refusal.of("TABLE"))? })
    }
}

fn of_table(error: polder_platform::Error) -> Refusal {
    Refusal::from(error).of("TABLE")
}

/// The Delta tables that the caller may know of, whether or not it may have their files.
pub(super) async fn list(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<Json<Value>, Refusal> {
    let (catalog, schema) = on.schema()?;
    let found = platform.catalog_list(&Listing::Tables(catalog, schema)).await;
    let found = found.map_err(|error| Refusal::from(error).of("SCHEMA"))?;
    let names = found.iter().filter_map(|object| match &*object.resource {
        Resource::Table(table) if table.format == TableFormat::Delta => {
            Some(json!({ "namespace": [table.name.schema], "name": table.name.object }))
        }
        _ => None,
    });
    Ok(Json(json!({ "identifiers": names.collect::<Vec<_>>() })))
}

pub(super) async fn exists(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<StatusCode, Refusal> {
    let name = on.table_name()?;
    let found = platform.catalog_table(&name).await.map_err(of_table)?;
    match &*found.resource {
        Resource::Table(table) if table.format == TableFormat::Delta => Ok(StatusCode::NO_CONTENT),
        _ => Err(Refusal::not_found(format!("{name} is no table that is kept as Delta: read it by SQL")).of("TABLE")),
    }
}

/// The metadata, which is also kept beside the table for clients that read it there.
pub(super) async fn load(
    State(app): State<App>,
    Catalog(platform): Catalog,
    Named(on): Named<On>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let whole = platform.whole_table(&on.table_name()?).await.map_err(of_table)?;
    let table = kept::table(&whole)?;
    let kept = kept::keep(&whole, &table).await?;
    let mut answer = json!({ "metadata-location": kept.metadata_location, "metadata": kept.metadata, "config": {} });
    let delegated = headers.get_all(DELEGATION).iter().filter_map(|value| value.to_str().ok());
    if delegated.flat_map(|value| value.split(',')).any(|word| word.trim() == "vended-credentials")
        && let Some((prefix, config)) = credential(&app, &platform, whole.id).await?
    {
        answer["storage-credentials"] = json!([{ "prefix": prefix, "config": config }]);
        answer["config"] = config;
    }
    Ok(Json(answer))
}

/// A plan of the files that a scan needs.
pub(super) async fn plan(
    Catalog(platform): Catalog,
    Named(on): Named<On>,
    Sent(request): Sent<PlanRequest>,
) -> Result<Json<Value>, Refusal> {
    let whole: WholeTable = platform.whole_table(&on.table_name()?).await.map_err(of_table)?;
    Ok(Json(kept::table(&whole)?.plan(&request).map_err(refused)?))
}

/// What a client says of its scan. Polder measures for itself, and keeps nothing of it.
pub(super) async fn metrics(Catalog(platform): Catalog, Named(on): Named<On>) -> Result<StatusCode, Refusal> {
    platform.catalog_table(&on.table_name()?).await.map_err(of_table)?;
    Ok(StatusCode::NO_CONTENT)
}

/// A credential for a table's files, as clients of Iceberg read it. Files of the local disk have none.
async fn credential(app: &App, platform: &Platform, id: Uuid) -> Result<Option<(String, Value)>, Refusal> {
    let Vended { url, token, region, expires } =
        vend(app, platform, false, &FilesOf::Table { id, write: false }, "TABLE").await?;
    let config = match token {
        None => return Ok(None),
        Some(Token::Aws { access_key_id, secret_access_key, session_token, access_point }) => {
            let mut config = json!({
                "s3.access-key-id": access_key_id,
                "s3.secret-access-key": secret_access_key.expose(),
                "s3.session-token": session_token.expose(),
                "s3.session-token-expires-at-ms": expires.timestamp_millis().to_string(),
            });
            if let Some(region) = region {
                config["s3.region"] = json!(region);
            }
            if let Some(endpoint) = access_point {
                config["s3.endpoint"] = json!(endpoint);
                // A store that is not AWS's own has its buckets in paths.
                config["s3.path-style-access"] = json!("true");
            }
            config
        }
        Some(Token::AzureSas(sas)) => {
            let account = url.split_once('@').and_then(|(_, host)| host.split('.').next()).unwrap_or_default();
            json!({ "adls.sas-token": sas.expose(), "adls.account-name": account })
        }
        Some(Token::Gcp(token)) => json!({
            "gcs.oauth2.token": token.expose(),
            "gcs.oauth2.token-expires-at": expires.timestamp_millis().to_string(),
        }),
    };
    Ok(Some((url, config)))
}
