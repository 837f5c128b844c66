//! Guardrails that do not parse, or name what does not exist.

use std::sync::Arc;

use polder_access::{policy_entities, policy_forbids};
use polder_descriptor::{Fault, Span};
use polder_model::principal::{EVERYONE, LOCAL_ADMIN};
use polder_model::{Address, Desired, Kind, Resource};

/// The faults of every guardrail.
pub(super) fn faults(desired: &Desired) -> Vec<Fault> {
    let mut faults = Vec::new();
    for declared in desired.resources.values() {
        let Resource::Policy(policy) = &*declared.resource else { continue };
        let file: Arc<str> = declared.origin.file.clone();
        let error = match policy_entities(&policy.name, &policy.text) {
            Ok(named) => {
                let missing = named.iter().filter(|(kind, id)| !exists(desired, kind, id));
                faults.extend(missing.map(|(kind, id)| unknown(&file, &policy.text, kind, id)));
                if matches!(policy_forbids(&policy.name, &policy.text), Ok(false)) {
                    faults.push(idle(&file));
                }
                continue;
            }
            Err(error) => error,
        };
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

/// Who reads `permit` in a repository would take it for a grant.
fn idle(file: &Arc<str>) -> Fault {
    let message = "nothing in this file forbids anything, so it has no effect: what is permitted is for grants to say";
    let fault = Fault::error(file, Span::START, "guardrail-without-effect", "", message).warning();
    fault.help("write a forbid statement, or grants in access/ and remove the file")
}

/// Whether what a guardrail names is declared. The metastore and the local admin always are there.
fn exists(desired: &Desired, kind: &str, id: &str) -> bool {
    let kind = match kind {
        "User" if id == LOCAL_ADMIN => return true,
        "User" => Kind::User,
        "ServicePrincipal" => Kind::ServicePrincipal,
        "Group" => return id == EVERYONE || desired.resources.contains_key(&Address::new(Kind::Group, id)),
        "Catalog" => Kind::Catalog,
        "Schema" => Kind::Schema,
        "Table" => Kind::Table,
        "ForeignTable" => Kind::ForeignTable,
        "View" => Kind::View,
        "Volume" => Kind::Volume,
        _ => return true,
    };
    desired.resources.contains_key(&Address::new(kind, id))
}

/// A guardrail over what does not exist guards nothing, and nobody would notice.
fn unknown(file: &Arc<str>, text: &str, kind: &str, id: &str) -> Fault {
    let written = format!("::{kind}::\"{id}\"");
    let before = &text[..text.find(&written).map_or(0, |at| at + 2)];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let span = Span { line: narrow(line), column: narrow(column), length: narrow(written.chars().count() - 2) };
    let message = format!("there is no {} {id}, so the guardrail would guard nothing", kind.to_lowercase());
    Fault::error(file, span, "guardrail-names-nothing", id, message)
        .help("names are in lower case, and full: finance.bronze.customer_v1")
}
