//! What a store of a cloud says when it does not do what it is asked, in our words: which store, which bucket, and what to do.
//!
//! Of what the store itself said only its code is repeated: addresses may hold signatures, and answers what was signed.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use object_store::Error as StoreError;
use object_store::client::{HttpError, HttpErrorKind};
use polder_model::Provider;
use polder_model::text::without_backtrace;

use crate::error::Source;

/// A bucket of a store, as people are told of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) provider: Provider,
    /// The bucket or container.
    pub(crate) bucket: String,
    /// The endpoint or account.
    pub(crate) at: Option<String>,
    /// When its credentials end, where they say so themselves.
    pub(crate) expires: Option<DateTime<Utc>>,
}

impl About {
    fn bucket(&self) -> String {
        let word = if self.provider == Provider::Azure { "container" } else { "bucket" };
        format!("{word} {}", self.bucket)
    }
}

/// Written for people: the provider and where its store is.
impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(at) => write!(f, "{} ({at})", self.provider),
            None => write!(f, "{}", self.provider),
        }
    }
}

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Matter {
    /// Credentials are wrong.
    Credentials,
    /// They were right once.
    Expired,
    /// They are right, and do not allow this.
    Denied,
    /// There are none, neither in the settings nor from the machine.
    NoCredentials,
    NoBucket,
    /// The bucket is in another region than is declared.
    Region,
    /// The clock of this machine is not the store's.
    Clock,
    /// The store cannot be called, or breaks off.
    Unreachable,
    Busy,
    Other,
}

/// A store that did not do what it was asked, told in a text.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text}")]
pub(crate) struct Trouble {
    pub(crate) matter: Matter,
    text: String,
}

impl Trouble {
    /// `said` is the store's code, or the network's word.
    fn new(matter: Matter, about: &About, said: Option<String>) -> Self {
        let (at, bucket, provider) = (about, about.bucket(), about.provider);
        let said = said.map(|said| format!(" ({said})")).unwrap_or_default();
        let text = match matter {
            Matter::Credentials => format!(
                "{at} refuses the credentials for {bucket}{said}: write those that are good there for {provider} in polder.yaml"
            ),
            Matter::Expired => format!("the credentials for {bucket} of {at} have expired{said}: renew them, and do this again"),
            Matter::Denied => {
                format!("{at} does not allow this with {bucket}{said}: let the credentials list, read, write and delete in it")
            }
            Matter::NoCredentials => format!(
                "there are no credentials for {bucket} of {at}{said}: polder.yaml has none, and this machine has none of its own: \
                 write them for {provider} in polder.yaml, as ${{secret:NAME}}"
            ),
            Matter::NoBucket => format!(
                "{at} has no {bucket}{said}: create it, or write the right endpoint, account and credentials for {provider} in \
                 polder.yaml"
            ),
            Matter::Region => {
                format!("{bucket} of {at} is in another region{said}: write its region for {provider} in polder.yaml")
            }
            Matter::Clock => {
                format!("the clock of this machine is not that of {at}{said}: set it right, as stores refuse what is minutes off")
            }
            Matter::Unreachable => format!(
                "{at} does not answer for {bucket}{said}: see that it runs, that polder.yaml has the right endpoint or account for \
                 {provider}, and that the network leads there; then do this again"
            ),
            Matter::Busy => format!("{at} is too busy for {bucket}{said}: do this again later"),
            Matter::Other => format!("{at} failed with {bucket}{said}"),
        };
        Self { matter, text }
    }
}

/// Puts a store's error into our words, unless it is an answer that callers tell apart: that a file is there, is not, or has changed.
pub(crate) fn told(about: &Arc<About>, error: StoreError) -> StoreError {
    let text = texts(&error);
    let code = code(&text);
    let is_answer = match &error {
        StoreError::NotFound { .. } => !code.as_deref().is_some_and(names_no_bucket),
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } | StoreError::NotModified { .. } => true,
        StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } | StoreError::InvalidPath { .. } => true,
        _ => found(&error).is_some(),
    };
    if is_answer {
        return error;
    }
    let status = status(&text);
    let matter = match matter(&error, status, code.as_deref(), &text) {
        Matter::Credentials if about.expires.is_some_and(|expires| expires < Utc::now()) => Matter::Expired,
        matter => matter,
    };
    let said = match (status, code) {
        (Some(status), Some(code)) => Some(format!("{status} {code}")),
        (Some(status), None) => Some(status.to_string()),
        (None, Some(code)) => Some(code),
        (None, None) => deepest(&error),
    };
    generic(Trouble::new(matter, about, said))
}

