//! Planning as a pure function: desired, recorded and observed in, a plan of changes and steps out.
//!
//! Owns which changes are made, which are held back, and the steps that carry them out, with every id and path already
//! decided. Never reads a file, a clock or a store, and carries nothing out: that is `polder-apply`'s.
//! Begin with [`plan`], which makes a [`Plan`]; [`check`] finds what is wrong with one; [`render`] shows one to people.
//!
//! **Invariant:** nothing that holds data is destroyed unless `--allow-destroy` names its address.
//! **Invariant:** what cannot be read is never taken to be absent.

mod change;
mod check;
mod compare;
mod decide;
mod difference;
mod digest;
mod held_back;
mod hold;
mod inputs;
mod needs;
pub mod personal;
mod plan;
pub mod render;
mod resume;
mod sequence;
mod step;
mod table;

pub use change::{Action, Change, Reason};
pub use check::{Flaw, check};
pub use difference::Difference;
pub use held_back::{HeldBack, Why};
pub use inputs::{Inputs, Observation, Observed, Recorded};
pub use plan::{FormatVersion, FormatVersionError, Plan, PlanId, Summary};
pub use resume::given_up;
pub use step::{Alteration, Effect, Step};

/// Returns the plan that takes an environment from what is to what is declared.
///
/// The same inputs give the same plan, down to its id.
#[must_use]
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let mut drafts = decide::drafts(inputs);
    hold::settle(&mut drafts, inputs);
    sequence::assemble(drafts, inputs)
}
