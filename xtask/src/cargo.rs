//! Cargo, as this program runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// A call of cargo in the workspace.
pub(crate) fn command(root: &Path, arguments: &[&str]) -> Command {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".into()));
    cargo.args(arguments).current_dir(root);
    // What cargo tells of the package that it runs. Some build scripts look at it, and would build all that needs them anew.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
        cargo.env_remove(name);
    }
    cargo
}

/// Runs cargo to its end.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<()> {
    let status = command(root, arguments).status().context("run cargo")?;
    if status.success() { Ok(()) } else { bail!("cargo {} failed", arguments.join(" ")) }
}

/// The folder of what is built.
pub(crate) fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// The integration tests of the workspace, built as `cargo test` builds them.
pub(crate) struct Tests {
    root: PathBuf,
    /// What cargo told while it built, an object of JSON on each line.
    messages: String,
}

impl Tests {
    /// Builds them.
    pub(crate) fn build(root: &Path) -> Result<Self> {
        let arguments = ["test", "--workspace", "--locked", "--no-run", "--message-format=json-render-diagnostics"];
        let built = command(root, &arguments).stderr(Stdio::inherit()).output().context("run cargo")?;
        ensure!(built.status.success(), "the tests cannot be built");
        Ok(Self { root: root.to_owned(), messages: String::from_utf8(built.stdout).context("cargo's messages")? })
    }

    /// A call of a package's tests, in its folder and with what cargo sets for them: tests use that as secrets' names.
    pub(crate) fn of(&self, package: &str) -> Result<Command> {
        let folder = self.root.join("crates").join(package);
        let program = self.messages.lines().filter_map(|line| program(line, &folder)).next_back();
        let mut tests = Command::new(program.with_context(|| format!("{package} has no tests in tests/it"))?);
        tests.current_dir(&folder).env("CARGO_MANIFEST_DIR", &folder).env("CARGO_PKG_NAME", package);
        Ok(tests)
    }
}

/// The program of the integration tests below a folder, if that is what a message of cargo tells of.
fn program(message: &str, folder: &Path) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    let ours = target["name"] == "it" && Path::new(target["src_path"].as_str()?).starts_with(folder);
    ours.then(|| message["executable"].as_str().map(str::to_owned)).flatten()
}
