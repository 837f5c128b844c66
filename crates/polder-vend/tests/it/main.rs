//! What is asked of the clouds' services, over real sockets, and for what permits.

mod peer;
mod scope;
mod vending;
