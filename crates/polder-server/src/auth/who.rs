//! From a request's credentials to who is asking.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, Method};
use chrono::{DateTime, TimeDelta, Utc};
use polder_identity::{Issued, IssuerError, Presented, Scope, Scopes, TokenKind, secret, token};
use polder_model::PrincipalName;
use polder_model::principal::{NOBODY, SCIM};
use polder_model::secret::Secret;
use polder_platform::{Identity, Who};
use polder_store::{TokenRecord, TokenStanding, Versions};

use super::cookies::Cookies;
use super::credentials::{self, Credentials};
use super::{Standing, audit, not_accepted, principal};
use crate::identified::RequestId;
use crate::problem::Problem;
use crate::state::App;

/// The header in which a browser's page proves that it is ours.
const CSRF_TOKEN: &str = "x-csrf-token";

/// Why credentials are not accepted, for the log alone. No text of a request is in it.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Credentials(String),
    #[error("the server could not find out")]
    Fault(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Fault(problem)
    }
}

impl From<polder_store::StoreError> for Refusal {
    fn from(error: polder_store::StoreError) -> Self {
        Self::Fault(error.into())
    }
}

fn refused<T>(why: &str) -> Result<T, Refusal> {
    Err(Refusal::Credentials(why.to_owned()))
}

type Found = (Identity, Standing);

/// Finds out who is asking; `None` when the request bears no credentials.
pub(super) async fn is_asking(app: &App, request: &Parts) -> Result<Option<Found>, Problem> {
    // There the credentials are what is asked about.
    if request.uri.path() == super::token_endpoint::PATH {
        return Ok(None);
    }
    let now = Utc::now();
    let from = address(&request.extensions);
    let read = credentials::read(&request.headers, Cookies::of(&app.url()));
    if matches!(read, Ok(None)) {
        return Ok(None);
    }
    if app.auth.attempts.too_many(from, now) {
        return Err(Problem::too_many("too many wrong credentials came from this address").with_hint("wait for a minute"));
    }
    let asking = Asking { app, extensions: &request.extensions, now };
    let found = match read {
        Ok(Some(Credentials::Bearer(token))) => asking.bearer(&token).await.map(Some),
        Ok(Some(Credentials::Basic { user, token })) => asking.basic(&user, &token).await.map(Some),
        Ok(Some(Credentials::Session(secret))) => asking.session(&request.method, &request.headers, secret).await,
        Ok(None) => Ok(None),
        Err(_) => refused("the header cannot be read"),
    };
    match found {
        Ok(found) => Ok(found),
        Err(Refusal::Fault(problem)) => Err(problem),
        Err(Refusal::Credentials(why)) => {
            failed(app, &request.extensions, &why, now).await?;
            Err(not_accepted())
        }
    }
}

/// Finds out who shows a token as a password.
pub(super) async fn by_password(app: &App, extensions: &Extensions, user: &str, password: &Secret) -> Result<Found, Problem> {
    let now = Utc::now();
    if app.auth.attempts.too_many(address(extensions), now) {
        return Err(Problem::too_many("too many wrong credentials came from this address").with_hint("wait for a minute"));
    }
    match (Asking { app, extensions, now }).basic(user, password).await {
        Ok(found) => Ok(found),
        Err(Refusal::Fault(problem)) => Err(problem),
        Err(Refusal::Credentials(why)) => {
            failed(app, extensions, &why, now).await?;
            Err(not_accepted())
        }
    }
}

/// Counts credentials that are not accepted, and puts them into the log and the audit.
pub(super) async fn failed(app: &App, extensions: &Extensions, why: &str, now: DateTime<Utc>) -> Result<(), Problem> {
    let from = address(extensions);
    app.auth.attempts.failed(from, now);
    metrics::counter!("polder_authentication_failures_total").increment(1);
    let Some(unrecorded) = app.auth.attempts.to_record(from, why, now) else { return Ok(()) };
    tracing::warn!(why, source = %source(from), unrecorded, "credentials are not accepted");
    let nobody = identity(extensions, Who::Named(well_known(NOBODY)?), Scopes::default(), "nothing".to_owned());
    let detail = if unrecorded == 0 { why.to_owned() } else { format!("{why}; {unrecorded} more since the last record of that") };
    audit::record(app, &nobody, "AUTHENTICATE", "credentials", false, &detail).await
}

/// Checks a token of ours that somebody shows, for its principal.
pub(super) async fn own_token(app: &App, text: &Secret, now: DateTime<Utc>) -> Result<Option<TokenRecord>, Problem> {
    match (Asking { app, extensions: &Extensions::new(), now }).shown(text).await {
        Ok((record, _)) => Ok(Some(record)),
        Err(Refusal::Fault(problem)) => Err(problem),
        Err(Refusal::Credentials(_)) => Ok(None),
    }
}

