//! The store against real SQLite files.

mod audit;
mod batches;
mod crash;
mod fixtures;
mod journal;
mod keys;
mod leases;
mod metastore;
mod opening;
mod runs;
