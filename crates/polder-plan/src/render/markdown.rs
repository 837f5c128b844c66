//! A plan as Markdown, for a comment on a merge request: what is destroyed and what is held back first, then all changes by domain.
//!
//! Every text that comes from a file stands in a code span, where neither Markdown nor HTML nor mentions (`@team`, `#1`)
//! mean anything. A span's fence is longer than any run of backticks in it, and it has no line end, so nothing leaves it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use polder_model::{Address, EnvironmentName};

use super::domains::{Group, by_domain};
use super::one_line;
use super::page::Page;
use crate::change::{Action, Change};
use crate::plan::{Plan, Summary};

/// So many changes of a domain are listed, and so many that are held back: nobody reads on.
const LISTED: usize = 100;
/// So many reasons of one change are.
const REASONS: usize = 20;

/// A limit of a provider of which a plan changes how much is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapacityChange {
    /// The limit's name.
    pub limit: String,
    /// Within what it counts.
    pub within: String,
    /// How many there are planned without the plan; `None` where it was not counted there.
    pub before: Option<u64>,
    /// How many there are planned with it; `None` where it is counted there no more.
    pub after: Option<u64>,
    /// How many there may be.
    pub most: u64,
}

/// What is lost with one thing that a plan destroys, or would if it were allowed to, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// What holds the data.
    pub address: String,
    /// Whether the plan destroys it, or holds that back.
    pub planned: bool,
    /// How many rows.
    pub rows: String,
    /// How much.
    pub size: String,
    /// When it was last written.
    pub changed: String,
    /// Who has read it, and when.
    pub readers: String,
    /// The recipients that it is shared with.
    pub shared_with: String,
}

/// The line that a plan's page begins with, which a page does not show: by it a comment is found again.
#[must_use]
pub fn mark(environment: &EnvironmentName) -> String {
    format!("<!-- polder plan of {environment} -->")
}

/// Shows a plan as Markdown, with what it loses and what it changes of capacity.
#[must_use]
pub fn markdown(plan: &Plan, lost: &[Lost], capacity: &[CapacityChange]) -> String {
    let mut page = Page::default();
    let Plan { environment, tenant, parent, id, .. } = plan;
    let Summary { create, update, replace, delete, drift, held_back } = plan.summary();
    page.line(mark(environment));
    page.line(format_args!("### Plan for {} (tenant {})\n", code(environment), code(tenant)));
    page.line("| create | update | replace | delete | drift | held back |");
    page.line("|---:|---:|---:|---:|---:|---:|");
    page.line(format_args!("| {create} | {update} | {replace} | {delete} | {drift} | {held_back} |"));
    let destroyed: BTreeSet<&Address> =
        plan.steps.iter().filter(|step| step.effect.destroys_data()).map(|step| &step.address).collect();
    destroys(&mut page, &destroyed);
    held(&mut page, plan);
    losses(&mut page, lost);
    capacities(&mut page, capacity);
    for group in by_domain(&plan.changes) {
        changes(&mut page, &group, &destroyed);
    }
    if plan.is_empty() && plan.held_back.is_empty() {
        page.line("\nNothing to do: everything is as declared.");
    }
    page.finish(format_args!("\nOn top of state {parent}; plan {}", code(id)))
}

/// What is gone for good, before all else.
fn destroys(page: &mut Page, destroyed: &BTreeSet<&Address>) {
    if destroyed.is_empty() {
        return;
    }
    page.line("\n#### DATA IS DESTROYED\n");
    page.line("**No apply brings back what is in:**\n");
    let items = destroyed.iter().map(|address| format!("- **{}**\n", code(address)));
    page.list(items, LISTED);
}

