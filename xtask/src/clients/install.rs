//! Installing: a Python environment for each family and the packages of npm, kept for the next run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::ScopedJoinHandle;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use super::Places;
use super::catalogue::{Client, ENVIRONMENTS, PEERS};
use super::process::finish;

/// What is installed.
pub(super) struct Installed {
    cache: PathBuf,
}

/// Installs what these clients and every bed need and is not there yet.
pub(super) fn install(places: &Places, clients: &[&Client]) -> Result<Installed> {
    let wanted = clients.iter().map(|client| client.environment).chain(PEERS.iter().copied()).collect();
    std::thread::scope(|scope| {
        let python = scope.spawn(|| environments(places, &wanted));
        let issuer = npm(&places.script("oidc"), &places.cache.join("oidc")).context("install oidc-provider");
        joined(python).and(issuer)
    })?;
    let installed = Installed::in_cache(places);
    if clients.iter().any(|client| client.environment == "terraform") {
        // Which packages, and at which versions, is said by the script that reads them.
        let mut fetch = installed.python("terraform");
        finish(fetch.arg(places.script("terraform/schemas.py")).arg(installed.schemas())).context("fetch what providers take")?;
    }
    Ok(installed)
}

/// Installs the Python environments of these names that are not there yet.
pub(super) fn environments(places: &Places, wanted: &BTreeSet<&str>) -> Result<()> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = ENVIRONMENTS
            .iter()
            .filter(|(name, _)| wanted.contains(name))
            .map(|(name, requirements)| {
                scope.spawn(move || python(&places.cache.join(name), requirements).with_context(|| format!("install {name}")))
            })
            .collect();
        threads.into_iter().try_for_each(joined)
    })
}

pub(super) fn joined(thread: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    thread.join().unwrap_or_else(|_| Err(anyhow!("a panic")))
}

/// Makes a virtual environment, unless the one that is there was made of the same requirements.
fn python(folder: &Path, requirements: &[&str]) -> Result<()> {
    let (stamp, wanted) = (folder.join("installed"), requirements.join("\n"));
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    let missing = "this needs Python 3 with venv: install python3 and python3-venv";
    finish(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder)).context(missing)?;
    let mut pip = Command::new(folder.join("bin/pip"));
    finish(pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(requirements))?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

/// Installs what a lock file names, unless that is there.
fn npm(source: &Path, folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for file in ["package.json", "package-lock.json", "issuer.mjs"] {
        std::fs::copy(source.join(file), folder.join(file)).with_context(|| format!("copy {file}"))?;
    }
    let (stamp, wanted) = (folder.join("installed"), std::fs::read_to_string(source.join("package-lock.json"))?);
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(folder);
    finish(&mut npm).context("this needs Node: install nodejs and npm")?;
    std::fs::write(stamp, wanted)?;
    Ok(())
}

/// Installs one package of npm, named with its version, unless that is there.
pub(super) fn npm_package(folder: &Path, package: &str) -> Result<()> {
    let stamp = folder.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == package) {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--silent", "--prefix"]).arg(folder).arg(package);
    finish(&mut npm).context("this needs Node: install nodejs and npm")?;
    std::fs::write(stamp, package)?;
    Ok(())
}

impl Installed {
    /// What earlier calls installed.
    pub(super) fn in_cache(places: &Places) -> Self {
        Self { cache: places.cache.clone() }
    }

    /// An environment's Python.
    pub(super) fn python(&self, environment: &str) -> Command {
        let mut python = Command::new(self.cache.join(environment).join("bin/python"));
        python.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
        python
    }

    /// Where the issuer is.
    pub(super) fn issuer(&self) -> PathBuf {
        self.cache.join("oidc")
    }

    /// Where it is said what Terraform's providers take.
    fn schemas(&self) -> PathBuf {
        self.cache.join("terraform-schemas")
    }

    /// The versions that are installed of the packages that a client is about, with their names.
    pub(super) fn versions(&self, client: &Client) -> Result<Vec<String>> {
        client.packages.iter().map(|package| self.version(client, package)).collect()
    }

    fn version(&self, client: &Client, package: &str) -> Result<String> {
        if let Some(package) = package.strip_prefix("npm:") {
            let of = |folder: PathBuf| folder.join("node_modules").join(package).join("package.json");
            let file = Some(of(self.issuer())).filter(|file| file.exists()).unwrap_or_else(|| of(self.schemas()));
            let text = std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
            let described: Value = serde_json::from_str(&text)?;
            return Ok(format!("{package} {}", described["version"].as_str().unwrap_or("?")));
        }
        let own = |environment: &&str| {
            let of = ENVIRONMENTS.iter().find(|(name, _)| name == environment);
            of.is_some_and(|(_, requirements)| requirements.iter().any(|r| r.split(['=', '[']).next() == Some(package)))
        };
        let environment = [client.environment].into_iter().chain(PEERS.iter().copied()).find(own);
        let mut ask = self.python(environment.unwrap_or(client.environment));
        ask.args(["-c", "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))", package]);
        Ok(format!("{package} {}", finish(&mut ask)?.trim()))
    }
}
