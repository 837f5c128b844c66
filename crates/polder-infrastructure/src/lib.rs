//! Roots of Terraform, planned and applied by the tool that a person would do it with: OpenTofu or Terraform, whichever is on the path.
//!
//! ```text
//! Tool::find -> Tool
//!   prepare(root)            init: modules, providers, where the state is
//!   plan(root)               -> Planned: what would change, and what is no longer as it was left
//!   apply(root, planned)     that plan and no other, told as it goes
//!   outputs(root)            what it says of what it made
//! ```
//!
//! The tool writes what it does into a file that is read behind it, and not into a pipe: were this process gone, a pipe would end the
//! tool in the middle of what it makes. What it cannot read is a [`Failure`], and never nothing.

mod said;
mod tool;

pub use said::{Action, Change, Diagnostic, Happened};
pub use tool::{Failure, Outputs, Planned, Tool};
