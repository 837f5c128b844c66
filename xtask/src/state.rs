//! The tests of what keeps state, run with it in the other database: `cargo xtask postgres`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::cargo::Tests;

/// The packages whose tests make meshes, and so choose where the state is. Tests of the store itself always run on both databases.
const PACKAGES: [&str; 2] = ["polder-platform", "polder-server"];

/// What `polder_testkit::DATABASE` names.
const VARIABLE: &str = "POLDER_TEST_STATE";

/// Builds the tests as `cargo test` does, and runs those.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tests = Tests::build(root)?;
    for package in PACKAGES {
        println!("\n== {package}, its state in PostgreSQL");
        let status =
            tests.of(package)?.env(VARIABLE, "postgres").status().with_context(|| format!("run the tests of {package}"))?;
        ensure!(status.success(), "tests of {package} fail when the state is in PostgreSQL");
    }
    Ok(())
}
