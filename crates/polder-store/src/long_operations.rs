//! Long operations: begun by one request, worked on by one server, watched and cancelled through any.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use polder_api::{Operation, OperationEvent, OperationKind, OperationStatus, Problem};
use polder_model::principal::NOBODY;
use polder_model::{EnvironmentName, PrincipalName};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::bulk::{self, Value};
use crate::error::{Result, StoreError};
use crate::journal::id_at;
use crate::store::Store;
use crate::work::{Cells, Work, as_bigint, time_text};

/// Which long operations.
#[derive(Debug, Clone)]
pub struct LongOperationFilter {
    /// Only this environment's.
    pub environment: EnvironmentName,
    /// Only this principal's.
    pub principal: Option<PrincipalName>,
    /// Only those begun before this one.
    pub before: Option<Uuid>,
}

/// For how long an operation that has ended is kept.
const KEPT: TimeDelta = TimeDelta::days(30);

const COLUMNS: &str =
    "select id, environment, kind, principal, status, cancel_requested, started, finished, result, problem from long_operations";

impl Store {
    /// Begins a long operation. Unless [`Store::keep_long_operation`] is called within `ttl`, again and again, its server counts as lost.
    /// Operations that ended a month ago are forgotten.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn begin_long_operation(
        &self,
        environment: &EnvironmentName,
        kind: OperationKind,
        principal: &PrincipalName,
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<Operation> {
        let mut work = self.write("beginning an operation").await?;
        forget(&mut work, now - KEPT).await?;
        let id = id_at(now);
        let sql = sqlx::query(
            "insert into long_operations (id, environment, kind, principal, status, cancel_requested, expires, started) \
             values ($1, $2, $3, $4, $5, 0, $6, $7)",
        );
        let sql = sql.bind(id.to_string()).bind(environment.to_string()).bind(word(&kind)).bind(principal.to_string());
        work.run(sql.bind(word(&OperationStatus::Running)).bind(expiry(now, ttl)).bind(time_text(now))).await?;
        work.commit().await?;
        Ok(Operation {
            id,
            kind,
            environment: environment.clone(),
            principal: principal.clone(),
            status: OperationStatus::Running,
            cancel_requested: false,
            started: now,
            finished: None,
            result: None,
            problem: None,
        })
    }

    /// Says that a server is still at work on an operation, and what happened in it since. Returns whether it shall stop.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when it counts as lost already; faults of the database.
    pub async fn keep_long_operation(
        &self,
        id: Uuid,
        events: &[OperationEvent],
        ttl: Duration,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let mut work = self.write("working on an operation").await?;
        let sql = sqlx::query("update long_operations set expires = $2 where id = $1 and status = $3");
        let running = sql.bind(id.to_string()).bind(expiry(now, ttl)).bind(word(&OperationStatus::Running));
        if work.run(running).await? == 0 {
            return Err(StoreError::Missing { place: work.place.to_string(), what: format!("running operation {id}") });
        }
        add_events(&mut work, id, events).await?;
        let row =
            work.row(sqlx::query("select cancel_requested from long_operations where id = $1").bind(id.to_string())).await?;
        let cancel = row.map_or(Ok(0), |row| row.number("cancel_requested"))? != 0;
        work.commit().await?;
        Ok(cancel)
    }

