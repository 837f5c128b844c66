//! The tests that need object stores, run beside emulators of three clouds' that others wrote: `cargo xtask stores`.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::install::{self, Installed};
use crate::cargo::Tests;

/// The packages with such tests, and the module that they are in.
const PACKAGES: [&str; 2] = ["polder-lake", "polder"];
const MODULE: &str = "stores::";

/// What `polder_testkit::STORES` names.
const VARIABLE: &str = "POLDER_TEST_STORES";

/// Azure's emulator, from npm.
const AZURITE: &str = "azurite@3.35.0";

/// Builds the tests as `cargo test` does, and runs those. `filter` is a part of the names of those to run, by default all.
pub(crate) fn run(root: &Path, filter: Option<&str>) -> Result<()> {
    let tests = Tests::build(root)?;
    let places = super::places(root)?;
    let started = Instant::now();
    std::thread::scope(|scope| {
        let moto = scope.spawn(|| install::environments(&places, &["moto"].into()));
        let azurite = install::npm_package(&places.cache.join("azurite"), AZURITE).context("install Azurite");
        install::joined(moto).and(azurite)
    })?;
    println!("installed in {:.0} s", started.elapsed().as_secs_f64());
    let installed = Installed::in_cache(&places);
    let python = installed.python("moto").get_program().to_owned();
    let peer = |script: &str, more: &[&Path]| {
        let script = places.script("peers").join(script);
        let words = [Path::new(&python), &script].into_iter().chain(more.iter().copied());
        words.map(|word| word.display().to_string()).collect::<Vec<_>>()
    };
    let azurite = places.cache.join("azurite/node_modules/azurite/dist/src/blob/main.js");
    let how = json!({"aws": peer("s3.py", &[]), "azure": peer("azure.py", &[&azurite]), "gcp": peer("gcs.py", &[])});
    for package in PACKAGES {
        println!("\n== {package}, on S3, Azure and Google Cloud");
        let started = Instant::now();
        let mut program = tests.of(package)?;
        program.args(["--ignored", filter.unwrap_or(MODULE)]).env(VARIABLE, how.to_string());
        // Whoever runs this may be somebody in a cloud, and no test is to be taken for them.
        for (name, _) in std::env::vars_os() {
            if ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                program.env_remove(name);
            }
        }
        let done = program.output().with_context(|| format!("run the tests of {package}"))?;
        let said = String::from_utf8_lossy(&done.stdout);
        println!("{said}{}", String::from_utf8_lossy(&done.stderr));
        ensure!(done.status.success(), "tests of {package} fail on object stores");
        // Tests in a module that has another name now would be left out without a word.
        ensure!(filter.is_some() || !said.contains("running 0 tests"), "{package} has no tests in {MODULE}");
        println!("{:.0} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}
