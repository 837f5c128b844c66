//! Decides who may do what: grants, inheritance, the PII level, row filters and guardrails go in, a [`Permit`] or a
//! denial comes out.
//!
//! Pure: no I/O, no async, no clock. Facts are passed in; decisions are values that carry what determined them.
//! Begin with [`Authorizer`], which is made once for each state of the metastore and then only read.

mod authorizer;
mod decision;
mod deep;
mod explain;
mod guardrail;
pub mod permit;
mod principals;
pub mod request;
mod rights;
mod securables;
mod sight;

pub use authorizer::Authorizer;
pub use decision::{Decision, Denial};
pub use explain::{Explanation, Level};
pub use guardrail::{PolicyError, PolicyFault, check_policy, policy_entities, policy_forbids};
pub use permit::{Action, Caller, ColumnRule, Determinant, Permit};
pub use principals::Membership;
