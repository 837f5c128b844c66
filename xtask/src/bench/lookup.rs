//! Rows by key: 1.5 million rows in hot storage, one looked up at a time at 32 connections, beside a service of FastAPI over DuckDB.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::process::{measure, output};
use super::{Bench, load};

const ROWS: u64 = 1_500_000;

/// What one system did.
struct Figures {
    a_second: f64,
    p50: f64,
    p99: f64,
}

pub(super) fn run(bench: &Bench) -> Result<()> {
    let folder = bench.empty_folder("lookup")?;
    let file = folder.join("landing/transactions.ndjson");
    std::fs::create_dir_all(folder.join("landing"))?;
    load::write_transactions(&file, ROWS)?;
    load::write_mesh(&folder, "hotStorage: {keyColumns: [transactionId]}\n")?;
    for arguments in [["apply", "--yes"], ["run", "betting/load_transactions"]] {
        measure(Command::new(bench.polder()).arg("--dir").arg(&folder).args(arguments))?;
    }
    println!("{ROWS} rows, 32 connections; server and client share the cores");
    let rows = ROWS.to_string();
    let polder = Command::new(bench.program("lookup")).arg("polder").arg(bench.polder()).arg(&folder).arg(&rows).output_line()?;
    let ours = report("polder, each answer audited", &polder)?;
    let Some(mut peer) = bench.peer("lookup.py") else { return Ok(()) };
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let database = bench.empty_folder("lookup-peer")?.join("transactions.duckdb");
    let made = measure(peer.arg("make").arg(&file).arg(&database))?;
    println!("DuckDB's database made in {:.1} s", made.seconds);
    let Some(mut peer) = bench.peer("lookup.py") else { return Ok(()) };
    let peer = peer.arg("serve").arg(&database).arg(address.port().to_string()).stdout(Stdio::null()).spawn();
    let peer = Running(peer.context("start the peer")?);
    let url = format!("http://{address}/transactions/");
    let line = Command::new(bench.program("lookup")).args(["url", &url, &rows]).output_line();
    drop(peer);
    let theirs = report("FastAPI over DuckDB, no rights", &line?)?;
    println!("{:<32} polder / peer = {:.1}", "", ours.a_second / theirs.a_second);
    Ok(())
}

fn report(name: &str, line: &str) -> Result<Figures> {
    let figures: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().context("read the figures")?;
    let [a_second, p50, p99] = figures[..] else { anyhow::bail!("{line:?} is no line of figures") };
    println!("{name:<32} {a_second:>8.0} a second, p50 {p50:>7.2} ms, p99 {p99:>7.2} ms");
    Ok(Figures { a_second, p50, p99 }.checked())
}

impl Figures {
    /// Says so where a tail is longer than was asked.
    fn checked(self) -> Self {
        if self.p99 > 5.0 {
            println!("{:<32} p99 is over 5 ms (p50 {:.2})", "", self.p50);
        }
        self
    }
}

/// What a command printed, as a line.
trait OutputLine {
    fn output_line(&mut self) -> Result<String>;
}

impl OutputLine for Command {
    fn output_line(&mut self) -> Result<String> {
        Ok(output(self)?.trim().to_owned())
    }
}

/// A process that is ended with all that it started, when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Asked to, it ends its workers.
        drop(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status());
        drop(self.0.wait());
    }
}
