//! `/tokens`: one's own, and for account admins those of service principals and of everybody.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{DateTime, TimeDelta, Utc};
use polder_api::{NewToken, Page, PageQuery, Problem as Refusal, TokenMade, TokenSummary};
use polder_identity::{Scope, Scopes, TokenKind, token};
use polder_model::principal::SCIM;
use polder_model::secret::Secret;
use polder_model::{PrincipalKind, PrincipalName, Role};
use polder_platform::{Identity, Who};
use polder_store::{TokenRecord, TokenRevoked};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::who::well_known;
use super::{Standing, audit, demand, has_role, principal};
use crate::api::paging;
use crate::idempotency::NeverKept;
use crate::identified::Identified;
use crate::problem::{Body, Parameters, PathOf, Problem};
use crate::state::App;

/// For how many days a token is good unless told.
const DAYS: u32 = 90;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Whose {
    /// Everybody's tokens, for account admins.
    #[serde(default)]
    all: bool,
    /// How much is on a page: 100 unless told, 1000 at most.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List tokens
///
/// Your own, those that have ended too; for account admins everybody's, if asked for. No secret is shown.
#[utoipa::path(get, path = "/tokens", tag = "identity", params(Whose), responses(
    (status = 200, description = "A page, by id", body = Page<TokenSummary>),
    (status = 400, description = "There is no such page", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "Only account admins see everybody's", body = Refusal),
))]
async fn list(
    State(app): State<App>,
    Identified(identity): Identified,
    Parameters(Whose { all, limit, cursor }): Parameters<Whose>,
) -> Result<Json<Page<TokenSummary>>, Problem> {
    let page = PageQuery { limit, cursor };
    if all {
        demand(&app, &identity, Role::Account).await?;
    }
    let own = well_known(identity.name())?;
    let limit = u32::try_from(paging::limit(&page)?).unwrap_or(u32::MAX);
    let after = paging::after(&page)?.unwrap_or_default();
    let mut records = app.store.tokens(if all { None } else { Some(&own) }, &after, limit + 1).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next_cursor = records.last().filter(|_| more).map(|last| paging::cursor(&last.id));
    Ok(Json(Page { items: records.into_iter().map(summary).collect(), next_cursor }))
}

/// Make a token
///
/// The answer shows it, once. A token is good for no more than the credentials that make it, and a token that makes another cannot
/// make one that outlives it. Account admins make tokens for service principals, and for SCIM.
#[utoipa::path(post, path = "/tokens", tag = "identity", request_body = NewToken, responses(
    (status = 201, description = "The token, shown this once", body = TokenMade),
    (status = 400, description = "The token cannot be so", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not make such a token", body = Refusal),
    (status = 404, description = "There is no such service principal", body = Refusal),
))]
async fn create(
    State(app): State<App>,
    Identified(identity): Identified,
    Extension(standing): Extension<Standing>,
    Body(wanted): Body<NewToken>,
) -> Result<Response, Problem> {
    let now = Utc::now();
    let label = label(&wanted.label)?;
    let scopes = scopes(&wanted.scopes)?;
    let (principal, kind) = match holder(&app, &identity, &standing, &wanted, scopes).await {
        Err(problem) if problem.status() == StatusCode::FORBIDDEN => {
            let wanted = wanted.principal.as_ref().map_or_else(String::new, |name| format!("for {name}"));
            audit::record(&app, &identity, "CREATE_TOKEN", "token", false, &wanted).await?;
            return Err(problem);
        }
        held => held?,
    };
    let expires = expiry(app.auth.lives.token_days, wanted.days, &standing, now)?;
    let detail = format!("for {principal}: {}", scopes.words().join(" "));
    let new = New { principal, kind, label, scopes, expires };
    let (secret, record) = new.issue(&app, &identity, &standing, &detail).await?;
    let made = TokenMade { token: secret.expose().to_owned(), summary: summary(record) };
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(NeverKept);
    Ok(response)
}

/// Revoke a token
#[utoipa::path(delete, path = "/tokens/{id}", tag = "identity", params(("id" = String, Path)), responses(
    (status = 204, description = "It is revoked, now or before"),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 404, description = "You have no such token", body = Refusal),
    (status = 409, description = "It is the only way in", body = Refusal),
))]
async fn revoke(
    State(app): State<App>,
    Identified(identity): Identified,
    PathOf(id): PathOf<String>,
) -> Result<StatusCode, Problem> {
    let missing = || Problem::not_found("there is no such token, or it is not yours");
    let plain = id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric());
    let kept = if plain { app.store.token(&id).await? } else { None };
    let record = kept.ok_or_else(missing)?.record;
    let bootstrap = record.kind == TokenKind::Bootstrap.as_str();
    let own = match &identity.who {
        Who::Named(name) => !bootstrap && *name == record.principal,
        Who::Bootstrap => bootstrap,
        Who::LocalAdmin => true,
    };
    if !own && !has_role(&app, &identity, Role::Account).await? {
        return Err(missing());
    }
    audit::record(&app, &identity, "REVOKE_TOKEN", &format!("token {id}"), true, &format!("of {}", record.principal)).await?;
    match app.store.revoke_token(&id, identity.name(), Utc::now()).await? {
        TokenRevoked::Revoked => Ok(StatusCode::NO_CONTENT),
        TokenRevoked::NotThere => Err(missing()),
        TokenRevoked::LastWayIn => {
            Err(Problem::conflict("nobody has the account role: without this token nobody could administer")
                .with_hint("grant somebody the account role first: `polder role grant PRINCIPAL account`"))
        }
    }
}

