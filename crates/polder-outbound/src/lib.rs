//! The one HTTP client by which polder calls others: bounded in time and size, and closed to private addresses unless told otherwise.
//!
//! Owns what may be called and how long an answer may be. Never follows a redirect, never goes through a proxy, never retries:
//! what an answer means is its caller's business. Begin with [`Outbound::send`].

mod address;
mod error;
mod resolve;
mod stream;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use ipnet::IpNet;
use reqwest::redirect::Policy;
use url::{Host, Origin, Url};

pub use crate::error::OutboundError;
use crate::resolve::{Closed, Doors, Resolver};
pub use crate::stream::Streamed;

/// What may be called, and how long and large an answer may be.
#[derive(Debug, Clone)]
pub struct OutboundConfig {
    /// Networks that may be called although they are private, and by plain HTTP too.
    pub allow: Vec<IpNet>,
    /// How long a call may take, to the last byte of its answer.
    pub timeout: Duration,
    /// How many bytes an answer's body may have.
    pub max_body_bytes: usize,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        Self { allow: Vec::new(), timeout: Duration::from_secs(10), max_body_bytes: 1024 * 1024 }
    }
}

/// The client. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Outbound {
    clients: Arc<OnceLock<Clients>>,
    allow: Arc<[IpNet]>,
    /// Where whoever may apply has said that it is called, wherever that is.
    declared: Arc<[Origin]>,
    timeout: Duration,
    max_body_bytes: usize,
}

/// One for each sort of door: what is reached by TLS, and what is reached without.
#[derive(Debug)]
struct Clients {
    secure: reqwest::Client,
    plain: reqwest::Client,
    /// For declared origins alone.
    declared: Option<reqwest::Client>,
}

impl Clients {
    fn make(allow: &Arc<[IpNet]>, any_declared: bool, timeout: Duration) -> Result<Self, OutboundError> {
        // A proxy or a redirect would go where nobody looked. Names are resolved by the same client that connects, so that a name
        // cannot mean one address when it is checked and another when it is called.
        let bare = || {
            reqwest::Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(timeout)
                .user_agent(concat!("polder/", env!("CARGO_PKG_VERSION")))
        };
        let client = |doors| bare().dns_resolver(Resolver { allow: allow.clone(), doors });
        let secure = client(Doors::Public).https_only(true).build().map_err(OutboundError::Client)?;
        let plain = client(Doors::AllowedOnly).build().map_err(OutboundError::Client)?;
        let declared = any_declared.then(|| bare().build().map_err(OutboundError::Client)).transpose()?;
        Ok(Self { secure, plain, declared })
    }
}

impl Outbound {
    /// Takes what may be called. Nothing is opened before the first call: most processes make none, and reading the certificates that
    /// TLS trusts takes longer than all that some of them do.
    #[must_use]
    pub fn new(config: OutboundConfig) -> Self {
        let OutboundConfig { allow, timeout, max_body_bytes } = config;
        Self { clients: Arc::default(), allow: allow.into(), declared: Arc::default(), timeout, max_body_bytes }
    }

    /// A client that may call these URLs' schemes, hosts and ports too, whatever their addresses are: whoever may apply has declared
    /// them. What they answer may name others, and those are called only if anyone may be.
    #[must_use]
    pub fn declaring(&self, urls: &[Url]) -> Self {
        let declared = urls.iter().map(Url::origin).collect();
        Self { clients: Arc::default(), allow: self.allow.clone(), declared, ..self.clone() }
    }

    fn clients(&self) -> Result<&Clients, OutboundError> {
        if let Some(made) = self.clients.get() {
            return Ok(made);
        }
        let made = Clients::make(&self.allow, !self.declared.is_empty(), self.timeout)?;
        Ok(self.clients.get_or_init(|| made))
    }

