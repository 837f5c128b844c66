//! E-mail: plain text, one message to one person, by SMTP with TLS.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use lettre::message::{Mailbox, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use uuid::Uuid;

use crate::config::{EmailConfig, Security};
use crate::error::SendError;
use crate::notice::Notice;

/// How long a mail server may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Makes the message to one person. Its `Message-ID` is the delivery's, so that a repetition is known as one.
///
/// # Errors
/// [`SendError::Message`] when an address is none.
pub fn letter(from: &str, to: &str, id: Uuid, notice: &Notice, created: DateTime<Utc>) -> Result<Message, SendError> {
    let mailbox =
        |text: &str| text.parse::<Mailbox>().map_err(|_| SendError::Message { why: "an address is not one".to_owned() });
    let from = mailbox(from)?;
    let domain = from.email.domain().to_owned();
    Message::builder()
        .from(from)
        .to(mailbox(to)?)
        .subject(one_line(&notice.summary()))
        .message_id(Some(format!("<{id}@{domain}>")))
        .date(SystemTime::from(created))
        .header(header::ContentType::TEXT_PLAIN)
        .body(notice.words() + "\n")
        .map_err(|e| SendError::Message { why: e.to_string() })
}

/// A header has one line, whatever it is made of.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Hands a message to a mail server at an address that was looked at.
pub(crate) async fn send(config: &EmailConfig, at: SocketAddr, message: Message) -> Result<(), SendError> {
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(at.ip().to_string());
    let mut builder = builder.port(at.port()).tls(tls(config)?).timeout(Some(PATIENCE));
    if let Some((user, password)) = &config.login {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
    }
    let sent = tokio::time::timeout(PATIENCE * 2, builder.build().send(message)).await;
    sent.map_err(|_| SendError::SlowMail)?.map(|_| ()).map_err(SendError::Mail)
}

fn tls(config: &EmailConfig) -> Result<Tls, SendError> {
    if config.security == Security::None {
        return Ok(Tls::None);
    }
    let mut parameters = TlsParameters::builder(config.host.clone());
    if let Some(pem) = &config.certificate {
        parameters = parameters.add_root_certificate(Certificate::from_pem(pem.as_bytes()).map_err(SendError::Mail)?);
    }
    let parameters = parameters.build_rustls().map_err(SendError::Mail)?;
    Ok(if config.security == Security::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) })
}
