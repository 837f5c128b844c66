//! Golden tests of the commands: the built binary, run in folders of its own.

mod access;
mod at_once;
mod audit;
mod bad_mesh;
mod bad_sources;
mod broken;
mod demo;
mod docs;
mod doors;
mod drift;
mod examples;
mod exits;
mod held_back;
mod killed;
mod lifecycle;
mod lost_state;
mod query;
mod reference;
mod saving;
mod served;
mod support;
mod trouble;
mod validate;
mod views;
