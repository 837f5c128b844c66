//! Finding out who is asking: tokens of ours, an issuer's, sessions; how people sign in and what they may do about tokens and roles.
//!
//! Every request looks its credentials and its principal up again: whoever was deactivated, and whatever was revoked, is out at once.
//! Never decides what somebody may do with data. Begin with `identify`.

mod attempts;
mod audit;
mod cookies;
mod credentials;
mod first;
mod me;
mod needs;
mod principal;
mod profiles;
mod roles;
mod sign_on;
mod token_endpoint;
mod tokens;
mod watch;
mod who;

use std::path::Path;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use polder_descriptor::{CredentialSettings, IdentitySettings, ServerSettings};
use polder_identity::{Issuer, IssuerSettings, Scopes, Signer};
use polder_model::secret::Secret;
use polder_model::{PrincipalName, Role};
use polder_outbound::Outbound;
use polder_platform::{Identity, Who, resolve_secret};
use polder_share::{AddressKey, VolumeAddressKey};
use utoipa_axum::router::OpenApiRouter;

use self::attempts::Attempts;
use crate::identified::{Identified, LocalIdentity};
use crate::problem::Problem;
use crate::state::{App, StartError};

pub use self::first::first_start;
pub(crate) use self::who::address;

/// What sign-on needs, for as long as the server runs.
pub struct Auth {
    /// The issuer that people sign in at, if one is set.
    issuer: Option<Issuer>,
    signer: Signer,
    addresses: AddressKey,
    volume_addresses: VolumeAddressKey,
    attempts: Attempts,
    lives: Lives,
}

/// The tenant's keys that this server signs with, each for one thing alone.
pub struct Keys {
    /// Of tokens that were traded for others.
    pub tokens: Secret,
    /// Of addresses of shared files.
    pub addresses: Secret,
    /// Of addresses of files of volumes.
    pub volume_addresses: Secret,
}

/// For how long tokens and sessions are good.
#[derive(Debug, Clone, Copy)]
struct Lives {
    /// Days that a token is good for at most.
    token_days: u32,
    session: TimeDelta,
    /// How long a session may go without a request.
    idle: TimeDelta,
}

impl Lives {
    fn new(settings: &CredentialSettings) -> Self {
        Self {
            token_days: settings.token_days.unwrap_or(365),
            session: TimeDelta::hours(settings.session_hours.unwrap_or(12).into()),
            idle: TimeDelta::minutes(settings.idle_minutes.unwrap_or(120).into()),
        }
    }
}

/// What is known of a request's credentials beside who is asking. With the request, for handlers that need it.
#[derive(Debug, Clone)]
pub struct Standing {
    /// What the credentials are good for.
    pub scopes: Scopes,
    /// When they end, if they do.
    pub expires: Option<DateTime<Utc>>,
    /// The session's secret, in a browser.
    session: Option<Secret>,
    /// The id of the token of ours that it is, which may not make tokens that outlive it.
    token: Option<String>,
}

impl Standing {
    /// The person at this machine.
    const LOCAL: Self = Self { scopes: Scopes::ALL, expires: None, session: None, token: None };
}

impl Auth {
    /// Prepares sign-on as the tenant's settings say. `root` is the mesh's folder, `keys` are the tenant's for signing, `url` is the
    /// server's own.
    ///
    /// # Errors
    /// When a secret is not set, or a key is none.
    pub fn new(root: &Path, settings: &ServerSettings, keys: &Keys, url: &str, outbound: &Outbound) -> Result<Self, StartError> {
        let issuer = settings.identity.as_ref().map(|settings| issuer(root, settings, outbound)).transpose()?;
        let signer = Signer::new(&keys.tokens, url)
            .ok_or_else(|| StartError::Settings("the tenant's key for tokens is none".to_owned()))?;
        Ok(Self {
            issuer,
            signer,
            addresses: AddressKey::new(&keys.addresses),
            volume_addresses: VolumeAddressKey::new(&keys.volume_addresses),
            attempts: Attempts::default(),
            lives: Lives::new(&settings.credentials),
        })
    }

    /// What addresses of shared files are signed with.
    pub(crate) const fn addresses(&self) -> &AddressKey {
        &self.addresses
    }

    /// What addresses of files of volumes are signed with.
    pub(crate) const fn volume_addresses(&self) -> &VolumeAddressKey {
        &self.volume_addresses
    }
}

fn issuer(root: &Path, settings: &IdentitySettings, outbound: &Outbound) -> Result<Issuer, StartError> {
    let client_secret = settings.client_secret.as_deref().map(|value| resolve_secret(root, value)).transpose()?.map(Secret::new);
    let usual = || ["openid", "profile", "email"].map(str::to_owned).to_vec();
    let mut scopes = if settings.scopes.is_empty() { usual() } else { settings.scopes.clone() };
    if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    let settings = IssuerSettings {
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
        client_id: settings.client_id.clone(),
        client_secret,
        user_claim: settings.user_claim.clone(),
        scopes,
        required_claims: settings.required_claims.clone(),
    };
    Ok(Issuer::new(settings, outbound.clone()))
}

