//! The wire of PostgreSQL over real sockets: who may come in, what they see, and what may go wrong.

mod bed;
mod catalog;
mod limits;
mod statements;
mod who;
