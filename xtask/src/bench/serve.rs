//! A server over 20,000 tables, on SQLite and on PostgreSQL.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use super::{Bench, mesh};

/// How many groups one is in, each in the next.
const NESTED: usize = 200;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let folder = bench.empty_folder("serve")?;
    mesh::write_mesh(&folder)?;
    let file = folder.join("polder.yaml");
    let polder = fs::read_to_string(&file)?;
    let polder = polder.replace(
        "tenants: [nonprod, production]",
        "tenants: [{name: nonprod, database: \"${secret:POLDER_DATABASE}\"}, production]",
    );
    let mut polder = polder.replace("users: [ana@example.com]", "users: [ana@example.com, deep@example.com]");
    polder.push_str("  - {name: nested_0, members: [deep@example.com]}\n");
    for group in 1..NESTED {
        writeln!(polder, "  - {{name: nested_{group}, members: [nested_{}]}}", group - 1)?;
    }
    fs::write(file, polder)?;
    let last = NESTED - 1;
    let grants = (0..mesh::DOMAINS).fold("grants:\n".to_owned(), |text, domain| {
        text + &format!("  - {{to: nested_{last}, on: domain_{domain}, privileges: [USE CATALOG, USE SCHEMA, SELECT]}}\n")
    });
    fs::write(folder.join("access/nested.yaml"), grants)?;
    let status = Command::new(bench.program("serve")).arg(bench.polder()).arg(&folder).status()?;
    if status.success() { Ok(()) } else { bail!("the server's benchmark failed") }
}
