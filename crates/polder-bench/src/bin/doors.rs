//! What gets through the doors, and how fast: 10 million rows by PostgreSQL's wire and by Arrow Flight SQL beside the engine that makes
//! them; 200 sessions with mixed queries; the files of a share of 1,000. Part of `cargo xtask bench doors`.
//!
//! usage: doors POLDER MESH

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures::{StreamExt as _, TryStreamExt as _};
use polder_bench::{Server, at};
use polder_model::PrincipalName;
use polder_platform::{OpenOptions, Platform};
use tokio_postgres::{Client, NoTls};
use tonic::transport::Endpoint;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whose rows they are, in the mesh of the benchmark.
const OWNER: &str = "ana@example.com";
/// Others, as one principal has no more than 64 statements under way.
const OTHERS: [&str; 3] = ["ben@example.com", "cleo@example.com", "dan@example.com"];
const TABLE: &str = "betting.bronze.transactions_v1";
const PARTS: &str = "betting.bronze.parts_v1";
const ROWS: u64 = 10_000_000;
/// Each of 2 million rows five times. The few rows come first: they are what a cross join holds.
const LARGE: &str =
    "select t.*, s.value as copy from generate_series(1, 5) as s(value) cross join betting.bronze.transactions_v1 as t";
const RUNS: usize = 3;
const SESSIONS: usize = 200;
const MIXED: Duration = Duration::from_secs(30);
const FILES: u64 = 1_000;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(polder), Some(mesh)) = (arguments.next(), arguments.next()) else { bail!("usage: doors POLDER MESH") };
    let place = Place { polder: PathBuf::from(polder), mesh: PathBuf::from(mesh) };
    let token = place.token(OWNER)?;
    let mut users = vec![(OWNER, token.clone())];
    for other in OTHERS {
        users.push((other, place.token(other)?));
    }
    engine(&place.mesh).await?;
    let postgres = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let listen = postgres.to_string();
    let options = ["--postgres", listen.as_str()];
    let server = Server::start_with(place.command(), &place.mesh, &options).await?;
    let large = Large { token: &token, server: &server.url, postgres };
    large.flight().await?;
    large.rows().await?;
    large.copy().await?;
    println!("{:<44} {:>9.0} MB resident", "the server after that", server.resident_mb()?);
    sessions(postgres, &users, &server).await?;
    share(&place, &token, &server).await
}

struct Place {
    polder: PathBuf,
    mesh: PathBuf,
}

impl Place {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.polder);
        command.arg("--dir").arg(&self.mesh).env_remove("POLDER_SERVER");
        command
    }

    fn token(&self, of: &str) -> Result<String> {
        let create = ["--as", of, "token", "create", "--label", "bench", "--scope", "read,query,write,apply"];
        said(self.command().args(create))
    }
}

fn said(command: &mut Command) -> Result<String> {
    let done = command.output()?;
    ensure!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}

/// Has all rows come several times, and says how fast they did.
async fn timed(what: &str, rows: impl AsyncFn() -> Result<u64>) -> Result<()> {
    let mut seconds = Vec::new();
    for _ in 0..RUNS {
        let begun = Instant::now();
        let came = rows().await?;
        seconds.push(begun.elapsed().as_secs_f64());
        ensure!(came == ROWS, "{came} rows came, not {ROWS}");
    }
    let middle = at(&mut seconds, 0.5);
    println!("{what:<44} {:>9.2} million rows a second, {middle:.2} s", ROWS as f64 / middle / 1e6);
    Ok(())
}

/// The rate at which the rows are made, with nobody to send them to.
async fn engine(mesh: &Path) -> Result<()> {
    let act_as = Some(PrincipalName::new(OWNER)?);
    let platform = Platform::open(OpenOptions { root: mesh.to_owned(), environment: None, act_as }).await?;
    let all = async || {
        let (mut stream, mut rows) = (platform.query(LARGE).await?.stream, 0);
        while let Some(batch) = stream.try_next().await? {
            rows += batch.num_rows() as u64;
        }
        Ok(rows)
    };
    timed("the engine alone", all).await
}

/// A large result, by each door.
struct Large<'a> {
    token: &'a str,
    server: &'a str,
    postgres: SocketAddr,
}

impl Large<'_> {
    async fn flight(&self) -> Result<()> {
        let channel = Endpoint::from_shared(self.server.to_owned())?.connect().await?;
        let mut client = FlightSqlServiceClient::new(channel);
        client.set_token(self.token.to_owned());
        let all = async || {
            let (mut client, mut rows) = (client.clone(), 0);
            for endpoint in client.execute(LARGE.to_owned(), None).await?.endpoint {
                let mut batches = client.do_get(endpoint.ticket.context("a ticket")?).await?;
                while let Some(batch) = batches.try_next().await? {
                    rows += batch.num_rows() as u64;
                }
            }
            Ok(rows)
        };
        timed("Arrow Flight SQL", all).await
    }

    async fn rows(&self) -> Result<()> {
        let client = connect(self.postgres, OWNER, self.token).await?;
        let all = async || {
            let (statement, mut rows) = (client.prepare(LARGE).await?, 0);
            let mut found = std::pin::pin!(client.query_raw(&statement, Vec::<i32>::new()).await?);
            while found.try_next().await?.is_some() {
                rows += 1;
            }
            Ok(rows)
        };
        timed("PostgreSQL's wire, rows in binary", all).await
    }

    async fn copy(&self) -> Result<()> {
        let client = connect(self.postgres, OWNER, self.token).await?;
        let copy = format!("COPY ({LARGE}) TO STDOUT (FORMAT csv)");
        let all = async || {
            let (mut found, mut rows) = (std::pin::pin!(client.copy_out(&copy).await?), 0);
            while let Some(bytes) = found.next().await {
                rows += bytes?.iter().filter(|byte| **byte == b'\n').count() as u64;
            }
            Ok(rows)
        };
        timed("PostgreSQL's wire, COPY as CSV", all).await
    }
}

