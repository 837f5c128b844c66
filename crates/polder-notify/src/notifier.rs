//! Who is told of what, and the telling itself.

use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, Response};
use polder_outbound::Outbound;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::config::{Config, TicketConfig, WebhookConfig};
use crate::error::SendError;
use crate::notice::Notice;
use crate::{email, ticket, webhook};

/// Tells whoever the configuration names. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Notifier {
    config: Arc<Config>,
    outbound: Outbound,
}

/// One notice to one target.
#[derive(Debug, Clone, Copy)]
pub struct Delivery<'a> {
    /// Its id, the same at each attempt.
    pub id: Uuid,
    /// The target, as [`Notifier::targets`] named it.
    pub target: &'a str,
    /// What is told.
    pub notice: &'a Notice,
    /// What the ticket system calls the request's ticket, if it has one.
    pub ticket: Option<&'a str>,
    /// When it was first to be sent.
    pub created: DateTime<Utc>,
}

const WEBHOOK: &str = "webhook:";
const EMAIL: &str = "email:";
const TICKETS: &str = "tickets";

impl Notifier {
    /// Tells those of a configuration, through this client.
    #[must_use]
    pub fn new(config: Config, outbound: Outbound) -> Self {
        Self { config: Arc::new(config), outbound }
    }

    /// Whether mail is sent at all.
    #[must_use]
    pub fn writes_mail(&self) -> bool {
        self.config.email.is_some()
    }

    /// Names the targets of a notice: every webhook, the ticket system, and by mail each of these people.
    #[must_use]
    pub fn targets<'p>(&self, people: impl IntoIterator<Item = &'p str>) -> Vec<String> {
        let mut targets: Vec<String> = self.config.webhooks.iter().map(webhook_target).collect();
        targets.extend(self.config.tickets.iter().map(|_| TICKETS.to_owned()));
        if let Some(email) = &self.config.email {
            targets
                .extend(people.into_iter().filter_map(|person| email.address(person)).map(|address| format!("{EMAIL}{address}")));
        }
        targets.sort();
        targets.dedup();
        targets
    }

    /// Sends a notice to a target. Returns what a ticket system calls the ticket that it made.
    ///
    /// # Errors
    /// A [`SendError`], which knows whether a later attempt may succeed.
    pub async fn send(&self, delivery: Delivery<'_>, now: DateTime<Utc>) -> Result<Option<String>, SendError> {
        let Delivery { id, target, notice, created, .. } = delivery;
        let gone = || SendError::NoTarget { target: target.to_owned() };
        if target.starts_with(WEBHOOK) {
            let hook = self.config.webhooks.iter().find(|hook| webhook_target(hook) == target).ok_or_else(gone)?;
            self.accepted(webhook::message(&hook.url, &hook.secret, id, notice, now)?).await?;
            return Ok(None);
        }
        if let Some(address) = target.strip_prefix(EMAIL) {
            let config = self.config.email.as_ref().ok_or_else(gone)?;
            let message = email::letter(&config.from, address, id, notice, created)?;
            let at = self.outbound.address(&config.host, config.port).await?;
            email::send(config, at, message).await?;
            return Ok(None);
        }
        let config = self.config.tickets.as_ref().filter(|_| target == TICKETS).ok_or_else(gone)?;
        self.ticket(config, delivery).await
    }

    async fn ticket(&self, config: &TicketConfig, delivery: Delivery<'_>) -> Result<Option<String>, SendError> {
        let Some(request) = ticket::call(config, delivery.id, delivery.notice, delivery.ticket)? else { return Ok(None) };
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = self.accepted(request).await?;
        if delivery.ticket.is_some() {
            return Ok(None);
        }
        let path = config.id_path.clone();
        ticket::ticket_id(config, answer.body()).map(Some).ok_or(SendError::NoTicket { host, path })
    }

    /// Sends a request; any answer but success is an error.
    async fn accepted(&self, request: Request<Bytes>) -> Result<Response<Bytes>, SendError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let answer = self.outbound.send(request).await?;
        if answer.status().is_success() { Ok(answer) } else { Err(SendError::Status { host, status: answer.status().as_u16() }) }
    }
}

/// The same for as long as the URL is the same, wherever it stands in the settings. Of the URL it tells no more than the host.
fn webhook_target(hook: &WebhookConfig) -> String {
    let digest = hex::encode(Sha256::digest(hook.url.as_str()));
    format!("{WEBHOOK}{}#{}", hook.url.host_str().unwrap_or_default(), &digest[..8])
}
