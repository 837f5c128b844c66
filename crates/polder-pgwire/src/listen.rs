//! Listening: connections come, are counted, and become sessions that run until they end or the server does.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cancel::Sessions;
use crate::catalog::Shared;
use crate::door::Door;
use crate::startup;

/// How long to wait before connections are taken again after the system would give none.
const PAUSE: Duration = Duration::from_millis(50);

/// What sessions are served with.
#[derive(Clone)]
pub struct Config {
    /// The certificate; no TLS when `None`.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Whether passwords are taken over connections without TLS from other machines, too.
    pub plaintext: bool,
    /// How many sessions there may be.
    pub sessions: usize,
    /// How many sessions one principal may have.
    pub sessions_of_one: usize,
    /// How long a client may take to say who it is.
    pub startup: Duration,
    /// How long a session may be without a statement.
    pub idle: Duration,
    /// How long a client may take nothing of what it is sent.
    pub stall: Duration,
    /// The longest message, in bytes.
    pub message_bytes: usize,
    /// How much memory all questions to the catalog together may use, in bytes.
    pub catalog_bytes: usize,
    /// How long statements that are worked on are waited for at the end.
    pub grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            tls: None,
            plaintext: false,
            sessions: 500,
            sessions_of_one: 100,
            startup: Duration::from_secs(10),
            idle: Duration::from_secs(24 * 3600),
            stall: Duration::from_secs(300),
            message_bytes: 32 << 20,
            catalog_bytes: 256 << 20,
            grace: Duration::from_secs(20),
        }
    }
}

/// What all sessions share.
pub(crate) struct Server {
    pub(crate) door: Arc<dyn Door>,
    pub(crate) config: Config,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) counts: Counts,
    pub(crate) catalog: Shared,
    /// Whether the server is ending.
    pub(crate) ending: watch::Sender<bool>,
}

impl Server {
    pub(crate) fn new(door: Arc<dyn Door>, config: Config) -> io::Result<Self> {
        Ok(Self {
            catalog: Shared::new(config.catalog_bytes).map_err(io::Error::other)?,
            door,
            config,
            sessions: Arc::default(),
            counts: Counts::default(),
            ending: watch::Sender::new(false),
        })
    }
}

/// How many there are.
#[derive(Default)]
pub(crate) struct Counts {
    /// Connections, whoever they are.
    connections: AtomicUsize,
    /// Sessions of each principal.
    pub(crate) principals: std::sync::Mutex<std::collections::HashMap<String, usize>>,
    pub(crate) sessions: AtomicUsize,
}

/// A connection that counts, until it is dropped.
struct Connected(Arc<Server>);

impl Connected {
    /// Cancel requests come on connections of their own, so that there is room beyond what sessions may be.
    fn new(server: &Arc<Server>) -> Option<Self> {
        let most = server.config.sessions.saturating_mul(2).saturating_add(16);
        let before = server.counts.connections.fetch_add(1, Ordering::Relaxed);
        let counted = Self(Arc::clone(server));
        (before < most).then_some(counted)
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.counts.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A door at work.
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    server: Arc<Server>,
    task: JoinHandle<()>,
}

/// Begins to serve. The current runtime holds the sockets.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: std::net::TcpListener, door: Arc<dyn Door>, config: Config) -> io::Result<Serving> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let address = listener.local_addr()?;
    let server = Arc::new(Server::new(door, config)?);
    let task = tokio::spawn(accept(listener, Arc::clone(&server)));
    Ok(Serving { address, server, task })
}

async fn accept(listener: TcpListener, server: Arc<Server>) {
    let mut ending = server.ending.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ending.wait_for(|ending| *ending) => return,
        };
        match accepted {
            Ok((stream, from)) => connected(&server, stream, from),
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn connected(server: &Arc<Server>, stream: TcpStream, from: SocketAddr) {
    let Some(connected) = Connected::new(server) else {
        tracing::warn!(%from, "there are too many connections");
        return;
    };
    // Small answers are to leave at once.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let server = Arc::clone(server);
    tokio::spawn(async move {
        let _connected = connected;
        startup::begin(server, stream, from).await;
    });
}

impl Serving {
    /// Takes no more connections, ends idle sessions, and waits for statements under way as long as the configuration says.
    pub async fn stop(self) {
        self.server.ending.send_replace(true);
        drop(self.task.await);
        let ended = async {
            while self.server.counts.connections.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        drop(tokio::time::timeout(self.server.config.grace, ended).await);
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.server.counts.sessions.load(Ordering::Relaxed)
    }
}
