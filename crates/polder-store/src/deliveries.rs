//! What is to be told to others: written with the change it tells of, taken by one sender at a time, and tried until it
//! arrived or was given up.
//!
//! Sent at least once: a sender that dies after sending and before saying so is followed by another. What is sent carries the
//! delivery's id, by which a receiver knows a repetition. Of one request to one target, the first is sent before the second.

use std::time::Duration;

use chrono::{DateTime, Utc};
use polder_model::EnvironmentName;
use uuid::Uuid;

use crate::error::Result;
use crate::journal::id_at;
use crate::store::Store;
use crate::work::{Cells, Work, as_bigint, time_text};

/// Something to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    /// To whom: the name of a target.
    pub target: String,
    /// What.
    pub notice: serde_json::Value,
}

/// A delivery that this process may send now.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimedDelivery {
    /// Its id, the same at each attempt.
    pub id: Uuid,
    /// The request that it is about.
    pub request: Uuid,
    /// To whom.
    pub target: String,
    /// What.
    pub notice: serde_json::Value,
    /// When it was written.
    pub created: DateTime<Utc>,
    /// How often it was tried before.
    pub attempts: u32,
    /// What the target calls the request's ticket, if it has said so.
    pub ticket: Option<String>,
    claim: String,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// It arrived; a ticket system may have said what it calls the ticket.
    Sent {
        /// That.
        ticket: Option<String>,
    },
    /// It did not, and is to be tried again then.
    Retry {
        /// When.
        due: DateTime<Utc>,
        /// What went wrong.
        error: String,
    },
    /// It did not, and will not.
    GivenUp {
        /// What went wrong.
        error: String,
    },
}

/// How a delivery stands, for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeliveryRecord {
    /// Its id.
    pub id: Uuid,
    /// To whom.
    pub target: String,
    /// `waiting`, `sent` or `given_up`.
    pub state: String,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was written.
    pub created: DateTime<Utc>,
    /// When it arrived or was given up.
    pub finished: Option<DateTime<Utc>>,
    /// What went wrong last.
    pub error: Option<String>,
}

impl Store {
    /// Takes deliveries that are due, for as long as `lease`. No other process is given them before that is over.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn claim_deliveries(
        &self,
        environment: &EnvironmentName,
        now: DateTime<Utc>,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedDelivery>> {
        let mut work = self.read("looking for deliveries").await?;
        let sql = sqlx::query(
            "select deliveries.id, deliveries.request, deliveries.target, notice, created, attempts, ticket from deliveries \
             left join tickets on tickets.request = deliveries.request and tickets.target = deliveries.target \
             where environment = $1 and state = 'waiting' and due <= $2 and not exists (select 1 from deliveries as earlier \
             where earlier.request = deliveries.request and earlier.target = deliveries.target \
             and earlier.state = 'waiting' and earlier.number < deliveries.number) order by due, deliveries.id limit $3",
        );
        let sql = sql.bind(environment.to_string()).bind(time_text(now)).bind(as_bigint(limit.into()));
        let waiting = work.rows(sql).await?;
        drop(work);
        // Most of the time nothing is to be told, and no writer is kept waiting.
        if waiting.is_empty() {
            return Ok(Vec::new());
        }
        let mut claimed = waiting.iter().map(claimed).collect::<Result<Vec<_>>>()?;
        let mut work = self.write("taking deliveries").await?;
        let over = now + lease;
        let mut mine = Vec::with_capacity(claimed.len());
        for delivery in claimed.drain(..) {
            // Whoever comes second finds it due later, and touches no row.
            let sql = "update deliveries set claim = $2, due = $3, attempts = attempts + 1 \
                       where id = $1 and state = 'waiting' and due <= $4";
            let sql = sqlx::query(sql).bind(delivery.id.to_string()).bind(delivery.claim.clone());
            if work.run(sql.bind(time_text(over)).bind(time_text(now))).await? == 1 {
                mine.push(delivery);
            }
        }
        work.commit().await?;
        polder_model::fault::point("deliveries.claimed");
        Ok(mine)
    }

