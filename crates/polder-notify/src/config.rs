//! Whom to tell, and how. Read from flat settings, secrets by a function that the caller gives.

use std::collections::BTreeMap;
use std::fmt;

use polder_model::secret::Secret;
use serde_json::Value;
use url::Url;

use crate::error::ConfigError;
use crate::template;

/// Everyone who is told.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Addresses that are called.
    pub webhooks: Vec<WebhookConfig>,
    /// How mail is sent.
    pub email: Option<EmailConfig>,
    /// How tickets are kept.
    pub tickets: Option<TicketConfig>,
}

/// An address that is called.
#[derive(Clone)]
pub struct WebhookConfig {
    /// Its URL, which may hold a secret: it is shown nowhere.
    pub url: Url,
    /// What calls are signed with.
    pub secret: Secret,
}

/// How mail is kept from other eyes on its way to the mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Encrypted by STARTTLS, and not sent without.
    StartTls,
    /// Encrypted from the first byte.
    Tls,
    /// Not at all: for a server on the same machine or network.
    None,
}

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct EmailConfig {
    /// The mail server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub security: Security,
    /// The user and password, if it asks for them.
    pub login: Option<(String, Secret)>,
    /// A certificate authority of one's own, in PEM.
    pub certificate: Option<String>,
    /// Who it is from: `polder@example.com`, or with a name before it.
    pub from: String,
    /// The domain of principals whose name is no address: `ana` is written to at `ana@example.com`. Nobody is, when there is none.
    pub domain: Option<String>,
}

/// A call of a ticket system.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketCall {
    /// The HTTP method.
    pub method: String,
    /// The URL, a template.
    pub url: String,
    /// The JSON body, a template.
    pub body: Option<Value>,
}

/// How tickets are kept.
#[derive(Debug, Clone)]
pub struct TicketConfig {
    /// Makes one.
    pub create: TicketCall,
    /// Tells it something.
    pub update: Option<TicketCall>,
    /// Closes it.
    pub close: Option<TicketCall>,
    /// Where in the answer to `create` the ticket's id is: a JSON pointer, such as `/key`.
    pub id_path: String,
    /// The user and password or API token, for systems that ask for those.
    pub basic: Option<(String, Secret)>,
    /// A token, for systems that ask for one.
    pub bearer: Option<Secret>,
}

/// Looks a value up that may be a reference to a secret, such as `${secret:NAME}`.
pub type Resolve<'a> = &'a dyn Fn(&str) -> Result<String, String>;

const EMAIL: [&str; 9] = ["host", "port", "security", "user", "password", "certificate", "from", "domain", "description"];
const TICKETS: [&str; 14] = [
    "createMethod",
    "createUrl",
    "createBody",
    "updateMethod",
    "updateUrl",
    "updateBody",
    "closeMethod",
    "closeUrl",
    "closeBody",
    "idPath",
    "user",
    "password",
    "token",
    "description",
];

impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig").field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

impl WebhookConfig {
    /// Reads a webhook's settings.
    ///
    /// # Errors
    /// A [`ConfigError`] that says what is wrong with them.
    pub fn read(url: &str, secret: &str, resolve: Resolve<'_>) -> Result<Self, ConfigError> {
        const OF: &str = "webhook";
        let resolved = |key: &str, value: &str| resolve(value).map_err(|why| ConfigError::wrong(OF, key, why));
        let url = resolved("url", url)?.parse().map_err(|_| ConfigError::wrong(OF, "url", "is not a URL"))?;
        let secret = resolved("secret", secret)?;
        if secret.len() < 16 {
            return Err(ConfigError::wrong(OF, "secret", "has fewer than 16 characters: anyone could guess it and sign"));
        }
        Ok(Self { url, secret: Secret::new(secret) })
    }
}

impl EmailConfig {
    /// Reads the settings of mail.
    ///
    /// # Errors
    /// A [`ConfigError`] that says what is wrong with them.
    pub fn read(settings: &BTreeMap<String, String>, resolve: Resolve<'_>) -> Result<Self, ConfigError> {
        let settings = Settings { of: "email", settings, resolve };
        settings.known(&EMAIL)?;
        let security = match settings.get("security")?.as_deref() {
            None | Some("starttls") => Security::StartTls,
            Some("tls") => Security::Tls,
            Some("none") => Security::None,
            Some(_) => return Err(settings.wrong("security", "is starttls, tls or none")),
        };
        let port = match settings.get("port")? {
            Some(port) => port.parse().map_err(|_| settings.wrong("port", "is not the number of a port"))?,
            None => match security {
                Security::StartTls => 587,
                Security::Tls => 465,
                Security::None => 25,
            },
        };
        let login = settings.login("user", "password")?;
        if login.is_some() && security == Security::None {
            return Err(settings.wrong("password", "would be sent for anyone to read: use security: starttls or tls"));
        }
        let from = settings.required("from")?;
        from.parse::<lettre::message::Mailbox>().map_err(|_| settings.wrong("from", "is not an e-mail address"))?;
        let (host, certificate, domain) = (settings.required("host")?, settings.get("certificate")?, settings.get("domain")?);
        Ok(Self { host, port, security, login, certificate, from, domain })
    }

