//! The table of clients and results, and its place in docs/clients.md.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use super::catalogue::Client;

const BEGIN: &str = "<!-- written by `cargo xtask clients --write` -->";
const END: &str = "<!-- end of what is written -->";

/// How a script's checks went.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) held: usize,
    pub(super) failed: usize,
    /// Whether the script ended with 0.
    pub(super) exited_well: bool,
}

impl Checks {
    /// Counts a line of a script, if it tells of a check.
    pub(super) fn count(&mut self, line: &str) {
        match line.split_whitespace().next() {
            Some("ok") => self.held += 1,
            Some("FAIL") => self.failed += 1,
            _ => {}
        }
    }

    /// Whether there were checks and all held.
    pub(super) const fn passed(&self) -> bool {
        self.exited_well && self.failed == 0 && self.held > 0
    }
}

/// What came of a client.
pub(super) struct Outcome {
    pub(super) client: &'static Client,
    pub(super) versions: Vec<String>,
    pub(super) checks: Checks,
    pub(super) seconds: f64,
}

impl Outcome {
    pub(super) const fn passed(&self) -> bool {
        self.checks.passed()
    }

    fn cells(&self) -> [String; 4] {
        let Checks { held, failed, .. } = self.checks;
        let result = if self.passed() { "passes" } else { "FAILS" };
        [self.versions.join(", "), self.client.shows.to_owned(), format!("{held} of {}", held + failed), result.to_owned()]
    }
}

const HEAD: [&str; 4] = ["client", "what is checked", "checks that hold", "result"];

/// The table for a terminal, with the time that each took.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let rows: Vec<[String; 4]> = outcomes.iter().map(Outcome::cells).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([HEAD[column].len()]).max().unwrap_or(0);
    let (first, third, last) = (width(0), width(2), width(3));
    let mut text = format!("{:first$}  {:>third$}  {:last$}  seconds\n", HEAD[0], HEAD[2], HEAD[3]);
    for (outcome, [client, _, checks, result]) in outcomes.iter().zip(&rows) {
        let _ = writeln!(text, "{client:first$}  {checks:>third$}  {result:last$}  {:>7.1}", outcome.seconds);
    }
    text
}

/// Puts the table between the marks of a page.
pub(super) fn write(page: &Path, outcomes: &[Outcome]) -> Result<()> {
    let text = std::fs::read_to_string(page).with_context(|| format!("read {}", page.display()))?;
    let marks = || format!("{} has no marks {BEGIN} and {END}", page.display());
    let (before, rest) = text.split_once(BEGIN).with_context(marks)?;
    let (_, after) = rest.split_once(END).with_context(marks)?;
    let mut table = format!("| {} |\n|---|---|---|---|\n", HEAD.join(" | "));
    for outcome in outcomes {
        let _ = writeln!(table, "| {} |", outcome.cells().join(" | "));
    }
    std::fs::write(page, format!("{before}{BEGIN}\n{table}{END}{after}")).with_context(|| format!("write {}", page.display()))?;
    println!("the table is in {}", page.display());
    Ok(())
}
