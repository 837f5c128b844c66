//! Landing zones of a mesh of 20,000 datasets, 250 domains and 85 departments in three environments: laid out and proved to fit, exported as
//! Terraform; and a domain from nothing to its first query.

use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::process::{Usage, measure, median};

const RUNS: usize = 3;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let folder = bench.empty_folder("zones")?;
    let mesh = folder.join("mesh");
    let script = bench.root.join("examples/betting/generate.py");
    measure(Command::new("python3").arg(script).arg(&mesh).arg("--fits"))?;
    let polder = |arguments: &[&str]| {
        let mut command = Command::new(bench.polder());
        command.arg("--dir").arg(&mesh).args(arguments);
        command
    };
    measure(&mut polder(&["zones", "--allocate"]))?;
    report("zones: all environments", || measure(&mut polder(&["zones", "--all"])))?;
    report("plan: dev, with that proof", || measure(&mut polder(&["plan", "-e", "dev"])))?;
    let out = folder.join("terraform");
    report("export of dev, nothing written before", || {
        if out.exists() {
            std::fs::remove_dir_all(&out)?;
        }
        measure(polder(&["export", "terraform", "-e", "dev", "--out"]).arg(&out))
    })?;
    report("a domain from nothing to a query", || {
        let own = bench.empty_folder("zones/own")?;
        let new = "new domain payments --department commerce --owner sales_owners --with-example";
        let script = format!("{0} init . && {0} {new}", bench.polder().display());
        measure(Command::new("sh").args(["-ec", &script]).current_dir(&own))
    })
}

fn report(what: &str, mut once: impl FnMut() -> Result<Usage>) -> Result<()> {
    let runs = (0..RUNS).map(|_| once()).collect::<Result<Vec<_>>>()?;
    let seconds = median(runs.iter().map(|run| run.seconds).collect());
    let peak = median(runs.iter().map(|run| run.peak_mb).collect());
    println!("{what:<40} {seconds:>6.2} s, {peak:>5.0} MB");
    Ok(())
}
