//! The journal: operations step by step. A step's record, the recorded state that it completes and the metastore's entry that
//! it changes are one transaction: no crash can part them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use polder_model::principal::PLATFORM;
use polder_model::{Address, EnvironmentName, Kind, PrincipalName, Resource};
use uuid::{ContextV7, Timestamp, Uuid};

use crate::bulk::{self, Value};
use crate::entries::{self, EntryChange};
use crate::error::{Result, StoreError};
use crate::lease::{self, Acquired, Holder, IsDead};
use crate::operation::{Begun, NewOperation, Operation, OperationId, OperationOutcome, OperationRecord, Resumed};
use crate::store::Store;
use crate::work::{Work, as_bigint, time_text};
use crate::{object_times, orphans, personal, recorded};

/// A step that is done, with all that becomes true with it.
#[derive(Debug, Clone, Default)]
pub struct StepRecord {
    /// Its number in the plan.
    pub number: u32,
    /// The metastore's entry that it changes: its whole effect, for a step that does nothing else.
    pub entry: Option<EntryChange>,
    /// The address whose change is complete, with what is recorded there now; `None` for nothing.
    pub completes: Option<(Address, Option<Arc<Resource>>)>,
    /// What came of it, for people.
    pub detail: String,
}

impl Store {
    /// Begins an operation and takes its environment's lease. Anything but [`Begun::Started`] changes nothing.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn begin(&self, new: &NewOperation<'_>, is_dead: IsDead<'_>) -> Result<Begun> {
        // Long plans repeat themselves: packed, 20,000 tables take megabytes instead of a hundred. Packed before others wait.
        let plan = zstd::encode_all(new.plan.as_bytes(), 1)
            .map_err(|e| StoreError::unreadable(self.place(), "the plan".to_owned(), e))?;
        let mut work = self.write("beginning an operation").await?;
        let lease = match take(&mut work, new.environment, new.holder, new.ttl, new.now, is_dead).await? {
            Acquired::Held(lease) => lease,
            Acquired::Busy { holder, since } => return Ok(Begun::Busy { holder, since }),
        };
        if let Some(unfinished) = unfinished(&mut work, new.environment).await? {
            return Ok(Begun::Unfinished(Box::new(unfinished)));
        }
        let found = recorded::serial(&mut work, new.environment).await?;
        if found != new.parent_serial {
            return Ok(Begun::Moved { expected: new.parent_serial, found });
        }
        let id = OperationId(id_at(new.now));
        insert(&mut work, id, new, plan).await?;
        work.commit().await?;
        Ok(Begun::Started(Operation { id, environment: new.environment.clone(), lease }))
    }

    /// Returns the operation that was begun in an environment and has not ended: cut short, or at work right now.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn unfinished(&self, environment: &EnvironmentName) -> Result<Option<OperationRecord>> {
        let mut work = self.read("looking for an operation that was cut short").await?;
        unfinished(&mut work, environment).await
    }

    /// Goes on with an operation that was cut short. Whoever began it can no longer write.
    ///
    /// # Errors
    /// Only faults of the database.
    pub async fn resume(
        &self,
        operation: &OperationRecord,
        holder: &Holder,
        ttl: std::time::Duration,
        now: DateTime<Utc>,
        is_dead: IsDead<'_>,
    ) -> Result<Resumed> {
        let mut work = self.write("going on with an operation").await?;
        let lease = match take(&mut work, &operation.environment, holder, ttl, now, is_dead).await? {
            Acquired::Held(lease) => lease,
            Acquired::Busy { holder, since } => return Ok(Resumed::Busy { holder, since }),
        };
        let sql = sqlx::query("update operations set holder = $2 where id = $1 and status = 'running'");
        let text = holder_text(&work, holder)?;
        if work.run(sql.bind(operation.id.to_string()).bind(text)).await? == 0 {
            return Ok(Resumed::Ended);
        }
        work.commit().await?;
        Ok(Resumed::Resumed(Operation { id: operation.id, environment: operation.environment.clone(), lease }))
    }

    /// Records that steps are done, with all that becomes true with them, and then that others begin: all of it, or
    /// nothing. Recorded twice, it is as once, but for the serial.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another process took over.
    pub async fn record_steps(
        &self,
        operation: &Operation,
        done: &[StepRecord],
        begins: &[u32],
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut work = self.write("recording steps").await?;
        lease::hold(&mut work, &operation.lease, now).await?;
        record_done(&mut work, operation, done, now).await?;
        for number in begins {
            let sql = sqlx::query(
                "insert into operation_steps (operation, number, started) values ($1, $2, $3) \
                 on conflict (operation, number) do nothing",
            );
            work.run(sql.bind(operation.id.to_string()).bind(i64::from(*number)).bind(time_text(now))).await?;
        }
        work.commit().await
    }

    /// Ends an operation and gives its lease back.
    ///
    /// # Errors
    /// [`StoreError::Fenced`] when another process took over.
    pub async fn finish(&self, operation: Operation, outcome: &OperationOutcome, now: DateTime<Utc>) -> Result<()> {
        let mut work = self.write("ending an operation").await?;
        lease::hold(&mut work, &operation.lease, now).await?;
        let sql = sqlx::query("update operations set status = $2, finished = $3, detail = $4 where id = $1");
        let sql = sql.bind(operation.id.to_string()).bind(outcome.status()).bind(time_text(now)).bind(outcome.detail());
        work.run(sql).await?;
        lease::let_go(&mut work, &operation.lease).await?;
        work.commit().await
    }
}

