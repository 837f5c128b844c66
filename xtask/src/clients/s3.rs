//! The tests of volumes that need an object store, run beside the S3 that clients have: `cargo xtask s3`.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::bed;
use super::install::{self, Installed};
use crate::cargo::Tests;

/// The test, and the bucket that it wants to find empty.
const TEST: &str = "volumes::files_in_an_object_store_are_wholes";
const BUCKET: &str = "dev-b";

/// Builds the tests as `cargo test` does, and runs those.
pub(crate) fn run(root: &Path) -> Result<()> {
    let tests = Tests::build(root)?;
    let places = super::places(root)?;
    install::environments(&places, &["moto"].into())?;
    let installed = Installed::in_cache(&places);
    let (_s3, url) = bed::s3(&places, &installed, places.scratch.path(), &[BUCKET])?;
    println!("\n== polder-lake, its volumes on S3");
    let mut lake = tests.of("polder-lake")?;
    lake.args(["--ignored", "--exact", TEST]).env("POLDER_TEST_S3", url);
    let done = lake.output().context("run the tests of polder-lake")?;
    let said = String::from_utf8_lossy(&done.stdout);
    println!("{said}{}", String::from_utf8_lossy(&done.stderr));
    ensure!(done.status.success(), "{TEST} fails");
    // A test that has another name now would be left out without a word.
    ensure!(said.contains("1 passed"), "there is no test {TEST}");
    Ok(())
}