/// A token that is to be made, by whoever may.
pub(super) struct New {
    pub(super) principal: PrincipalName,
    pub(super) kind: TokenKind,
    pub(super) label: String,
    pub(super) scopes: Scopes,
    pub(super) expires: DateTime<Utc>,
}

impl New {
    /// Makes it, puts it on record and keeps it. Its secret is nowhere but in what this gives back.
    pub(super) async fn issue(
        self,
        app: &App,
        identity: &Identity,
        standing: &Standing,
        detail: &str,
    ) -> Result<(Secret, TokenRecord), Problem> {
        let minted = token::mint(self.kind).map_err(Problem::internal)?;
        let record = TokenRecord {
            id: minted.id,
            kind: self.kind.as_str().to_owned(),
            principal: self.principal,
            label: self.label,
            scopes: self.scopes.words(),
            created: Utc::now(),
            created_by: identity.name().to_owned(),
            expires: Some(self.expires),
            revoked: None,
            revoked_by: None,
            used: None,
            // The bootstrap token is revoked once it has made what takes its place.
            parent: standing.token.clone().filter(|_| identity.who != Who::Bootstrap),
        };
        audit::record(app, identity, "CREATE_TOKEN", &format!("token {}", record.id), true, detail).await?;
        app.store.add_token(&polder_store::NewToken { record: &record, secret_hash: &minted.secret_hash }).await?;
        Ok((minted.shown, record))
    }
}

/// Whom a token is for, if whoever is asking may make it.
async fn holder(
    app: &App,
    identity: &Identity,
    standing: &Standing,
    wanted: &NewToken,
    scopes: Scopes,
) -> Result<(PrincipalName, TokenKind), Problem> {
    if scopes.has(Scope::Scim) {
        if scopes.iter().count() > 1 || wanted.principal.is_some() {
            return Err(Problem::invalid("a token for SCIM is for SCIM alone, and stands for no principal")
                .with_hint("leave out the other scopes and the principal"));
        }
        demand(app, identity, Role::Account).await?;
        return Ok((well_known(SCIM)?, TokenKind::Service));
    }
    if !scopes.within(standing.scopes) {
        return Err(Problem::denied("a token cannot make one that is good for more than itself").with_code("insufficient_scope"));
    }
    let named = match &identity.who {
        Who::Named(name) => Some(name),
        Who::LocalAdmin | Who::Bootstrap => None,
    };
    match (&wanted.principal, named) {
        (None, Some(own)) => own_kind(app, own).await,
        (Some(other), Some(own)) if other == own => own_kind(app, own).await,
        (None, None) => Err(Problem::invalid("say which service principal the token is for")
            .with_hint("set `principal` (`--principal` of the command)")),
        (Some(other), _) => {
            demand(app, identity, Role::Account).await?;
            match principal::kind(app, other).await? {
                // A person's data is open to a person's own token: nobody else makes those.
                Some(PrincipalKind::User) => Err(Problem::denied("people make their own tokens")
                    .with_hint("account admins make tokens for service principals")),
                Some(PrincipalKind::ServicePrincipal) => Ok((other.clone(), TokenKind::Service)),
                _ => Err(Problem::not_found(format!("there is no service principal {other}"))
                    .with_hint("declare it under a domain's servicePrincipals, and apply")),
            }
        }
    }
}

async fn own_kind(app: &App, own: &PrincipalName) -> Result<(PrincipalName, TokenKind), Problem> {
    let service = principal::kind(app, own).await? == Some(PrincipalKind::ServicePrincipal);
    Ok((own.clone(), if service { TokenKind::Service } else { TokenKind::Personal }))
}

fn label(text: &str) -> Result<String, Problem> {
    let text = text.trim();
    let plain = !text.is_empty() && text.chars().count() <= 100 && !text.chars().any(char::is_control);
    if plain {
        Ok(text.to_owned())
    } else {
        Err(Problem::invalid("a label has 1 to 100 characters, none of them control characters"))
    }
}

fn scopes(words: &[String]) -> Result<Scopes, Problem> {
    let scopes = Scopes::read(words).map_err(|error| Problem::invalid(error.to_string()))?;
    if scopes == Scopes::NONE {
        Err(Problem::invalid("a token without a scope is good for nothing: name one"))
    } else {
        Ok(scopes)
    }
}

/// When a token ends that is to be good for so many days.
pub(super) fn expiry(most: u32, days: Option<u32>, standing: &Standing, now: DateTime<Utc>) -> Result<DateTime<Utc>, Problem> {
    let days = days.unwrap_or(DAYS.min(most));
    if !(1..=most).contains(&days) {
        return Err(Problem::invalid(format!("a token is good for 1 to {most} days here, not {days}")));
    }
    let wanted = now + TimeDelta::days(days.into());
    Ok(if standing.token.is_some() { standing.expires.map_or(wanted, |own| own.min(wanted)) } else { wanted })
}

fn summary(record: TokenRecord) -> TokenSummary {
    TokenSummary {
        id: record.id,
        kind: record.kind,
        principal: record.principal,
        label: record.label,
        scopes: record.scopes,
        created: record.created,
        created_by: record.created_by,
        expires: record.expires,
        revoked: record.revoked,
        used: record.used,
    }
}
