//! An authorization decision with 100,000 grants.

use std::process::Command;

use anyhow::Result;

use super::Bench;
use super::process::output;

pub(super) fn run(bench: &Bench) -> Result<()> {
    print!("{}", output(&mut Command::new(bench.program("decisions")))?);
    Ok(())
}