/// An identity that a request proved.
pub(super) fn identity(extensions: &Extensions, who: Who, scopes: Scopes, authenticated_by: String) -> Identity {
    let request_id = extensions.get::<RequestId>().map(|RequestId(id)| id.clone()).unwrap_or_default();
    Identity {
        who,
        admin: scopes.has(Scope::Admin),
        writes: scopes.has(Scope::Write),
        applies: scopes.has(Scope::Apply),
        authenticated_by,
        source: source(address(extensions)),
        request_id,
        seen: None,
    }
}

/// Where a request comes from.
pub(crate) fn address(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip().to_canonical())
}

fn source(from: Option<IpAddr>) -> String {
    from.map(|address| address.to_string()).unwrap_or_default()
}

struct Asking<'a> {
    app: &'a App,
    extensions: &'a Extensions,
    now: DateTime<Utc>,
}

impl Asking<'_> {
    async fn bearer(&self, text: &Secret) -> Result<Found, Refusal> {
        let auth = &self.app.auth;
        if token::is_ours(text.expose()) {
            let (record, versions) = self.shown(text).await?;
            return self.by_token(record, versions, None);
        }
        if auth.signer.is_ours(text.expose()) {
            let issued = auth.signer.verify(text.expose(), self.now).map_err(|e| Refusal::Credentials(e.to_string()))?;
            let standing = self.app.store.token_standing(&issued.tid).await?;
            let record = match &standing.token {
                Some(shown) => self.good(shown.record.clone(), &standing).await?,
                None => return refused("the token that it was traded for is not there"),
            };
            if record.principal.as_str() != issued.sub {
                return refused("the token that it was traded for is another's");
            }
            return self.by_token(record, standing.versions, Some(&issued));
        }
        let Some(issuer) = &auth.issuer else { return refused("it is no token of ours, and no issuer is set") };
        let claimed = match issuer.verify(text.expose(), self.now).await {
            Ok(claimed) => claimed,
            Err(IssuerError::Rejected(why)) => return refused(&why.to_string()),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the issuer's keys cannot be had");
                return Err(Problem::unavailable("the issuer cannot be asked for its keys now").into());
            }
        };
        let Some(name) = principal::of_subject(self.app, &claimed.subject).await? else {
            return refused("the issuer vouches for somebody who is nobody here");
        };
        let by = format!("oidc {}", issuer.settings().issuer);
        let standing = Standing { scopes: everyday(), expires: Some(claimed.expires), session: None, token: None };
        Ok((identity(self.extensions, Who::Named(name), everyday(), by), standing))
    }

    /// A token as a password. The user is whom it stands for, or says that a token follows.
    async fn basic(&self, user: &str, text: &Secret) -> Result<Found, Refusal> {
        let (identity, standing) = self.bearer(text).await?;
        if user.is_empty() || user == "token" || user.eq_ignore_ascii_case(identity.name()) {
            Ok((identity, standing))
        } else {
            refused("the token is not the user's")
        }
    }

    /// A token of ours: well-formed, with the right secret, alive, of a principal that is someone.
    async fn shown(&self, text: &Secret) -> Result<(TokenRecord, Arc<Versions>), Refusal> {
        let Ok(presented) = text.expose().parse::<Presented>() else { return refused("it is not a whole token") };
        let standing = self.app.store.token_standing(&presented.id).await?;
        let kept = standing.token.clone();
        // The compare takes the same time whether or not there is such a token.
        let hash = kept.as_ref().map_or("", |kept| kept.secret_hash.as_str());
        let fits = presented.fits(if hash.is_empty() { NOBODYS_HASH } else { hash });
        match kept {
            Some(kept) if fits && kept.record.kind == presented.kind.as_str() => {
                Ok((self.good(kept.record, &standing).await?, standing.versions))
            }
            _ => refused("there is no such token"),
        }
    }

    /// Whether a token is good now, and its principal too.
    async fn good(&self, record: TokenRecord, standing: &TokenStanding) -> Result<TokenRecord, Refusal> {
        if !record.lives(self.now) {
            return refused(if record.revoked.is_some() { "the token is revoked" } else { "the token has expired" });
        }
        let undeclared = record.kind == TokenKind::Bootstrap.as_str() || is_scim(&record);
        if !undeclared && principal::kind_of(self.app, &record.principal, standing).await?.is_none() {
            return refused("the token's principal is nobody here");
        }
        self.app.store.token_was_used(&record, self.now).await?;
        Ok(record)
    }

    fn by_token(&self, record: TokenRecord, versions: Arc<Versions>, within: Option<&Issued>) -> Result<Found, Refusal> {
        let Ok(mut scopes) = Scopes::read(&record.scopes) else { return refused("its scopes cannot be read") };
        let mut expires = record.expires;
        if let Some(issued) = within {
            expires = Some(expires.map_or(issued.expires(), |end| end.min(issued.expires())));
            let asked = issued.scope.split(' ').filter_map(|word| word.parse::<Scope>().ok()).collect::<Scopes>();
            scopes = scopes.iter().filter(|scope| asked.has(*scope)).collect();
        }
        let who = if record.kind == TokenKind::Bootstrap.as_str() {
            // As often as its use is recorded: the log of a whole apply says it once.
            if record.used.is_none_or(|used| self.now - used >= TimeDelta::hours(1)) {
                tracing::warn!(
                    token = record.id,
                    "the bootstrap token is in use: grant somebody the account role, then revoke it"
                );
            }
            Who::Bootstrap
        } else {
            Who::Named(record.principal)
        };
        let found = identity(self.extensions, who, scopes, format!("token {}", record.id));
        let found = Identity { seen: Some(versions), ..found };
        Ok((found, Standing { scopes, expires, session: None, token: Some(record.id) }))
    }

    /// A session. One that is over is as if there were no cookie: the browser goes on to sign in.
    async fn session(&self, method: &Method, headers: &HeaderMap, cookie: Secret) -> Result<Option<Found>, Refusal> {
        let hash = secret::hash(cookie.expose());
        let Some(session) = self.app.store.session(&hash).await? else { return Ok(None) };
        let lives = self.app.auth.lives;
        // By the settings of now, too: shorter ones count for sessions that began before.
        let old = session.expires <= self.now || self.now - session.created >= lives.session;
        let over = old || self.now - session.seen >= lives.idle;
        if over || principal::kind(self.app, &session.principal).await?.is_none() {
            self.app.store.end_session(&hash).await?;
            return Ok(None);
        }
        if !method.is_safe() {
            same_page(headers, &cookie, &self.app.url())?;
        }
        if self.now - session.seen >= TimeDelta::minutes(1) {
            self.app.store.session_was_used(&hash, self.now).await?;
        }
        let by = format!("session {}", session.authenticated_by);
        let found = identity(self.extensions, Who::Named(session.principal), everyday(), by);
        let standing = Standing { scopes: everyday(), expires: Some(session.expires), session: Some(cookie), token: None };
        Ok(Some((found, standing)))
    }
}

