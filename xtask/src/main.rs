//! Chores of the workspace: `cargo xtask tidy` checks its shape, `cargo xtask clients` runs real clients against the server,
//! `cargo xtask postgres` its tests with another database, `cargo xtask stores` those that need object stores, `cargo xtask fuzz` what
//! strangers send, `cargo xtask bench` measures its speed.
//!
//! Never part of the product: nothing under `crates/` may depend on it.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod cargo;
mod clients;
mod fuzz;
mod state;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;

const USAGE: &str = "usage: cargo xtask tidy            check crate arrows, file heads and forbidden words
       cargo xtask clients [NAME]  run clients that others wrote against the server (`cargo xtask clients --help`)
       cargo xtask postgres        run the tests of platform and server once more, their state in PostgreSQL
       cargo xtask fuzz [TARGET]   make up what strangers might send, for some seconds each (`cargo xtask fuzz --help`)
       cargo xtask stores [TEST]   run the tests that need object stores, beside emulators of S3, Azure and Google Cloud
       cargo xtask bench [NAME]    measure and print, beside peers where they are installed (`cargo xtask bench --help`)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("tidy") => tidy::run(&root()),
        Some("clients") => clients::run(&root(), &arguments[1..]),
        Some("postgres") => state::run(&root()),
        Some("stores") => clients::stores::run(&root(), arguments.get(1).map(String::as_str)),
        Some("fuzz") => fuzz::run(&root(), &arguments[1..]),
        Some("bench") => bench::run(&root(), &arguments[1..]),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    finish(result)
}

fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The workspace's folder: this crate's parent. Cargo says where that is now; what was built may have been built for another clone.
fn root() -> PathBuf {
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    PathBuf::from(own).parent().map_or_else(PathBuf::new, PathBuf::from)
}
