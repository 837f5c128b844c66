//! How results and faults look: on a terminal for people, elsewhere in a stable form for programs.

pub(crate) mod error;
pub(crate) mod faults;
pub(crate) mod listing;
pub(crate) mod losses;
pub(crate) mod plain;
pub(crate) mod progress;
pub(crate) mod rows;
pub(crate) mod units;

use std::io::Write;

use clap::ValueEnum;
use serde::Serialize;

use crate::context;

/// The forms in which a listing or report can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// One JSON document
    Json,
}

/// Writes a value that may be very large as one JSON document on stdout: in one line for a program, for a person in many.
pub(crate) fn large_json(value: &impl Serialize) -> anyhow::Result<()> {
    if context::stdout_is_terminal() {
        return json(value);
    }
    let mut out = context::out();
    serde_json::to_writer(&mut out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// Writes a value as one JSON document on stdout.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = context::out();
    serde_json::to_writer_pretty(&mut out, value).map_err(std::io::Error::from)?;
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// Writes a text for people on stdout: what in it would steer a terminal is shown escaped.
pub(crate) fn text(text: &str) -> anyhow::Result<()> {
    exact(&plain::text(text))
}

/// Writes a text as it is on stdout: one for programs, or one that is plain already and has colours of ours.
pub(crate) fn exact(text: &str) -> anyhow::Result<()> {
    let mut out = context::out();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
