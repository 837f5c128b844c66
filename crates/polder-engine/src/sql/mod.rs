//! From text to a logical plan: tokens, one spelling per name, the statements that are allowed, names to tables.

pub(crate) mod aggregated;
mod chains;
mod conditions;
pub(crate) mod extent;
pub(crate) mod functions;
mod headings;
mod lists;
pub(crate) mod literals;
pub(crate) mod metrics;
pub(crate) mod planner;
pub(crate) mod script;
pub(crate) mod spelling;
pub(crate) mod statement;
