//! Where a share is offered, what lets us in, and how much of it is kept here.

use polder_model::connection::{ReceivedShare, SecretName, ShareCredential};

use super::secret;
use crate::descriptor::megabytes;
use crate::fault::Span;
use crate::reader::{Fields, Reader, Spanned};
use crate::variables::mentions;

/// The keys of a share.
pub(super) const KEYS: [&str; 8] = ["endpoint", "share", "token", "tokenEndpoint", "clientId", "clientSecret", "scope", "cache"];
/// The keys of what is traded for tokens.
const CLIENT: [&str; 4] = ["tokenEndpoint", "clientId", "clientSecret", "scope"];

/// What is written of it.
pub(super) struct Written {
    endpoint: Option<Spanned<String>>,
    share: Option<Spanned<String>>,
    token: Option<SecretName>,
    token_endpoint: Option<Spanned<String>>,
    client_id: Option<Spanned<String>>,
    client_secret: Option<SecretName>,
    scope: Option<Spanned<String>>,
    megabytes: Option<u32>,
}

impl Written {
    /// Reads every key, whatever kind the connection is of.
    pub(super) fn read(r: &mut Reader<'_>, fields: &mut Fields<'_>) -> Self {
        let (endpoint, share) = (fields.text(r, "endpoint"), fields.text(r, "share"));
        let token = secret(r, fields, "token", "a token");
        let (token_endpoint, client_id) = (fields.text(r, "tokenEndpoint"), fields.text(r, "clientId"));
        let client_secret = secret(r, fields, "clientSecret", "a client's secret");
        let scope = fields.text(r, "scope");
        let megabytes = fields.fields(r, "cache").and_then(|mut cache| {
            let megabytes = megabytes::read(
                r,
                &mut cache,
                "maxMegabytes",
                0,
                "write how much of the share's files is kept on the local disk, or 0 for none",
            );
            cache.finish(r);
            megabytes
        });
        Self { endpoint, share, token, token_endpoint, client_id, client_secret, scope, megabytes }
    }

    /// The share, if all is there that it takes.
    pub(super) fn received(self, r: &mut Reader<'_>, fields: &mut Fields<'_>, span: Span) -> Option<ReceivedShare> {
        let endpoint = needed(r, fields, span, "endpoint", self.endpoint, "write endpoint: the address in the profile file");
        let share = needed(r, fields, span, "share", self.share, "write share: the name of what is shared");
        let endpoint = endpoint.filter(|endpoint| is_address(r, "endpoint", endpoint));
        let share = share.filter(|share| is_one_name(r, share));
        let credential = match (fields.has_any(&["token"]), fields.has_any(&CLIENT)) {
            (true, true) => {
                let message = "a share is opened by a token, or by what is traded for one, and not by both";
                r.error(span, "does-not-apply", "token", message).help = Some("keep what the profile file has".to_owned());
                None
            }
            (false, true) => {
                let help = "write what the profile file has: tokenEndpoint, clientId and clientSecret";
                let at = needed(r, fields, span, "tokenEndpoint", self.token_endpoint, help);
                let id = needed(r, fields, span, "clientId", self.client_id, help);
                if !fields.has_any(&["clientSecret"]) {
                    fields.missing_at(r, &["clientSecret"], (span, "clientSecret"), "the connection has no 'clientSecret'", help);
                }
                let at = at.filter(|at| is_address(r, "tokenEndpoint", at));
                let scope = self.scope.map(|scope| scope.value).filter(|scope| !scope.is_empty());
                at.zip(id).zip(self.client_secret).map(|((token_endpoint, client_id), client_secret)| ShareCredential::Client {
                    token_endpoint: token_endpoint.value,
                    client_id: client_id.value,
                    client_secret,
                    scope,
                })
            }
            (true, false) => self.token.map(ShareCredential::Token),
            (false, false) => {
                let help = "write token: ${secret:NAME}, or tokenEndpoint, clientId and clientSecret";
                fields.missing_at(r, &["token"], (span, "token"), "nothing lets the connection into the share", help);
                None
            }
        };
        let cache_megabytes = self.megabytes.map_or(ReceivedShare::DEFAULT_CACHE_MEGABYTES, u64::from);
        Some(ReceivedShare { endpoint: endpoint?.value, share: share?.value, credential: credential?, cache_megabytes })
    }
}

fn needed(
    r: &mut Reader<'_>,
    fields: &mut Fields<'_>,
    span: Span,
    key: &'static str,
    text: Option<Spanned<String>>,
    help: &str,
) -> Option<Spanned<String>> {
    match text {
        Some(text) if text.value.is_empty() || text.value.chars().any(char::is_control) => {
            r.error(text.span, "wrong-type", key, format!("'{key}' holds no name")).help = Some(help.to_owned());
            None
        }
        Some(text) => Some(text),
        None => {
            if !fields.has_any(&[key]) {
                fields.missing_at(r, &[key], (span, key), format!("the connection has no '{key}'"), help);
            }
            None
        }
    }
}

/// Whether it is the name of a share alone, and no path to something in it.
fn is_one_name(r: &mut Reader<'_>, share: &Spanned<String>) -> bool {
    if !share.value.contains(['/', '\\']) {
        return true;
    }
    let message = format!("{:?} is no share's name: it has a slash in it", share.value);
    r.error(share.span, "invalid-name", &share.value, message).help =
        Some("write the share's name alone; its schemas and tables are named under 'tables'".to_owned());
    false
}

/// An address that is called by TLS, unless it is this machine's own; and nothing in it that is a secret's.
fn is_address(r: &mut Reader<'_>, key: &'static str, text: &Spanned<String>) -> bool {
    if mentions(&text.value) {
        return true;
    }
    let (secure, rest) = match (text.value.strip_prefix("https://"), text.value.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => (false, ""),
    };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (name, port) = match host.rsplit_once(':').filter(|_| !host.ends_with(']')) {
        Some((name, port)) => (name, port.parse::<u16>().is_ok()),
        None => (host, true),
    };
    let own = matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    let plain_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']'));
    let plain_path = path.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '\\' | '"' | '<' | '>'));
    let holds = !name.is_empty() && port && plain_name && plain_path && (secure || own);
    if !holds {
        // It is not repeated: what should not be in it may be a secret.
        let message = format!("'{key}' is no address of a server that is called by https");
        r.error(text.span, "invalid-address", key, message).help =
            Some("write it as https://name/path, without a user, a password or parameters".to_owned());
    }
    holds
}
