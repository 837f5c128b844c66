//! Sessions of PostgreSQL over an empty mesh. Whoever connects is let in, and is then nobody whom a statement could be worked on for:
//! everything is read, remembered and refused as by a server, and nothing is asked of the platform.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use polder_pgwire::fuzzing::Connections;
use polder_pgwire::{Config, Credentials, Door, Entered, Place, Refused};
use polder_platform::{OpenOptions, Platform};
use polder_testkit::MeshFolder;
use tokio::runtime::{Builder, Handle, Runtime};

/// The longest message that is taken.
pub(crate) const MESSAGE_BYTES: usize = 64 << 10;

const MESH: &str = "\
organization: Example
tenants: [{name: nonprod $STATE}]
environments: [{name: dev, tenant: nonprod}]
departments: [money]
";

/// Answers connections, one at a time.
pub(crate) struct Sessions {
    runtime: Runtime,
    connections: Connections,
    lobby: Arc<Lobby>,
    _mesh: MeshFolder,
}

impl Sessions {
    /// Those of this process.
    pub(crate) fn get() -> &'static Self {
        static SESSIONS: OnceLock<Sessions> = OnceLock::new();
        SESSIONS.get_or_init(Self::new)
    }

    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mesh = runtime.block_on(MeshFolder::new(&[("polder.yaml", MESH)])).expect("a mesh");
        let options = OpenOptions { root: mesh.path().to_owned(), environment: None, act_as: None };
        let platform = runtime.block_on(Platform::open(options)).expect("a platform");
        let lobby = Arc::new(Lobby { platform, workers: runtime.handle().clone(), taken: AtomicBool::new(false) });
        let config = Config { message_bytes: MESSAGE_BYTES, stall: Duration::from_secs(5), ..Config::default() };
        let connections = Connections::new(Arc::clone(&lobby) as Arc<dyn Door>, config).expect("a server");
        Self { runtime, connections, lobby, _mesh: mesh }
    }

    /// Serves one connection of whose client these bytes come, and gives what it is sent. A client that does not hang up has to say
    /// that it is done.
    pub(crate) fn serve(&self, sent: &[u8], hangs_up: bool) -> Vec<u8> {
        self.lobby.taken.store(false, Ordering::Relaxed);
        self.runtime.block_on(self.connections.serve(sent, hangs_up)).expect("what is sent can be read")
    }
}

struct Lobby {
    platform: Platform,
    workers: Handle,
    /// Whether the one who connects was let in.
    taken: AtomicBool,
}

#[async_trait]
impl Door for Lobby {
    async fn enter(&self, credentials: &Credentials, _from: SocketAddr) -> Result<Entered, Refused> {
        if self.taken.swap(true, Ordering::Relaxed) {
            return Err(Refused::Unavailable("nothing is worked on here".to_owned()));
        }
        match credentials.password.expose() {
            "" => Err(Refused::Credentials("there is no password".to_owned())),
            _ if credentials.database == "prod" => Err(Refused::NoDatabase),
            _ => Ok(Entered { platform: self.platform.clone(), principal: credentials.user.clone() }),
        }
    }

    fn place(&self, _principal: &str) -> Option<Place> {
        Some(Box::new(()))
    }

    fn workers(&self) -> Handle {
        self.workers.clone()
    }
}

/// How many times a client was told that its next statement may come; `None` when the session was ended for it.
///
/// # Panics
/// When what it was sent is no sequence of messages.
pub(crate) fn readies(mut answered: &[u8]) -> Option<usize> {
    // Encryption is refused by one letter, before the first message.
    while let [b'N', rest @ ..] = answered {
        answered = rest;
    }
    let (mut readies, mut fatal) = (0, false);
    while let [kind, rest @ ..] = answered {
        assert!(b"RSKvZCENTD123ntsIHdc".contains(kind), "{} is a message that servers send", kind.escape_ascii());
        let (length, _) = rest.split_first_chunk::<4>().expect("a message has a length");
        let length = usize::try_from(i32::from_be_bytes(*length)).expect("a length is not negative");
        assert!(length >= 4, "a length counts itself");
        let (message, after) = rest.split_at_checked(length).expect("a message is as long as it says");
        readies += usize::from(*kind == b'Z');
        fatal |= *kind == b'E' && message[4..].starts_with(b"SFATAL\0");
        answered = after;
    }
    (!fatal).then_some(readies)
}
