//! Decides who may do what: grants, inheritance, the PII level, row filters and guardrails go in, a [`Permit`] or a
//! denial comes out.
//!
//! Pure: no I/O, no async, no clock. Facts are passed in; decisions are values that carry what determined them.

pub mod permit;

pub use permit::{Action, Caller, ColumnRule, Determinant, Permit};
