//! The server over real sockets: who is asking, and what they may have.

mod auth;
mod doors;
mod requests;
mod scim;
mod unity;
