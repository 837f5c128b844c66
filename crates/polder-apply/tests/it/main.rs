//! Applying over a world of plain data, with a failure at every call.

mod failures;
mod progress;
mod world;
