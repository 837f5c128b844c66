//! Tickets in another system: one for each request, created at the first event, updated at the next, closed at the last.

use base64::Engine as _;
use bytes::Bytes;
use http::{Method, Request};
use uuid::Uuid;

use crate::config::{TicketCall, TicketConfig};
use crate::error::SendError;
use crate::notice::Notice;
use crate::template::{self, Values};
use crate::webhook::DELIVERY;

/// What is done about a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It is made.
    Create,
    /// It is told something.
    Update,
    /// It is closed.
    Close,
    /// Nothing: there is no ticket, and no more need of one; or the system has no such call.
    Nothing,
}

/// Decides what a notice does about a ticket. One that could not be made at first is made when the next thing happens.
#[must_use]
pub fn doing(config: &TicketConfig, notice: &Notice, ticket: Option<&str>) -> Doing {
    match (ticket, notice.is_last()) {
        (None, false) => Doing::Create,
        (Some(_), true) if config.close.is_some() => Doing::Close,
        (Some(_), _) if config.update.is_some() => Doing::Update,
        _ => Doing::Nothing,
    }
}

/// Makes the call that a notice is to a ticket system; `None` when it is none.
///
/// # Errors
/// [`SendError::Message`] when it cannot be written.
pub fn call(config: &TicketConfig, id: Uuid, notice: &Notice, ticket: Option<&str>) -> Result<Option<Request<Bytes>>, SendError> {
    let call = match doing(config, notice, ticket) {
        Doing::Create => Some(&config.create),
        Doing::Update => config.update.as_ref(),
        Doing::Close => config.close.as_ref(),
        Doing::Nothing => None,
    };
    let Some(TicketCall { method, url, body }) = call else { return Ok(None) };
    let why = |e: &dyn std::fmt::Display| SendError::Message { why: e.to_string() };
    let values = Values { notice, ticket: ticket.unwrap_or_default() };
    let method = Method::from_bytes(method.as_bytes()).map_err(|e| why(&e))?;
    let mut request = Request::builder()
        .method(method)
        .uri(template::url(url, &values))
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::ACCEPT, "application/json")
        .header(DELIVERY, id.to_string());
    if let Some((user, password)) = &config.basic {
        let encoded = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{}", password.expose()));
        request = request.header(http::header::AUTHORIZATION, format!("Basic {encoded}"));
    }
    if let Some(token) = &config.bearer {
        request = request.header(http::header::AUTHORIZATION, format!("Bearer {}", token.expose()));
    }
    let body = body.as_ref().map(|body| template::body(body, &values).to_string()).unwrap_or_default();
    request
        .body(body.into())
        .map(Some)
        .map_err(|_| SendError::Message { why: "the URL or a header cannot be written".to_owned() })
}

/// What the system calls the ticket, according to its answer.
#[must_use]
pub fn ticket_id(config: &TicketConfig, answer: &[u8]) -> Option<String> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    match answer.pointer(&config.id_path)? {
        serde_json::Value::String(id) if !id.is_empty() && id.len() <= 200 && !id.chars().any(char::is_control) => {
            Some(id.clone())
        }
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
