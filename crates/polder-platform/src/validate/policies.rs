//! Guardrails that do not parse, or name what does not exist.

use std::sync::Arc;

use polder_access::check_policy;
use polder_descriptor::{Fault, Span};
use polder_model::{Desired, Resource};

/// The faults of every guardrail.
pub(super) fn faults(desired: &Desired) -> Vec<Fault> {
    let mut faults = Vec::new();
    for declared in desired.resources.values() {
        let Resource::Policy(policy) = &declared.resource else { continue };
        let Err(error) = check_policy(&policy.name, &policy.text) else { continue };
        let file: Arc<str> = declared.origin.file.clone();
        for fault in &error.faults {
            let span = Span { line: fault.line, column: fault.column, length: 1 };
            let found = Fault::error(&file, span, "guardrail", policy.name.as_str(), fault.message.clone());
            faults.push(match &fault.help {
                Some(help) => found.help(help.clone()),
                None => found,
            });
        }
    }
    faults
}
