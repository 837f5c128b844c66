//! Measures parsing alone: two million betting transactions of about 200 bytes, on one and on two threads.
//!
//! `cargo run --release -p polder-ingest --example parse`
#![allow(clippy::print_stdout)]

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use futures::StreamExt;
use polder_ingest::{Cause, Piece, ReadSpec, Stores, find, read};
use polder_model::Column;
use polder_model::job::{BadRows, CsvOptions, FileFormat, FileSource};

const ROWS: u64 = 2_000_000;

struct NoStores;

impl Stores for NoStores {
    fn store(&self, bucket: &url::Url) -> Result<std::sync::Arc<dyn object_store::ObjectStore>, Cause> {
        Err(format!("no store for {bucket}").into())
    }
}

fn columns() -> Vec<Column> {
    let declared = [
        ("transaction_id", "bigint"),
        ("customer_id", "bigint"),
        ("placed_at", "timestamp"),
        ("event", "string"),
        ("market", "string"),
        ("stake", "decimal(12,2)"),
        ("odds", "double"),
        ("currency", "string"),
        ("won", "boolean"),
    ];
    let column = |(name, data_type): (&str, &str)| Column {
        name: name.to_owned(),
        data_type: data_type.parse().expect("the types above exist"),
        optional: false,
        description: String::new(),
        tags: [].into(),
        mask: None,
    };
    declared.into_iter().map(column).collect()
}

fn write(path: &Path, format: FileFormat) -> std::io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    let csv = format == FileFormat::Csv;
    if csv {
        writeln!(file, "transaction_id,customer_id,placed_at,event,market,stake,odds,currency,won")?;
    }
    let mut row = String::new();
    for i in 0..ROWS {
        row.clear();
        let (customer, minute, second) = (i * 7919 % 500_000, i / 60 % 60, i % 60);
        let (event, market) = (i % 1000, ["match_result", "both_teams_score", "over_under"][(i % 3) as usize]);
        let (stake, cents, odds, won) = (i % 500, i % 100, 1.01 + (i % 900) as f64 / 100.0, i % 3 == 0);
        let written = if csv {
            writeln!(
                row,
                "{i},{customer},2024-05-01T12:{minute:02}:{second:02}Z,fixture-{event:05},{market},{stake}.{cents:02},{odds:.2},EUR,{won}"
            )
        } else {
            writeln!(
                row,
                "{{\"transaction_id\":{i},\"customer_id\":{customer},\"placed_at\":\"2024-05-01T12:{minute:02}:{second:02}Z\",\"event\":\"fixture-{event:05}\",\"market\":\"{market}\",\"stake\":{stake}.{cents:02},\"odds\":{odds:.2},\"currency\":\"EUR\",\"won\":{won}}}"
            )
        };
        written.expect("a text takes what is written");
        file.write_all(row.as_bytes())?;
    }
    file.flush()
}

/// Processor time of all threads so far: what a machine that is busy with other work does not change.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    for format in [FileFormat::Ndjson, FileFormat::Csv] {
        let name = format!("{format:?}").to_lowercase();
        write(&folder.path().join(&name), format)?;
        for threads in [1, 2, 1, 2] {
            let source = FileSource { files: name.clone(), format, csv: CsvOptions::default(), columns: [].into() };
            let mut spec = ReadSpec::new(columns(), source, BadRows::Fail);
            spec.threads = threads;
            let finding = Instant::now();
            let files = find(&spec.source, folder.path(), &NoStores).await?;
            let found = finding.elapsed();
            let bytes = files.iter().map(|file| file.size).sum::<u64>();
            let (reading, cpu) = (Instant::now(), cpu_seconds());
            let mut pieces = read(files, spec)?;
            let mut rows = 0;
            while let Some(piece) = pieces.next().await {
                if let Piece::Rows(batch) = piece? {
                    rows += batch.num_rows();
                }
            }
            let seconds = reading.elapsed().as_secs_f64();
            println!(
                "{name}, {threads} threads: {rows} rows of {} bytes, {:.2} million rows/s, {:.2} s of processor time, found and hashed in {:.3} s",
                bytes / ROWS,
                rows as f64 / seconds / 1e6,
                cpu_seconds() - cpu,
                found.as_secs_f64()
            );
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
