//! Leases: who may write now. Each taking has a greater token than the one before, and a writer whose token is no longer the
//! lease's is refused, however late it wakes up.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::{Result, StoreError};
use crate::store::Store;
use crate::work::{Cells, Work, as_bigint, time_text};

/// A process that holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine.
    pub host: String,
    /// The process's number there.
    pub pid: u32,
    /// When the process started, in whatever unit the caller counts: numbers are used again, starts are not.
    pub started: u64,
}

/// Says whether a holder is certainly dead. Whoever cannot know (another machine) says no, and the lease's time decides.
pub type IsDead<'a> = &'a (dyn Fn(&Holder) -> bool + Send + Sync);

/// A lease that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is on.
    pub name: String,
    /// Greater than every token of this lease before it.
    pub token: u64,
    /// How long it lasts after each renewal.
    pub ttl: Duration,
}

/// What came of trying to take a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Acquired {
    /// It is held.
    Held(Lease),
    /// Another holds it.
    Busy {
        /// Who.
        holder: Holder,
        /// Since when.
        since: DateTime<Utc>,
    },
}

impl Store {
    /// Takes a lease that nobody holds, whose time is over, or whose holder is dead.
    ///
    /// # Errors
    /// Only faults of the database; a lease that is held is [`Acquired::Busy`].
    pub async fn acquire(
        &self,
        name: &str,
        holder: &Holder,
        ttl: Duration,
        now: DateTime<Utc>,
        is_dead: IsDead<'_>,
    ) -> Result<Acquired> {
        let mut work = self.write("taking a lease").await?;
        let taken = take(&mut work, name, holder, ttl, now, is_dead).await?;
        work.commit().await?;
        Ok(taken)
    }

    /// Makes a lease last for its time from now on.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another has taken it.
    pub async fn renew(&self, lease: &Lease, now: DateTime<Utc>) -> Result<()> {
        let mut work = self.write("renewing a lease").await?;
        hold(&mut work, lease, now).await?;
        work.commit().await
    }

    /// Gives a lease back. One that another has taken meanwhile stays that other's.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn release(&self, lease: Lease) -> Result<()> {
        let mut work = self.write("giving a lease back").await?;
        let_go(&mut work, &lease).await?;
        work.commit().await
    }
}

/// Takes a lease within a transaction. When it is busy, nothing has changed.
pub(crate) async fn take(
    work: &mut Work,
    name: &str,
    holder: &Holder,
    ttl: Duration,
    now: DateTime<Utc>,
    is_dead: IsDead<'_>,
) -> Result<Acquired> {
    let make = "insert into leases (name, token, expires) values ($1, 0, 0) on conflict (name) do nothing";
    work.run(sqlx::query(make).bind(name.to_owned())).await?;
    // On PostgreSQL this keeps others out until the transaction ends.
    work.run(sqlx::query("update leases set token = token where name = $1").bind(name.to_owned())).await?;
    let sql = sqlx::query("select token, holder, since, expires from leases where name = $1").bind(name.to_owned());
    let row = work.row(sql).await?.ok_or_else(|| missing(work, name))?;
    if let Some(busy) = busy(&row, now, is_dead)? {
        return Ok(busy);
    }
    let lease = Lease { name: name.to_owned(), token: row.count("token")? + 1, ttl };
    let text = serde_json::to_string(holder).map_err(|e| StoreError::unreadable(&work.place, "a holder".to_owned(), e))?;
    let sql = sqlx::query("update leases set token = $2, holder = $3, since = $4, expires = $5 where name = $1");
    let sql = sql.bind(name.to_owned()).bind(as_bigint(lease.token)).bind(text).bind(time_text(now)).bind(expiry(now, ttl));
    work.run(sql).await?;
    Ok(Acquired::Held(lease))
}

/// Renews a lease within a transaction, which keeps every other writer under it out until the end.
pub(crate) async fn hold(work: &mut Work, lease: &Lease, now: DateTime<Utc>) -> Result<()> {
    let sql = sqlx::query("update leases set expires = $3 where name = $1 and token = $2 and holder is not null");
    let sql = sql.bind(lease.name.clone()).bind(as_bigint(lease.token)).bind(expiry(now, lease.ttl));
    if work.run(sql).await? == 0 { Err(StoreError::Fenced { name: lease.name.clone() }) } else { Ok(()) }
}

pub(crate) async fn let_go(work: &mut Work, lease: &Lease) -> Result<()> {
    let sql = sqlx::query("update leases set holder = null, since = null, expires = 0 where name = $1 and token = $2");
    work.run(sql.bind(lease.name.clone()).bind(as_bigint(lease.token))).await?;
    Ok(())
}

fn busy(row: &Cells, now: DateTime<Utc>, is_dead: IsDead<'_>) -> Result<Option<Acquired>> {
    if row.text_if_any("holder")?.is_none() || row.number("expires")? <= now.timestamp_millis() {
        return Ok(None);
    }
    let holder: Holder = row.json("holder")?;
    if is_dead(&holder) { Ok(None) } else { Ok(Some(Acquired::Busy { holder, since: row.time("since")? })) }
}

fn expiry(now: DateTime<Utc>, ttl: Duration) -> i64 {
    now.timestamp_millis().saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}

fn missing(work: &Work, name: &str) -> StoreError {
    StoreError::Missing { place: work.place.to_string(), what: format!("lease {name}") }
}
