//! A user or group as it was read, and how it is shown.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::Response;
use polder_scim::{MemberRef, Projection, Representation, ResourceKind};
use polder_store::{GroupRecord, UserRecord};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::answer::{Refusal, resource};
use super::change::kept;
use crate::state::App;

/// A user or group.
#[derive(Debug, Clone)]
pub(super) enum Row {
    User(UserRecord),
    Group(GroupRecord),
}

impl Row {
    pub(super) const fn kind(&self) -> ResourceKind {
        match self {
            Self::User(_) => ResourceKind::User,
            Self::Group(_) => ResourceKind::Group,
        }
    }

    const fn id(&self) -> Uuid {
        match self {
            Self::User(user) => user.id,
            Self::Group(group) => group.id,
        }
    }

    fn shown(&self, base: &str, members: &[MemberRef]) -> Result<Map<String, Value>, Refusal> {
        let (text, version, created, modified) = match self {
            Self::User(user) => (&user.content.document, user.version, user.created, user.modified),
            Self::Group(group) => (&group.content.document, group.version, group.created, group.modified),
        };
        let document = &kept(text)?;
        let (kind, id) = (self.kind(), self.id());
        Ok(Representation { kind, id, version, created, modified, document, members }.to_json(base))
    }
}

/// What a kind's resources have that is not in their documents: a group's members, a user's groups.
pub(super) const fn beside(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::User => "groups",
        ResourceKind::Group => "members",
    }
}

/// The rows as they are shown, with groups' members and users' groups if wanted.
pub(super) async fn show(app: &App, rows: &[Row], with_members: bool) -> Result<Vec<Map<String, Value>>, Refusal> {
    let members = if with_members { members(app, rows).await? } else { BTreeMap::new() };
    let base = super::base(app);
    let none = Vec::new();
    rows.iter().map(|row| row.shown(&base, members.get(&row.id()).unwrap_or(&none))).collect()
}

/// The answer that is one resource.
pub(super) async fn answer_with(app: &App, status: StatusCode, row: Row, projection: &Projection) -> Result<Response, Refusal> {
    let kind = row.kind();
    let (id, version) = match &row {
        Row::User(user) => (user.id, user.version),
        Row::Group(group) => (group.id, group.version),
    };
    let location = format!("{}/{}/{id}", super::base(app), kind.endpoint());
    let shown = show(app, &[row], projection.includes(kind, beside(kind))).await?;
    let shown = shown.into_iter().next().unwrap_or_default();
    Ok(resource(status, &location, version, projection.of(kind, shown)))
}

async fn members(app: &App, rows: &[Row]) -> Result<BTreeMap<Uuid, Vec<MemberRef>>, Refusal> {
    let ids = |kind| rows.iter().filter(move |row| row.kind() == kind).map(Row::id).collect::<Vec<_>>();
    let mut all: BTreeMap<Uuid, Vec<MemberRef>> = BTreeMap::new();
    for (user, groups) in app.store.groups_of(&ids(ResourceKind::User)).await? {
        let group = |group: polder_store::GroupOfMember| MemberRef {
            kind: ResourceKind::Group,
            id: group.id,
            display: Some(group.display_name),
        };
        all.insert(user, groups.into_iter().map(group).collect());
    }
    for (group, members) in app.store.members(&ids(ResourceKind::Group)).await? {
        let member = |member: polder_store::Member| {
            let kind = if member.is_group { ResourceKind::Group } else { ResourceKind::User };
            MemberRef { kind, id: member.id, display: None }
        };
        all.insert(group, members.into_iter().map(member).collect());
    }
    Ok(all)
}
