//! The server over real sockets: who is asking, and what they may have.

mod auth;
mod copy;
mod data;
mod doors;
mod full_disk;
mod hot;
mod metrics;
mod requests;
mod scim;
mod sharing;
mod sql;
mod unity;
mod volumes;
