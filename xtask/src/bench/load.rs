//! Loading: 2 million betting transactions in one go, and 200 small commits on one table.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::process::{Usage, measure, median, output};

const ROWS: u64 = 2_000_000;
const RUNS: usize = 5;

/// 2 million rows of about 200 bytes: polder and each peer in turn, five times.
pub(super) fn run(bench: &Bench) -> Result<()> {
    let folder = bench.empty_folder("load")?;
    let file = folder.join("landing/transactions.ndjson");
    std::fs::create_dir_all(folder.join("landing"))?;
    let bytes = write_transactions(&file, ROWS)?;
    println!("{ROWS} rows, {:.0} bytes a row", bytes as f64 / ROWS as f64);
    write_mesh(&folder, "")?;
    let mut ours = Vec::new();
    let mut peers: Vec<(&str, Vec<Usage>)> = vec![("duckdb", vec![]), ("polars", vec![]), ("sail", vec![])];
    for _ in 0..RUNS {
        ours.push(load_with_polder(bench, &folder)?);
        for (name, usages) in &mut peers {
            if let Some(mut peer) = bench.peer("load.py") {
                let table = bench.empty_folder("load-peer")?;
                usages.push(measure(peer.arg(*name).arg(&file).arg(&table))?);
            }
        }
    }
    let own = report("polder", &ours);
    for (name, usages) in peers.iter().filter(|(_, usages)| !usages.is_empty()) {
        let other = report(name, usages);
        println!("{:<10} polder / {name} = {:.2}", "", own / other);
    }
    Ok(())
}

fn report(name: &str, runs: &[Usage]) -> f64 {
    let seconds = median(runs.iter().map(|u| u.seconds).collect());
    let peak = runs.iter().map(|u| u.peak_mb).fold(0.0, f64::max);
    let rate = ROWS as f64 / seconds;
    println!("{name:<10} {seconds:>6.2} s {:>6.2} M rows/s {peak:>6.0} MB at most", rate / 1e6);
    rate
}

fn load_with_polder(bench: &Bench, folder: &Path) -> Result<Usage> {
    let state = folder.join(".polder");
    if state.exists() {
        std::fs::remove_dir_all(&state)?;
    }
    let polder = |arguments: &[&str]| {
        let mut command = Command::new(bench.polder());
        command.arg("--dir").arg(folder).args(arguments);
        command
    };
    measure(&mut polder(&["apply", "--yes"]))?;
    measure(&mut polder(&["run", "betting/load_transactions"]))
}

/// 200 commits of 1,000 rows: the time of each, so that growth shows.
pub(super) fn commits(bench: &Bench) -> Result<()> {
    let table = bench.empty_folder("commits")?;
    print!("polder     {}", output(Command::new(bench.program("commits")).arg(&table))?);
    if let Some(mut peer) = bench.peer("commits.py") {
        print!("sail       {}", output(peer.arg(bench.empty_folder("commits-peer")?))?);
    }
    Ok(())
}

/// A linear congruential generator (Knuth's MMIX constants): the same file on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Writes bets as NDJSON, numbered from 0; returns the bytes.
pub(super) fn write_transactions(file: &Path, rows: u64) -> Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let mut numbers = Numbers(42);
    let channels = ["web", "app", "shop", "phone"];
    let markets = ["1x2", "over_under", "handicap", "both_score", "outright"];
    let mut bytes = 0;
    for id in 0..rows {
        let customer = numbers.below(300_000);
        let (day, second) = (1 + numbers.below(28), numbers.below(86_400));
        let line = format!(
            "{{\"transactionId\":{id},\"customerId\":{customer},\"placedAt\":\"2026-03-{day:02}T{:02}:{:02}:{:02}Z\",\
             \"channel\":\"{}\",\"market\":\"{}\",\"stake\":{}.{:02},\"odds\":{}.{:02},\"eventId\":{},\"currency\":\"EUR\",\
             \"settled\":{}}}\n",
            second / 3600,
            second / 60 % 60,
            second % 60,
            channels[numbers.below(4) as usize],
            markets[numbers.below(5) as usize],
            1 + numbers.below(500),
            numbers.below(100),
            1 + numbers.below(30),
            numbers.below(100),
            numbers.below(40_000),
            numbers.below(2) == 0,
        );
        out.write_all(line.as_bytes())?;
        bytes += line.len() as u64;
    }
    out.flush()?;
    Ok(bytes)
}

/// Writes a mesh with a dataset for them and a job that loads them. `more` is put into the dataset.
pub(super) fn write_mesh(folder: &Path, more: &str) -> Result<()> {
    let write = |path: &str, text: &str| -> Result<()> {
        let path: PathBuf = folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, text)?)
    };
    write(
        "polder.yaml",
        "organization: Bench\ntenants: [nonprod]\nenvironments:\n  - {name: dev, tenant: nonprod}\ndepartments: [sports]\n\
         users: [ana@example.com, ben@example.com, cleo@example.com, dan@example.com]\ngroups:\n  - {name: betting_owners, members: [ana@example.com, ben@example.com, cleo@example.com, dan@example.com]}\n",
    )?;
    write("domains/betting/domain.yaml", "department: sports\nowner: betting_owners\nservicePrincipals: [betting_jobs]\n")?;
    write(
        "domains/betting/datasets/transactions.yaml",
        &format!(
            "{more}version: v3\ntype: parallelread\nentityName: transactions\nentityVersion: v1\ndescription: bets as they were placed\n\
         coldStorage:\n  format: delta\n  location: {{bucket: betting, prefix: bronze, provider: aws}}\ncolumns:\n  \
         - {{name: transactionId, type: bigint}}\n  - {{name: customerId, type: bigint}}\n  - {{name: placedAt, type: timestamp}}\n  \
         - {{name: channel, type: string}}\n  - {{name: market, type: string}}\n  - {{name: stake, type: double}}\n  \
         - {{name: odds, type: double}}\n  - {{name: eventId, type: bigint}}\n  - {{name: currency, type: string}}\n  \
         - {{name: settled, type: boolean}}\n"
        ),
    )?;
    write(
        "domains/betting/jobs/load_transactions.yaml",
        "specVersion: v1\nname: load_transactions\nfrom: {files: landing/transactions.ndjson, format: ndjson}\n\
         sink: {domain: betting, name: transactions, version: v1}\nframework: {kind: ingest}\n",
    )
}
