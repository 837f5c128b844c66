//! The store against real databases: SQLite files and a PostgreSQL server.

mod audit;
mod audit_chain;
mod batches;
mod commits;
mod crash;
mod credentials;
mod fixtures;
mod full_disk;
mod identities;
mod journal;
mod keys;
mod leases;
mod long_operations;
mod lost_answers;
mod metastore;
mod namesakes;
mod opening;
mod personal;
mod requests;
mod runs;
mod servers;
