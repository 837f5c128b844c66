//! The beginning of a connection: encryption, who it is, and what it wants. All of it within the time for that.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::startup::{Authentication, ParameterStatus};
use pgwire::tokio::TlsAcceptor;
use polder_model::secret::Secret;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::cancel::Registered;
use crate::door::{Credentials, Entered};
use crate::fault::{self, Fault};
use crate::frontend::{self, MAX_PASSWORD_BYTES, Message, Opening};
use crate::listen::Server;
use crate::session::Session;
use crate::settings::Settings;
use crate::wire::{Io, Wire};

/// The minor version of protocol 3 that is spoken, and the length of its secrets; and those of version 3.0.
const MINOR: u16 = 2;
const SECRET_BYTES: usize = 32;
const OLD_SECRET_BYTES: usize = 4;
/// The first byte of TLS, when a client begins with that at once.
const TLS_HANDSHAKE: u8 = 0x16;

/// Serves a connection from its first byte to its last.
pub(crate) async fn begin(server: Arc<Server>, stream: TcpStream, from: SocketAddr) {
    let peeked = async move {
        let mut first = [0];
        let at_once = stream.peek(&mut first).await.is_ok_and(|read| read == 1 && first[0] == TLS_HANDSHAKE);
        (Box::new(stream) as Box<dyn Io>, at_once)
    };
    begin_over(server, peeked, from).await;
}

/// The same over anything that bytes come by. It comes with whether TLS begins with its first byte.
pub(crate) async fn begin_over(server: Arc<Server>, io: impl Future<Output = (Box<dyn Io>, bool)>, from: SocketAddr) {
    let mut ending = server.ending.subscribe();
    let started = tokio::select! {
        started = timeout(server.config.startup, start(&server, io, from)) => started,
        _ = ending.wait_for(|ending| *ending) => return,
    };
    match started {
        Ok(Some(session)) => session.run().await,
        Ok(None) => {}
        Err(_) => tracing::debug!(%from, "a connection did not say in time who it is"),
    }
}

/// What a connection turned out to be.
struct Opened {
    wire: Wire,
    encrypted: bool,
    minor: u16,
    parameters: Vec<(String, String)>,
}

async fn start(server: &Arc<Server>, io: impl Future<Output = (Box<dyn Io>, bool)>, from: SocketAddr) -> Option<Session> {
    let (io, at_once) = io.await;
    let Opened { mut wire, encrypted, minor, parameters } = opened(server, io, at_once).await?;
    match signed_on(server, &mut wire, encrypted, minor, parameters, from).await {
        Ok(who) => Some(Session::new(Arc::clone(server), wire, from, who)),
        Err(fault) => {
            wire.push(Backend::ErrorResponse(fault.made_fatal().response()));
            wire.close().await;
            None
        }
    }
}

/// Settles encryption, and reads who it is. `None` when that was all.
async fn opened(server: &Arc<Server>, io: Box<dyn Io>, at_once: bool) -> Option<Opened> {
    let mut encrypted = false;
    let mut wire = Wire::new(io, server.config.stall);
    if at_once {
        wire = encrypt(server, wire, true).await?;
        encrypted = true;
    }
    loop {
        match frontend::opening(&mut wire.input) {
            Ok(None) => wire.fill().await.ok()?,
            Ok(Some(Opening::Startup { minor, parameters })) => return Some(Opened { wire, encrypted, minor, parameters }),
            Ok(Some(Opening::Cancel { process, secret })) => {
                server.sessions.cancel(process, &secret);
                return None;
            }
            Ok(Some(Opening::Tls)) if server.config.tls.is_some() && !encrypted => {
                // What came before it was agreed on is nobody's: somebody in between may have put it there.
                if !wire.input.is_empty() {
                    return None;
                }
                wire.push_bytes(b"S");
                wire.send().await.ok()?;
                wire = encrypt(server, wire, false).await?;
                encrypted = true;
            }
            Ok(Some(Opening::Tls | Opening::Gss)) => {
                wire.push_bytes(b"N");
                wire.send().await.ok()?;
            }
            Err(malformed) => {
                wire.push(Backend::ErrorResponse(Fault::from(malformed).response()));
                wire.close().await;
                return None;
            }
        }
    }
}

/// Puts TLS around a connection. Whoever begins with it at once has to say which protocol is inside.
async fn encrypt(server: &Arc<Server>, wire: Wire, at_once: bool) -> Option<Wire> {
    let acceptor = TlsAcceptor::from(Arc::clone(server.config.tls.as_ref()?));
    let stream = acceptor.accept(wire.into_io()).await.ok()?;
    if at_once && stream.get_ref().1.alpn_protocol().is_none() {
        return None;
    }
    Some(Wire::new(Box::new(stream), server.config.stall))
}

/// Who is on the other side, and what they said of themselves.
pub(crate) struct SignedOn {
    pub(crate) credentials: Credentials,
    pub(crate) entered: Entered,
    pub(crate) settings: Settings,
    pub(crate) registered: Registered,
    pub(crate) counted: Counted,
}

