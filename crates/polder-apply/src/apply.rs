//! The walk over a plan's steps.
//!
//! ```text
//! journal: [a,b done; c begins]          [c,d done; e,g begin]              [e,f,g,h done]
//! effects:                      carry c                        carry e and g
//! ```
//! a, b, d, f, h only change metastore entries: their effect is their record, and as many as follow each other share one
//! transaction. c, e, g are outside effects: each begins on record, and is on record before what may need it begins. e and g make
//! things that need nothing of each other (new tables, new folders), so they go side by side.

use std::collections::BTreeSet;

use polder_model::fault;
use polder_plan::{Effect, Plan, Step};

use crate::effects::{EffectError, Effects};
use crate::error::ApplyError;
use crate::journal::{DoneStep, EntryChange, Journal};

/// Where a test may stop an apply: before and after each record, and between an effect and its record.
pub const FAULT_POINTS: [&str; 3] = ["apply.before_record", "apply.after_record", "apply.after_effect"];

/// How many records of entries share a transaction at most. More gain little, and people want to see it move.
const TOGETHER: usize = 2_000;

/// How many outside effects go side by side at most.
const SIDE_BY_SIDE: usize = 64;

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
/// [`ApplyError`] says which step failed and how far it came; nothing that comes after its round was begun.
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
    let mut rest = to_do.as_slice();
    while !rest.is_empty() {
        let (round, later) = rest.split_at(round_length(rest));
        walk.carry_out(round, effects).await?;
        rest = later;
    }
    walk.record(&[]).await?;
    Ok(Outcome { carried_out: to_do.len(), done_before: earlier })
}

/// How many of the next steps are one round: entries that follow each other, or outside effects that need nothing of each other, each
/// with the entries that come right after it.
fn round_length(steps: &[&Step]) -> usize {
    let Some(first) = steps.first() else { return 0 };
    if is_entry(first) {
        return steps.iter().take(TOGETHER).take_while(|step| is_entry(step)).count();
    }
    if !is_alone_in_its_place(first) {
        return 1;
    }
    let mut beside = BTreeSet::new();
    let belongs = |step: &&&Step| {
        if is_entry(step) {
            return beside.contains(&step.address);
        }
        is_alone_in_its_place(step) && beside.len() < SIDE_BY_SIDE && beside.insert(step.address.clone())
    };
    steps.iter().take_while(belongs).count()
}

fn is_entry(step: &Step) -> bool {
    EntryChange::of(&step.effect).is_some()
}

/// Whether an effect makes something new in a place of its own, in a bucket that is there: of several such, none needs another.
const fn is_alone_in_its_place(step: &Step) -> bool {
    matches!(step.effect, Effect::CreateTable { .. } | Effect::MakeFolder(_))
}

struct Walk<'a> {
    journal: &'a dyn Journal,
    observer: Observer<'a>,
    /// Steps that are done and wait for their record: the last round, or entries.
    unrecorded: Vec<DoneStep<'a>>,
    done: usize,
    total: usize,
}

impl<'a> Walk<'a> {
    /// Carries out one round. When an effect fails, those beside it that came about are recorded first.
    async fn carry_out(&mut self, round: &[&'a Step], effects: &dyn Effects) -> Result<(), ApplyError> {
        let outside: Vec<&'a Step> = round.iter().copied().filter(|step| !is_entry(step)).collect();
        if !outside.is_empty() || self.unrecorded.len() + round.len() > TOGETHER {
            self.record(&outside).await?;
        }
        let results = futures::future::join_all(round.iter().map(|step| async {
            if is_entry(step) {
                return Ok(String::new());
            }
            let result = effects.carry_out(step).await;
            fault::point("apply.after_effect");
            result
        }));
        let mut failed: Option<(&Step, EffectError)> = None;
        let mut missing = BTreeSet::new();
        for (step, result) in round.iter().zip(results.await) {
            match result {
                Ok(_) if missing.contains(&step.address) => {}
                Ok(detail) => self.unrecorded.push(DoneStep { step, detail }),
                Err(source) => {
                    missing.insert(&step.address);
                    failed.get_or_insert((step, source));
                }
            }
        }
        let Some((step, source)) = failed else { return Ok(()) };
        self.record(&[]).await?;
        Err(self.failed(step, source))
    }

    async fn record(&mut self, begins: &[&Step]) -> Result<(), ApplyError> {
        if !self.unrecorded.is_empty() || !begins.is_empty() {
            fault::point("apply.before_record");
            let written = self.journal.record(&self.unrecorded, begins).await;
            written.map_err(|source| ApplyError::Journal { done: self.done, total: self.total, source })?;
            fault::point("apply.after_record");
            self.done += self.unrecorded.len();
            self.unrecorded.clear();
        }
        (self.observer)(Progress { done: self.done, total: self.total, step: begins.first().copied() });
        Ok(())
    }

    fn failed(&self, step: &Step, source: EffectError) -> ApplyError {
        tracing::debug!(step = step.number, address = %step.address, "step failed");
        let Step { number, address, .. } = step;
        let what = step.describe();
        ApplyError::Step { number: *number, address: address.clone(), what, done: self.done, total: self.total, source }
    }
}
