//! Carries out a plan step by step, each recorded before the next one starts.
//!
//! Owns the order of effects and records, and the traits through which both happen. Makes no choice that the plan did not
//! make, reads no clock and knows no store or lake. Begin with [`apply`].
//!
//! **Invariant:** when it stops, at whatever moment and for whatever reason, applying the same plan again with what the
//! journal says is done leads to the same end. Effects are safe to repeat; what is not known to be recorded is repeated.

mod apply;
mod effects;
mod error;
mod journal;

pub use apply::{FAULT_POINTS, Observer, Outcome, Progress, apply};
pub use effects::{EffectError, Effects, StepDetail};
pub use error::ApplyError;
pub use journal::{DoneStep, EntryChange, Journal, JournalError};
