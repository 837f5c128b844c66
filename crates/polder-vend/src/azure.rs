//! Azure Blob Storage: a SAS signed with a user delegation key, for one directory.
//!
//! learn.microsoft.com/rest/api/storageservices/create-user-delegation-sas says what is signed.
//!
//! A directory's SAS (`sr=d`) needs an account with a hierarchical namespace; a flat account refuses it, so nothing is opened by
//! mistake. For a flat account the least that the service can sign for reading and listing is the whole container. That opens
//! every table in it, and is done only where the provider's settings say `sas_scope: container`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, SecondsFormat, Utc};
use hmac::{Hmac, Mac};
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use polder_model::secret::Secret;
use serde::Deserialize;
use sha2::Sha256;
use url::Url;

use crate::credentials::{Credentials, Token};
use crate::error::VendError;
use crate::post::Ask;
use crate::scope::{Access, Scope};
use crate::settings::StoreSettings;

const PROVIDER: &str = "azure";
const VERSION: &str = "2022-11-02";
const ACCOUNT: [&str; 2] = ["account_name", "azure_storage_account_name"];
const ENDPOINT: [&str; 3] = ["endpoint", "azure_endpoint", "azure_storage_endpoint"];
/// Clocks differ: a SAS begins a little before it is made.
const LEEWAY: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// A key that Azure lends out to sign with.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DelegationKey {
    signed_oid: String,
    signed_tid: String,
    signed_start: String,
    signed_expiry: String,
    signed_service: String,
    signed_version: String,
    value: String,
}

/// What a SAS opens, and when.
pub(crate) struct Sas<'a> {
    account: &'a str,
    container: &'a str,
    /// The directory; the whole container when there is none.
    directory: Option<&'a str>,
    access: Access,
    start: String,
    expiry: String,
    protocol: &'static str,
}

impl Sas<'_> {
    const fn permissions(&self) -> &'static str {
        match self.access {
            Access::Read => "rl",
            Access::ReadWrite => "racwdl",
        }
    }

    const fn resource(&self) -> &'static str {
        if self.directory.is_some() { "d" } else { "c" }
    }

    /// The text that is signed, of versions 2020-12-06 and later.
    pub(crate) fn string_to_sign(&self, key: &DelegationKey) -> String {
        let directory = self.directory.map(|directory| format!("/{directory}")).unwrap_or_default();
        let resource = format!("/blob/{}/{}{directory}", self.account, self.container);
        let fields: [&str; 24] = [
            self.permissions(),
            &self.start,
            &self.expiry,
            &resource,
            &key.signed_oid,
            &key.signed_tid,
            &key.signed_start,
            &key.signed_expiry,
            &key.signed_service,
            &key.signed_version,
            "", // authorized object id
            "", // unauthorized object id
            "", // correlation id
            "", // addresses
            self.protocol,
            VERSION,
            self.resource(),
            "", // snapshot
            "", // encryption scope
            "", // cache control
            "", // content disposition
            "", // content encoding
            "", // content language
            "", // content type
        ];
        fields.join("\n")
    }

    /// The query string; `None` when the key is none.
    pub(crate) fn sign(&self, key: &DelegationKey) -> Option<String> {
        let secret = STANDARD.decode(&key.value).ok()?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).ok()?;
        mac.update(self.string_to_sign(key).as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let depth = self.directory.map(|directory| directory.split('/').count().to_string());
        let mut fields = vec![
            ("sv", VERSION),
            ("st", &self.start),
            ("se", &self.expiry),
            ("sr", self.resource()),
            ("sp", self.permissions()),
            ("spr", self.protocol),
            ("skoid", &key.signed_oid),
            ("sktid", &key.signed_tid),
            ("skt", &key.signed_start),
            ("ske", &key.signed_expiry),
            ("sks", &key.signed_service),
            ("skv", &key.signed_version),
            ("sig", &signature),
        ];
        fields.extend(depth.as_deref().map(|depth| ("sdd", depth)));
        let encoded = fields.into_iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        Some(encoded.collect::<Vec<_>>().join("&"))
    }
}

/// Asks for a key and signs with it.
pub(crate) async fn vend(
    ask: &Ask<'_>,
    scope: &Scope,
    settings: &StoreSettings,
    lifetime: Duration,
    now: DateTime<Utc>,
) -> Result<Credentials, VendError> {
    let account = settings.need(PROVIDER, &ACCOUNT)?;
    let url = service(settings, account)?;
    let expires = now + lifetime;
    let (start, expiry) = (iso(now - LEEWAY), iso(expires));
    let token = bearer(ask, settings).await?;
    let key = delegation_key(ask, &url, &token, &start, &expiry).await?;
    let whole_container = settings.get(&["sas_scope"]) == Some("container");
    let protocol = if url.scheme() == "http" { "https,http" } else { "https" };
    let directory = (!whole_container).then(|| scope.prefix());
    let sas = Sas { account, container: scope.bucket(), directory, access: scope.access(), start, expiry, protocol };
    let query = sas.sign(&key).ok_or_else(|| ask.misunderstood("user delegation key"))?;
    Ok(Credentials { token: Token::AzureSas(Secret::new(query)), expires })
}

fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn service(settings: &StoreSettings, account: &str) -> Result<Url, VendError> {
    if let Some(url) = settings.url(PROVIDER, &ENDPOINT)? {
        return Ok(url);
    }
    let wrong = |_| VendError::Settings { provider: PROVIDER, needed: "an account_name".to_owned() };
    Url::parse(&format!("https://{account}.blob.core.windows.net/")).map_err(wrong)
}

#[derive(Deserialize)]
struct Bearer {
    access_token: String,
}

/// The token under which the key is asked for: one that is configured, or one for the application's secret.
async fn bearer(ask: &Ask<'_>, settings: &StoreSettings) -> Result<Secret, VendError> {
    if let Some(token) = settings.get(&["token", "bearer_token", "azure_storage_token"]) {
        return Ok(Secret::new(token));
    }
    let client = settings.need(PROVIDER, &["client_id", "azure_client_id", "azure_storage_client_id"])?;
    let secret = settings.need(PROVIDER, &["client_secret", "azure_client_secret", "azure_storage_client_secret"])?;
    let names = ["tenant_id", "azure_tenant_id", "azure_storage_tenant_id", "azure_authority_id", "authority_id"];
    let tenant = settings.need(PROVIDER, &names)?;
    let names = ["authority_host", "azure_authority_host", "azure_storage_authority_host"];
    let host = settings.get(&names).unwrap_or("https://login.microsoftonline.com").trim_end_matches('/');
    let wrong = |_| VendError::Settings { provider: PROVIDER, needed: "a URL as authority_host".to_owned() };
    let tenant = utf8_percent_encode(tenant, NON_ALPHANUMERIC);
    let url = Url::parse(&format!("{host}/{tenant}/oauth2/v2.0/token")).map_err(wrong)?;
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", client),
        ("client_secret", secret),
        ("scope", "https://storage.azure.com/.default"),
    ];
    let answer: Bearer = ask.form(&url, &fields).await?;
    Ok(Secret::new(answer.access_token))
}

async fn delegation_key(
    ask: &Ask<'_>,
    service: &Url,
    token: &Secret,
    start: &str,
    expiry: &str,
) -> Result<DelegationKey, VendError> {
    let mut url = service.clone();
    // An emulator has the account in the path, which then has to end so.
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", service.path()));
    }
    url.set_query(Some("restype=service&comp=userdelegationkey"));
    let body =
        format!("<?xml version=\"1.0\" encoding=\"utf-8\"?><KeyInfo><Start>{start}</Start><Expiry>{expiry}</Expiry></KeyInfo>");
    let request = Request::post(url.as_str())
        .header(http::header::AUTHORIZATION, format!("Bearer {}", token.expose()))
        .header(http::header::CONTENT_TYPE, "application/xml")
        .header("x-ms-version", VERSION)
        .body(body.into())
        .map_err(|_| VendError::Settings { provider: PROVIDER, needed: "a token that fits a header".to_owned() })?;
    let answer = ask.send(request).await?;
    let text = std::str::from_utf8(&answer).map_err(|_| ask.misunderstood("user delegation key"))?;
    quick_xml::de::from_str(text.trim_start_matches('\u{feff}')).map_err(|_| ask.misunderstood("user delegation key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> DelegationKey {
        let answer = "<UserDelegationKey><SignedOid>11111111-1111-1111-1111-111111111111</SignedOid>\
            <SignedTid>22222222-2222-2222-2222-222222222222</SignedTid><SignedStart>2026-01-01T00:00:00Z</SignedStart>\
            <SignedExpiry>2026-01-01T01:00:00Z</SignedExpiry><SignedService>b</SignedService>\
            <SignedVersion>2022-11-02</SignedVersion><Value>a2V5</Value></UserDelegationKey>";
        quick_xml::de::from_str(answer).unwrap()
    }

    fn sas(directory: Option<&str>) -> Sas<'_> {
        let (start, expiry) = ("2026-01-01T00:00:00Z".to_owned(), "2026-01-01T01:00:00Z".to_owned());
        Sas { account: "acct", container: "cont", directory, access: Access::Read, start, expiry, protocol: "https" }
    }

    #[test]
    fn what_is_signed_has_the_fields_of_the_reference_in_its_order() {
        let expected = "rl\n2026-01-01T00:00:00Z\n2026-01-01T01:00:00Z\n/blob/acct/cont/a/b\n\
            11111111-1111-1111-1111-111111111111\n22222222-2222-2222-2222-222222222222\n\
            2026-01-01T00:00:00Z\n2026-01-01T01:00:00Z\nb\n2022-11-02\n\n\n\n\nhttps\n2022-11-02\nd\n\n\n\n\n\n\n";
        assert_eq!(sas(Some("a/b")).string_to_sign(&key()), expected);
    }

    #[test]
    fn a_directory_is_signed_with_its_depth_and_a_container_without() {
        let query = sas(Some("bronze/customer_v1")).sign(&key()).unwrap();
        assert!(query.contains("sr=d&") && query.ends_with("&sdd=2"), "{query}");
        let query = sas(None).sign(&key()).unwrap();
        assert!(query.contains("sr=c&") && !query.contains("sdd"), "{query}");
    }
}