    /// Ends an operation that is running. One that counts as lost stays so.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn end_long_operation(&self, ended: &Operation, events: &[OperationEvent]) -> Result<()> {
        let mut work = self.write("ending an operation").await?;
        add_events(&mut work, ended.id, events).await?;
        let sql = sqlx::query(
            "update long_operations set status = $2, finished = $3, result = $4, problem = $5 where id = $1 and status = $6",
        );
        let sql = sql.bind(ended.id.to_string()).bind(word(&ended.status)).bind(ended.finished.map(time_text));
        let sql = sql.bind(ended.result.as_ref().map(ToString::to_string));
        let sql = sql.bind(ended.problem.as_ref().and_then(|problem| serde_json::to_string(problem).ok()));
        work.run(sql.bind(word(&OperationStatus::Running))).await?;
        work.commit().await
    }

    /// Asks an operation to stop. Returns whether it was running.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn cancel_long_operation(&self, id: Uuid) -> Result<bool> {
        let mut work = self.write("cancelling an operation").await?;
        let sql = sqlx::query("update long_operations set cancel_requested = 1 where id = $1 and status = $2");
        let touched = work.run(sql.bind(id.to_string()).bind(word(&OperationStatus::Running))).await?;
        work.commit().await?;
        Ok(touched > 0)
    }

    /// Marks the operations whose server was lost; returns how many.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn interrupt_lost_operations(&self, now: DateTime<Utc>) -> Result<u64> {
        let mut work = self.write("looking for operations whose server was lost").await?;
        let sql = sqlx::query("update long_operations set status = $1, finished = $2 where status = $3 and expires < $4");
        let sql = sql.bind(word(&OperationStatus::Interrupted)).bind(time_text(now)).bind(word(&OperationStatus::Running));
        let touched = work.run(sql.bind(now.timestamp_millis())).await?;
        work.commit().await?;
        Ok(touched)
    }

    /// Returns an operation.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn long_operation(&self, id: Uuid) -> Result<Option<Operation>> {
        let mut work = self.read("reading an operation").await?;
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} where id = $1"));
        let row = work.row(sqlx::query(sql).bind(id.to_string())).await?;
        row.as_ref().map(operation).transpose()
    }

    /// Returns operations, newest first.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn long_operations(&self, filter: &LongOperationFilter, limit: u32) -> Result<Vec<Operation>> {
        let mut work = self.read("reading the operations").await?;
        let sql = sqlx::AssertSqlSafe(format!(
            "{COLUMNS} where environment = $1 and ($2 = '' or principal = $2) and ($3 = '' or id < $3) order by id desc limit $4"
        ));
        let principal = filter.principal.as_ref().map(ToString::to_string).unwrap_or_default();
        let before = filter.before.map(|id| id.to_string()).unwrap_or_default();
        let sql = sqlx::query(sql).bind(filter.environment.to_string()).bind(principal).bind(before);
        let rows = work.rows(sql.bind(as_bigint(limit.into()))).await?;
        rows.iter().map(operation).collect()
    }

    /// Returns what happened in an operation after its event of this number, in order.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn long_operation_events(&self, id: Uuid, after: u64, limit: u32) -> Result<Vec<OperationEvent>> {
        let mut work = self.read("reading the events of an operation").await?;
        let sql = sqlx::query(
            "select number, time, event from long_operation_events where operation = $1 and number > $2 order by number limit $3",
        );
        let rows = work.rows(sql.bind(id.to_string()).bind(as_bigint(after)).bind(as_bigint(limit.into()))).await?;
        let event =
            |row: &Cells| Ok(OperationEvent { number: row.count("number")?, time: row.time("time")?, event: row.json("event")? });
        rows.iter().map(event).collect()
    }
}

/// Forgets what ended before a moment, a part at a time: nobody waits for long.
async fn forget(work: &mut Work, before: DateTime<Utc>) -> Result<()> {
    for sql in [
        "delete from long_operation_events where operation in (select id from long_operations where finished < $1 order by id limit 100)",
        "delete from long_operations where id in (select id from long_operations where finished < $1 order by id limit 100)",
    ] {
        work.run(sqlx::query(sql).bind(time_text(before))).await?;
    }
    Ok(())
}

/// Forgets the operations of a principal, in the transaction that removes it. Those that run are asked to stop and are nobody's
/// from here on: whoever is called so later has no part in them, and admins still see what goes on.
pub(crate) async fn forget_of(work: &mut Work, principal: &PrincipalName) -> Result<()> {
    let running = word(&OperationStatus::Running);
    let sql = sqlx::query("update long_operations set principal = $2, cancel_requested = 1 where principal = $1 and status = $3");
    work.run(sql.bind(principal.to_string()).bind(NOBODY).bind(running)).await?;
    for sql in [
        "delete from long_operation_events where operation in (select id from long_operations where principal = $1)",
        "delete from long_operations where principal = $1",
    ] {
        work.run(sqlx::query(sql).bind(principal.to_string())).await?;
    }
    Ok(())
}

async fn add_events(work: &mut Work, id: Uuid, events: &[OperationEvent]) -> Result<()> {
    let row = |event: &OperationEvent| {
        let number = Value::Number(as_bigint(event.number));
        [Value::Text(id.to_string()), number, Value::Text(time_text(event.time)), Value::Text(event.event.to_string())]
    };
    let into = "long_operation_events (operation, number, time, event)";
    bulk::insert(work, into, "on conflict (operation, number) do nothing", events.iter().map(row).collect()).await
}

fn operation(row: &Cells) -> Result<Operation> {
    let problem = row.text_if_any("problem")?;
    Ok(Operation {
        id: row.read("id", Uuid::parse_str)?,
        kind: row.read("kind", read_word)?,
        environment: row.read("environment", EnvironmentName::new)?,
        principal: row.read("principal", PrincipalName::new)?,
        status: row.read("status", read_word)?,
        cancel_requested: row.number("cancel_requested")? != 0,
        started: row.time("started")?,
        finished: row.time_if_any("finished")?,
        result: if row.text_if_any("result")?.is_some() { Some(row.json("result")?) } else { None },
        problem: if problem.is_some() { Some(row.json::<Problem>("problem")?) } else { None },
    })
}

/// A word of the API as it is kept.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(ToOwned::to_owned)).unwrap_or_default()
}

fn read_word<T: DeserializeOwned>(text: &str) -> std::result::Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
}

fn expiry(now: DateTime<Utc>, ttl: Duration) -> i64 {
    now.timestamp_millis().saturating_add(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}