async fn signed_on(
    server: &Arc<Server>,
    wire: &mut Wire,
    encrypted: bool,
    minor: u16,
    parameters: Vec<(String, String)>,
    from: SocketAddr,
) -> Result<SignedOn, Fault> {
    let named = |wanted: &str| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    let user = named("user").filter(|user| !user.is_empty());
    let user = user.ok_or_else(|| Fault::fatal(fault::NOT_AUTHORIZED, "no user name is specified"))?;
    if named("replication").is_some_and(|value| !matches!(value.as_str(), "" | "false" | "off" | "0" | "no")) {
        return Err(Fault::fatal(fault::NOT_SUPPORTED, "there is no replication here"));
    }
    if !encrypted && !from.ip().to_canonical().is_loopback() && !server.config.plaintext {
        let hint = if server.config.tls.is_some() { "connect with sslmode=require" } else { "give the server a certificate" };
        return Err(Fault::fatal(fault::NOT_AUTHORIZED, "a password is taken over TLS only").hint(hint));
    }
    negotiate(wire, minor, &parameters);
    let settings = Settings::of_startup(&parameters, &user)?;
    wire.push(Backend::Authentication(Authentication::CleartextPassword));
    let password = Secret::new(password(wire).await?);
    let database = named("database").unwrap_or_default();
    let credentials = Credentials { user, password, database };
    let entered = server.door.enter(&credentials, from).await.map_err(|refused| match refused {
        crate::Refused::NoDatabase => {
            let mut fault = Fault::from(refused);
            fault.message = format!("database {:?} does not exist", credentials.database);
            fault
        }
        refused => Fault::from(refused),
    })?;
    let counted = Counted::new(server, &entered.principal)?;
    let secret_bytes = if minor == 0 { OLD_SECRET_BYTES } else { SECRET_BYTES };
    let registered = server.sessions.register(secret_bytes);
    let registered = registered.ok_or_else(|| Fault::fatal(fault::INTERNAL, "the system has no randomness to give"))?;
    wire.push(Backend::Authentication(Authentication::Ok));
    for (name, value) in settings.reported() {
        wire.push(Backend::ParameterStatus(ParameterStatus::new(name.to_owned(), value.to_owned())));
    }
    wire.push_bytes(&key_data(&registered));
    Ok(SignedOn { credentials, entered, settings, registered, counted })
}

/// Says which version and which options are spoken, to who wants others.
fn negotiate(wire: &mut Wire, minor: u16, parameters: &[(String, String)]) {
    let options: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).filter(|name| name.starts_with("_pq_.")).collect();
    if minor <= MINOR && options.is_empty() {
        return;
    }
    let mut body = Vec::new();
    body.extend((3_i32 << 16 | i32::from(minor.min(MINOR))).to_be_bytes());
    body.extend(i32::try_from(options.len()).unwrap_or_default().to_be_bytes());
    for option in options {
        body.extend(option.as_bytes());
        body.push(0);
    }
    wire.push_bytes(&framed(b'v', &body));
}

fn key_data(registered: &Registered) -> Vec<u8> {
    framed(b'K', &[&registered.process.to_be_bytes()[..], &registered.secret].concat())
}

/// A message of this kind.
fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap_or(i32::MAX);
    [&[kind][..], &length.to_be_bytes(), body].concat()
}

/// Reads the password.
async fn password(wire: &mut Wire) -> Result<String, Fault> {
    let gone = |error: std::io::Error| Fault::fatal(fault::IO, error.to_string());
    wire.send().await.map_err(gone)?;
    loop {
        match frontend::message(&mut wire.input, MAX_PASSWORD_BYTES)? {
            Some(Message::Password(password)) => return Ok(password),
            Some(_) => return Err(Fault::fatal(fault::PROTOCOL_VIOLATION, "a password was expected")),
            None => wire.fill().await.map_err(gone)?,
        }
    }
}

/// A session that counts, until it is dropped.
pub(crate) struct Counted {
    server: Arc<Server>,
    principal: String,
}

impl Counted {
    fn new(server: &Arc<Server>, principal: &str) -> Result<Self, Fault> {
        let mut principals = server.counts.principals.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (principals.values().sum::<usize>(), principals.get(principal).copied().unwrap_or_default());
        if all >= server.config.sessions {
            return Err(
                Fault::fatal(fault::TOO_MANY, "there are too many sessions already").hint("close those that are not used")
            );
        }
        if own >= server.config.sessions_of_one {
            return Err(Fault::fatal(fault::TOO_MANY, format!("{principal} has too many sessions already"))
                .hint("close those that are not used"));
        }
        principals.insert(principal.to_owned(), own + 1);
        server.counts.sessions.store(all + 1, Ordering::Relaxed);
        server.door.sessions(all + 1);
        Ok(Self { server: Arc::clone(server), principal: principal.to_owned() })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut principals = self.server.counts.principals.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = principals.get_mut(&self.principal) {
            *own -= 1;
            if *own == 0 {
                principals.remove(&self.principal);
            }
        }
        let all = principals.values().sum();
        self.server.counts.sessions.store(all, Ordering::Relaxed);
        self.server.door.sessions(all);
    }
}