/// The same of a listing, which finds something as long as there is a bucket.
pub(crate) fn told_of_list(about: &Arc<About>, error: StoreError) -> StoreError {
    match told(about, error) {
        StoreError::NotFound { .. } => generic(Trouble::new(Matter::NoBucket, about, None)),
        other => other,
    }
}

/// What the store's library puts before the text of an error that is its own in name only.
const BEFORE_TEXT: &str = "Generic object store error: ";

fn generic(trouble: Trouble) -> StoreError {
    StoreError::Generic { store: "object store", source: trouble.into() }
}

/// A store's trouble in an error's causes, or in its text: the Delta library keeps the text alone.
pub(crate) fn found(error: &(dyn StdError + 'static)) -> Option<Trouble> {
    let kept = causes(error).find_map(|cause| cause.downcast_ref::<Trouble>().cloned());
    kept.or_else(|| {
        let text = causes(error).find_map(|cause| Some(cause.to_string().split_once(BEFORE_TEXT)?.1.to_owned()))?;
        Some(Trouble { matter: Matter::Other, text: without_backtrace(&text).to_owned() })
    })
}

/// The trouble alone, where an error is one: what was put around it on the way says less.
pub(crate) fn plain(source: Source) -> Source {
    match found(&*source) {
        Some(trouble) => trouble.into(),
        None => source,
    }
}

fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn matter(error: &StoreError, status: Option<u16>, code: Option<&str>, text: &str) -> Matter {
    // Where a machine in a cloud gets its credentials, and others find nobody.
    if ["169.254.169.254", "169.254.170.2", "metadata.google.internal"].iter().any(|host| text.contains(host)) {
        return Matter::NoCredentials;
    }
    if text.contains("incorrectly configured region") {
        return Matter::Region;
    }
    let by_code = match code.unwrap_or_default() {
        code if names_no_bucket(code) => Some(Matter::NoBucket),
        "RequestTimeTooSkewed" | "RequestExpired" => Some(Matter::Clock),
        "ExpiredToken" | "TokenRefreshRequired" => Some(Matter::Expired),
        "PermanentRedirect" | "AuthorizationHeaderMalformed" => Some(Matter::Region),
        // Azure has one code for all of them, and says more in words.
        "AuthenticationFailed"
            if text.contains("Signed expiry time") || text.contains("not valid in the specified time frame") =>
        {
            Some(Matter::Expired)
        }
        "AuthenticationFailed" if text.contains("Date header") || text.contains("date header") => Some(Matter::Clock),
        // A key that is none is this one to Azurite, and to Azure a network that is not let in.
        "AuthorizationFailure" if text.contains("failed to authenticate") => Some(Matter::Credentials),
        // Google says in words, too, that a token was asked for with another time than its own.
        "invalid_grant" if text.contains("reasonable timeframe") => Some(Matter::Clock),
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "AuthenticationFailed"
        | "AuthenticationRequired"
        | "InvalidAuthenticationInfo"
        | "NoAuthenticationInformation"
        | "InvalidSecurity"
        | "invalid_grant"
        | "invalid_client"
        | "unauthorized_client" => Some(Matter::Credentials),
        "SlowDown" | "ServerBusy" | "ServiceUnavailable" => Some(Matter::Busy),
        _ => None,
    };
    if let Some(matter) = by_code {
        return matter;
    }
    match (status, error) {
        (Some(401), _) | (_, StoreError::Unauthenticated { .. }) => Matter::Credentials,
        (Some(403), _) | (_, StoreError::PermissionDenied { .. }) => Matter::Denied,
        (Some(429 | 503), _) => Matter::Busy,
        (Some(502 | 504), _) => Matter::Unreachable,
        (None, error) if breaks_off(error) => Matter::Unreachable,
        _ => Matter::Other,
    }
}

fn names_no_bucket(code: &str) -> bool {
    matches!(code, "NoSuchBucket" | "ContainerNotFound" | "ContainerBeingDeleted")
}

/// Whether the network is the cause.
fn breaks_off(error: &StoreError) -> bool {
    causes(error).any(|cause| {
        let of_network = cause.downcast_ref::<HttpError>().is_some_and(|error| {
            matches!(
                error.kind(),
                HttpErrorKind::Connect | HttpErrorKind::Request | HttpErrorKind::Timeout | HttpErrorKind::Interrupted
            )
        });
        of_network || cause.is::<std::io::Error>()
    })
}

/// All that an error and its causes say, for finding words in it and for nothing else.
fn texts(error: &StoreError) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn status(text: &str) -> Option<u16> {
    text.split_once("status code: ")?.1.get(..3)?.parse().ok()
}

/// The store's word for what is wrong: `<Code>..</Code>`, or `"error":".."` of a service that gives tokens out.
fn code(text: &str) -> Option<String> {
    let between = |start: &str, end: &str| Some(text.split_once(start)?.1.split_once(end)?.0);
    let found =
        between("<Code>", "</Code>").or_else(|| between("\"error\":\"", "\"")).or_else(|| between("\"error\": \"", "\""))?;
    let plain = !found.is_empty() && found.len() <= 60 && found.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain.then(|| found.to_owned())
}

/// The word of the last cause, which is the network's or the library's own, and holds no address.
fn deepest(error: &StoreError) -> Option<String> {
    let last = causes(error).last()?.to_string();
    let is_short = last.len() <= 120 && !last.contains("://") && !last.contains(['<', '?', '\n']);
    is_short.then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble(provider: Provider, answer: &str) -> Trouble {
        let about = Arc::new(About { provider, bucket: "dev-b".to_owned(), at: None, expires: None });
        let answer =
            format!("Error performing GET https://s/dev-b?sig=c2VjcmV0 in 1ms - Server returned non-2xx status code: {answer}");
        let error = told(&about, StoreError::Generic { store: "S3", source: answer.into() });
        let trouble = found(&error).unwrap();
        assert!(!polder_model::text::with_causes(&error).contains("c2VjcmV0"), "{error}");
        trouble
    }

    /// Answers as the references of the stores have them.
    #[test]
    fn answers_are_told_apart() {
        let skewed = "403 Forbidden: <Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the \
                      current time is too large.</Message><MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds></Error>";
        let old = "403 Server failed: <Error><Code>AuthenticationFailed</Code><Message>Server failed to authenticate the request. \
                   </Message><AuthenticationErrorDetail>Request date header too old: 'Mon, 23 Nov 2026 01:00:00 GMT'\
                   </AuthenticationErrorDetail></Error>";
        let over = "403 Server failed: <Error><Code>AuthenticationFailed</Code><AuthenticationErrorDetail>Signature not valid in the \
                    specified time frame: Start [..] - Expiry [..] - Current [..]</AuthenticationErrorDetail></Error>";
        let jwt = "400 Bad Request: {\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT: Token must be a short-lived token \
                   (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.\"}";
        for (provider, answer, matter, part) in [
            (
                Provider::Aws,
                skewed,
                Matter::Clock,
                "clock of this machine is not that of aws (403 RequestTimeTooSkewed): set it right",
            ),
            (Provider::Azure, old, Matter::Clock, "clock of this machine is not that of azure (403 AuthenticationFailed)"),
            (Provider::Azure, over, Matter::Expired, "the credentials for container dev-b of azure have expired"),
            (Provider::Gcp, jwt, Matter::Clock, "clock of this machine is not that of gcp (400 invalid_grant)"),
            (Provider::Aws, "400 Bad Request: <Error><Code>ExpiredToken</Code></Error>", Matter::Expired, "have expired"),
            (
                Provider::Aws,
                "403 Forbidden: <Error><Code>AccessDenied</Code></Error>",
                Matter::Denied,
                "aws does not allow this with",
            ),
            (Provider::Aws, "403 Forbidden: ", Matter::Denied, "(403)"),
            (Provider::Gcp, "401 Unauthorized: ", Matter::Credentials, "gcp refuses the credentials for bucket dev-b (401)"),
            (Provider::Aws, "503 Service Unavailable: <Error><Code>SlowDown</Code></Error>", Matter::Busy, "too busy"),
            (Provider::Aws, "500 Oops: <Code>bad <b>word</b></Code>", Matter::Other, "aws failed with bucket dev-b (500)"),
        ] {
            let trouble = trouble(provider, answer);
            assert_eq!(trouble.matter, matter, "{answer}");
            assert!(trouble.to_string().contains(part), "{trouble}");
        }
    }
}