/// A version 7 id that sorts by the time given.
pub(crate) fn id_at(now: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(ContextV7::new(), seconds, now.timestamp_subsec_nanos()))
}

async fn take(
    work: &mut Work,
    environment: &EnvironmentName,
    holder: &Holder,
    ttl: std::time::Duration,
    now: DateTime<Utc>,
    is_dead: IsDead<'_>,
) -> Result<Acquired> {
    lease::take(work, &format!("environment {environment}"), holder, ttl, now, is_dead).await
}

async fn insert(work: &mut Work, id: OperationId, new: &NewOperation<'_>, plan: Vec<u8>) -> Result<()> {
    let sql = sqlx::query(
        "insert into operations (id, environment, kind, plan, parent_serial, status, holder, started) \
         values ($1, $2, $3, $4, $5, 'running', $6, $7)",
    );
    let holder = holder_text(work, new.holder)?;
    let sql = sql.bind(id.to_string()).bind(new.environment.to_string()).bind(new.kind.to_owned()).bind(plan);
    work.run(sql.bind(as_bigint(new.parent_serial)).bind(holder).bind(time_text(new.now))).await?;
    Ok(())
}

async fn record_done(work: &mut Work, operation: &Operation, steps: &[StepRecord], now: DateTime<Utc>) -> Result<()> {
    // The last word on each address counts: one statement may not touch a row twice.
    let mut changes = BTreeMap::new();
    let mut completed = BTreeMap::new();
    for step in steps {
        match &step.entry {
            Some(EntryChange::Put(resource)) => _ = changes.insert(resource.address(), Some(&**resource)),
            Some(EntryChange::Remove(address)) => _ = changes.insert(address.clone(), None),
            None => {}
        }
        if let Some((address, resource)) = &step.completes {
            completed.insert(address.clone(), resource.as_deref());
        }
    }
    entries::change(work, &operation.environment, &changes).await?;
    let put = changes.iter().filter(|(_, put)| put.is_some()).map(|(address, _)| address);
    object_times::stamp(work, &operation.environment, put, now).await?;
    recorded::change(work, &operation.environment, &completed).await?;
    for (address, _) in changes.iter().filter(|(_, put)| put.is_none()) {
        let Some(principal) = principal_at(address) else { continue };
        // With the entry, so that nobody who is called so later comes into them.
        personal::orphan_in(work, &operation.environment, &principal).await?;
        orphans::bequeath_in(work, &operation.environment, &principal, PLATFORM, now).await?;
    }
    mark_done(work, operation.id, steps, now).await
}

fn principal_at(address: &Address) -> Option<PrincipalName> {
    let is_principal = matches!(address.kind(), Kind::User | Kind::ServicePrincipal | Kind::Group);
    is_principal.then(|| address.name().parse().ok()).flatten()
}

async fn mark_done(work: &mut Work, id: OperationId, steps: &[StepRecord], now: DateTime<Utc>) -> Result<()> {
    let rows = steps.iter().map(|step| {
        let detail = (!step.detail.is_empty()).then(|| step.detail.clone());
        let now = Value::Text(time_text(now));
        [Value::Text(id.to_string()), Value::Number(step.number.into()), now.clone(), now, Value::TextIfAny(detail)]
    });
    let into = "operation_steps (operation, number, started, finished, detail)";
    let tail = "on conflict (operation, number) do update set finished = excluded.finished, detail = excluded.detail";
    bulk::insert(work, into, tail, rows.collect()).await
}

async fn unfinished(work: &mut Work, environment: &EnvironmentName) -> Result<Option<OperationRecord>> {
    let sql = sqlx::query(
        "select id, kind, plan, parent_serial, holder, started from operations \
         where environment = $1 and status = 'running' order by started limit 1",
    );
    let Some(row) = work.row(sql.bind(environment.to_string())).await? else {
        return Ok(None);
    };
    let unreadable = |e: Box<dyn std::error::Error + Send + Sync>| {
        StoreError::unreadable(&work.place, "the plan of an operation".to_owned(), e)
    };
    let plan = zstd::decode_all(row.bytes("plan")?.as_slice()).map_err(|e| unreadable(e.into()))?;
    let id = OperationId(row.read("id", Uuid::parse_str)?);
    let mut record = OperationRecord {
        id,
        environment: environment.clone(),
        kind: row.text("kind")?,
        plan: String::from_utf8(plan).map_err(|e| unreadable(e.into()))?,
        parent_serial: row.count("parent_serial")?,
        holder: row.json("holder")?,
        started: row.time("started")?,
        done: BTreeSet::new(),
        under_way: BTreeSet::new(),
    };
    let sql = sqlx::query("select number, finished from operation_steps where operation = $1").bind(id.to_string());
    for step in work.rows(sql).await? {
        let number = u32::try_from(step.number("number")?)
            .map_err(|e| StoreError::unreadable(&work.place, "a step's number".to_owned(), e))?;
        let done = step.text_if_any("finished")?.is_some();
        if done { &mut record.done } else { &mut record.under_way }.insert(number);
    }
    Ok(Some(record))
}

fn holder_text(work: &Work, holder: &Holder) -> Result<String> {
    serde_json::to_string(holder).map_err(|e| StoreError::unreadable(&work.place, "a holder".to_owned(), e))
}
