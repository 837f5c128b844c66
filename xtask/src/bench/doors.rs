//! Large results, many sessions and shares of many files: how fast they get through their doors.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use super::process::measure;
use super::{Bench, load};

const ROWS: u64 = 2_000_000;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let folder = bench.empty_folder("doors")?;
    let file = folder.join("landing/transactions.ndjson");
    fs::create_dir_all(folder.join("landing"))?;
    load::write_transactions(&file, ROWS)?;
    load::write_mesh(&folder, "")?;
    fs::write(
        folder.join("domains/betting/datasets/parts.yaml"),
        "entityName: parts\nentityVersion: v1\ncoldStorage: {location: {bucket: betting, prefix: bronze, provider: aws}, partitioningColumns: [part]}\n\
         columns:\n  - {name: part, type: bigint}\n  - {name: id, type: bigint}\n",
    )?;
    fs::create_dir_all(folder.join("domains/betting/shares"))?;
    fs::write(
        folder.join("domains/betting/shares/partners.yaml"),
        "name: partners\nrecipients: [partner]\ndatasets: [{name: parts, version: v1}]\n",
    )?;
    for arguments in [["apply", "--yes"], ["run", "betting/load_transactions"]] {
        measure(Command::new(bench.polder()).arg("--dir").arg(&folder).args(arguments))?;
    }
    println!("server and client share the cores");
    let status = Command::new(bench.program("doors")).arg(bench.polder()).arg(&folder).status()?;
    if status.success() { Ok(()) } else { bail!("the benchmark of the doors failed") }
}
