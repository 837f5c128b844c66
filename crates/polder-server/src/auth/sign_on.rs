//! `/auth`: signing in with a browser at the issuer, and out again.
//!
//! The cookie of a sign-on under way holds one secret. The nonce and the PKCE verifier follow from it, so that only the browser that
//! left can come back, and nothing kept here would help anybody else.

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{TimeDelta, Utc};
use cookie::time::Duration;
use polder_api::SignOnConfig;
use polder_identity::flow::Trip;
use polder_identity::{FlowError, Issuer, IssuerError, Scopes, secret};
use polder_model::PrincipalName;
use polder_model::secret::Secret;
use polder_platform::Who;
use polder_store::{Session, SignOn};
use serde::Deserialize;

use super::cookies::{Cookies, Jar};
use super::{SEE_OTHER, audit, principal, who};
use crate::problem::{Parameters, Problem};
use crate::state::App;

/// How long a sign-on may take.
const SIGN_ON: TimeDelta = TimeDelta::minutes(10);

pub(super) fn routes() -> axum::Router<App> {
    axum::Router::new()
        .route("/auth/login", get(login))
        .route("/auth/callback", get(callback))
        .route("/auth/logout", post(logout))
        .route("/auth/config", get(config))
}

#[derive(Debug, Deserialize)]
struct Login {
    return_to: Option<String>,
}

