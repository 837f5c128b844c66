//! The demo: a small mesh with data, brought to life from nothing, and a report of what that took.

mod data;
mod doors;
mod folder;
mod report;
mod rows;
mod show;

pub(crate) use folder::claim;
pub(crate) use show::run;
