//! `/environments/{environment}/operations`: long operations, watched and cancelled.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use axum::{Extension, Json};
use futures::Stream;
use futures::stream;
use polder_api::{Operation, OperationEvent, Page, PageQuery, Problem as Refusal};
use polder_identity::Scope;
use polder_platform::Platform;
use polder_store::LongOperationFilter;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::paging;
use crate::auth::Standing;
use crate::identified::Identified;
use crate::problem::{Parameters, PathOf, Problem};
use crate::state::App;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(events)).routes(routes!(cancel))
}

/// How long a watcher waits before it looks whether another server has kept something.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
/// How many events are read at once.
const EVENTS: u32 = 500;

/// List operations, newest first
///
/// Your own; workspace admins see everybody's.
#[utoipa::path(get, path = "/environments/{environment}/operations", tag = "operations",
    params(("environment" = String, Path), PageQuery), responses(
    (status = 200, description = "A page", body = Page<Operation>),
    (status = 400, description = "There is no such page", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such environment", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(environment): PathOf<String>,
    Parameters(page): Parameters<PageQuery>,
) -> Result<Json<Page<Operation>>, Problem> {
    let platform = app.platform(&environment, &identity)?;
    let limit = paging::limit(&page)?;
    let before = paging::after(&page)?.map(|text| Uuid::parse_str(&text)).transpose();
    let before = before.map_err(|_| Problem::invalid("that is no cursor of this list"))?;
    let principal = if platform.sees_all_operations().await? { None } else { Some(platform.principal().await?) };
    let filter = LongOperationFilter { environment: platform.environment().clone(), principal, before };
    let mut items = app.store.long_operations(&filter, limit as u32 + 1).await?;
    let next_cursor = (items.len() > limit).then(|| paging::cursor(&items[limit - 1].id.to_string()));
    items.truncate(limit);
    Ok(Json(Page { items, next_cursor }))
}

/// Show an operation
#[utoipa::path(get, path = "/environments/{environment}/operations/{id}", tag = "operations",
    params(("environment" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, description = "The operation", body = Operation),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such operation, or it is someone else's", body = Refusal),
))]
async fn show(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, id)): PathOf<(String, Uuid)>,
) -> Result<Json<Operation>, Problem> {
    let platform = app.platform(&environment, &identity)?;
    find(&app, &platform, id).await.map(Json)
}

/// Watch an operation
///
/// Server-sent events: `event` for each thing that happens, and `end` with the operation at its end. A watcher that was cut off sends
/// the number of the last event it saw as `Last-Event-ID`.
#[utoipa::path(get, path = "/environments/{environment}/operations/{id}/events", tag = "operations",
    params(("environment" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, description = "What happens, as it happens", content_type = "text/event-stream", body = Object),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "There is no such operation, or it is someone else's", body = Refusal),
))]
async fn events(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf((environment, id)): PathOf<(String, Uuid)>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let platform = app.platform(&environment, &identity)?;
    find(&app, &platform, id).await?;
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    let watcher = Watcher { app, id, last: seen.unwrap_or(0), ready: Vec::new().into_iter(), ended: false };
    let events = stream::unfold(watcher, |mut watcher| async move { Some((Ok(watcher.next().await?), watcher)) });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Cancel an operation
///
/// It ends at its next safe point; watch it to know when. What it did up to there stays, and is recorded.
#[utoipa::path(post, path = "/environments/{environment}/operations/{id}/cancel", tag = "operations",
    params(("environment" = String, Path), ("id" = Uuid, Path)), responses(
    (status = 200, description = "The operation, asked to stop", body = Operation),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "The token begins no operations", body = Refusal),
    (status = 404, description = "There is no such operation, or it is someone else's", body = Refusal),
    (status = 409, description = "It has ended already", body = Refusal),
))]
async fn cancel(
    State(app): State<App>,
    Identified(identity): Identified,
    Extension(standing): Extension<Standing>,
    PathOf((environment, id)): PathOf<(String, Uuid)>,
) -> Result<Json<Operation>, Problem> {
    if ![Scope::Write, Scope::Apply].iter().any(|scope| standing.scopes.has(*scope)) {
        return Err(Problem::denied("the token is not good for this: it lacks the scopes write and apply")
            .with_code("insufficient_scope")
            .with_hint("use the token that began the operation"));
    }
    let platform = app.platform(&environment, &identity)?;
    find(&app, &platform, id).await?;
    if !app.store.cancel_long_operation(id).await? {
        return Err(Problem::conflict(format!("operation {id} has ended already")));
    }
    find(&app, &platform, id).await.map(Json)
}

/// An operation that whoever asks may know of: their own, or any for workspace admins.
async fn find(app: &App, platform: &Platform, id: Uuid) -> Result<Operation, Problem> {
    let found = app.store.long_operation(id).await?.filter(|operation| operation.environment == *platform.environment());
    let missing = || Problem::not_found(format!("there is no operation {id}, or it is someone else's"));
    let operation = found.ok_or_else(missing)?;
    let own = platform.principal().await? == operation.principal;
    if own || platform.sees_all_operations().await? { Ok(operation) } else { Err(missing()) }
}

/// Whoever watches an operation.
struct Watcher {
    app: App,
    id: Uuid,
    last: u64,
    ready: std::vec::IntoIter<OperationEvent>,
    ended: bool,
}

impl Watcher {
    /// The next thing to say; nothing after the end, nor when the state cannot be read: the watcher comes again.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.next() {
                self.last = event.number;
                let data = serde_json::to_string(&event).ok()?;
                return Some(Event::default().event("event").id(event.number.to_string()).data(data));
            }
            if self.ended {
                return None;
            }
            let changed = self.app.operations.watch(self.id);
            // Read before its events: what it says after its end is nothing.
            let operation = self.app.store.long_operation(self.id).await.ok()??;
            let events = self.app.store.long_operation_events(self.id, self.last, EVENTS).await.ok()?;
            if !events.is_empty() {
                self.ready = events.into_iter();
                continue;
            }
            if operation.status.is_final() {
                self.ended = true;
                let data = serde_json::to_string(&operation).ok()?;
                return Some(Event::default().event("end").data(data));
            }
            match changed {
                Some(mut changed) => drop(tokio::time::timeout(LOOK_AGAIN, changed.changed()).await),
                None => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    }
}
