//! The gold table through every door: a server as `polder serve` starts it, and a client of each protocol that it speaks.
//!
//! Nothing here reaches the mesh but through that server, and by tokens that end with the visit. Begin with [`visit`].

mod addresses;
mod door;
mod files;
mod row;
mod statements;
mod visitor;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::Method;
use polder_api::{HotState, HotSummary, NewProfile, NewToken, Page, ProfileMade, TokenMade};
use polder_model::PrincipalName;
use polder_model::secret::Secret;
use polder_server::{Limits, PostgresSettings, Running, ServerConfig};
use serde::Serialize;

use crate::client::{Client, Remote, Transport};
use crate::failure::{Exit, Failure};
use crate::render::listing::Listing;
use crate::render::units;
use door::Door;
use row::{Dollars, Row};
use visitor::Visitor;

/// Who reads: whole files are handed out to whom they show nothing masked.
const READER: &str = "pia";
/// Who owns the table and lets the recipient of the share in.
const OWNER: &str = "mia";
const RECIPIENT: &str = "voucher_company";
const TABLE: &str = "marketing.gold.most_spending_customers_v1";
/// How long a door may take, and the table to be in memory.
const PATIENCE: Duration = Duration::from_secs(30);
/// What to do where the table is not the demo's any more.
const CHANGED: &str = "where the descriptors were changed, name another folder with `--dir`: it gets them as they came";
const LOOK: Duration = Duration::from_millis(20);

/// What came of all doors.
#[derive(Debug)]
pub(super) struct Visit {
    /// The server's URL.
    server: String,
    pub(super) readings: Vec<Reading>,
}

/// What came through one door.
#[derive(Debug, Serialize)]
pub(super) struct Reading {
    door: &'static str,
    /// How it was asked.
    asked: String,
    rows: usize,
    /// What the rows come to.
    total_spent: Dollars,
    seconds: f64,
}

impl Visit {
    /// A line for each door. Addresses are last, for some are long, and without what all begin with.
    pub(super) fn text(&self) -> String {
        let mut listing = Listing::new(["door", "rows>", "total spent>", "seconds>", "asked"]);
        for Reading { door, asked, rows, total_spent, seconds } in &self.readings {
            let (rows, asked) = (units::count(*rows as u64), asked.replace(&self.server, ""));
            listing.row([(*door).to_owned(), rows, total_spent.to_string(), format!("{seconds:.3}"), asked]);
        }
        format!("\nThe gold table through every door of a server at {}:\n\n{}", self.server, listing.text())
    }
}

/// Serves the mesh in a folder, reads the gold table through every door, and ends the server.
///
/// # Errors
/// When a door does not open, or gives other rows than the first.
pub(super) async fn visit(local: &Client, folder: &Path) -> anyhow::Result<Visit> {
    let config =
        ServerConfig { root: folder.to_path_buf(), tenant: None, listen: any_port(), tls: None, limits: Limits::default() };
    let mut server = polder_server::serve(config).await.context("the demo's server does not start")?;
    let mut tokens = Vec::new();
    let read = read_all(local, &mut server, &mut tokens).await;
    let revoked = revoke(local, &tokens).await;
    let stopped = server.stop().await.context("the demo's server does not end well");
    // What went wrong first says most.
    let visit = read?;
    revoked.and(stopped)?;
    Ok(visit)
}

const fn any_port() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)
}

async fn revoke(local: &Client, tokens: &[String]) -> anyhow::Result<()> {
    for token in tokens {
        local.change(Method::DELETE, &["tokens", token]).await.context("cannot revoke a token of the demo")?;
    }
    Ok(())
}

async fn read_all(local: &Client, server: &mut Running, tokens: &mut Vec<String>) -> anyhow::Result<Visit> {
    let postgres = server.serve_postgres(PostgresSettings::new(any_port())).context("the door for PostgreSQL does not open")?;
    let server = format!("http://{}", server.address);
    let reader = token(local, READER, &["read", "query"], tokens).await?;
    let owner = token(local, OWNER, &["read", "apply"], tokens).await?;
    // The server is on this machine: no proxy leads there.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let owner = api(&http, &server, owner, local)?;
    held(&owner).await?;
    let profile = NewProfile { oauth: false, days: Some(1), overlap_hours: None };
    let profile: ProfileMade = owner.post(&owner.path(&["recipients", RECIPIENT, "profiles"]), &profile).await?;
    tokens.push(profile.token);
    let visitor = Visitor {
        api: api(&http, &server, reader.clone(), local)?,
        server,
        postgres,
        name: READER,
        token: reader,
        profile: serde_json::from_value(profile.profile).context("the profile is not one with a token")?,
        http,
    };
    let readings = readings(&visitor).await?;
    Ok(Visit { server: visitor.server, readings })
}

