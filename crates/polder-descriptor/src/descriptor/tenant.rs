//! A tenant in `polder.yaml`: where its state is, and what its server is set to. Secrets stay as they are written, by reference.

use std::collections::BTreeMap;

use polder_model::{PrincipalName, TenantName};

use crate::descriptor::megabytes;
use crate::reader::{Fields, Reader, Spanned};
use crate::yaml::Node;

/// A tenant's own settings. What is not set has the default of whoever uses it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TenantSettings {
    /// Where its state is: a file's path or a PostgreSQL URL.
    pub database: Option<String>,
    /// The folder that its keys are in.
    pub keys: Option<String>,
    /// What its server is set to.
    pub server: ServerSettings,
}

/// What a tenant's server is set to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerSettings {
    /// The URL by which clients reach it.
    pub url: Option<String>,
    /// The OpenID Connect issuer that people sign in at.
    pub identity: Option<IdentitySettings>,
    /// For how long tokens and sessions are good.
    pub credentials: CredentialSettings,
    /// How access is asked for.
    pub access: AccessSettings,
    /// Whom it tells of what happens.
    pub notifications: NotificationSettings,
    /// The private networks, in CIDR notation, that it may call.
    pub outbound: Vec<String>,
    /// How many megabytes all queries together may take for joining, sorting and grouping.
    pub query_megabytes: Option<u32>,
}

/// An OpenID Connect issuer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IdentitySettings {
    /// Its URL, exactly as its tokens bear it.
    pub issuer: String,
    /// What tokens for this server bear as their audience.
    pub audience: String,
    /// The client that people's browsers and command lines sign in as.
    pub client_id: String,
    /// The client's secret, if it has one.
    pub client_secret: Option<String>,
    /// The claim that holds the user's name.
    pub user_claim: Option<String>,
    /// What is asked for at sign-on.
    pub scopes: Vec<String>,
    /// Claims that a token must bear, such as the tenant at the issuer.
    pub required_claims: BTreeMap<String, String>,
}

/// For how long tokens and sessions are good.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CredentialSettings {
    /// For how many days a token is good at most.
    pub token_days: Option<u32>,
    /// After how many hours a session ends.
    pub session_hours: Option<u32>,
    /// After how many minutes without a request a session ends.
    pub idle_minutes: Option<u32>,
}

/// How access is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AccessSettings {
    /// The group one of whose members must approve requests for the PII level.
    pub data_protection: Option<PrincipalName>,
    /// For how many days access is granted at most.
    pub maximum_days: Option<u32>,
    /// After how many days granted access is looked at again.
    pub review_after_days: Option<u32>,
}

/// Whom the server tells of what happens.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NotificationSettings {
    /// Addresses that are called.
    pub webhooks: Vec<WebhookSettings>,
    /// How mail is sent.
    pub email: Option<BTreeMap<String, String>>,
    /// How tickets are kept.
    pub tickets: Option<BTreeMap<String, String>>,
}

/// An address that is called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WebhookSettings {
    /// Its URL.
    pub url: String,
    /// What calls are signed with.
    pub secret: String,
}

/// A tenant as declared.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) name: Spanned<TenantName>,
    pub(crate) settings: TenantSettings,
}

impl Tenant {
    /// A name alone, or a map.
    pub(crate) fn read(r: &mut Reader<'_>, node: &Node) -> Option<Self> {
        if node.text().is_some() {
            return r.parsed(node, "a tenant").map(|name| Self { name, settings: TenantSettings::default() });
        }
        let mut fields = r.fields(node, "a tenant")?;
        let name = fields.required(r, "name", "give it a name");
        fields.words(r, "description");
        let settings = TenantSettings {
            database: optional(r, &mut fields, "database"),
            keys: optional(r, &mut fields, "keys"),
            server: fields.fields(r, "server").map(|fields| server(r, fields)).unwrap_or_default(),
        };
        fields.finish(r);
        Some(Self { name: name?, settings })
    }
}

fn optional(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
    fields.text(r, key).map(|text| text.value)
}

fn required(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str, help: &str) -> String {
    fields.required::<String>(r, key, help).map(|text| text.value).unwrap_or_default()
}

/// An address of the web. What a secret or a variable stands for shows later.
fn address(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> Option<String> {
    let text = fields.text(r, key)?;
    let host = ["https://", "http://"].iter().find_map(|scheme| text.value.strip_prefix(scheme));
    let is_one = host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && !text.value.contains(char::is_whitespace));
    if is_one || text.value.contains("${") {
        return Some(text.value);
    }
    let fault = r.error(text.span, "wrong-type", &text.value, format!("'{key}' is the address of a server"));
    fault.help = Some("write it as https://name/path".to_owned());
    None
}

