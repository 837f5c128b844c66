//! A bed: a polder server over a fresh mesh, with an issuer to sign in at, an S3, a PostgreSQL with data of another, and someone who takes
//! its messages.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Places;
use super::install::Installed;
use super::process::{Process, finish};

/// What webhooks are signed with, what the ticket system asks for, and what opens the database of another. Secrets of one run and of
/// nothing else.
const SECRETS: [(&str, &str); 3] = [
    ("HOOK_SECRET", "the-secret-of-a-webhook"),
    ("TICKET_TOKEN", "the-token-of-a-ticket-system"),
    ("POLDER_SECRET_CRM_PASSWORD", "the-password-of-a-crm"),
];

/// A server at work, with all that it needs. It ends with this.
pub(super) struct Bed {
    /// What scripts are told of it.
    pub(super) told: Vec<(&'static str, String)>,
    server: Process,
    _peers: [Process; 4],
}

impl Bed {
    /// Starts one. Its mesh is applied and loaded.
    pub(super) fn start(places: &Places, installed: &Installed, name: &str) -> Result<Self> {
        let folder = places.scratch.path().join(name);
        let mesh = folder.join("mesh");
        copy(&places.script("mesh"), &mesh)?;
        // A port that is free now: the issuer has to know it before the server starts.
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let url = format!("http://{listen}");
        let postgres = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let (peers, found) = peers(places, installed, &folder, &url)?;
        for file in ["polder.yaml", "domains/sales/connections/crm.yaml"] {
            fill_in(&mesh.join(file), &found)?;
        }
        finish(polder(places, &mesh).args(["apply", "--yes"]))?;
        finish(polder(places, &mesh).args(["run", "--all"]))?;
        let mut server = Process::start(
            "polder",
            polder(places, &mesh).args(["serve", "--listen", &listen, "--postgres", &postgres]),
            &folder,
        )?;
        let bootstrap = server.said(|line| line.trim().starts_with("polder_boot_").then(|| line.trim().to_owned()))?;
        let token = |arguments: &[&str]| {
            let mut create = Command::new(&places.polder);
            create.env("POLDER_SERVER", &url).env("POLDER_TOKEN", &bootstrap).args(["token", "create"]).args(arguments);
            finish(&mut create).map(|token| token.trim().to_owned())
        };
        let of = |principal: &str, scopes: &str| token(&["--label", "clients", "--principal", principal, "--scope", scopes]);
        let orders = std::fs::read_to_string(mesh.join("landing/orders.csv"))?.lines().count() - 1;
        let told = vec![
            ("POLDER_TOKEN", of("reader", "read,query")?),
            ("POLDER_MAKER_TOKEN", of("maker", "read,query,write,apply")?),
            ("POLDER_MEMBER_TOKEN", of("reader", "read,query,write,apply,admin")?),
            ("POLDER_OWNER_TOKEN", of("treasury_loader", "read,query,write")?),
            ("POLDER_SELLER_TOKEN", of("seller", "read,query,write,apply")?),
            ("POLDER_PII_TOKEN", of("steward", "read,query,write")?),
            ("POLDER_OUTSIDER_TOKEN", of("outsider", "read,query,write")?),
            ("POLDER_POSTGRES", postgres),
            ("POLDER_OWNED", "treasury.bronze.payments_v1".to_owned()),
            ("POLDER_SCIM_TOKEN", token(&["--label", "SCIM", "--scope", "scim"])?),
            ("POLDER_ADMIN_TOKEN", bootstrap.clone()),
            ("POLDER_TABLE", "finance.bronze.orders_v1".to_owned()),
            ("POLDER_ROWS", orders.to_string()),
            ("POLDER_GROUP", "readers".to_owned()),
            ("POLDER_MASKED", "finance.bronze.customer_v1".to_owned()),
            ("POLDER_VOLUME", "finance.bronze.contracts_v1".to_owned()),
            ("POLDER_PROGRAM", places.polder.display().to_string()),
            ("POLDER_MESH", mesh.display().to_string()),
        ];
        let told = told.into_iter().chain(found).chain(SECRETS.map(|(name, value)| (name, value.to_owned()))).collect();
        Ok(Self { told, server, _peers: peers })
    }

    /// The last lines of the server's log.
    pub(super) fn server_log(&self) -> String {
        self.server.tail()
    }
}

/// What a mesh has to know of one run.
type Found = Vec<(&'static str, String)>;

fn peers(places: &Places, installed: &Installed, folder: &Path, url: &str) -> Result<([Process; 4], Found)> {
    let mut issuer = Command::new("node");
    let redirects = serde_json::to_string(&[format!("{url}/auth/callback"), "http://127.0.0.1/callback".to_owned()])?;
    issuer.arg("issuer.mjs").current_dir(installed.issuer()).env("REDIRECTS", redirects);
    // All at once, and then each is waited for. The database is PostgreSQL's own, which any Python starts.
    let mut crm = peer(places, installed, "smtp", "crm.py");
    let mut crm = Process::start("crm", crm.arg(folder).envs(SECRETS), folder)?;
    let mut sink = Process::start("sink", &peer(places, installed, "smtp", "sink.py"), folder)?;
    let mut issuer = Process::start("issuer", &issuer, folder)?;
    let (s3, stores) = s3(places, installed, folder, &["dev-treasury", "dev-sales"])?;
    let (messages, sign_on, database) = (sink.said(ready)?, issuer.said(ready)?, crm.said(ready)?);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let found = vec![
        ("POLDER_URL", url.to_owned()),
        ("POLDER_S3", stores),
        ("POLDER_SMTP", text(&messages["smtp"])),
        ("POLDER_SINK", text(&messages["http"])),
        ("POLDER_ISSUER", text(&sign_on["issuer"])),
        ("POLDER_CRM", text(&database["crm"])),
    ];
    Ok(([s3, sink, issuer, crm], found))
}

/// A script of `tests/clients/peers` in one of the environments.
fn peer(places: &Places, installed: &Installed, environment: &str, script: &str) -> Command {
    let mut python = installed.python(environment);
    python.arg(places.script("peers").join(script));
    python
}

/// Starts an S3 with these buckets, and tells its URL.
fn s3(places: &Places, installed: &Installed, folder: &Path, buckets: &[&str]) -> Result<(Process, String)> {
    let mut s3 = Process::start("s3", peer(places, installed, "moto", "s3.py").args(buckets), folder)?;
    let said = s3.said(ready)?;
    let url = said["s3"].as_str().context("where the S3 is")?.to_owned();
    Ok((s3, url))
}

/// A peer says in a JSON object on a line of its own where it listens.
fn ready(line: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line).ok().filter(Value::is_object)
}

/// Puts the addresses of this run where the mesh has `@URL@` and its like.
fn fill_in(file: &Path, found: &Found) -> Result<()> {
    let mut text = std::fs::read_to_string(file)?;
    for (name, value) in found {
        text = text.replace(&format!("@{}@", name.trim_start_matches("POLDER_")), value);
    }
    std::fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

/// The program in a mesh's folder, whatever server is set in this process's environment.
fn polder(places: &Places, mesh: &PathBuf) -> Command {
    let mut polder = Command::new(&places.polder);
    polder.arg("--dir").arg(mesh).env_remove("POLDER_SERVER").env_remove("POLDER_TOKEN").envs(SECRETS);
    polder
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let there = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &there)?;
        } else {
            std::fs::copy(entry.path(), there)?;
        }
    }
    Ok(())
}
