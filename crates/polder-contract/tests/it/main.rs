//! Contracts out and back, and agreements.

mod agreements;
mod contracts;
mod foreign;
mod round_trip;
mod support;
