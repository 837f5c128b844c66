//! Tells others what became of a request for access: signed webhooks, e-mail, tickets.
//!
//! Owns what is said and how it is sent; what is still to be sent and when is kept by whoever calls. What is said is made by
//! pure functions ([`webhook::message`], [`email::letter`], [`ticket::call`]); [`Notifier::send`] sends it, through
//! `polder-outbound` alone. Secrets are in no log and no error. Begin with [`Notifier`].

mod attempts;
mod config;
pub mod email;
mod error;
mod notice;
mod notifier;
mod template;
pub mod ticket;
pub mod webhook;

pub use attempts::{After, after_failure};
pub use config::{Config, EmailConfig, Resolve, Security, TicketCall, TicketConfig, WebhookConfig};
pub use error::{ConfigError, SendError};
pub use notice::{Notice, Subject};
pub use notifier::{Delivery, Notifier};
