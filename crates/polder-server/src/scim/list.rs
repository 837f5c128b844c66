//! Lists and searches. What an index answers is read by it; other filters are asked of every resource, a page at a time.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use polder_scim::{Filter, Indexed, ListQuery, ResourceKind, Scope, list_response};
use polder_store::{IdentityKey, IdentityPage};
use serde_json::{Map, Value};

use super::access::ScimClient;
use super::answer::{Refusal, answer};
use super::body::Body;
use super::row::{Row, beside, show};
use crate::state::App;

/// How many resources a filter is asked of at a time.
const PAGE: u64 = 500;

/// `POST /.search`: users and groups.
pub(super) async fn search_all(State(app): State<App>, _: ScimClient, Body(body): Body) -> Result<Response, Refusal> {
    list(&app, &ResourceKind::ALL, &ListQuery::of_search(&body)?).await
}

/// The resources of these kinds that a client asks for.
pub(super) async fn list(app: &App, kinds: &[ResourceKind], query: &ListQuery) -> Result<Response, Refusal> {
    let scope = if kinds.len() == 1 { Scope::One } else { Scope::Several };
    // All filters first: a wrong one is told before anything is read.
    let filter = |kind: ResourceKind| query.filter.as_deref().map(|text| Filter::parse(kind, scope, text)).transpose();
    let filters = kinds.iter().map(|&kind| filter(kind)).collect::<Result<Vec<_>, _>>()?;
    let mut found = Found { query, total: 0, rows: Vec::new() };
    for (&kind, filter) in kinds.iter().zip(&filters) {
        match filter {
            Some(filter) => found.fitting(app, kind, filter).await?,
            None => found.all(app, kind).await?,
        }
    }
    let Found { total, rows, .. } = found;
    let with_members = query.sort.is_some() || kinds.iter().any(|&kind| query.projection.includes(kind, beside(kind)));
    let shown = show(app, &rows, with_members).await?;
    let mut shown: Vec<(ResourceKind, Map<String, Value>)> = rows.iter().map(Row::kind).zip(shown).collect();
    if let Some(sort) = &query.sort {
        sort.sort(&mut shown, |(kind, shown)| (*kind, shown))?;
        let skip = usize::try_from(query.window.start - 1).unwrap_or(usize::MAX);
        let count = usize::try_from(query.window.count).unwrap_or(usize::MAX);
        shown = shown.into_iter().skip(skip).take(count).collect();
    }
    let shown = shown.into_iter().map(|(kind, shown)| query.projection.of(kind, shown)).collect();
    Ok(answer(StatusCode::OK, &list_response(total, query.window, shown)))
}

/// What was found up to now: how many, and those that the answer may need.
struct Found<'q> {
    query: &'q ListQuery,
    total: u64,
    rows: Vec<Row>,
}

impl Found<'_> {
    /// Takes all resources of a kind.
    async fn all(&mut self, app: &App, kind: ResourceKind) -> Result<(), Refusal> {
        let count = match kind {
            ResourceKind::User => app.store.count_users(None).await?,
            ResourceKind::Group => app.store.count_groups(None).await?,
        };
        let wanted = self.wanted();
        let skip = wanted.start.saturating_sub(self.total);
        let limit = wanted.end.saturating_sub(self.total.max(wanted.start));
        self.total += count;
        if limit == 0 || skip >= count {
            return Ok(());
        }
        self.rows.append(&mut read(app, kind, None, IdentityPage { after: None, skip, limit }).await?);
        Ok(())
    }

    /// Takes those that a filter lets through.
    async fn fitting(&mut self, app: &App, kind: ResourceKind, filter: &Filter) -> Result<(), Refusal> {
        let key = filter.indexed().map(|(index, text)| key(index, text.to_owned()));
        let with_members = filter.mentions(beside(kind));
        let mut page = IdentityPage { after: None, skip: 0, limit: PAGE };
        loop {
            let rows = read(app, kind, key.as_ref(), page).await?;
            let shown = show(app, &rows, with_members).await?;
            page.after = rows.last().map(|last| match last {
                Row::User(user) => (user.created, user.id),
                Row::Group(group) => (group.created, group.id),
            });
            let is_last = (rows.len() as u64) < PAGE;
            for (row, shown) in rows.into_iter().zip(shown) {
                if filter.matches(&shown) {
                    self.offer(row);
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn offer(&mut self, row: Row) {
        if self.wanted().contains(&self.total) {
            self.rows.push(row);
        }
        self.total += 1;
    }

    /// Which of what is found is needed, counted from 0. To sort, all are.
    fn wanted(&self) -> std::ops::Range<u64> {
        let window = self.query.window;
        let start = window.start - 1;
        if self.query.sort.is_some() { 0..u64::MAX } else { start..start.saturating_add(window.count) }
    }
}

async fn read(app: &App, kind: ResourceKind, key: Option<&IdentityKey>, page: IdentityPage) -> Result<Vec<Row>, Refusal> {
    Ok(match kind {
        ResourceKind::User => app.store.users(key, page).await?.into_iter().map(Row::User).collect(),
        ResourceKind::Group => app.store.groups(key, page).await?.into_iter().map(Row::Group).collect(),
    })
}

const fn key(index: Indexed, text: String) -> IdentityKey {
    match index {
        Indexed::Id => IdentityKey::Id(text),
        Indexed::ExternalId => IdentityKey::ExternalId(text),
        Indexed::UserName => IdentityKey::UserName(text),
        Indexed::DisplayName => IdentityKey::DisplayName(text),
        Indexed::Member => IdentityKey::Member(text),
    }
}