    /// Records what became of a delivery; returns whether it was still this process's to say.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn finish_delivery(
        &self,
        delivery: &ClaimedDelivery,
        outcome: &DeliveryOutcome,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut work = self.write("recording what became of a delivery").await?;
        let (state, due, error) = match outcome {
            DeliveryOutcome::Sent { .. } => ("sent", now, None),
            DeliveryOutcome::Retry { due, error } => ("waiting", *due, Some(error.clone())),
            DeliveryOutcome::GivenUp { error } => ("given_up", now, Some(error.clone())),
        };
        let finished = (state != "waiting").then(|| time_text(now));
        let sql = "update deliveries set state = $3, due = $4, error = $5, finished = $6, claim = null \
                   where id = $1 and claim = $2 and state = 'waiting'";
        let sql = sqlx::query(sql).bind(delivery.id.to_string()).bind(delivery.claim.clone()).bind(state);
        let mine = work.run(sql.bind(time_text(due)).bind(error).bind(finished)).await? == 1;
        if let DeliveryOutcome::Sent { ticket: Some(ticket) } = outcome {
            // Also when another has the delivery by now: the ticket is there, and a second one need not be.
            let sql =
                "insert into tickets (request, target, ticket) values ($1, $2, $3) on conflict (request, target) do nothing";
            let sql = sqlx::query(sql).bind(delivery.request.to_string()).bind(delivery.target.clone()).bind(ticket.clone());
            work.run(sql).await?;
        }
        work.commit().await?;
        Ok(mine)
    }

    /// Returns how the deliveries about a request stand, in the order in which they were written.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn deliveries(&self, request: Uuid) -> Result<Vec<DeliveryRecord>> {
        let mut work = self.read("reading deliveries").await?;
        let sql = "select id, target, state, attempts, created, finished, error from deliveries where request = $1 \
                   order by number, target";
        let rows = work.rows(sqlx::query(sql).bind(request.to_string())).await?;
        let record = |row: &Cells| {
            Ok(DeliveryRecord {
                id: row.read("id", Uuid::try_parse)?,
                target: row.text("target")?,
                state: row.text("state")?,
                attempts: attempts(row)?,
                created: row.time("created")?,
                finished: row.time_if_any("finished")?,
                error: row.text_if_any("error")?,
            })
        };
        rows.iter().map(record).collect()
    }

    /// Forgets deliveries that ended before a moment; returns how many.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn forget_deliveries(&self, environment: &EnvironmentName, before: DateTime<Utc>) -> Result<u64> {
        let mut work = self.write("forgetting old deliveries").await?;
        let sql = "delete from deliveries where environment = $1 and state in ('sent', 'given_up') and due < $2";
        let gone = work.run(sqlx::query(sql).bind(environment.to_string()).bind(time_text(before))).await?;
        work.commit().await?;
        Ok(gone)
    }
}

/// Writes what is to be told of one event, in the transaction of the event.
pub(crate) async fn add(
    work: &mut Work,
    environment: &EnvironmentName,
    request: &str,
    number: u64,
    deliveries: Vec<NewDelivery>,
    now: DateTime<Utc>,
) -> Result<()> {
    for NewDelivery { target, notice } in deliveries {
        let sql = "insert into deliveries (id, environment, request, number, target, notice, created, state, attempts, due) \
                   values ($1, $2, $3, $4, $5, $6, $7, 'waiting', 0, $7)";
        let sql = sqlx::query(sql).bind(id_at(now).to_string()).bind(environment.to_string()).bind(request.to_owned());
        work.run(sql.bind(as_bigint(number)).bind(target).bind(notice.to_string()).bind(time_text(now))).await?;
    }
    Ok(())
}

fn claimed(row: &Cells) -> Result<ClaimedDelivery> {
    Ok(ClaimedDelivery {
        id: row.read("id", Uuid::try_parse)?,
        request: row.read("request", Uuid::try_parse)?,
        target: row.text("target")?,
        notice: row.json("notice")?,
        created: row.time("created")?,
        attempts: attempts(row)?,
        ticket: row.text_if_any("ticket")?,
        claim: Uuid::new_v4().to_string(),
    })
}

fn attempts(row: &Cells) -> Result<u32> {
    Ok(u32::try_from(row.count("attempts")?).unwrap_or(u32::MAX))
}