/// A token for somebody, whose id is kept to be revoked by.
async fn token(local: &Client, who: &str, scopes: &[&str], tokens: &mut Vec<String>) -> anyhow::Result<Secret> {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let wanted = NewToken { label: "polder demo".to_owned(), scopes, days: Some(1), principal: None };
    let made: TokenMade = local.acting(PrincipalName::new(who)?).post("/api/v1/tokens", &wanted).await?;
    tokens.push(made.summary.id);
    Ok(Secret::new(made.token))
}

/// The server's API by a token.
fn api(http: &reqwest::Client, server: &str, token: Secret, local: &Client) -> anyhow::Result<Client> {
    let remote = Remote::by(http.clone(), server.parse()?, Some(token));
    Ok(Client::new(Transport::Remote(remote), local.environment().clone(), None))
}

/// Waits until the server holds the table's rows by their key.
async fn held(owner: &Client) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let tables: Page<HotSummary> = owner.get(&owner.path(&["hot"])).await?;
        let found = tables.items.into_iter().find(|summary| summary.table.to_string() == TABLE);
        let state = found.as_ref().map(|summary| summary.state);
        if state == Some(HotState::Ready) {
            return Ok(());
        }
        if matches!(state, None | Some(HotState::TooLarge)) || begun.elapsed() > PATIENCE {
            let why = found.map_or_else(
                || "its descriptor declares no hotStorage".to_owned(),
                |summary| summary.detail.unwrap_or_else(|| format!("hot storage is {}", summary.state)),
            );
            let message = format!("the server does not hold {TABLE} in memory: {why}");
            return Err(Failure::new(Exit::Failed, message, CHANGED).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Reads through one door after the other, and sees that all give the same rows.
async fn readings(visitor: &Visitor) -> anyhow::Result<Vec<Reading>> {
    let mut readings = Vec::with_capacity(Door::ALL.len());
    let mut known: Vec<Row> = Vec::new();
    for door in Door::ALL {
        let asked = door.asked(visitor);
        let begun = Instant::now();
        let read = tokio::time::timeout(PATIENCE, door.read(visitor, &known)).await;
        let took = begun.elapsed();
        let read = read.unwrap_or_else(|_| Err(anyhow::anyhow!("it did not answer within {} seconds", PATIENCE.as_secs())));
        let mut rows = read.with_context(|| format!("cannot read {TABLE} by {}: {asked}", door.name()))?;
        rows.sort_unstable();
        if readings.is_empty() {
            known.clone_from(&rows);
        }
        same(door, &rows, &known)?;
        let total_spent = Dollars::of(&rows);
        readings.push(Reading { door: door.name(), asked, rows: rows.len(), total_spent, seconds: took.as_secs_f64() });
    }
    Ok(readings)
}

/// Sees that a door gave the rows that the first gave, and that there are some.
fn same(door: Door, rows: &[Row], known: &[Row]) -> anyhow::Result<()> {
    if !rows.is_empty() && rows == known {
        return Ok(());
    }
    let told = |rows: &[Row]| format!("{} rows that come to {}", rows.len(), Dollars::of(rows));
    let message = format!("{TABLE} has {} by {}, and {} by {}", told(rows), door.name(), told(known), Door::ALL[0].name());
    Err(Failure::new(Exit::Failed, message, "see that nothing else wrote the table meanwhile, then run the demo again").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_with_other_rows_is_refused() {
        let row = |id, cents| Row { id, cents };
        let known = [row(1, 10), row(2, 20)];
        assert!(same(Door::Iceberg, &known, &known).is_ok());
        for other in [&[row(1, 10)][..], &[row(1, 20), row(2, 10)], &[]] {
            let error = same(Door::Iceberg, other, &known).unwrap_err().to_string();
            assert!(error.contains("by Iceberg REST") && error.contains("2 rows that come to 0.30 by query API"), "{error}");
        }
        assert!(same(Door::Query, &[], &[]).is_err(), "no rows are no proof");
    }

    #[test]
    fn a_door_is_a_line() {
        let total_spent = Dollars::of(&[Row { id: 7, cents: 401_234_550 }]);
        let reading = |door, asked: &str, seconds| Reading { door, asked: asked.to_owned(), rows: 1000, total_spent, seconds };
        let readings = vec![
            reading("query API", "POST http://127.0.0.1:4711/api/v1/environments/dev/query", 0.012),
            reading("PostgreSQL", "postgresql://pia@127.0.0.1:4712/dev", 1.5),
        ];
        insta::assert_snapshot!(Visit { server: "http://127.0.0.1:4711".to_owned(), readings }.text().trim_start(), @"
        The gold table through every door of a server at http://127.0.0.1:4711:

        DOOR         ROWS   TOTAL SPENT  SECONDS  ASKED
        query API   1,000  4,012,345.50    0.012  POST /api/v1/environments/dev/query
        PostgreSQL  1,000  4,012,345.50    1.500  postgresql://pia@127.0.0.1:4712/dev
        ");
    }
}
