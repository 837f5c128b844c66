//! `/environments/{environment}/recipients/{recipient}/profiles`: what lets a recipient of shares in.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use chrono::{TimeDelta, Utc};
use polder_api::{NewProfile, Problem as Refusal, ProfileMade};
use polder_identity::{Scope, TokenKind};
use polder_model::PrincipalName;
use polder_share::Profile;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tokens::{self, New};
use super::{Standing, token_endpoint};
use crate::idempotency::NeverKept;
use crate::identified::Identified;
use crate::problem::{Body, PathOf, Problem};
use crate::sharing;
use crate::state::App;

/// How long earlier profiles may stay good beside a new one.
const MOST_OVERLAP_HOURS: u32 = 24 * 366;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Make a profile file for a recipient of shares
///
/// For whoever governs a domain that shares something with it. The answer shows it, once. Earlier profiles of the recipient stay good, for
/// a while or not at all, as you say.
#[utoipa::path(post, path = "/environments/{environment}/recipients/{recipient}/profiles", tag = "shares", request_body = NewProfile,
    params(("environment" = String, Path), ("recipient" = String, Path)), responses(
    (status = 201, description = "The profile, shown this once", body = ProfileMade),
    (status = 400, description = "The profile cannot be so", body = Refusal),
    (status = 401, description = "Nobody is signed in", body = Refusal),
    (status = 403, description = "You may not make one", body = Refusal),
    (status = 404, description = "Nothing that you know of is shared with such a recipient", body = Refusal),
))]
async fn create(
    State(app): State<App>,
    Identified(identity): Identified,
    Extension(standing): Extension<Standing>,
    PathOf((environment, recipient)): PathOf<(String, String)>,
    Body(wanted): Body<NewProfile>,
) -> Result<Response, Problem> {
    let platform = app.platform(&environment, &identity)?;
    let absent = || Problem::not_found("nothing that you know of is shared with such a recipient");
    let recipient: PrincipalName = recipient.parse().map_err(|_| absent())?;
    platform.may_let_in(&recipient).await?;
    // Before anything is made that nobody could use.
    let url = app.url_for_others()?;
    let now = Utc::now();
    let expires = tokens::expiry(app.auth.lives.token_days, wanted.days, &standing, now)?;
    let overlap = match wanted.overlap_hours {
        Some(hours) if hours > MOST_OVERLAP_HOURS => {
            return Err(Problem::invalid(format!("profiles overlap for at most {MOST_OVERLAP_HOURS} hours")));
        }
        hours => hours.map(|hours| now + TimeDelta::hours(hours.into())),
    };
    let until = overlap.map_or_else(String::new, |end| format!("; earlier ones end by {end}"));
    let new = New {
        principal: recipient.clone(),
        kind: TokenKind::Service,
        label: "profile for Delta Sharing".to_owned(),
        scopes: [Scope::Share].into_iter().collect(),
        expires,
    };
    let (secret, record) = new.issue(&app, &identity, &standing, &format!("for {recipient}: share{until}")).await?;
    let replaced = match overlap {
        Some(end) => app.store.end_share_tokens(&recipient, &record.id, end).await?,
        None => 0,
    };
    let default = *platform.environment() == *app.default_environment();
    let prefix = if default { String::new() } else { format!("/environments/{}", platform.environment()) };
    let endpoint = format!("{url}{prefix}{}", sharing::PREFIX);
    let secret = secret.expose().to_owned();
    let profile = if wanted.oauth {
        let token_endpoint = format!("{url}{}", token_endpoint::PATH);
        Profile::ClientCredentials { endpoint, token_endpoint, client_id: recipient.to_string(), client_secret: secret }
    } else {
        Profile::Bearer { endpoint, token: secret, expires: Some(expires) }
    };
    let made = ProfileMade { profile: profile.to_json(), token: record.id, expires, replaced };
    let mut response = (StatusCode::CREATED, Json(made)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(NeverKept);
    Ok(response)
}
