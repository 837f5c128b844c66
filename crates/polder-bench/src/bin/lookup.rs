//! One row by its key, over and over, at 32 connections: how many a second, and how long each takes. Prints `a second`, `p50` and `p99` in
//! milliseconds. Part of `cargo xtask bench lookup`.
//!
//! usage: lookup polder POLDER MESH KEYS, which starts the server itself, or lookup url URL KEYS, to which the key is put at the end

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use polder_bench::{Server, at};
use tokio::net::TcpStream;

const CONNECTIONS: usize = 32;
const WARM: Duration = Duration::from_secs(3);
const MEASURED: Duration = Duration::from_secs(10);
/// Whose rows they are, in the mesh of the benchmark.
const OWNER: &str = "ana@example.com";
const DATASET: &str = "/data/betting/transactions/v1?filter[transactionId]=";

// One thread: what the client takes of the two cores, the server has not.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        ["polder", polder, mesh, keys] => ours(polder, Path::new(mesh), keys.parse()?).await,
        ["url", url, keys] => {
            let load = Arc::new(Load::new(url, None, keys.parse()?)?);
            load.begun().await?;
            load.measure().await
        }
        _ => bail!("usage: lookup polder POLDER MESH KEYS, or lookup url URL KEYS"),
    }
}

async fn ours(polder: &str, mesh: &Path, keys: usize) -> Result<()> {
    let command = || {
        let mut command = Command::new(polder);
        command.arg("--dir").arg(mesh).env_remove("POLDER_SERVER");
        command
    };
    let made = command().args(["--as", OWNER, "token", "create", "--label", "bench", "--scope", "read,query"]).output()?;
    if !made.status.success() {
        bail!("no token was made: {}", String::from_utf8_lossy(&made.stderr));
    }
    let token = String::from_utf8(made.stdout)?.trim().to_owned();
    let server = Server::start(command(), mesh).await?;
    let begun = Instant::now();
    loop {
        let client = reqwest::Client::new().get(format!("{}/api/v1/environments/dev/hot", server.url)).bearer_auth(&token);
        let held: serde_json::Value = client.send().await?.json().await?;
        if held["items"][0]["state"] == "ready" {
            let (took, bytes) = (&held["items"][0]["built_in_seconds"], &held["items"][0]["bytes"]);
            eprintln_of(&format!("taken in within {took} s, {bytes} bytes; resident {:.0} MB", server.resident_mb()?));
            break;
        }
        if begun.elapsed() > Duration::from_secs(600) {
            bail!("it is not ready: {held}");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Arc::new(Load::new(&format!("{}{DATASET}", server.url), Some(&token), keys)?).measure().await
}

#[allow(clippy::print_stderr, reason = "what is beside the figures is for people")]
fn eprintln_of(text: &str) {
    eprintln!("{text}");
}

/// What is asked, of whom.
struct Load {
    address: String,
    path: String,
    authorization: Option<String>,
    keys: usize,
    next: AtomicUsize,
}

impl Load {
    fn new(url: &str, token: Option<&str>, keys: usize) -> Result<Self> {
        let rest = url.strip_prefix("http://").context("a URL begins with http://")?;
        let (address, path) = rest.split_once('/').context("a URL has a path")?;
        Ok(Self {
            address: address.to_owned(),
            path: format!("/{path}"),
            authorization: token.map(|token| format!("Bearer {token}")),
            keys,
            next: AtomicUsize::new(0),
        })
    }

    /// Waits until it answers.
    async fn begun(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let asked = async { self.one(&mut self.connect().await?).await };
            match asked.await {
                Ok(()) => return Ok(()),
                Err(error) if begun.elapsed() > Duration::from_secs(300) => return Err(error),
                Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn one(&self, sender: &mut SendRequest<Empty<Bytes>>) -> Result<()> {
        // No order that storage would have.
        let key = self.next.fetch_add(1, Ordering::Relaxed).wrapping_mul(7_368_787) % self.keys;
        let mut request = Request::get(format!("{}{key}", self.path)).header(HOST, &self.address);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        sender.ready().await?;
        let answer = sender.send_request(request.body(Empty::new())?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body);
        if status.is_success() && text.contains(&format!("\"transactionId\":{key},")) {
            return Ok(());
        }
        bail!("{key}: {status}: {text}")
    }

    async fn run(self: &Arc<Self>, lasts: Duration) -> Result<Vec<f64>> {
        let end = Instant::now() + lasts;
        let mut connections = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let load = self.clone();
            connections.spawn(async move {
                let (mut sender, mut times) = (load.connect().await?, Vec::new());
                while Instant::now() < end {
                    let begun = Instant::now();
                    load.one(&mut sender).await?;
                    times.push(begun.elapsed().as_secs_f64() * 1000.0);
                }
                anyhow::Ok(times)
            });
        }
        let mut times = Vec::new();
        while let Some(done) = connections.join_next().await {
            times.extend(done??);
        }
        Ok(times)
    }

    async fn measure(self: &Arc<Self>) -> Result<()> {
        self.run(WARM).await?;
        let mut times = self.run(MEASURED).await?;
        let rate = times.len() as f64 / MEASURED.as_secs_f64();
        println!("{rate:.0} {:.3} {:.3}", at(&mut times, 0.5), at(&mut times, 0.99));
        Ok(())
    }
}
