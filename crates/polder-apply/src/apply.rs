//! The walk over a plan's steps.
//!
//! ```text
//! journal: [a,b done; c begins]          [c,d,e done; f begins]          [f done]
//! effects:                      carry c                         carry f
//! ```
//! a, b, d, e only change metastore entries: their effect is their record, and as many as follow each other share one
//! transaction. c and f are outside effects: each begins on record, and is on record before the next one begins.

use std::collections::BTreeSet;

use polder_model::fault;
use polder_plan::{Plan, Step};

use crate::effects::Effects;
use crate::error::ApplyError;
use crate::journal::{DoneStep, EntryChange, Journal};

/// Where a test may stop an apply: before and after each record, and between an effect and its record.
pub const FAULT_POINTS: [&str; 3] = ["apply.before_record", "apply.after_record", "apply.after_effect"];

/// How many records of entries share a transaction at most. More gain little, and people want to see it move.
const TOGETHER: usize = 2_000;

/// How far an apply is.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// Steps that are done and recorded, earlier attempts included.
    pub done: usize,
    /// Steps in all.
    pub total: usize,
    /// The step that comes now; `None` at the end.
    pub step: Option<&'a Step>,
}

/// Told when an outside effect begins, when records of entries are written, and at the end.
pub type Observer<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

/// What an apply did when it came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Steps carried out now.
    pub carried_out: usize,
    /// Steps that an earlier attempt had done.
    pub done_before: usize,
}

/// Carries out the steps of a plan that are not in `done_before`.
///
/// # Errors
/// [`ApplyError`] says which step failed and how far it came; nothing after that step was begun.
pub async fn apply(
    plan: &Plan,
    done_before: &BTreeSet<u32>,
    effects: &dyn Effects,
    journal: &dyn Journal,
    observer: Observer<'_>,
) -> Result<Outcome, ApplyError> {
    let to_do: Vec<&Step> = plan.steps.iter().filter(|step| !done_before.contains(&step.number)).collect();
    let total = plan.steps.len();
    let earlier = total - to_do.len();
    let mut walk = Walk { journal, observer, unrecorded: Vec::new(), done: earlier, total };
    for step in &to_do {
        if EntryChange::of(&step.effect).is_some() {
            walk.unrecorded.push(DoneStep { step, detail: String::new() });
            if walk.unrecorded.len() >= TOGETHER {
                walk.record(None).await?;
            }
            continue;
        }
        walk.record(Some(step)).await?;
        let detail = effects.carry_out(step).await.map_err(|source| walk.failed(step, source))?;
        fault::point("apply.after_effect");
        walk.unrecorded.push(DoneStep { step, detail });
    }
    walk.record(None).await?;
    Ok(Outcome { carried_out: to_do.len(), done_before: earlier })
}

struct Walk<'a> {
    journal: &'a dyn Journal,
    observer: Observer<'a>,
    /// Steps that are done and wait for their record: at most one outside effect, then entries.
    unrecorded: Vec<DoneStep<'a>>,
    done: usize,
    total: usize,
}

impl Walk<'_> {
    async fn record(&mut self, begins: Option<&Step>) -> Result<(), ApplyError> {
        if !self.unrecorded.is_empty() || begins.is_some() {
            fault::point("apply.before_record");
            let written = self.journal.record(&self.unrecorded, begins).await;
            written.map_err(|source| ApplyError::Journal { done: self.done, total: self.total, source })?;
            fault::point("apply.after_record");
            self.done += self.unrecorded.len();
            self.unrecorded.clear();
        }
        (self.observer)(Progress { done: self.done, total: self.total, step: begins });
        Ok(())
    }

    fn failed(&self, step: &Step, source: crate::effects::EffectError) -> ApplyError {
        tracing::debug!(step = step.number, address = %step.address, "step failed");
        let Step { number, address, .. } = step;
        let what = step.describe();
        ApplyError::Step { number: *number, address: address.clone(), what, done: self.done, total: self.total, source }
    }
}