    /// Where a principal is written to, if anywhere.
    #[must_use]
    pub fn address(&self, principal: &str) -> Option<String> {
        let address = match (&self.domain, principal.contains('@')) {
            (_, true) => principal.to_owned(),
            (Some(domain), false) => format!("{principal}@{domain}"),
            (None, false) => return None,
        };
        address.parse::<lettre::Address>().is_ok().then_some(address)
    }
}

impl TicketConfig {
    /// Reads the settings of a ticket system.
    ///
    /// # Errors
    /// A [`ConfigError`] that says what is wrong with them.
    pub fn read(settings: &BTreeMap<String, String>, resolve: Resolve<'_>) -> Result<Self, ConfigError> {
        let settings = Settings { of: "tickets", settings, resolve };
        settings.known(&TICKETS)?;
        let create = settings.call(["createMethod", "createUrl", "createBody"])?;
        let id_path = settings.get("idPath")?.unwrap_or_else(|| "/id".to_owned());
        if !id_path.starts_with('/') {
            return Err(settings.wrong("idPath", "is a JSON pointer, such as /key"));
        }
        Ok(Self {
            create: create.ok_or_else(|| settings.missing("createUrl"))?,
            update: settings.call(["updateMethod", "updateUrl", "updateBody"])?,
            close: settings.call(["closeMethod", "closeUrl", "closeBody"])?,
            id_path,
            basic: settings.login("user", "password")?,
            bearer: settings.get("token")?.map(Secret::new),
        })
    }
}

/// Settings that are read.
struct Settings<'a> {
    of: &'static str,
    settings: &'a BTreeMap<String, String>,
    resolve: Resolve<'a>,
}

impl Settings<'_> {
    fn known(&self, known: &[&str]) -> Result<(), ConfigError> {
        let unknown = self.settings.keys().find(|key| !known.contains(&key.as_str()));
        let fault = |key: &String| ConfigError::Unknown { of: self.of.to_owned(), key: key.clone(), known: known.join(", ") };
        unknown.map_or(Ok(()), |key| Err(fault(key)))
    }

    fn get(&self, key: &str) -> Result<Option<String>, ConfigError> {
        let resolved = self.settings.get(key).map(|value| (self.resolve)(value));
        resolved.transpose().map_err(|why| self.wrong(key, why))
    }

    fn required(&self, key: &str) -> Result<String, ConfigError> {
        self.get(key)?.filter(|value| !value.is_empty()).ok_or_else(|| self.missing(key))
    }

    fn login(&self, user: &str, password: &str) -> Result<Option<(String, Secret)>, ConfigError> {
        match (self.get(user)?, self.get(password)?) {
            (Some(user), Some(password)) => Ok(Some((user, Secret::new(password)))),
            (None, None) => Ok(None),
            (Some(_), None) => Err(self.missing(password)),
            (None, Some(_)) => Err(self.missing(user)),
        }
    }

    fn call(&self, [method, url, body]: [&str; 3]) -> Result<Option<TicketCall>, ConfigError> {
        let Some(address) = self.get(url)? else { return Ok(None) };
        template::check(self.of, url, &address)?;
        let body_template = match self.get(body)? {
            None => None,
            Some(text) => {
                let json: Value = serde_json::from_str(&text).map_err(|e| self.wrong(body, format!("is not JSON: {e}")))?;
                template::check_body(self.of, body, &json)?;
                Some(json)
            }
        };
        let method = self.get(method)?.unwrap_or_else(|| "POST".to_owned()).to_ascii_uppercase();
        Ok(Some(TicketCall { method, url: address, body: body_template }))
    }

    fn missing(&self, key: &str) -> ConfigError {
        ConfigError::Missing { of: self.of.to_owned(), key: key.to_owned() }
    }

    fn wrong(&self, key: &str, why: impl Into<String>) -> ConfigError {
        ConfigError::wrong(self.of, key, why)
    }
}
