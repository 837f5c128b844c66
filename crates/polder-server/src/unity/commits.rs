//! `/staging-tables` and `/delta/preview/commits`: tables whose commits the catalog decides.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::StatusCode;
use polder_platform::catalog::{CommitAsked, TableChange};
use polder_store::{Commit, CommitOutcome};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::error::Refusal;
use super::request::{Catalog, Sent, existing};
use super::tables::full_name;
use super::types::{self, SentColumn};

/// A table that a client is about to make.
#[derive(Deserialize)]
pub(super) struct Stage {
    name: String,
    catalog_name: String,
    schema_name: String,
}

/// A commit, or word of what was published.
#[derive(Deserialize)]
pub(super) struct Asked {
    table_id: String,
    table_uri: String,
    commit_info: Option<Info>,
    latest_backfilled_version: Option<i64>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Info {
    version: i64,
    timestamp: i64,
    file_name: String,
    file_size: i64,
    file_modification_timestamp: i64,
}

/// What else a commit changes.
#[derive(Deserialize)]
struct Metadata {
    description: Option<String>,
    schema: Option<Columns>,
    properties: Option<Properties>,
}

#[derive(Deserialize)]
struct Columns {
    columns: Vec<SentColumn>,
}

#[derive(Deserialize)]
struct Properties {
    properties: BTreeMap<String, String>,
}

/// Which commits.
#[derive(Deserialize)]
pub(super) struct Range {
    table_id: String,
    table_uri: String,
    start_version: i64,
    end_version: Option<i64>,
}

pub(super) async fn stage(Catalog(platform): Catalog, Sent(new): Sent<Stage>) -> Result<Json<Value>, Refusal> {
    let name = full_name(&new.catalog_name, &new.schema_name, &new.name)?;
    let staged = platform.stage_table(&name).await.map_err(|error| Refusal::from(error).of("SCHEMA").of_new("TABLE"))?;
    Ok(Json(json!({
        "id": staged.id,
        "name": staged.table.object,
        "catalog_name": staged.table.catalog,
        "schema_name": staged.table.schema,
        "staging_location": staged.url,
    })))
}

pub(super) async fn commit(Catalog(platform): Catalog, Sent(asked): Sent<Asked>) -> Result<Json<Value>, Refusal> {
    let id = table_id(&asked.table_id)?;
    if asked.commit_info.is_none() && asked.latest_backfilled_version.is_none() {
        return Err(Refusal::invalid("there is neither a commit_info nor a latest_backfilled_version"));
    }
    let change = asked.metadata.map(Metadata::change).transpose()?.unwrap_or_default();
    if asked.commit_info.is_none() && !change.is_empty() {
        return Err(Refusal::invalid("metadata changes with a commit only"));
    }
    let commit = asked.commit_info.map(|info| Commit {
        version: info.version,
        file_name: info.file_name,
        file_size: info.file_size,
        file_modified: info.file_modification_timestamp,
        timestamp: info.timestamp,
    });
    let wanted = CommitAsked { url: Some(asked.table_uri), commit, published: asked.latest_backfilled_version, change };
    let outcome = platform.commit_table(id, &wanted).await.map_err(|error| Refusal::from(error).of("TABLE"))?;
    settle(&outcome)?;
    Ok(Json(json!({})))
}

pub(super) async fn list(Catalog(platform): Catalog, Sent(range): Sent<Range>) -> Result<Json<Value>, Refusal> {
    let id = table_id(&range.table_id)?;
    let found = platform.table_commits(id, Some(&range.table_uri), range.start_version, range.end_version).await;
    let found = found.map_err(|error| Refusal::from(error).of("TABLE"))?;
    let commits = found.commits.ok_or_else(|| Refusal::invalid("the catalog does not decide this table's commits"))?;
    let one = |commit: &Commit| {
        json!({
            "version": commit.version,
            "timestamp": commit.timestamp,
            "file_name": commit.file_name,
            "file_size": commit.file_size,
            "file_modification_timestamp": commit.file_modified,
        })
    };
    Ok(Json(json!({
        "commits": commits.commits.iter().map(one).collect::<Vec<_>>(),
        "latest_table_version": commits.latest,
    })))
}

impl Metadata {
    fn change(self) -> Result<TableChange, Refusal> {
        let columns = self.schema.map(|schema| types::read(&schema.columns)).transpose()?;
        Ok(TableChange {
            comment: self.description,
            columns: columns.map(|(columns, _)| columns),
            properties: self.properties.map(|properties| properties.properties),
            ..TableChange::default()
        })
    }
}

/// What a client is told of a commit.
pub(super) fn settle(outcome: &CommitOutcome) -> Result<(), Refusal> {
    match outcome {
        CommitOutcome::Done | CommitOutcome::AlreadyDone => Ok(()),
        CommitOutcome::Conflict => {
            let message = "another commit made this version: read the table again, and commit the next one";
            Err(Refusal::new(StatusCode::CONFLICT, "ALREADY_EXISTS", message))
        }
        CommitOutcome::Gap { latest } => {
            Err(Refusal::invalid(format!("the newest version is {latest}, and a commit makes the one after it")))
        }
        CommitOutcome::NotThere { latest } => {
            Err(Refusal::invalid(format!("the newest version is {latest}, so no later one can have been published")))
        }
        CommitOutcome::TooMany => {
            let message = "too many commits wait to be published: publish them, and say so by latest_backfilled_version";
            Err(Refusal::new(StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED", message))
        }
        CommitOutcome::NoTable => Err(Refusal::invalid("the catalog does not decide this table's commits: commit to its log")),
    }
}

fn table_id(text: &str) -> Result<Uuid, Refusal> {
    existing(text).map_err(|refusal| refusal.of("TABLE"))
}
