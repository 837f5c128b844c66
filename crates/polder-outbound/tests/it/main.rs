//! Calls over real sockets: what is refused, and what an answer may do.

mod answers;
mod doors;
mod peer;
