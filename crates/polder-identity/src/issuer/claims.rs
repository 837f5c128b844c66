//! Whom a token stands for, by its claims.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::IssuerSettings;
use super::verify::Verified;
use crate::error::Rejected;

/// What an issuer says of whoever shows a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Whom it stands for.
    pub subject: Subject,
    /// When it ends.
    pub expires: DateTime<Utc>,
}

/// Whom a token stands for, as the issuer calls them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A person.
    User(String),
    /// A program, by the id of its client.
    Service(String),
}

/// The claims that may hold a user's name when none is configured, the best first.
const USER_CLAIMS: [&str; 3] = ["email", "preferred_username", "sub"];

pub(super) fn access(settings: &IssuerSettings, token: &Verified) -> Result<Claimed, Rejected> {
    let subject = match program(token) {
        Some(client) => Subject::Service(client),
        None => Subject::User(user(settings, &token.claims)?),
    };
    Ok(Claimed { subject, expires: token.expires })
}

pub(super) fn identity(settings: &IssuerSettings, token: &Verified) -> Result<Claimed, Rejected> {
    Ok(Claimed { subject: Subject::User(user(settings, &token.claims)?), expires: token.expires })
}

/// The client, when it stands for itself: in the client-credentials flow it is its own subject (RFC 9068). Entra ID says `idtyp` and
/// Auth0 `gty`.
fn program(token: &Verified) -> Option<String> {
    let text = |claim: &str| token.claims.get(claim).and_then(Value::as_str);
    let client = text("client_id").or_else(|| text("azp")).or_else(|| text("appid"))?;
    let alone = token.subject == client || text("idtyp") == Some("app") || text("gty") == Some("client-credentials");
    alone.then(|| client.to_owned())
}

/// The user's name. A configured claim is the only one that counts: a token without it names nobody.
fn user(settings: &IssuerSettings, claims: &Map<String, Value>) -> Result<String, Rejected> {
    let text = |claim: &str| claims.get(claim).and_then(Value::as_str).filter(|text| !text.is_empty());
    let found = match &settings.user_claim {
        Some(claim) => text(claim).map(|name| (claim.as_str(), name)).ok_or_else(|| Rejected::Claim(claim.clone()))?,
        None => {
            USER_CLAIMS.iter().find_map(|claim| Some((*claim, text(claim)?))).ok_or_else(|| Rejected::Claim("sub".to_owned()))?
        }
    };
    // Whoever may write any address into their profile could otherwise be anyone. Some issuers say nothing of it, and some
    // say it in a text; whatever else is said is a no.
    let verified = claims.get("email_verified").is_none_or(|said| *said == Value::Bool(true) || said.as_str() == Some("true"));
    if found.0 == "email" && !verified {
        return Err(Rejected::Claim("email_verified".to_owned()));
    }
    Ok(found.1.to_owned())
}
