//! Why an apply stopped.

use polder_model::Address;

use crate::effects::EffectError;
use crate::journal::JournalError;

/// An apply that stopped before its end. What was done is recorded, and the next apply goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A step's effect did not come about.
    #[error(
        "step {number} of {total} failed: {what}; {done} steps are done and recorded: put right what is wrong, and \
         `polder apply` goes on from there"
    )]
    Step {
        /// The step's number in the plan.
        number: u32,
        /// The address of its change.
        address: Address,
        /// The step, in words.
        what: String,
        /// How many steps are done, earlier attempts included.
        done: usize,
        /// How many steps the plan has.
        total: usize,
        /// Why.
        #[source]
        source: EffectError,
    },
    /// The journal could not be written, so nothing more may be done.
    #[error("the journal cannot be written after {done} of {total} steps: once it can, `polder apply` goes on from there")]
    Journal {
        /// How many steps are known to be recorded, earlier attempts included.
        done: usize,
        /// How many steps the plan has.
        total: usize,
        /// Why.
        #[source]
        source: JournalError,
    },
}