fn held(page: &mut Page, plan: &Plan) {
    if plan.held_back.is_empty() {
        return;
    }
    page.line("\n#### Held back: wanted, and not done\n");
    let items = plan.held_back.iter().map(|held| {
        let mut item = format!("- {}\n  - {}\n", code(&held.address), code(&held.why));
        held.origin.iter().for_each(|origin| push(&mut item, format_args!("  - declared in {}", code(origin))));
        push(&mut item, format_args!("  - help: {}", code(&held.help)));
        item
    });
    page.list(items, LISTED);
}

fn losses(page: &mut Page, lost: &[Lost]) {
    for (planned, heading) in [(true, "What this destroys"), (false, "What would be destroyed if it were allowed to")] {
        let lost: Vec<&Lost> = lost.iter().filter(|lost| lost.planned == planned).collect();
        if lost.is_empty() {
            continue;
        }
        page.line(format_args!("\n#### {heading}\n"));
        page.line("| what | rows | size | last written | read within 90 days by | shared with |\n|---|---:|---:|---|---|---|");
        let rows = lost.into_iter().map(|lost| {
            let Lost { address, rows, size, changed, readers, shared_with, .. } = lost;
            format!("| {} | {rows} | {size} | {changed} | {} | {} |\n", cell(address), cell(readers), cell(shared_with))
        });
        page.list(rows, LISTED);
    }
}

fn capacities(page: &mut Page, capacity: &[CapacityChange]) {
    if capacity.is_empty() {
        return;
    }
    page.line("\n#### Capacity\n");
    page.line("| limit | of | planned before | planned now | most | full |\n|---|---|---:|---:|---:|---:|");
    let rows = capacity.iter().map(|change| {
        let CapacityChange { limit, within, before, after, most } = change;
        let number = |number: &Option<u64>| number.map(|number| number.to_string()).unwrap_or_default();
        let full = after.map(|after| format!("{} %", after.saturating_mul(100) / (*most).max(1))).unwrap_or_default();
        format!("| {} | {} | {} | {} | {most} | {full} |\n", cell(limit), cell(within), number(before), number(after))
    });
    page.list(rows, LISTED);
}

fn changes(page: &mut Page, group: &Group<'_>, destroyed: &BTreeSet<&Address>) {
    let Group { domain, changes } = group;
    let counts: Vec<String> = Action::ALL
        .iter()
        .map(|action| (action, changes.iter().filter(|change| change.action == *action).count()))
        .filter(|(_, count)| *count > 0)
        .map(|(action, count)| format!("{count} to {action}"))
        .collect();
    let heading = domain.as_ref().map_or_else(|| "Beside the domains".to_owned(), code);
    page.line(format_args!("\n#### {heading}: {}\n", counts.join(", ")));
    page.list(changes.iter().map(|change| item(change, destroyed)), LISTED);
}

fn item(change: &Change, destroyed: &BTreeSet<&Address>) -> String {
    let loud = match change.action {
        _ if destroyed.contains(&change.address) => " **DESTROYED, WITH ITS DATA**",
        Action::Replace => " **made anew**",
        Action::Delete => " **deleted**",
        Action::Create | Action::Update | Action::Forget => "",
    };
    let drift = if change.drift { " (drift)" } else { "" };
    let mut item = format!("- {} {}{loud}{drift}\n", code(change.action.symbol()), code(&change.address));
    change.reasons.iter().take(REASONS).for_each(|reason| push(&mut item, format_args!("  - {}", code(reason))));
    if change.reasons.len() > REASONS {
        push(&mut item, format_args!("  - and {} more reasons", change.reasons.len() - REASONS));
    }
    item
}

fn push(item: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(item, "{line}");
}

/// The text as a code span, which nothing in it ends.
#[must_use]
pub fn code(text: impl ToString) -> String {
    let text = one_line(&text.to_string());
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // Beside a backtick, or a space that would be stripped, a span needs a space of its own.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The text as a code span in a table, where a bar would end the cell even there; nothing where there is none.
#[must_use]
pub fn cell(text: &str) -> String {
    if text.is_empty() { String::new() } else { code(text).replace('|', "\\|") }
}