    /// Sends a request and reads the whole answer, whatever its status.
    ///
    /// # Errors
    /// [`OutboundError::Url`], [`OutboundError::NotSecure`] and [`OutboundError::Refused`] before anything is sent;
    /// [`OutboundError::Slow`], [`OutboundError::TooLarge`] and [`OutboundError::Failed`] after. None shows more of the URL than its host.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let (parts, body) = request.into_parts();
        let url = checked_url(&parts.uri)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let client = self.client_for(&url, &host)?;
        let call = async {
            let request = client.request(parts.method, url).headers(parts.headers).body(body);
            let answer = request.send().await.map_err(|e| OutboundError::failed(&host, e))?;
            self.read(&host, answer).await
        };
        tokio::time::timeout(self.timeout, call).await.map_err(|_| self.slow(&host))?
    }

    fn slow(&self, host: &str) -> OutboundError {
        OutboundError::Slow { host: host.to_owned(), seconds: self.timeout.as_secs_f32() }
    }

    /// Looks up the address of a host that is called by something other than HTTP, such as a mail server. Call this address, not
    /// the name: the name could mean another by then.
    ///
    /// # Errors
    /// [`OutboundError::Refused`] when the host has no address that may be called, or no address at all.
    pub async fn address(&self, host: &str, port: u16) -> Result<SocketAddr, OutboundError> {
        let refused = |closed| OutboundError::closed(host, closed);
        let found = tokio::time::timeout(self.timeout, tokio::net::lookup_host((host, port))).await;
        let found = found.map_err(|_| self.slow(host))?.map_err(|_| OutboundError::Unknown { host: host.to_owned() })?;
        let mut why = Closed::NoAddress;
        for address in found {
            match Doors::Public.judge(address.ip(), &self.allow) {
                Ok(()) => return Ok(address),
                Err(closed) => why = closed,
            }
        }
        Err(refused(why))
    }

    /// The client for a URL's scheme, once its host has been looked at. A literal address is judged here, as no resolver sees it.
    fn client_for(&self, url: &Url, host: &str) -> Result<&reqwest::Client, OutboundError> {
        let clients = self.clients()?;
        if let Some(client) = clients.declared.as_ref().filter(|_| self.declared.contains(&url.origin())) {
            return Ok(client);
        }
        let literal = match url.host() {
            Some(Host::Ipv4(v4)) => Some(IpAddr::V4(v4)),
            Some(Host::Ipv6(v6)) => Some(IpAddr::V6(v6)),
            _ => None,
        };
        let (client, doors) =
            if url.scheme() == "https" { (&clients.secure, Doors::Public) } else { (&clients.plain, Doors::AllowedOnly) };
        match literal.map_or(Ok(()), |ip| doors.judge(ip, &self.allow)) {
            Ok(()) => Ok(client),
            Err(closed) => Err(OutboundError::closed(host, closed)),
        }
    }

    async fn read(&self, host: &str, mut answer: reqwest::Response) -> Result<Response<Bytes>, OutboundError> {
        let too_large = || OutboundError::TooLarge { host: host.to_owned(), max_bytes: self.max_body_bytes };
        if answer.content_length().is_some_and(|length| length > self.max_body_bytes as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|e| OutboundError::failed(host, e))? {
            if body.len() + chunk.len() > self.max_body_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut read = Response::new(body.freeze());
        *read.status_mut() = answer.status();
        *read.version_mut() = answer.version();
        *read.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(read)
    }
}

/// Reads a request's address as browsers do, so that 2130706433, 0x7f.1 and 127.1 are seen for what they are.
fn checked_url(uri: &http::Uri) -> Result<Url, OutboundError> {
    let url = Url::parse(&uri.to_string()).map_err(|_| OutboundError::Url { why: "it cannot be read" })?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(OutboundError::Url { why: "only https is called" });
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(OutboundError::Url { why: "it names no host" });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OutboundError::Url { why: "it holds a user or a password, which do not belong there" });
    }
    Ok(url)
}
