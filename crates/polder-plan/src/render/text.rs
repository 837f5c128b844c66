//! A plan as text for a terminal.

use owo_colors::{OwoColorize, Style as Paint};
use polder_model::Kind;

use super::{groups, one_line};
use crate::change::{Action, Change};
use crate::held_back::HeldBack;
use crate::plan::Plan;

/// How a plan is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour it, for a terminal.
    pub color: bool,
    /// Whether to list the steps.
    pub verbose: bool,
}

/// Shows a plan: its changes by action with their reasons, what is held back, and a summary as the last line.
#[must_use]
pub fn text(plan: &Plan, style: &Style) -> String {
    let mut page = Page { lines: Vec::new(), color: style.color };
    let Plan { environment, tenant, parent, .. } = plan;
    page.line(&format!("Plan for {environment} (tenant {tenant}), on top of state {parent}"), Paint::new().bold());
    for (heading, changes) in groups(&plan.changes) {
        page.heading(heading);
        changes.into_iter().for_each(|change| page.change(change));
    }
    if !plan.held_back.is_empty() {
        page.heading("Held back");
        plan.held_back.iter().for_each(|held| page.held_back(held));
    }
    if style.verbose && !plan.steps.is_empty() {
        page.heading("Steps");
        let width = plan.steps.len().to_string().len();
        for step in &plan.steps {
            page.line(&format!("  {:>width$}. {}", step.number, one_line(&step.describe())), Paint::new());
        }
    }
    page.lines.push(String::new());
    let summary = plan.summary();
    let last = if plan.is_empty() && plan.held_back.is_empty() {
        "Nothing to do: everything is as declared.".to_owned()
    } else {
        format!("Plan: {summary}.")
    };
    page.line(&last, Paint::new().bold());
    let mut text = page.lines.join("\n");
    text.push('\n');
    text
}

struct Page {
    lines: Vec<String>,
    color: bool,
}

impl Page {
    fn line(&mut self, line: &str, paint: Paint) {
        self.lines.push(if self.color { line.style(paint).to_string() } else { line.to_owned() });
    }

    fn heading(&mut self, heading: &str) {
        self.lines.push(String::new());
        self.line(heading, Paint::new().bold());
    }

    fn change(&mut self, change: &Change) {
        let drift = if change.drift { '!' } else { ' ' };
        let (kind, name) = (change.address.kind(), one_line(change.address.name()));
        self.line(&format!("{drift}{:>3} {} {name}", change.action.symbol(), kind_word(kind)), paint(change.action));
        for reason in &change.reasons {
            self.line(&format!("       {}", one_line(&reason.to_string())), Paint::new());
        }
    }

    fn held_back(&mut self, held: &HeldBack) {
        let HeldBack { address, why, help, origin } = held;
        let name = one_line(address.name());
        self.line(&format!("   # {} {name}", kind_word(address.kind())), Paint::new().yellow());
        self.line(&format!("       {}", one_line(&why.to_string())), Paint::new());
        if let Some(origin) = origin {
            self.line(&format!("       declared in {}", one_line(&origin.to_string())), Paint::new());
        }
        self.line(&format!("       help: {}", one_line(help)), Paint::new().dimmed());
    }
}

const fn kind_word(kind: Kind) -> &'static str {
    crate::change::kind_words(kind)
}

const fn paint(action: Action) -> Paint {
    match action {
        Action::Create => Paint::new().green(),
        Action::Update => Paint::new().yellow(),
        Action::Replace => Paint::new().magenta(),
        Action::Delete | Action::Forget => Paint::new().red(),
    }
}
