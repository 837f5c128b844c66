//! `/Groups`.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use polder_scim::{Document, ListQuery, ResourceKind, ScimError, ScimType};
use polder_store::{GroupContent, GroupRecord};
use uuid::Uuid;

use super::access::ScimClient;
use super::answer::Refusal;
use super::body::{Asked, Body, id, not_found};
use super::change::{Change, kept, made};
use super::row::{Row, answer_with};
use super::users::outpaced;
use super::{audit, names};
use crate::state::App;

const KIND: ResourceKind = ResourceKind::Group;

pub(super) async fn list(State(app): State<App>, _: ScimClient, asked: Asked) -> Result<Response, Refusal> {
    super::list::list(&app, &[KIND], &ListQuery::of_parameters(asked.parameters())?).await
}

pub(super) async fn search(State(app): State<App>, _: ScimClient, Body(body): Body) -> Result<Response, Refusal> {
    super::list::list(&app, &[KIND], &ListQuery::of_search(&body)?).await
}

pub(super) async fn read(
    State(app): State<App>,
    _: ScimClient,
    Path(text): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let group = find(&app, id(KIND, &text)?).await?;
    show(&app, StatusCode::OK, group, &asked).await
}

pub(super) async fn create(
    State(app): State<App>,
    ScimClient(client): ScimClient,
    asked: Asked,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let (content, members) = content(KIND.read(&body)?)?;
    names::check(&app, KIND, &content.display_name, &content.name).await?;
    let detail = format!("with {} members", members.len());
    audit::changes(&app, &client, "create group", KIND, &content.name, &detail).await?;
    let id = Uuid::now_v7();
    let group = made(app.store.create_group(id, content, &members, Utc::now()).await?, KIND, id)?;
    show(&app, StatusCode::CREATED, group, &asked).await
}

pub(super) async fn replace(
    State(app): State<App>,
    client: ScimClient,
    Path(text): Path<String>,
    asked: Asked,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let group = change(&app, client, &text, &asked, &Change::replace(KIND, &body)?).await?;
    show(&app, StatusCode::OK, group, &asked).await
}

/// Answers with nothing, as Entra ID wants it, unless the client says which attributes it wants to see.
pub(super) async fn patch(
    State(app): State<App>,
    client: ScimClient,
    Path(text): Path<String>,
    asked: Asked,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let group = change(&app, client, &text, &asked, &Change::patch(KIND, &body)?).await?;
    if asked.wants_attributes() {
        return show(&app, StatusCode::OK, group, &asked).await;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn delete(
    State(app): State<App>,
    ScimClient(client): ScimClient,
    Path(text): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let group = find(&app, id(KIND, &text)?).await?;
    asked.check(group.version)?;
    audit::changes(&app, &client, "remove group", KIND, &group.content.name, "").await?;
    let deleted = app.store.delete_group(group.id, Utc::now(), |group| asked.check(group.version).map_err(Refusal::from));
    made(deleted.await?, KIND, group.id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tries the change on what there is, puts it into the audit, and makes it on what there is then.
async fn change(
    app: &App,
    ScimClient(client): ScimClient,
    text: &str,
    asked: &Asked,
    change: &Change,
) -> Result<GroupRecord, Refusal> {
    let old = find(app, id(KIND, text)?).await?;
    let try_on = |group: &GroupRecord, members: &BTreeSet<Uuid>| -> Result<(GroupContent, BTreeSet<Uuid>), Refusal> {
        asked.check(group.version)?;
        let mut document = kept(&group.content.document)?;
        let ids: Vec<String> = members.iter().map(Uuid::to_string).collect();
        document.put_members(ids.iter().map(String::as_str));
        Ok(content(change.apply(&document)?)?)
    };
    let members = app.store.members(&[old.id]).await?.remove(&old.id).unwrap_or_default();
    let members: BTreeSet<Uuid> = members.into_iter().map(|member| member.id).collect();
    let (new, new_members) = try_on(&old, &members)?;
    names::check(app, KIND, &new.display_name, &new.name).await?;
    let detail = difference((&old.content, &members), (&new, &new_members));
    audit::changes(app, &client, "change group", KIND, &old.content.name, &detail).await?;
    let again = |group: &GroupRecord, members: &BTreeSet<Uuid>| match try_on(group, members) {
        Ok((content, _)) if content.name != new.name => Err(outpaced().into()),
        other => other,
    };
    made(app.store.change_group(old.id, Utc::now(), again).await?, KIND, old.id)
}

/// What the audit says of a change: what it means for who may do what.
fn difference(old: (&GroupContent, &BTreeSet<Uuid>), new: (&GroupContent, &BTreeSet<Uuid>)) -> String {
    let mut said = Vec::new();
    if old.0.name != new.0.name {
        said.push(format!("renamed to {}", new.0.name));
    }
    let list = |sign: char, ids: Vec<&Uuid>| ids.into_iter().map(|id| format!("{sign}{id}")).collect::<Vec<_>>();
    said.append(&mut list('+', new.1.difference(old.1).collect()));
    said.append(&mut list('-', old.1.difference(new.1).collect()));
    said.join(" ")
}

fn content(mut document: Document) -> Result<(GroupContent, BTreeSet<Uuid>), ScimError> {
    let unknown = |id: &str| ScimError::new(ScimType::InvalidValue, format!("{:?} is the id of no user or group", short(id)));
    let members = document.take_members()?;
    let members = members.iter().map(|id| Uuid::try_parse(id).map_err(|_| unknown(id))).collect::<Result<_, _>>()?;
    let display_name = document.text("displayName").unwrap_or_default().to_owned();
    let content = GroupContent {
        name: names::principal(KIND, &display_name)?,
        display_name,
        external_id: document.text("externalId").map(str::to_owned),
        document: document.to_json(),
    };
    Ok((content, members))
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

async fn find(app: &App, id: Uuid) -> Result<GroupRecord, Refusal> {
    Ok(app.store.group(id).await?.ok_or_else(|| not_found(KIND, &id.to_string()))?)
}

async fn show(app: &App, status: StatusCode, group: GroupRecord, asked: &Asked) -> Result<Response, Refusal> {
    let projection = ListQuery::of_parameters(asked.parameters())?.projection;
    answer_with(app, status, Row::Group(group), &projection).await
}