fn required_address(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str, help: &str) -> String {
    if fields.has_any(&[key]) { address(r, fields, key).unwrap_or_default() } else { required(r, fields, key, help) }
}

fn values(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> Vec<String> {
    fields.list::<String>(r, key).into_iter().map(|text| text.value).collect()
}

fn map(r: &mut Reader<'_>, fields: &mut Fields<'_>, key: &'static str) -> BTreeMap<String, String> {
    fields.texts(r, key).into_iter().map(|(name, text)| (name, text.value)).collect()
}

fn server(r: &mut Reader<'_>, mut fields: Fields<'_>) -> ServerSettings {
    let settings = ServerSettings {
        url: address(r, &mut fields, "url"),
        identity: fields.fields(r, "identity").map(|fields| identity(r, fields)),
        credentials: fields.fields(r, "credentials").map(|fields| credentials(r, fields)).unwrap_or_default(),
        access: fields.fields(r, "access").map(|fields| access(r, fields)).unwrap_or_default(),
        notifications: fields.fields(r, "notifications").map(|fields| notifications(r, fields)).unwrap_or_default(),
        outbound: values(r, &mut fields, "outbound"),
        query_megabytes: megabytes::read(r, &mut fields, "queryMegabytes", 64, "write a number of megabytes, such as 4096"),
    };
    fields.finish(r);
    settings
}

fn identity(r: &mut Reader<'_>, mut fields: Fields<'_>) -> IdentitySettings {
    let settings = IdentitySettings {
        issuer: required_address(r, &mut fields, "issuer", "write the issuer's URL"),
        audience: required(r, &mut fields, "audience", "write the audience of access tokens for this server"),
        client_id: required(r, &mut fields, "clientId", "register polder at the issuer and write the client's id"),
        client_secret: optional(r, &mut fields, "clientSecret"),
        user_claim: optional(r, &mut fields, "userClaim"),
        scopes: values(r, &mut fields, "scopes"),
        required_claims: map(r, &mut fields, "requiredClaims"),
    };
    fields.finish(r);
    settings
}

fn access(r: &mut Reader<'_>, mut fields: Fields<'_>) -> AccessSettings {
    let settings = AccessSettings {
        data_protection: fields.parsed(r, "dataProtection").map(|name| name.value),
        maximum_days: number_of(r, &mut fields, "days", "maximumDays"),
        review_after_days: number_of(r, &mut fields, "days", "reviewAfterDays"),
    };
    fields.finish(r);
    settings
}

fn credentials(r: &mut Reader<'_>, mut fields: Fields<'_>) -> CredentialSettings {
    let settings = CredentialSettings {
        token_days: number_of(r, &mut fields, "days", "tokenDays"),
        session_hours: number_of(r, &mut fields, "hours", "sessionHours"),
        idle_minutes: number_of(r, &mut fields, "minutes", "idleMinutes"),
    };
    fields.finish(r);
    settings
}

/// The longest time that can be set, in whatever it is counted.
const MOST: u32 = 36_500;

fn number_of(r: &mut Reader<'_>, fields: &mut Fields<'_>, what: &str, key: &'static str) -> Option<u32> {
    let text = fields.text(r, key)?;
    match text.value.parse() {
        Ok(number) if (1..=MOST).contains(&number) => Some(number),
        _ => {
            let fault = r.error(text.span, "wrong-type", &text.value, format!("'{key}' is a number of {what}"));
            fault.help = Some(format!("write a whole number from 1 to {MOST}"));
            None
        }
    }
}

fn notifications(r: &mut Reader<'_>, mut fields: Fields<'_>) -> NotificationSettings {
    let webhooks = fields.items(r, "webhooks").iter().filter_map(|item| webhook(r, item)).collect();
    let optional_map = |r: &mut Reader<'_>, fields: &mut Fields<'_>, key| {
        let map = map(r, fields, key);
        (!map.is_empty()).then_some(map)
    };
    let email = optional_map(r, &mut fields, "email");
    let tickets = optional_map(r, &mut fields, "tickets");
    fields.finish(r);
    NotificationSettings { webhooks, email, tickets }
}

fn webhook(r: &mut Reader<'_>, node: &Node) -> Option<WebhookSettings> {
    let mut fields = r.fields(node, "a webhook")?;
    let url = required_address(r, &mut fields, "url", "write the address that is called");
    let secret = required(r, &mut fields, "secret", "name the secret that calls are signed with: ${secret:NAME}");
    fields.finish(r);
    Some(WebhookSettings { url, secret })
}
