//! The tests of what keeps state, run with it in the other database: `cargo xtask postgres`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::cargo;

/// The packages whose tests make meshes, and so choose where the state is. Tests of the store itself always run on both databases.
const PACKAGES: [&str; 2] = ["polder-platform", "polder-server"];

/// What `polder_testkit::DATABASE` names.
const VARIABLE: &str = "POLDER_TEST_STATE";

/// Builds the tests as `cargo test` does, and runs those.
pub(crate) fn run(root: &Path) -> Result<()> {
    let arguments = ["test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"];
    let built = cargo::command(root, &arguments).stderr(Stdio::inherit()).output().context("run cargo")?;
    ensure!(built.status.success(), "the tests cannot be built");
    let messages = String::from_utf8(built.stdout).context("cargo's messages")?;
    for package in PACKAGES {
        let folder = root.join("crates").join(package);
        let program = messages.lines().filter_map(|line| program(line, &folder)).next_back();
        let program = program.with_context(|| format!("{package} has no tests in tests/it"))?;
        println!("\n== {package}, its state in PostgreSQL");
        let status = Command::new(&program).current_dir(&folder).env(VARIABLE, "postgres").status();
        if !status.with_context(|| format!("run {program}"))?.success() {
            bail!("tests of {package} fail when the state is in PostgreSQL");
        }
    }
    Ok(())
}

/// The program of the integration tests below a folder, if that is what a message of cargo tells of.
fn program(message: &str, folder: &Path) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    let ours = target["name"] == "it" && Path::new(target["src_path"].as_str()?).starts_with(folder);
    ours.then(|| message["executable"].as_str().map(str::to_owned)).flatten()
}
