//! The `polder` command: reads arguments, calls one operation of `polder-platform`, shows the outcome.
//!
//! Owns words and looks on the terminal, exit codes and the demo. Decides nothing about a mesh and touches no store, lake or
//! metastore itself. Begin with [`cli`], where the commands are listed.

// Results of one query are freed and asked for again by the next batch: an allocator that keeps freed memory halves the time of
// aggregations that the system's allocator hands back to the kernel in between.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod cli;
mod client;
mod commands;
mod context;
mod demo;
mod failure;
mod faultpoint;
mod interrupt;
mod login;
mod render;
mod shell;

use std::process::ExitCode;

fn main() -> ExitCode {
    faultpoint::arm();
    let exit = cli::run();
    ExitCode::from(exit.code())
}
