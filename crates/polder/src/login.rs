//! Logins that are kept: for each server the tokens that an issuer gave, in one file that only its owner can read.
//!
//! Tokens are renewed when they are about to end. One process at a time does that: a refresh token is good once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use polder_api::SignOnConfig;
use polder_identity::{Issuer, IssuerSettings, Login, Party};
use polder_model::secret::Secret;
use polder_outbound::{Outbound, OutboundConfig};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::failure::{Exit, Failure};

/// How long before its end a token is renewed.
const BEFORE: TimeDelta = TimeDelta::seconds(60);

/// What is kept of every login.
#[derive(Default, Serialize, Deserialize)]
struct Logins {
    /// The server that was signed in to last.
    latest: Option<String>,
    servers: BTreeMap<String, Kept>,
}

/// What is kept of one.
#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    issuer: String,
    audience: String,
    client_id: String,
    access_token: String,
    refresh_token: Option<String>,
    expires: Option<DateTime<Utc>>,
}

/// The token for a server that was signed in to, renewed when it is about to end; `None` when it was not.
pub(crate) async fn token_for(server: &Url) -> anyhow::Result<Option<Secret>> {
    let key = key(server);
    let Some(kept) = read()?.servers.remove(&key) else { return Ok(None) };
    if !ends(&kept) {
        return Ok(Some(Secret::new(kept.access_token)));
    }
    let _lock = lock()?;
    // Another process may have renewed it while this one waited.
    let Some(kept) = read()?.servers.remove(&key) else { return Ok(None) };
    if !ends(&kept) {
        return Ok(Some(Secret::new(kept.access_token)));
    }
    let Some(refresh_token) = kept.refresh_token.clone() else { return Err(over(server).into()) };
    let config = SignOnConfig {
        issuer: kept.issuer.clone(),
        audience: kept.audience.clone(),
        client_id: kept.client_id.clone(),
        scopes: Vec::new(),
    };
    let renewed =
        party(&config).await?.refresh(&Secret::new(refresh_token.as_str())).await.map_err(|error| over(server).because(error))?;
    let token = renewed.access_token.clone();
    let mut kept = kept_of(&config, renewed);
    // Issuers that give no new one leave the old one good.
    kept.refresh_token = kept.refresh_token.or(Some(refresh_token));
    change(|logins| drop(logins.servers.insert(key, kept)))?;
    Ok(Some(token))
}

/// The server that was signed in to last.
pub(crate) fn latest() -> anyhow::Result<Option<Url>> {
    Ok(read()?.latest.and_then(|server| server.parse().ok()))
}

/// Keeps a login.
pub(crate) fn keep(server: &Url, config: &SignOnConfig, login: Login) -> anyhow::Result<()> {
    let _lock = lock()?;
    let kept = kept_of(config, login);
    change(|logins| {
        logins.latest = Some(key(server));
        logins.servers.insert(key(server), kept);
    })
}

/// Forgets a login. Says whether there was one.
pub(crate) fn forget(server: &Url) -> anyhow::Result<bool> {
    let _lock = lock()?;
    let mut was = false;
    change(|logins| {
        was = logins.servers.remove(&key(server)).is_some();
        logins.latest.take_if(|latest| *latest == key(server));
    })?;
    Ok(was)
}

/// The issuer's client, as which people sign in from a command line.
pub(crate) async fn party(config: &SignOnConfig) -> anyhow::Result<Party> {
    let settings = IssuerSettings {
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        client_id: config.client_id.clone(),
        client_secret: None,
        user_claim: None,
        scopes: config.scopes.clone(),
        required_claims: BTreeMap::new(),
    };
    let party = Issuer::new(settings, outbound()).party(Utc::now()).await;
    party.map_err(|error| {
        let message = format!("the issuer {} cannot be asked", config.issuer);
        Failure::new(Exit::Unavailable, message, "see that this machine reaches it").because(error).into()
    })
}

/// The way out of a person's own machine, from which they may call whom they like.
pub(crate) fn outbound() -> Outbound {
    let everyone = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|network| network.parse().ok()).collect();
    Outbound::new(OutboundConfig { allow: everyone, ..OutboundConfig::default() })
}

fn kept_of(config: &SignOnConfig, login: Login) -> Kept {
    let lasts = login.expires_in.and_then(|lasts| TimeDelta::from_std(lasts).ok());
    Kept {
        issuer: config.issuer.clone(),
        audience: config.audience.clone(),
        client_id: config.client_id.clone(),
        access_token: login.access_token.expose().to_owned(),
        refresh_token: login.refresh_token.map(|token| token.expose().to_owned()),
        expires: lasts.map(|lasts| Utc::now() + lasts),
    }
}

fn ends(kept: &Kept) -> bool {
    kept.expires.is_some_and(|expires| expires - Utc::now() < BEFORE)
}

fn over(server: &Url) -> Failure {
    Failure::new(
        Exit::Denied,
        format!("the login at {server} is over"),
        format!("sign in again: `polder login --server {server}`"),
    )
}

fn key(server: &Url) -> String {
    server.as_str().trim_end_matches('/').to_owned()
}

fn folder() -> anyhow::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config"))).or_else(|| set("APPDATA"));
    let hint = "set XDG_CONFIG_HOME to a folder, or give the token in POLDER_TOKEN";
    Ok(base.ok_or_else(|| Failure::new(Exit::Invalid, "there is no folder to keep logins in", hint))?.join("polder"))
}

fn read() -> anyhow::Result<Logins> {
    let path = folder()?.join("logins.json");
    match fs::read(&path) {
        Ok(bytes) => {
            serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged: remove it and sign in again", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Logins::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Changes what is kept, as a whole or not at all. The lock is the caller's.
fn change(with: impl FnOnce(&mut Logins)) -> anyhow::Result<()> {
    let mut logins = read()?;
    with(&mut logins);
    let folder = folder()?;
    let (path, draft) = (folder.join("logins.json"), folder.join(".logins.draft"));
    let written = write_private(&draft, &serde_json::to_vec_pretty(&logins)?).and_then(|()| fs::rename(&draft, &path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn lock() -> anyhow::Result<File> {
    let folder = folder()?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(".logins.lock");
    let locked = File::create(&path).and_then(|file| file.lock().map(|()| file));
    locked.with_context(|| format!("cannot lock {}", path.display()))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // A draft that a process left behind may have other rights.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
