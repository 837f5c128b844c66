//! The journal of an apply, kept in the store; and going on with one that was cut short.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use polder_api::ApplyProgress;
use polder_apply::{ApplyError, DoneStep, EntryChange, Journal, JournalError};
use polder_model::Desired;
use polder_plan::{Plan, PlanId, Step};
use polder_store::{Begun, Holder, NewOperation, Operation, OperationOutcome, OperationRecord, Resumed, StepRecord, Store};

use super::ApplyObserver;
use super::effects::LakeEffects;
use crate::error::{Doing, Error, ErrorKind};
use crate::lease_guard::LeaseGuard;
use crate::platform::Platform;
use crate::process;

/// How long an apply's lease lasts without a record. One step takes less.
const TTL: Duration = Duration::from_secs(600);
/// How often beginning is tried again after finishing what others left.
const ATTEMPTS: u32 = 3;

struct StoreJournal<'a> {
    store: &'a Store,
    operation: &'a Operation,
}

#[async_trait]
impl Journal for StoreJournal<'_> {
    async fn record(&self, done: &[DoneStep<'_>], begins: &[&Step]) -> Result<(), JournalError> {
        let records: Vec<StepRecord> = done.iter().map(record_of).collect();
        let begins: Vec<u32> = begins.iter().map(|step| step.number).collect();
        Ok(self.store.record_steps(self.operation, &records, &begins, Utc::now()).await?)
    }
}

fn record_of(done: &DoneStep<'_>) -> StepRecord {
    let entry = done.entry().map(|change| match change {
        EntryChange::Put(resource) => polder_store::EntryChange::Put(resource),
        EntryChange::Remove(address) => polder_store::EntryChange::Remove(address),
    });
    StepRecord { number: done.step.number, entry, completes: done.completes(), detail: done.detail.clone() }
}

impl Platform {
    /// Finishes an apply that was cut short; returns which plan that was, and how many steps it took.
    pub(super) async fn finish_what_was_cut_short(
        &self,
        desired: &Desired,
        observer: ApplyObserver<'_>,
    ) -> Result<(Option<PlanId>, usize), Error> {
        let unfinished = self.store.unfinished(&self.environment.name).await;
        match unfinished.doing(ErrorKind::Unavailable, "cannot read the journal")? {
            Some(record) => self.go_on(&record, desired, observer).await,
            None => Ok((None, 0)),
        }
    }

    async fn go_on(
        &self,
        record: &OperationRecord,
        desired: &Desired,
        observer: ApplyObserver<'_>,
    ) -> Result<(Option<PlanId>, usize), Error> {
        let resumed = self.store.resume(record, &process::holder(), TTL, Utc::now(), &process::is_dead).await;
        let operation = match resumed.doing(ErrorKind::Unavailable, "cannot go on with the apply that was cut short")? {
            Resumed::Resumed(operation) => operation,
            Resumed::Ended => return Ok((None, 0)),
            Resumed::Busy { holder, since } => return Err(busy(&holder, since)),
        };
        let plan: Plan = serde_json::from_str(&record.plan)
            .doing(ErrorKind::Unavailable, "cannot read the plan of the apply that was cut short")?;
        let Some(passed_over) = polder_plan::given_up(&plan, &record.done, &record.under_way, desired) else {
            let steps = self.walk(operation, &plan, &record.done, OperationOutcome::Succeeded, observer).await?;
            return Ok((Some(plan.id), steps));
        };
        let why = "it destroys what is declared otherwise by now";
        tracing::warn!(plan = %plan.id, "an apply that was cut short is given up: {why}");
        let passed_over = record.done.union(&passed_over).copied().collect();
        let steps =
            self.walk(operation, &plan, &passed_over, OperationOutcome::Abandoned { why: why.to_owned() }, observer).await?;
        Ok((None, steps))
    }

    /// Carries out a plan, every step of it recorded.
    pub(super) async fn carry_out(&self, plan: &Plan, desired: &Desired, observer: ApplyObserver<'_>) -> Result<(), Error> {
        if plan.is_empty() {
            return Ok(());
        }
        let text = serde_json::to_string(plan).doing(ErrorKind::Failed, "cannot write the plan down")?;
        for _ in 0..ATTEMPTS {
            let holder = process::holder();
            let new = NewOperation {
                environment: &self.environment.name,
                kind: "apply",
                plan: &text,
                parent_serial: plan.parent,
                holder: &holder,
                ttl: TTL,
                now: Utc::now(),
            };
            let begun = self.store.begin(&new, &process::is_dead).await;
            match begun.doing(ErrorKind::Unavailable, "cannot begin the apply")? {
                Begun::Started(operation) => {
                    let nothing = BTreeSet::new();
                    return self.walk(operation, plan, &nothing, OperationOutcome::Succeeded, observer).await.map(drop);
                }
                Begun::Busy { holder, since } => return Err(busy(&holder, since)),
                Begun::Moved { expected, found } => return Err(moved(expected, found)),
                Begun::Unfinished(record) => _ = self.go_on(&record, desired, observer).await?,
            }
        }
        Err(Error::new(ErrorKind::Conflict, "other applies keep being cut short in this environment"))
    }

    async fn walk(
        &self,
        operation: Operation,
        plan: &Plan,
        done: &BTreeSet<u32>,
        at_its_end: OperationOutcome,
        observer: ApplyObserver<'_>,
    ) -> Result<usize, Error> {
        // Given back when the apply is given up, so that the next one goes on at once. What ends gives it back itself.
        let _held = LeaseGuard::new(self.store.clone(), operation.lease.clone());
        let journal = StoreJournal { store: &self.store, operation: &operation };
        let mut tell = |progress: polder_apply::Progress<'_>| {
            let step = progress.step.map(Step::describe).unwrap_or_default();
            observer(ApplyProgress { done: progress.done, total: progress.total, step });
        };
        let result = polder_apply::apply(plan, done, &LakeEffects(&self.lake), &journal, &mut tell).await;
        let ended = match &result {
            Ok(_) => Some(at_its_end),
            Err(error @ ApplyError::Step { .. }) => {
                Some(OperationOutcome::Failed { error: polder_model::text::with_causes(error) })
            }
            // The journal did not take the record of a step whose effect may be there: the next apply goes on with this one.
            Err(ApplyError::Journal { .. }) => None,
        };
        let finished = match &ended {
            Some(outcome) => self.store.finish(operation, outcome, Utc::now()).await,
            None => Ok(()),
        };
        let done = result
            .doing(ErrorKind::Failed, "the apply stopped")
            .map_err(|e| e.with_hint("what was done is recorded: mend the cause and run `polder apply` again"))?;
        finished.doing(ErrorKind::Unavailable, "cannot record that the apply has ended")?;
        Ok(done.carried_out)
    }
}

fn busy(holder: &Holder, since: chrono::DateTime<Utc>) -> Error {
    let since = since.format("%Y-%m-%d %H:%M:%S UTC");
    let message = format!("another apply is at work here since {since}, in process {} of {}", holder.pid, holder.host);
    Error::new(ErrorKind::Conflict, message).with_hint("wait until it has ended, then plan again")
}

fn moved(expected: u64, found: u64) -> Error {
    let message = format!("the state has moved since the plan was made: from serial {expected} to {found}");
    Error::new(ErrorKind::Conflict, message).with_hint("make the plan again with `polder plan`")
}
