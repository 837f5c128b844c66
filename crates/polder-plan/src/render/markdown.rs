//! A plan as Markdown, for a comment on a merge request.
//!
//! Every text that comes from a file stands in a code span, where neither Markdown nor HTML nor mentions (`@team`, `#1`)
//! mean anything. A span's fence is longer than any run of backticks in it, and it has no line end, so nothing leaves it.

use std::fmt::{Display, Write as _};

use super::{groups, one_line};
use crate::plan::{Plan, Summary};

/// So many changes of one action are listed: comments have a limit on their length.
const LISTED: usize = 100;

/// Shows a plan as Markdown.
#[must_use]
pub fn markdown(plan: &Plan) -> String {
    let mut page = String::new();
    let Plan { environment, tenant, parent, id, .. } = plan;
    let Summary { create, update, replace, delete, drift, held_back } = plan.summary();
    line(&mut page, format_args!("### Plan for {} (tenant {})\n", code(environment), code(tenant)));
    line(&mut page, "| create | update | replace | delete | drift | held back |");
    line(&mut page, "|---:|---:|---:|---:|---:|---:|");
    line(&mut page, format_args!("| {create} | {update} | {replace} | {delete} | {drift} | {held_back} |"));
    for (heading, changes) in groups(&plan.changes) {
        line(&mut page, format_args!("\n#### {heading}\n"));
        for change in changes.iter().take(LISTED) {
            let drift = if change.drift { " (drift)" } else { "" };
            line(&mut page, format_args!("- {} {}{drift}", code(change.action.symbol()), code(&change.address)));
            change.reasons.iter().for_each(|reason| line(&mut page, format_args!("  - {}", code(reason))));
        }
        more(&mut page, changes.len());
    }
    if !plan.held_back.is_empty() {
        line(&mut page, "\n#### Held back\n");
        for held in plan.held_back.iter().take(LISTED) {
            line(&mut page, format_args!("- {}", code(&held.address)));
            line(&mut page, format_args!("  - {}", code(&held.why)));
            held.origin.iter().for_each(|origin| line(&mut page, format_args!("  - declared in {}", code(origin))));
            line(&mut page, format_args!("  - help: {}", code(&held.help)));
        }
        more(&mut page, plan.held_back.len());
    }
    if plan.is_empty() && plan.held_back.is_empty() {
        line(&mut page, "\nNothing to do: everything is as declared.");
    }
    line(&mut page, format_args!("\nOn top of state {parent}; plan {}", code(id)));
    page
}

fn line(page: &mut String, line: impl Display) {
    // Writing to a string cannot fail.
    let _ = writeln!(page, "{line}");
}

fn more(page: &mut String, count: usize) {
    if count > LISTED {
        line(page, format_args!("- and {} more", count - LISTED));
    }
}

/// The text as a code span.
fn code(text: impl Display) -> String {
    let text = one_line(&text.to_string());
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // Beside a backtick, or a space that would be stripped, a span needs a space of its own.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}
