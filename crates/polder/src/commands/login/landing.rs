//! Where the issuer sends the browser back to: a port on this machine that answers one address, until it has the answer that was
//! waited for.

use std::process::{Command, Stdio};
use std::time::Duration;

use polder_identity::secret;
use polder_model::secret::Secret;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use crate::failure::{Exit, Failure};

/// How long somebody may take to sign in.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How long a request may take, and be.
const REQUEST: Duration = Duration::from_secs(5);
const LONGEST: u64 = 16 << 10;

const DONE: &str = "You are signed in. You can close this page and go back to the command line.";
const REFUSED: &str = "You are not signed in: the issuer refused. The command line says more.";
const STRANGE: &str = "Nothing is waiting for this answer.";

/// A port that waits.
pub(super) struct Landing {
    listener: TcpListener,
    /// Its address, for the issuer.
    pub(super) address: String,
}

impl Landing {
    pub(super) async fn prepare() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        // The address and not `localhost`, which may be somewhere else (RFC 8252, section 8.3).
        let address = format!("http://{}/callback", listener.local_addr()?);
        Ok(Self { listener, address })
    }

    /// Waits for the answer with this state; returns its code.
    pub(super) async fn wait(&self, state: &Secret) -> anyhow::Result<String> {
        let hint = "try again; `--device` needs no browser on this machine";
        let waited = tokio::time::timeout(PATIENCE, self.answer(state)).await;
        waited.map_err(|_| Failure::new(Exit::Unavailable, "nobody signed in", hint))?
    }

    async fn answer(&self, state: &Secret) -> anyhow::Result<String> {
        loop {
            let (mut stream, _) = self.listener.accept().await?;
            // A browser may ask for other things, and others may knock: they are told so and forgotten.
            let Ok(Some(url)) = tokio::time::timeout(REQUEST, self.request(&mut stream)).await else { continue };
            let pair = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
            let ours = pair("state").is_some_and(|sent| secret::same(&sent, state.expose()));
            match (ours, pair("code")) {
                (false, _) => reply(&mut stream, "400 Bad Request", STRANGE).await,
                (true, Some(code)) => {
                    reply(&mut stream, "200 OK", DONE).await;
                    return Ok(code);
                }
                (true, None) => {
                    reply(&mut stream, "200 OK", REFUSED).await;
                    let said: String = pair("error").unwrap_or_default().chars().filter(|c| !c.is_control()).take(100).collect();
                    return Err(Failure::new(
                        Exit::Denied,
                        format!("the issuer refused: {said}"),
                        "sign in as somebody it knows",
                    )
                    .into());
                }
            }
        }
    }

    /// Reads a request to its blank line; the address that was asked for, if it is ours.
    async fn request(&self, stream: &mut TcpStream) -> Option<Url> {
        let mut lines = BufReader::new(stream.take(LONGEST)).lines();
        let first = lines.next_line().await.ok()??;
        while lines.next_line().await.ok().flatten().is_some_and(|line| !line.is_empty()) {}
        let target = first.strip_prefix("GET ")?.split(' ').next()?;
        let ours = Url::parse(&self.address).ok()?;
        let url = ours.join(target).ok()?;
        (url.origin() == ours.origin() && url.path() == ours.path()).then_some(url)
    }
}

async fn reply(stream: &mut TcpStream, status: &str, words: &str) {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         referrer-policy: no-referrer\r\nconnection: close\r\n\r\n{words}",
        words.len()
    );
    // A browser that went away needs no words.
    drop(stream.write_all(answer.as_bytes()).await);
    drop(stream.shutdown().await);
}

/// Opens a page in the person's browser, if this machine knows how. The address was shown as well.
pub(super) fn open(url: &Url) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let quiet = || Stdio::null();
    drop(Command::new(program).arg(url.as_str()).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn());
}
