//! TPC-H queries twice in one process: as a principal whose access is masked and filtered, and with the plain engine over the
//! same Parquet files. Prints `system query milliseconds`, warm medians. Part of `cargo xtask bench tpch`.
//!
//! usage: tpch MESH QUERIES NUMBERS

#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use futures::TryStreamExt;
use polder_model::PrincipalName;
use polder_platform::{OpenOptions, Platform};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 7;
const TABLES: [&str; 8] = ["region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mesh, queries, numbers] = arguments.as_slice() else { anyhow::bail!("usage: tpch MESH QUERIES NUMBERS") };
    let governed = open(mesh, Some("ana@example.com")).await?;
    let clear = open(mesh, None).await?;
    let plain = plain(Path::new(mesh)).await?;
    for number in numbers.split(',') {
        let sql = std::fs::read_to_string(Path::new(queries).join(format!("q{number}.sql"))).context("read a query")?;
        let named = with_full_names(&sql);
        let (mut masked, mut open, mut bare) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..=RUNS {
            let times = [through(&governed, &named).await?, through(&clear, &named).await?, directly(&plain, &sql).await?];
            if run > 0 {
                masked.push(times[0]);
                open.push(times[1]);
                bare.push(times[2]);
            }
        }
        println!("polder {number} {:.1}", median(masked));
        println!("clear {number} {:.1}", median(open));
        println!("engine {number} {:.1}", median(bare));
    }
    Ok(())
}

async fn open(mesh: &str, act_as: Option<&str>) -> Result<Platform> {
    let act_as = act_as.map(PrincipalName::new).transpose()?;
    Ok(Platform::open(OpenOptions { root: PathBuf::from(mesh), environment: None, act_as }).await?)
}

/// The engine as it comes, over the files of the tables themselves.
async fn plain(mesh: &Path) -> Result<SessionContext> {
    let context = SessionContext::new_with_config(SessionConfig::new());
    for table in TABLES {
        let folder = mesh.join(format!(".polder/nonprod/lake/aws/dev-tpch/bronze/{table}_v1"));
        let folder = folder.to_str().context("a folder whose name is text")?.to_owned();
        context.register_parquet(table, folder, ParquetReadOptions::default()).await?;
    }
    Ok(context)
}

async fn through(platform: &Platform, sql: &str) -> Result<f64> {
    let started = Instant::now();
    let rows: Vec<_> = platform.query(sql).await?.stream.try_collect().await?;
    std::hint::black_box(rows);
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

async fn directly(context: &SessionContext, sql: &str) -> Result<f64> {
    let started = Instant::now();
    std::hint::black_box(context.sql(sql).await?.collect().await?);
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

/// Puts each table's full name where the query has its short one; the short one stays as an alias of columns' prefixes.
fn with_full_names(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() * 2);
    let mut word = String::new();
    for c in sql.chars().chain(['\n']) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c);
            continue;
        }
        if TABLES.contains(&word.as_str()) {
            text.push_str(&format!("tpch.bronze.{word}_v1"));
        } else {
            text.push_str(&word);
        }
        word.clear();
        text.push(c);
    }
    text
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
