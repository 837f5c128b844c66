//! The store against real databases: SQLite files and a PostgreSQL server.

mod audit;
mod audit_chain;
mod batches;
mod commits;
mod crash;
mod fixtures;
mod journal;
mod keys;
mod leases;
mod metastore;
mod opening;
mod requests;
mod runs;
mod servers;
