//! Clients that others wrote, installed from their registries and run against the real server: `cargo xtask clients`.
//!
//! A client is a row of [`catalogue::CLIENTS`] and a script in `tests/clients` that prints a line for each check. Begin with [`run`].

mod bed;
mod catalogue;
mod install;
mod process;
mod report;
mod script;
pub(crate) mod stores;

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use self::bed::Bed;
use self::catalogue::{CLIENTS, Client};
use self::install::Installed;
use self::report::Outcome;

const HELP: &str = "usage: cargo xtask clients [--built] [--write] [NAME...]

Builds polder, installs the clients that are named, or all, from PyPI and npm into POLDER_CI_CACHE/clients or target/clients,
and runs each against a server. --built takes the debug binary as it is; --write puts the table into docs/clients.md.";

/// Where things are.
struct Places {
    root: PathBuf,
    /// Where installed clients stay.
    cache: PathBuf,
    /// The folder of this run.
    scratch: tempfile::TempDir,
    polder: PathBuf,
}

impl Places {
    /// A file of `tests/clients`.
    fn script(&self, name: &str) -> PathBuf {
        self.root.join("tests/clients").join(name)
    }
}

/// Runs the clients that are named, or all, and prints the table.
pub(crate) fn run(root: &Path, arguments: &[String]) -> Result<()> {
    if arguments.iter().any(|a| a == "--help" || a == "-h") {
        println!("{HELP}");
        return Ok(());
    }
    let (flags, names): (Vec<&String>, Vec<&String>) = arguments.iter().partition(|a| a.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|flag| !["--built", "--write"].contains(&flag.as_str())) {
        bail!("there is no {unknown}\n{HELP}");
    }
    let is_set = |flag: &str| flags.iter().any(|set| *set == flag);
    let chosen = chosen(&names)?;
    let started = Instant::now();
    let places = places(root)?;
    if !is_set("--built") {
        crate::cargo::run(root, &["build", "--package", "polder", "--locked"])?;
    }
    let installed = install::install(&places, &chosen)?;
    println!("built and installed in {:.0} s", started.elapsed().as_secs_f64());
    let mut outcomes = Vec::new();
    let mut beds = BTreeMap::new();
    for client in &chosen {
        outcomes.push(one(&places, &installed, &mut beds, client)?);
    }
    drop(beds);
    let table = report::table(&outcomes);
    println!("\n{table}\n{:.0} s in all", started.elapsed().as_secs_f64());
    let failed: Vec<&str> = outcomes.iter().filter(|outcome| !outcome.passed()).map(|outcome| outcome.client.name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    if is_set("--write") {
        report::write(&places.root.join("docs/clients.md"), &outcomes)?;
    }
    Ok(())
}

fn chosen(names: &[&String]) -> Result<Vec<&'static Client>> {
    if let Some(unknown) = names.iter().find(|name| CLIENTS.iter().all(|client| client.name != name.as_str())) {
        let known: Vec<&str> = CLIENTS.iter().map(|client| client.name).collect();
        bail!("there is no client {unknown:?}; there are {}\n{HELP}", known.join(", "));
    }
    Ok(CLIENTS.iter().filter(|client| names.is_empty() || names.iter().any(|name| *name == client.name)).collect())
}

fn places(root: &Path) -> Result<Places> {
    let target = crate::cargo::target(root);
    let cache = std::env::var_os("POLDER_CI_CACHE").map_or_else(|| root.join("target"), PathBuf::from).join("clients");
    std::fs::create_dir_all(&cache).with_context(|| format!("make {}", cache.display()))?;
    // Open to who knows what is in it: PostgreSQL's server does not run as root, and has its files here.
    let mode = Permissions::from_mode(0o711);
    let scratch = tempfile::Builder::new().prefix("polder-clients-").permissions(mode).tempdir();
    let scratch = scratch.context("make a folder for this run")?;
    Ok(Places { root: root.to_owned(), cache, scratch, polder: target.join("debug/polder") })
}

/// Runs a client against the bed that it shares with others of its kind.
fn one(
    places: &Places,
    installed: &Installed,
    beds: &mut BTreeMap<&'static str, Bed>,
    client: &'static Client,
) -> Result<Outcome> {
    println!("\n== {}", client.name);
    if !beds.contains_key(client.bed) {
        beds.insert(client.bed, Bed::start(places, installed, client.bed).with_context(|| format!("bed {}", client.bed))?);
    }
    let versions = installed.versions(client)?;
    let started = Instant::now();
    let checks = script::run(places, installed, &beds[client.bed], client)?;
    Ok(Outcome { client, versions, checks, seconds: started.elapsed().as_secs_f64() })
}
