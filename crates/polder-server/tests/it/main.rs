//! The server over real sockets: who is asking, and what they may have.

mod auth;
mod data;
mod doors;
mod requests;
mod scim;
mod sharing;
mod unity;
