//! What came of a run, for people: a line for each job, and below it what needs reading.

use std::fmt::Write;

use polder_api::{CheckReport, RunOutcome, RunReport};

use crate::render::listing::Listing;
use crate::render::{plain, units};

/// A table of the runs, then their errors, failed checks and warnings, then a line that counts them.
pub(crate) fn text(reports: &[RunReport]) -> String {
    let mut listing = Listing::new(["job", "outcome", "rows>", "rejected>", "written>", "seconds>", "rows/s>", "into"]);
    for report in reports {
        listing.row([
            report.job.to_string(),
            outcome(&report.outcome).to_owned(),
            units::count(report.rows),
            units::count(report.rejected),
            units::bytes(report.bytes),
            format!("{:.2}", report.seconds),
            units::rate(report.rows, report.seconds),
            into(report),
        ]);
    }
    let mut text = if listing.is_empty() { String::new() } else { listing.text() };
    for report in reports {
        text.push_str(&remarks(report));
    }
    writeln!(text, "{}", count(reports)).expect("a string takes any text");
    text
}

const fn outcome(outcome: &RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Succeeded => "done",
        RunOutcome::Skipped { .. } => "skipped",
        RunOutcome::Failed { .. } => "failed",
        RunOutcome::Busy { .. } => "busy",
        RunOutcome::Blocked { .. } => "blocked",
    }
}

/// What the run wrote, or why it was not needed.
fn into(report: &RunReport) -> String {
    match (&report.outcome, &report.output) {
        (RunOutcome::Skipped { why }, _) => why.clone(),
        (_, Some((table, version))) => format!("{table} version {version}"),
        (_, None) => String::new(),
    }
}

/// What of a run needs reading; nothing when all went well.
fn remarks(report: &RunReport) -> String {
    let mut lines = Vec::new();
    match &report.outcome {
        RunOutcome::Succeeded | RunOutcome::Skipped { .. } => {}
        RunOutcome::Failed { error } => lines.push(format!("failed: {error}")),
        RunOutcome::Busy { error } => lines.push(format!("not started: {error}")),
        RunOutcome::Blocked { by } => lines.push(format!("not started: {by} did not succeed")),
    }
    lines.extend(report.checks.iter().filter(|check| !check.passed).flat_map(failed_check));
    if report.rejected > 0 {
        lines.push(format!("{} did not fit and went to quarantine", units::rows(report.rejected)));
    }
    lines.extend(report.warnings.iter().map(|warning| format!("warning: {warning}")));
    if lines.is_empty() {
        String::new()
    } else {
        format!("{}\n  {}\n", report.job, lines.iter().map(|line| plain::hanging(line)).collect::<Vec<_>>().join("\n  "))
    }
}

fn failed_check(check: &CheckReport) -> Vec<String> {
    let mut lines = vec![format!("check {} failed for {}", check.name, units::rows(check.failing_rows))];
    lines.extend(check.sample.iter().map(|row| format!("    {row}")));
    lines
}

fn count(reports: &[RunReport]) -> String {
    let of = |wanted: fn(&RunOutcome) -> bool| reports.iter().filter(|report| wanted(&report.outcome)).count();
    let parts = [
        (of(|o| matches!(o, RunOutcome::Succeeded)), "done"),
        (of(|o| matches!(o, RunOutcome::Skipped { .. })), "skipped"),
        (of(|o| matches!(o, RunOutcome::Failed { .. })), "failed"),
        (of(|o| matches!(o, RunOutcome::Busy { .. })), "busy"),
        (of(|o| matches!(o, RunOutcome::Blocked { .. })), "blocked"),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    if parts.is_empty() { "there are no jobs".to_owned() } else { parts.join(", ") }
}
