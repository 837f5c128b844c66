//! Google Cloud Storage: a service account's token, downscoped to one folder of one bucket by a credential access boundary.
//!
//! cloud.google.com/iam/docs/downscoping-short-lived-credentials has the boundary's form and the exchange.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use polder_model::secret::Secret;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use crate::credentials::{Credentials, Token};
use crate::error::VendError;
use crate::post::Ask;
use crate::scope::{Access, Scope};
use crate::settings::StoreSettings;

const PROVIDER: &str = "gcp";
const STS: &str = "https://sts.googleapis.com/v1/token";
const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The boundary that leaves of an account's rights only those over one folder.
pub(crate) fn boundary(scope: &Scope) -> Value {
    let (bucket, prefix) = (scope.bucket(), scope.prefix());
    let role = match scope.access() {
        Access::Read => "inRole:roles/storage.objectViewer",
        Access::ReadWrite => "inRole:roles/storage.objectUser",
    };
    let object = format!("resource.name.startsWith('projects/_/buckets/{bucket}/objects/{prefix}/')");
    let list = format!("api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('{prefix}/')");
    json!({
        "accessBoundary": {
            "accessBoundaryRules": [{
                "availablePermissions": [role],
                "availableResource": format!("//storage.googleapis.com/projects/_/buckets/{bucket}"),
                "availabilityCondition": { "expression": format!("{object} || {list}") },
            }],
        },
    })
}

/// A service account's key, as Google Cloud writes it.
#[derive(Deserialize)]
struct Account {
    client_email: String,
    private_key: String,
    private_key_id: String,
    token_uri: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: Option<u32>,
}

/// Asks for the account's token and exchanges it for the narrow one. Google decides how long it lives: an hour.
pub(crate) async fn vend(
    ask: &Ask<'_>,
    scope: &Scope,
    settings: &StoreSettings,
    lifetime: Duration,
    now: DateTime<Utc>,
) -> Result<Credentials, VendError> {
    let account = account(settings).await?;
    let (assertion, url) = assertion(&account, lifetime, now)?;
    let fields = [("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"), ("assertion", assertion.expose())];
    let whole: Answer = ask.form(&url, &fields).await?;
    let boundary = boundary(scope).to_string();
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token_type", ACCESS_TOKEN),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token", &whole.access_token),
        ("options", &boundary),
    ];
    let narrow: Answer = ask.form(&sts(settings)?, &fields).await?;
    // The exchange tells no time where it is that of the token that was exchanged.
    let seconds = narrow.expires_in.or(whole.expires_in).unwrap_or(0);
    let expires = now + TimeDelta::seconds(seconds.into());
    Ok(Credentials { token: Token::Gcp(Secret::new(narrow.access_token)), expires })
}

fn sts(settings: &StoreSettings) -> Result<Url, VendError> {
    let default = || Url::parse(STS).map_err(|_| wrong("a URL as sts_endpoint"));
    settings.url(PROVIDER, &["sts_endpoint"])?.map_or_else(default, Ok)
}

fn wrong(needed: &str) -> VendError {
    VendError::Settings { provider: PROVIDER, needed: needed.to_owned() }
}

async fn account(settings: &StoreSettings) -> Result<Account, VendError> {
    let unreadable = || wrong("a service account's key that can be read");
    let text = match settings.get(&["service_account_key", "google_service_account_key"]) {
        Some(text) => text.to_owned(),
        None => {
            let names = ["service_account", "google_service_account", "service_account_path", "google_service_account_path"];
            let path = settings.need(PROVIDER, &names)?;
            tokio::fs::read_to_string(path).await.map_err(|_| unreadable())?
        }
    };
    serde_json::from_str(&text).map_err(|_| unreadable())
}

fn assertion(account: &Account, lifetime: Duration, now: DateTime<Utc>) -> Result<(Secret, Url), VendError> {
    let unusable = || wrong("a service account's key that can sign");
    let audience = account.token_uri.as_deref().unwrap_or("https://oauth2.googleapis.com/token");
    let url = Url::parse(audience).map_err(|_| unusable())?;
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(3600).clamp(60, 3600);
    let iat = now.timestamp();
    let claims = Claims { iss: &account.client_email, scope: PLATFORM, aud: audience, iat, exp: iat + seconds };
    let header = Header { kid: Some(account.private_key_id.clone()), ..Header::new(Algorithm::RS256) };
    let key = EncodingKey::from_rsa_pem(account.private_key.as_bytes()).map_err(|_| unusable())?;
    let signed = jsonwebtoken::encode(&header, &claims, &key).map_err(|_| unusable())?;
    Ok((Secret::new(signed), url))
}
