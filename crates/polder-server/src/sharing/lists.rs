//! What is offered: shares, the schemas in one, and the tables.

use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use polder_model::TableName;
use polder_model::share::Share;
use polder_share::page;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{InSchema, InShare, Recipient, Refusal};
use crate::problem::PathOf;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Paging {
    max_results: Option<u32>,
    page_token: Option<String>,
}

type Asked = Result<Query<Paging>, QueryRejection>;

pub(super) async fn shares(recipient: Recipient, asked: Asked) -> Result<Json<Value>, Refusal> {
    let shares = recipient.platform.offered(recipient.from).await?;
    answer(shares, |share| share.name.to_string(), asked, |share| told(&share, &recipient))
}

pub(super) async fn share(recipient: Recipient, PathOf(InShare { share }): PathOf<InShare>) -> Result<Json<Value>, Refusal> {
    let share = recipient.platform.offered_share(&share, recipient.from).await?;
    Ok(Json(json!({ "share": told(&share, &recipient) })))
}

pub(super) async fn schemas(
    recipient: Recipient,
    PathOf(InShare { share }): PathOf<InShare>,
    asked: Asked,
) -> Result<Json<Value>, Refusal> {
    let share = recipient.platform.offered_share(&share, recipient.from).await?;
    let mut names: Vec<&str> = share.tables.iter().map(|table| table.catalog.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    answer(names, |name| (*name).to_owned(), asked, |name| json!({ "name": name, "share": share.name }))
}

pub(super) async fn tables(
    recipient: Recipient,
    PathOf(InSchema { share, schema }): PathOf<InSchema>,
    asked: Asked,
) -> Result<Json<Value>, Refusal> {
    let share = recipient.platform.offered_share(&share, recipient.from).await?;
    let tables: Vec<&TableName> =
        share.tables.iter().filter(|table| table.catalog.as_str().eq_ignore_ascii_case(&schema)).collect();
    if tables.is_empty() {
        return Err(crate::problem::Problem::not_found("there is no such schema in the share").into());
    }
    list_tables(&recipient, &share, tables, asked)
}

pub(super) async fn all_tables(
    recipient: Recipient,
    PathOf(InShare { share }): PathOf<InShare>,
    asked: Asked,
) -> Result<Json<Value>, Refusal> {
    let share = recipient.platform.offered_share(&share, recipient.from).await?;
    list_tables(&recipient, &share, share.tables.iter().collect(), asked)
}

fn list_tables(recipient: &Recipient, share: &Share, tables: Vec<&TableName>, asked: Asked) -> Result<Json<Value>, Refusal> {
    let platform = &recipient.platform;
    let share_id = platform.derived_id(&format!("share:{}", share.name));
    let key = |table: &&TableName| format!("{}.{}", table.catalog, table.object);
    answer(tables, key, asked, |table| {
        json!({
            "name": table.object,
            "schema": table.catalog,
            "share": share.name,
            "shareId": share_id,
            "id": platform.derived_id(&format!("shared:{}:{table}", share.name)),
        })
    })
}

fn told(share: &Share, recipient: &Recipient) -> Value {
    json!({ "name": share.name, "id": recipient.platform.derived_id(&format!("share:{}", share.name)) })
}

fn answer<T>(items: Vec<T>, key: impl Fn(&T) -> String, asked: Asked, told: impl Fn(T) -> Value) -> Result<Json<Value>, Refusal> {
    let Query(asked) = asked.map_err(|rejection| Refusal::invalid(rejection.body_text()))?;
    let page = page(items, key, asked.max_results, asked.page_token.as_deref())?;
    let mut answer = json!({ "items": page.items.into_iter().map(told).collect::<Vec<_>>() });
    if let Some(next) = page.next {
        answer["nextPageToken"] = next.into();
    }
    Ok(Json(answer))
}
