//! `polder query "select 1"`, from process start to exit, in a mesh that has been applied.

use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::process::{measure, median};

const RUNS: usize = 21;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let folder = bench.empty_folder("cold")?;
    let polder = |arguments: &[&str]| {
        let mut command = Command::new(bench.polder());
        command.arg("--dir").arg(&folder).args(arguments);
        command
    };
    measure(Command::new(bench.polder()).arg("init").arg(&folder))?;
    measure(&mut polder(&["apply", "--yes"]))?;
    let runs = (0..RUNS).map(|_| measure(&mut polder(&["query", "select 1"]))).collect::<Result<Vec<_>>>()?;
    let seconds: Vec<f64> = runs.iter().map(|u| u.seconds).collect();
    let slowest = seconds.iter().copied().fold(0.0, f64::max);
    let peak = median(runs.iter().map(|u| u.peak_mb).collect());
    println!("median {:.0} ms, slowest of {RUNS} {:.0} ms, {peak:.0} MB", median(seconds) * 1e3, slowest * 1e3);
    Ok(())
}
