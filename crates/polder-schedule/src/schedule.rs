//! One run of several jobs: what may start now, what waits, what can no longer run. Starts nothing itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use polder_model::JobId;
use serde::{Deserialize, Serialize};

use crate::graph::JobGraph;

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It wrote what it should.
    Succeeded,
    /// It had nothing to do; what it feeds may go on.
    Skipped,
    /// It failed; what it feeds cannot run.
    Failed,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has not started.
    Waiting,
    /// It was handed out by [`Schedule::ready`].
    Running,
    /// It ended.
    Done(Outcome),
    /// It will not run, because a job that feeds it, directly or not, failed.
    Blocked {
        /// The job that failed.
        by: JobId,
    },
}

/// A run of some of a graph's jobs, step by step.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The selected jobs, each after all that feed it.
    order: Vec<JobId>,
    /// Of each selected job: the selected jobs that feed it directly.
    feeding: BTreeMap<JobId, BTreeSet<JobId>>,
    states: BTreeMap<JobId, State>,
    max_parallel: usize,
}

impl Schedule {
    /// Begins a run of the selected jobs, at most so many at once and at least one. A job waits only for selected jobs; names that
    /// the graph does not know are left out.
    #[must_use]
    pub fn new(graph: &JobGraph, selected: impl IntoIterator<Item = JobId>, max_parallel: usize) -> Self {
        let selected: BTreeSet<JobId> = selected.into_iter().collect();
        let order: Vec<JobId> = graph.order().iter().filter(|id| selected.contains(*id)).cloned().collect();
        let feeding = |id: &JobId| graph.feeding(id).filter(|from| selected.contains(*from)).cloned().collect();
        let feeding = order.iter().map(|id| (id.clone(), feeding(id))).collect();
        let states = order.iter().map(|id| (id.clone(), State::Waiting)).collect();
        Self { order, feeding, states, max_parallel: max_parallel.max(1) }
    }

    /// Returns the jobs to start now, and takes them as started.
    pub fn ready(&mut self) -> Vec<JobId> {
        let running = self.states.values().filter(|state| **state == State::Running).count();
        let free = self.max_parallel.saturating_sub(running);
        let may_start = self.order.iter().filter(|id| self.states[*id] == State::Waiting && self.waits_for(id).next().is_none());
        let starting: Vec<JobId> = may_start.take(free).cloned().collect();
        for id in &starting {
            self.states.insert(id.clone(), State::Running);
        }
        starting
    }

    /// Takes note of how a started job ended. A job that is not running is left as it is.
    pub fn finished(&mut self, id: &JobId, outcome: Outcome) {
        if self.states.get(id) != Some(&State::Running) {
            return;
        }
        self.states.insert(id.clone(), State::Done(outcome));
        if outcome == Outcome::Failed {
            self.block_after(id);
        }
    }

    /// Returns whether nothing runs and nothing will.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.states.values().all(|state| matches!(state, State::Done(_) | State::Blocked { .. }))
    }

    /// Returns where a job stands; `None` when it is not part of the run.
    #[must_use]
    pub fn state(&self, id: &JobId) -> Option<&State> {
        self.states.get(id)
    }

    /// Returns the jobs that cannot run any more, in order, each with the job whose failure is to blame.
    #[must_use]
    pub fn blocked(&self) -> Vec<(JobId, JobId)> {
        let blocked = |id: &JobId| match &self.states[id] {
            State::Blocked { by } => Some((id.clone(), by.clone())),
            _ => None,
        };
        self.order.iter().filter_map(blocked).collect()
    }

    /// Returns one text picture of the whole state: a line for each job, in order.
    #[must_use]
    pub fn states(&self) -> String {
        let mut picture = String::new();
        for id in &self.order {
            let line = match &self.states[id] {
                State::Waiting => {
                    let waits: Vec<String> = self.waits_for(id).map(ToString::to_string).collect();
                    if waits.is_empty() { "may start".to_owned() } else { format!("waits for {}", waits.join(", ")) }
                }
                State::Running => "running".to_owned(),
                State::Done(Outcome::Succeeded) => "succeeded".to_owned(),
                State::Done(Outcome::Skipped) => "skipped".to_owned(),
                State::Done(Outcome::Failed) => "failed".to_owned(),
                State::Blocked { by } => format!("blocked by {by}"),
            };
            writeln!(picture, "{id}: {line}").expect("a string takes all that is written");
        }
        picture
    }

    /// The jobs that a job still waits for.
    fn waits_for(&self, id: &JobId) -> impl Iterator<Item = &JobId> {
        let ended = |from: &JobId| matches!(self.states[from], State::Done(Outcome::Succeeded | Outcome::Skipped));
        self.feeding[id].iter().filter(move |from| !ended(from))
    }

    /// Blocks what waits for a job that failed, and what waits for that. In order, so one pass reaches all.
    fn block_after(&mut self, failed: &JobId) {
        let mut lost = BTreeSet::from([failed]);
        for id in &self.order {
            if self.states[id] == State::Waiting && self.feeding[id].iter().any(|from| lost.contains(from)) {
                self.states.insert(id.clone(), State::Blocked { by: failed.clone() });
                lost.insert(id);
            }
        }
    }
}