async fn connect(address: SocketAddr, user: &str, token: &str) -> Result<Client> {
    let mut config = tokio_postgres::Config::new();
    config.host(address.ip().to_string()).port(address.port()).user(user).password(token).dbname("dev");
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Sessions that each ask one of several questions after the other.
async fn sessions(postgres: SocketAddr, users: &[(&str, String)], server: &Server) -> Result<()> {
    let before = server.resident_mb()?;
    let mut clients = Vec::with_capacity(SESSIONS);
    for (user, token) in users.iter().cycle().take(SESSIONS) {
        clients.push(Arc::new(connect(postgres, user, token).await?));
    }
    let idle = server.resident_mb()?;
    let end = Instant::now() + MIXED;
    let mut workers = tokio::task::JoinSet::new();
    for (number, client) in clients.iter().cloned().enumerate() {
        workers.spawn(async move {
            let mut times = Vec::new();
            let mut at = number;
            while Instant::now() < end {
                at += 1;
                let sql = match at % 4 {
                    0 => format!("select * from {TABLE} where \"transactionId\" = {}", at * 7_919 % 2_000_000),
                    1 => format!("select channel, count(*), sum(stake) from {TABLE} group by channel order by channel"),
                    2 => "select table_name from information_schema.tables order by 1".to_owned(),
                    _ => format!("select \"customerId\", stake from {TABLE} where \"eventId\" = {} limit 100", at % 5_000),
                };
                let begun = Instant::now();
                client.simple_query(&sql).await?;
                times.push(begun.elapsed().as_secs_f64() * 1e3);
            }
            anyhow::Ok(times)
        });
    }
    let (mut times, mut most) = (Vec::new(), 0.0_f64);
    while !workers.is_empty() {
        match tokio::time::timeout(Duration::from_millis(500), workers.join_next()).await {
            Ok(Some(done)) => times.extend(done??),
            Ok(None) => break,
            Err(_) => most = most.max(server.resident_mb()?),
        }
    }
    println!(
        "{:<44} {:>9.0} a second, p50 {:.0} ms, p99 {:.0} ms; {before:.0} MB before, {idle:.0} MB with all open, {most:.0} MB at most",
        format!("{SESSIONS} sessions, mixed queries"),
        times.len() as f64 / MIXED.as_secs_f64(),
        at(&mut times, 0.5),
        at(&mut times, 0.99),
    );
    Ok(())
}

/// A query of a shared table, answered with its files.
async fn share(place: &Place, token: &str, server: &Server) -> Result<()> {
    let http = reqwest::Client::new();
    let insert = format!(
        "INSERT INTO {PARTS} SELECT value % {FILES}, value FROM generate_series(1, 100000) AS s(value) ORDER BY 1 LIMIT 100000"
    );
    let url = format!("{}/api/v1/environments/dev/query", server.url);
    let done = http.post(&url).bearer_auth(token).json(&serde_json::json!({ "sql": insert })).send().await?;
    ensure!(done.status().is_success(), "{}", done.text().await?);
    let profile = place.mesh.join("partner.share");
    let mut make = Command::new(&place.polder);
    make.env("POLDER_SERVER", &server.url).env("POLDER_TOKEN", token);
    said(make.args(["share", "profile", "partner", "--days", "1", "--out"]).arg(&profile))?;
    let profile: serde_json::Value = serde_json::from_slice(&std::fs::read(&profile)?)?;
    let bearer = profile["bearerToken"].as_str().context("a profile has a token")?;
    let query = format!("{}/delta-sharing/shares/partners/schemas/betting/tables/parts_v1/query", server.url);
    let mut times = Vec::new();
    for _ in 0..50 {
        let begun = Instant::now();
        let answer = http.post(&query).bearer_auth(bearer).json(&serde_json::json!({})).send().await?;
        let status = answer.status();
        let lines = answer.text().await?;
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        let files = lines.lines().filter(|line| line.starts_with("{\"file\"")).count() as u64;
        ensure!(status.is_success() && files == FILES, "{status}: {files} files: {}", lines.lines().next().unwrap_or_default());
    }
    let first = times[0];
    println!(
        "{:<44} p50 {:.0} ms, p99 {:.0} ms; the first {first:.0} ms",
        format!("a share of {FILES} files"),
        at(&mut times, 0.5),
        at(&mut times, 0.99)
    );
    Ok(())
}
