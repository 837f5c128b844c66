//! Golden tests of the commands: the built binary, run in folders of its own.

mod demo;
mod examples;
mod exits;
mod killed;
mod lifecycle;
mod query;
mod reference;
mod support;
mod trouble;
mod validate;