/// The hash of no secret: what a token that is not there is compared with.
const NOBODYS_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What somebody who signed in has: all but SCIM, which identity providers have by tokens of their own.
fn everyday() -> Scopes {
    Scope::ALL.into_iter().filter(|scope| *scope != Scope::Scim).collect()
}

/// Whether a token is for SCIM alone, and stands for no principal that is declared.
pub(super) fn is_scim(record: &TokenRecord) -> bool {
    record.principal.as_str() == SCIM && record.scopes == [Scope::Scim.as_str()]
}

/// Refuses a change that a page of another site had the browser send: a cookie goes along with that too.
fn same_page(headers: &HeaderMap, session: &Secret, url: &str) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let from_here = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) if site != "same-origin" => false,
        (_, Some(origin)) => is_origin(origin, url, text("host")),
        (Some(_), None) => true,
        (None, None) => false,
    };
    let proof = secret::derive(session, "csrf");
    let proven = text(CSRF_TOKEN).is_some_and(|sent| secret::same(sent, proof.expose()));
    if from_here && proven {
        return Ok(());
    }
    Err(Problem::denied("a change by cookie has to come from a page of this server")
        .with_code("csrf")
        .with_hint("send the `csrf_token` of GET /api/v1/me as the header X-CSRF-Token, or use a token instead of the cookie")
        .into())
}

/// Whether an origin is this server's: that of its URL, or of the host that was asked, by the same scheme.
fn is_origin(origin: &str, url: &str, host: Option<&str>) -> bool {
    let Ok(url) = url::Url::parse(url) else { return false };
    origin == url.origin().ascii_serialization() || host.is_some_and(|host| origin == format!("{}://{host}", url.scheme()))
}

/// The name of a principal that is declared nowhere.
pub(super) fn well_known(name: &str) -> Result<PrincipalName, Problem> {
    name.parse().map_err(Problem::internal)
}
