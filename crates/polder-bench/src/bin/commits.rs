//! 200 commits of 1,000 rows on one table, each acknowledged when it is on the disk. Prints commits per second and how the
//! cost of one grew. Part of `cargo xtask bench commits`.
//!
//! usage: commits FOLDER

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Int64Array, RecordBatch};
use polder_access::{Action, Authorizer, Caller, Permit};
use polder_lake::{AsOf, Committed, Lake, LakeConfig, WriteOptions};
use polder_model::job::WriteMode;
use polder_model::resource::{Environment, Table};
use polder_model::{Principal, PrincipalKind, Resource, Securable};
use serde_json::json;
use uuid::Uuid;

/// A permit to write, from an authorizer over the table alone, as its local admin.
fn permit(table: &Table) -> Result<Permit, Box<dyn std::error::Error>> {
    let environment = Environment { name: "dev".parse()?, tenant: "bench".parse()?, production: false };
    let resource = Resource::Table(Box::new(table.clone()));
    let authorizer = Authorizer::new(&environment, [&resource])?;
    let principal = Principal { kind: PrincipalKind::User, name: "loader".parse()? };
    let caller = Caller { local_admin: true, ..Caller::new(principal) };
    Ok(authorizer.authorize(&caller, Action::Write, &Securable::Table(table.name.clone())).permit()?)
}

const COMMITS: i64 = 200;
const ROWS: i64 = 1_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::args().nth(1).ok_or("usage: commits FOLDER")?);
    let lake = Lake::new(LakeConfig { root, ..LakeConfig::default() })?;
    let table: Table = serde_json::from_value(json!({
        "name": "bench.bronze.ids_v1",
        "dataset": {"domain": "bench", "name": "ids", "version": "v1"},
        "owner": "bench_owners",
        "location": {"provider": "aws", "bucket": "dev-bench", "prefix": "bronze/ids_v1"},
        "format": "delta",
        "columns": [{"name": "id", "type": "bigint"}],
    }))?;
    lake.create_table(&table, Uuid::from_u128(1)).await?;
    let handle = lake.open(&permit(&table)?, &table, AsOf::Latest).await?;
    let mut times = Vec::new();
    for commit in 0..=COMMITS {
        let ids = Int64Array::from_iter_values(commit * ROWS..(commit + 1) * ROWS);
        let rows = RecordBatch::try_from_iter([("id", Arc::new(ids) as _)])?;
        let started = Instant::now();
        let mut writer = handle.append(WriteOptions::new(WriteMode::Append))?;
        writer.write(&rows).await?;
        let committed = writer.finish().await?.commit().await?;
        if !matches!(committed, Committed::Committed { .. }) {
            return Err("somebody else wrote to the table".into());
        }
        times.push(started.elapsed().as_secs_f64());
    }
    lake.settle().await;
    // The first commit warms up.
    times.remove(0);
    let median = |times: &[f64]| {
        let mut times = times.to_vec();
        times.sort_by(f64::total_cmp);
        times[times.len() / 2] * 1e3
    };
    let rate = times.len() as f64 / times.iter().sum::<f64>();
    let (first, last) = (median(&times[..20]), median(&times[times.len() - 20..]));
    println!("{rate:.0} commits/s, median of the first 20 {first:.1} ms, of the last 20 {last:.1} ms");
    Ok(())
}
