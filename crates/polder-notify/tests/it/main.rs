//! Telling others over real sockets: a receiver of our own, and the mail server that Python has.

mod email;
mod receiver;
mod scene;
mod tickets;
mod webhooks;