#[derive(Deserialize)]
struct Callback {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// How to sign in here, for the command line.
async fn config(State(app): State<App>) -> Result<Json<SignOnConfig>, Problem> {
    let settings = issuer(&app)?.settings();
    Ok(Json(SignOnConfig {
        issuer: settings.issuer.clone(),
        audience: settings.audience.clone(),
        client_id: settings.client_id.clone(),
        scopes: settings.scopes.clone(),
    }))
}

/// Sends the browser to the issuer.
async fn login(State(app): State<App>, Parameters(query): Parameters<Login>) -> Result<Response, Problem> {
    let issuer = issuer(&app)?;
    let now = Utc::now();
    let party = issuer.party(now).await.map_err(|error| flow_failed(&error))?;
    let (browser, state) = (secret::random().map_err(Problem::internal)?, secret::random().map_err(Problem::internal)?);
    let sign_on = SignOn {
        browser_hash: secret::hash(browser.expose()),
        return_to: local_path(query.return_to.as_deref().unwrap_or("/"), &app.url()),
        expires: now + SIGN_ON,
    };
    app.store.begin_sign_on(&secret::hash(state.expose()), &sign_on, now).await?;
    let url = party.sign_on_url(&trip(&app, &browser, state), &issuer.settings().scopes);
    let cookie = cookies(&app).set(Jar::SignOn, &browser, Duration::minutes(10));
    Ok(redirect(url.as_str(), [cookie]))
}

/// Takes the browser back from the issuer.
async fn callback(
    State(app): State<App>,
    headers: HeaderMap,
    extensions: Extensions,
    Parameters(query): Parameters<Callback>,
) -> Result<Response, Problem> {
    let issuer = issuer(&app)?;
    let now = Utc::now();
    let jar = cookies(&app);
    let state = query.state.map(Secret::new).ok_or_else(unknown_sign_on)?;
    // Taken before anything else is looked at: an answer is good once, whatever comes of it.
    let sign_on = app.store.take_sign_on(&secret::hash(state.expose()), now).await?.ok_or_else(unknown_sign_on)?;
    let browser = jar.read(&headers, Jar::SignOn).ok_or_else(unknown_sign_on)?;
    if !secret::same(&secret::hash(browser.expose()), &sign_on.browser_hash) {
        return Err(unknown_sign_on());
    }
    from_issuer(issuer, query.iss.as_deref(), now).await?;
    if query.error.is_some() {
        return Err(Problem::unauthenticated("the issuer did not sign you in").with_hint("try again at /auth/login"));
    }
    let code = query.code.ok_or_else(unknown_sign_on)?;
    let trip = trip(&app, &browser, state);
    let signed_in = signed_in(&app, issuer, &trip, &code).await;
    if let Err(problem) = &signed_in
        && !problem.status().is_server_error()
    {
        who::failed(&app, &extensions, problem.detail(), now).await?;
    }
    let name = signed_in?;
    let by = format!("oidc {}", issuer.settings().issuer);
    let identity = who::identity(&extensions, Who::Named(name.clone()), Scopes::default(), by.clone());
    audit::record(&app, &identity, "SIGN_ON", &format!("user {name}"), true, "").await?;
    // A new secret for every sign-on: whoever knew the cookie before knows nothing.
    let session = secret::random().map_err(Problem::internal)?;
    let before = jar.read(&headers, Jar::Session).map(|before| secret::hash(before.expose()));
    let kept = Session { principal: name, authenticated_by: by, created: now, expires: now + app.auth.lives.session, seen: now };
    app.store.begin_session(&secret::hash(session.expose()), &kept, before.as_deref()).await?;
    let set = jar.set(Jar::Session, &session, Duration::hours(app.auth.lives.session.num_hours()));
    Ok(redirect(&sign_on.return_to, [set, jar.clear(Jar::SignOn)]))
}

/// Ends the session. That the request comes from a page of ours was seen when its cookie was.
async fn logout(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let jar = cookies(&app);
    if let Some(session) = jar.read(&headers, Jar::Session) {
        app.store.end_session(&secret::hash(session.expose())).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.headers_mut().extend(jar.clear(Jar::Session).map(|cookie| (header::SET_COOKIE, cookie)));
    Ok(response)
}

/// Trades the code for an id token, and finds the user whom it names.
async fn signed_in(app: &App, issuer: &Issuer, trip: &Trip, code: &str) -> Result<PrincipalName, Problem> {
    let now = Utc::now();
    let party = issuer.party(now).await.map_err(|error| flow_failed(&error))?;
    let login = party.exchange(trip, code).await.map_err(|error| flow_failed(&error))?;
    let id_token = login.id_token.ok_or_else(|| Problem::unauthenticated("the issuer did not say who signed in"))?;
    let claimed = issuer.verify_id_token(id_token.expose(), &trip.nonce, now).await.map_err(|error| judged(&error))?;
    principal::of_subject(app, &claimed.subject).await?.ok_or_else(|| {
        tracing::warn!(subject = ?claimed.subject, "somebody signed on who is nobody here");
        Problem::denied("you signed in, and nobody here goes by your name")
            .with_code("unknown_principal")
            .with_hint("ask an account admin: users come by SCIM or from the mesh's files")
    })
}

/// Refuses the answer of another issuer that was mixed up with ours (RFC 9207).
async fn from_issuer(issuer: &Issuer, iss: Option<&str>, now: chrono::DateTime<Utc>) -> Result<(), Problem> {
    let metadata = issuer.metadata(now).await.map_err(|error| judged(&error))?;
    let ours = match iss {
        Some(iss) => iss == issuer.settings().issuer,
        None => !metadata.authorization_response_iss_parameter_supported,
    };
    if ours { Ok(()) } else { Err(unknown_sign_on()) }
}

fn trip(app: &App, browser: &Secret, state: Secret) -> Trip {
    Trip {
        state,
        nonce: secret::derive(browser, "nonce"),
        verifier: secret::derive(browser, "verifier"),
        redirect: format!("{}/auth/callback", app.url()),
    }
}

fn issuer(app: &App) -> Result<&Issuer, Problem> {
    app.auth.issuer.as_ref().ok_or_else(|| {
        Problem::not_found("this server has no issuer to sign in at")
            .with_code("no_issuer")
            .with_hint("set server.identity of the tenant in polder.yaml; tokens work without")
    })
}

fn cookies(app: &App) -> Cookies {
    Cookies::of(&app.url())
}

fn unknown_sign_on() -> Problem {
    Problem::invalid("no sign-on is under way that this answers: it is over, was answered before, or began in another browser")
        .with_code("sign_on")
        .with_hint("sign in again at /auth/login")
}

fn flow_failed(error: &FlowError) -> Problem {
    if let FlowError::Issuer(error) = error {
        return judged(error);
    }
    tracing::warn!(error = error as &dyn std::error::Error, "a sign-on failed");
    match error {
        FlowError::Refused { .. } => {
            Problem::unauthenticated("the issuer did not sign you in").with_hint("try again at /auth/login")
        }
        _ => Problem::unavailable("the issuer cannot be reached now"),
    }
}

fn judged(error: &IssuerError) -> Problem {
    tracing::warn!(error = error as &dyn std::error::Error, "an issuer's word is not accepted");
    match error {
        IssuerError::Rejected(_) => {
            Problem::unauthenticated("the issuer's word is not accepted").with_hint("the server's log says why")
        }
        _ => Problem::unavailable("the issuer cannot be reached now"),
    }
}

/// The path on this server to go to, or the top where somebody put another server's.
fn local_path(wanted: &str, url: &str) -> String {
    let top = || "/".to_owned();
    let plain =
        wanted.starts_with('/') && wanted.len() <= 2000 && !wanted.contains('\\') && wanted.bytes().all(|b| b.is_ascii_graphic());
    let Some(base) = url::Url::parse(url).ok().filter(|_| plain) else { return top() };
    match base.join(wanted) {
        // Written as browsers read it: `//host` and `/\host` are other servers, whatever they look like.
        Ok(there) if there.origin() == base.origin() && there.path().starts_with('/') && !there.path().starts_with("//") => {
            there[url::Position::BeforePath..].to_owned()
        }
        _ => top(),
    }
}

fn redirect<const N: usize>(to: &str, cookies: [Option<HeaderValue>; N]) -> Response {
    let Ok(location) = HeaderValue::from_str(to) else {
        return Problem::internal("an address that cannot be in a header").into_response();
    };
    let fixed = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    let mut response = (SEE_OTHER, fixed).into_response();
    for cookie in cookies.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn after_signing_in_the_browser_stays_here() {
        let url = "https://polder.example";
        for (wanted, goes) in
            [("/", "/"), ("/a/b?c=d#e", "/a/b?c=d#e"), ("/a/../b", "/b"), ("/%2f%2fevil.example", "/%2f%2fevil.example")]
        {
            assert_eq!(local_path(wanted, url), goes, "{wanted}");
        }
        let elsewhere = [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "javascript:alert(1)",
            "",
            "evil",
            "///evil.example",
            "/.//evil.example",
            "/a/..//evil.example",
            "/ /evil.example",
            "/\r\nset-cookie: a=b",
            "https:evil.example",
            "/é",
        ];
        for wanted in elsewhere {
            assert_eq!(local_path(wanted, url), "/", "{wanted:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(3000)), url), "/");
    }
}