/// The refusal of a request that bears no credentials.
#[must_use]
pub fn no_credentials() -> Problem {
    Problem::unauthenticated("the request bears no credentials")
        .with_hint("send a token: `Authorization: Bearer ...`; `polder login` obtains one")
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"polder\""))
}

/// The refusal of credentials that are not accepted, whatever is wrong with them: the log says that.
fn not_accepted() -> Problem {
    Problem::unauthenticated("the credentials are not accepted")
        .with_hint("they may have expired or been revoked, or nobody here goes by that name: `polder login` signs in again")
        .with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"polder\", error=\"invalid_token\""))
}

/// Finds out who is asking, and leaves it with the request. A request without credentials passes: what it reaches decides.
pub(crate) async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Result<Response, Problem> {
    if let Some(LocalIdentity(identity)) = request.extensions().get::<LocalIdentity>().cloned() {
        request.extensions_mut().insert(Standing::LOCAL);
        return Ok(run_as(identity, request, next).await);
    }
    // Without its body, which cannot be waited with.
    let (parts, body) = request.into_parts();
    let found = who::is_asking(&app, &parts).await;
    let again = parts.clone();
    request = Request::from_parts(parts, body);
    let Some((identity, standing)) = found? else { return Ok(next.run(request).await) };
    if let Some(scope) = needs::scope(request.method(), request.extensions().get::<MatchedPath>().map(MatchedPath::as_str))
        && !standing.scopes.has(scope)
    {
        let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
        let what = format!("{} {route}", request.method());
        audit::record(&app, &identity, "USE_TOKEN", &what, false, &format!("it lacks the scope {scope}")).await?;
        return Err(Problem::denied(format!("the token is not good for this: it lacks the scope {scope}"))
            .with_code("insufficient_scope")
            .with_hint(format!("use a token that has it: `polder token create --label WORDS --scope {scope}`"))
            .with_header(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"polder\", error=\"insufficient_scope\""),
            ));
    }
    request.extensions_mut().insert(standing);
    let name = identity.name().to_owned();
    Ok(watch::watched(app, again, name, run_as(identity, request, next).await))
}

/// Finds out who shows a token as a password, as clients do that know nothing else and speak no HTTP.
///
/// # Errors
/// When the token is not accepted or is another's, too many were wrong, or that cannot be found out now.
pub(crate) async fn by_password(
    app: &App,
    extensions: &axum::http::Extensions,
    user: &str,
    password: &Secret,
) -> Result<(Identity, Standing), Problem> {
    who::by_password(app, extensions, user, password).await
}

/// Puts on record that a token was refused for want of a scope.
///
/// # Errors
/// When the record cannot be written.
pub(crate) async fn refuse_scope(
    app: &App,
    identity: &Identity,
    what: &str,
    scope: polder_identity::Scope,
) -> Result<(), Problem> {
    audit::record(app, identity, "USE_TOKEN", what, false, &format!("it lacks the scope {scope}")).await
}

async fn run_as(identity: Identity, mut request: Request, next: Next) -> Response {
    let identified = Identified(identity);
    request.extensions_mut().insert(identified.clone());
    let mut response = next.run(request).await;
    // For the log and the figures, which are further out.
    response.extensions_mut().insert(identified);
    response
}

/// On whose behalf a request is that is let in by a signed address alone.
pub(crate) fn by_address(extensions: &axum::http::Extensions, recipient: PrincipalName) -> Identity {
    who::identity(extensions, Who::Named(recipient), Scopes::default(), "signed address".to_owned())
}

/// Whether somebody goes by a name here, and nobody has switched them off.
///
/// # Errors
/// When that cannot be found out.
pub(crate) async fn is_known(app: &App, name: &PrincipalName) -> Result<bool, Problem> {
    Ok(principal::kind(app, name).await?.is_some())
}

/// Demands an admin role of whoever is asking.
///
/// # Errors
/// When they do not have it, or that cannot be found out.
pub async fn demand(app: &App, identity: &Identity, role: Role) -> Result<(), Problem> {
    if has_role(app, identity, role).await? {
        return Ok(());
    }
    audit::record(app, identity, "USE_ROLE", &format!("role {role}"), false, "").await?;
    Err(Problem::denied(format!("this takes the admin role {role}")).with_hint(format!(
        "an account admin grants it: `polder role grant PRINCIPAL {role}`; a token needs the scope admin too"
    )))
}

/// Whether whoever is asking has an admin role that counts.
pub(crate) async fn has_role(app: &App, identity: &Identity, role: Role) -> Result<bool, Problem> {
    match &identity.who {
        Who::LocalAdmin | Who::Bootstrap => Ok(true),
        Who::Named(name) => Ok(identity.admin && principal::roles(app, name).await?.has(role)),
    }
}

/// The routes of sign-on.
pub(crate) fn routes() -> axum::Router<App> {
    sign_on::routes().merge(token_endpoint::routes())
}

/// What our API says of whoever is asking, of tokens and of roles.
pub(crate) fn api_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().merge(me::routes()).merge(tokens::routes()).merge(profiles::routes()).merge(roles::routes())
}

/// The status of a refusal by redirect: the browser goes on with GET.
const SEE_OTHER: StatusCode = StatusCode::SEE_OTHER;
