//! Decides which jobs run, in which order, and which need not run at all.
//!
//! Pure: it starts nothing and looks at no clock. Whoever runs jobs asks [`Schedule::ready`], starts those, and tells
//! [`Schedule::finished`]. Begin with [`JobGraph`].

mod freshness;
mod graph;
mod schedule;

pub use freshness::{Freshness, LastRun, unchanged};
pub use graph::{Cycle, JobGraph};
pub use schedule::{Outcome, Schedule, State};
