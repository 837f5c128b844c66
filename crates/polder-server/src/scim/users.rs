//! `/Users`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use polder_scim::{Document, ListQuery, ResourceKind, ScimError};
use polder_store::{UserContent, UserRecord};
use uuid::Uuid;

use super::access::ScimClient;
use super::answer::Refusal;
use super::body::{Asked, Body, id, not_found};
use super::change::{Change, kept, made};
use super::row::{Row, answer_with};
use super::{audit, names};
use crate::state::App;

const KIND: ResourceKind = ResourceKind::User;

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
    let user = find(&app, id(KIND, &text)?).await?;
    show(&app, StatusCode::OK, user, &asked).await
}

pub(super) async fn create(
    State(app): State<App>,
    ScimClient(client): ScimClient,
    asked: Asked,
    Body(body): Body,
) -> Result<Response, Refusal> {
    let mut document = KIND.read(&body)?;
    if document.active().is_none() {
        document.set_active(true);
    }
    let content = content(&document)?;
    names::check(&app, KIND, &content.user_name, &content.name).await?;
    audit::changes(&app, &client, "create user", KIND, &content.name, "").await?;
    let id = Uuid::now_v7();
    let user = made(app.store.create_user(id, content, Utc::now()).await?, KIND, id)?;
    show(&app, StatusCode::CREATED, user, &asked).await
}

pub(super) async fn replace(
    State(app): State<App>,
    client: ScimClient,
    Path(text): Path<String>,
    asked: Asked,
    Body(body): Body,
) -> Result<Response, Refusal> {
    change(&app, client, &text, &asked, &Change::replace(KIND, &body)?).await
}

pub(super) async fn patch(
    State(app): State<App>,
    client: ScimClient,
    Path(text): Path<String>,
    asked: Asked,
    Body(body): Body,
) -> Result<Response, Refusal> {
    change(&app, client, &text, &asked, &Change::patch(KIND, &body)?).await
}

pub(super) async fn delete(
    State(app): State<App>,
    ScimClient(client): ScimClient,
    Path(text): Path<String>,
    asked: Asked,
) -> Result<Response, Refusal> {
    let user = find(&app, id(KIND, &text)?).await?;
    asked.check(user.version)?;
    audit::changes(&app, &client, "remove user", KIND, &user.content.name, "").await?;
    let deleted = app.store.delete_user(user.id, Utc::now(), |user| asked.check(user.version).map_err(Refusal::from)).await?;
    made(deleted, KIND, user.id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tries the change on what there is, puts it into the audit, and makes it on what there is then.
async fn change(
    app: &App,
    ScimClient(client): ScimClient,
    text: &str,
    asked: &Asked,
    change: &Change,
) -> Result<Response, Refusal> {
    let old = find(app, id(KIND, text)?).await?;
    let try_on = |user: &UserRecord| -> Result<UserContent, Refusal> {
        asked.check(user.version)?;
        Ok(content(&change.apply(&kept(&user.content.document)?)?)?)
    };
    let new = try_on(&old)?;
    names::check(app, KIND, &new.user_name, &new.name).await?;
    audit::changes(app, &client, "change user", KIND, &old.content.name, &difference(&old.content, &new)).await?;
    let again = |user: &UserRecord| match try_on(user) {
        Ok(content) if content.name != new.name => Err(outpaced().into()),
        other => other,
    };
    let user = made(app.store.change_user(old.id, Utc::now(), again).await?, KIND, old.id)?;
    show(app, StatusCode::OK, user, asked).await
}

/// What the audit says of a change: what it means for who may do what.
fn difference(old: &UserContent, new: &UserContent) -> String {
    let mut said = Vec::new();
    if old.name != new.name {
        said.push(format!("renamed to {}", new.name));
    }
    if old.active != new.active {
        said.push(if new.active { "activated" } else { "deactivated" }.to_owned());
    }
    said.join(", ")
}

/// Two clients changed the name at the same moment.
pub(super) fn outpaced() -> ScimError {
    ScimError::status(409, "somebody else changed the name at the same moment: read it again")
}

fn content(document: &Document) -> Result<UserContent, ScimError> {
    let user_name = document.text("userName").unwrap_or_default().to_owned();
    Ok(UserContent {
        name: names::principal(KIND, &user_name)?,
        user_name,
        display_name: document.text("displayName").map(str::to_owned),
        external_id: document.text("externalId").map(str::to_owned),
        // Nobody is in of whom it is not said.
        active: document.active().unwrap_or(false),
        document: document.to_json(),
    })
}

async fn find(app: &App, id: Uuid) -> Result<UserRecord, Refusal> {
    Ok(app.store.user(id).await?.ok_or_else(|| not_found(KIND, &id.to_string()))?)
}

async fn show(app: &App, status: StatusCode, user: UserRecord, asked: &Asked) -> Result<Response, Refusal> {
    let projection = ListQuery::of_parameters(asked.parameters())?.projection;
    answer_with(app, status, Row::User(user), &projection).await
}
