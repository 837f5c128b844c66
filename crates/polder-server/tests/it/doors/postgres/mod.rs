//! The wire of PostgreSQL over real sockets: who may come in, what they see, and what may go wrong.

pub(crate) mod bed;
mod catalog;
mod federation;
mod limits;
mod statements;
mod who;
