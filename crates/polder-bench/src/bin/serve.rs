//! A server over 20,000 tables, on SQLite and on PostgreSQL: how soon it is ready, what it holds when idle, how fast 32 connections read
//! tables, and how long the effective permissions of somebody in 200 nested groups take.
//!
//! Arguments: the polder binary, and the folder of a mesh whose tenant's `database` is `${secret:POLDER_DATABASE}`.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use polder_bench::{Server, at};
use polder_testkit::PostgresServer;

const CONNECTIONS: usize = 32;
const REQUESTS: usize = 20_000;
const DOMAINS: usize = 250;
const DATASETS_OF_A_DOMAIN: usize = 80;
const STARTS: usize = 5;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(polder), Some(mesh)) = (arguments.next(), arguments.next()) else { bail!("usage: serve POLDER MESH") };
    let file = mesh.join("bench-state.db").to_string_lossy().into_owned();
    measure("SQLite", &Place { polder: polder.clone(), mesh: mesh.clone(), database: file }).await?;
    // One of its own, which waits for the disk as a real one does.
    let (_server, database) = tokio::task::spawn_blocking(|| {
        let server = PostgresServer::start()?;
        let database = server.database()?;
        anyhow::Ok((server, database))
    })
    .await??;
    measure("PostgreSQL", &Place { polder, mesh, database: database.url() }).await
}

/// What is run where.
struct Place {
    polder: PathBuf,
    mesh: PathBuf,
    database: String,
}

impl Place {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.polder);
        command.arg("--dir").arg(&self.mesh).env("POLDER_DATABASE", &self.database).env_remove("POLDER_SERVER");
        command
    }
}

async fn measure(name: &str, place: &Place) -> Result<()> {
    let applied = place.command().args(["apply", "-e", "dev", "--yes"]).stdout(Stdio::null()).status()?;
    if !applied.success() {
        bail!("the mesh could not be applied on {name}");
    }
    let first = Server::start(place.command(), &place.mesh).await?;
    let token = first.token.clone().context("the first start shows a token")?;
    drop(first);
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        starts.push(Server::start(place.command(), &place.mesh).await?.ready_millis);
    }
    let server = Server::start(place.command(), &place.mesh).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = server.resident_mb()?;
    let client = reqwest::Client::builder().pool_max_idle_per_host(CONNECTIONS).build()?;
    let reads = Arc::new(Load { client, token, url: server.url.clone() });
    // The first request reads the metastore; those after it do not.
    let cold = Instant::now();
    reads.table(0).await?;
    let cold = cold.elapsed().as_secs_f64() * 1000.0;
    let begun = Instant::now();
    let mut times = reads.clone().run(REQUESTS, |load, number| async move { load.table(number).await }).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let deep = reads.clone().run(2_000, |load, number| async move { load.effective(number).await }).await?;
    let mut deep = deep;
    println!("{name}");
    println!("  ready after                       {:>8.0} ms (median of {STARTS})", middle(&mut starts));
    println!("  resident when idle                {idle:>8.0} MB; after the load {:.0} MB", server.resident_mb()?);
    println!("  first read of a table             {cold:>8.0} ms (20,000 tables are read)");
    println!(
        "  table read at {CONNECTIONS} connections   p50 {:>6.2} ms, p99 {:>6.2} ms, {:>6.0} a second",
        at(&mut times, 0.5),
        at(&mut times, 0.99),
        REQUESTS as f64 / seconds
    );
    println!("  effective permissions, 200 groups p50 {:>6.2} ms, p99 {:>6.2} ms", at(&mut deep, 0.5), at(&mut deep, 0.99));
    Ok(())
}

/// What is asked of a server.
struct Load {
    client: reqwest::Client,
    token: String,
    url: String,
}

impl Load {
    /// Asks so many times over all connections; returns how long each took, in milliseconds.
    async fn run<F>(
        self: Arc<Self>,
        count: usize,
        ask: impl Fn(Arc<Self>, usize) -> F + Clone + Send + Sync + 'static,
    ) -> Result<Vec<f64>>
    where
        F: Future<Output = Result<()>> + Send,
    {
        let next = Arc::new(AtomicUsize::new(0));
        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (load, next, ask) = (self.clone(), next.clone(), ask.clone());
            workers.spawn(async move {
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return anyhow::Ok(times);
                    }
                    let begun = Instant::now();
                    ask(load.clone(), number).await?;
                    times.push(begun.elapsed().as_secs_f64() * 1000.0);
                }
            });
        }
        let mut times = Vec::with_capacity(count);
        while let Some(done) = workers.join_next().await {
            times.extend(done??);
        }
        Ok(times)
    }

    async fn table(&self, number: usize) -> Result<()> {
        // Every table comes once before any comes again, in no order that storage would have.
        let table = number * 7919 % (DOMAINS * DATASETS_OF_A_DOMAIN);
        let (domain, dataset) = (table / DATASETS_OF_A_DOMAIN, table % DATASETS_OF_A_DOMAIN);
        let layer = ["bronze", "silver", "gold"][dataset % 3];
        self.get(&format!("tables/domain_{domain}.{layer}.entity_{dataset}_v1")).await
    }

    async fn effective(&self, number: usize) -> Result<()> {
        let domain = number % DOMAINS;
        self.get(&format!("effective-permissions/table/domain_{domain}.bronze.entity_0_v1?principal=deep@example.com")).await
    }

    async fn get(&self, path: &str) -> Result<()> {
        let url = format!("{}/api/2.1/unity-catalog/{path}", self.url);
        let answer = self.client.get(&url).bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        if status.is_success() { Ok(()) } else { bail!("{url}: {status}: {}", String::from_utf8_lossy(&body)) }
    }
}

fn middle(times: &mut [f64]) -> f64 {
    at(times, 0.5)
}
