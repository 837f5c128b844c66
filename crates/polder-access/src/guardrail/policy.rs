//! Reads one file of Cedar policies and says all that is wrong with it, with places.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::LazyLock;

use cedar_policy::{Effect, PolicySet, Schema, ValidationMode, ValidationWarning, Validator};
use miette::Diagnostic;
use polder_model::PolicyName;

use super::size::{self, TooLarge};
use crate::deep::deep;

/// A guardrail that is not a valid Cedar policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct PolicyError {
    /// The guardrail.
    pub policy: PolicyName,
    /// All that is wrong with it, from the top.
    pub faults: Vec<PolicyFault>,
}

/// One thing that is wrong with a guardrail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// The line, counted from 1.
    pub line: u32,
    /// The column, in characters counted from 1.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to write instead, if that can be told.
    pub help: Option<String>,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}policy {}, line {}, column {}: {}", self.policy, fault.line, fault.column, fault.message)?;
            if let Some(help) = &fault.help {
                write!(f, " ({help})")?;
            }
        }
        Ok(())
    }
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let (schema, _) = Schema::from_cedarschema_str(include_str!("guardrails.cedarschema")).expect("the schema is tested");
    Validator::new(schema)
});

/// Checks that a guardrail's text is Cedar and speaks only of what exists.
///
/// # Errors
/// A [`PolicyError`] with every fault.
pub fn check_policy(name: &PolicyName, text: &str) -> Result<(), PolicyError> {
    read(name, text).map(drop)
}

/// The principals and securables that a valid guardrail names, each as its kind (`Group`, `Table`, ...) and id. Whoever knows what
/// exists can tell a misspelt one, which would guard nothing.
///
/// # Errors
/// A [`PolicyError`] when the guardrail is not valid.
pub fn policy_entities(name: &PolicyName, text: &str) -> Result<BTreeSet<(String, String)>, PolicyError> {
    let set = read(name, text)?;
    let literals = set.policies().flat_map(cedar_policy::Policy::entity_literals);
    let named = literals.map(|uid| (uid.type_name().basename().to_owned(), uid.id().unescaped().to_owned()));
    Ok(named.filter(|(kind, _)| kind != "Action").collect())
}

/// Whether a valid guardrail forbids anything. One that does not has no effect: what it permits is for grants to say.
///
/// # Errors
/// A [`PolicyError`] when the guardrail is not valid.
pub fn policy_forbids(name: &PolicyName, text: &str) -> Result<bool, PolicyError> {
    Ok(!forbids(name, text)?.is_empty())
}

/// The statements of a guardrail that forbid something.
pub(super) fn forbids(name: &PolicyName, text: &str) -> Result<Vec<cedar_policy::Policy>, PolicyError> {
    let set = read(name, text)?;
    let mut statements: Vec<cedar_policy::Policy> = set.policies().filter(|p| p.effect() == Effect::Forbid).cloned().collect();
    // The parser numbers them `policy0`, `policy1`, ...; by number, so that reasons come in the order of the text.
    statements.sort_by_key(|statement| {
        let id = statement.id().to_string();
        (id.len(), id)
    });
    Ok(statements)
}

fn read(name: &PolicyName, text: &str) -> Result<PolicySet, PolicyError> {
    let fail = |mut faults: Vec<PolicyFault>| {
        faults.sort_by_key(|fault| (fault.line, fault.column));
        PolicyError { policy: name.clone(), faults }
    };
    if let Err(TooLarge { offset, message, help }) = size::check(text) {
        let (line, column) = place(text, offset);
        return Err(fail(vec![PolicyFault { line, column, message, help: Some(help.to_owned()) }]));
    }
    let set = match deep(|| text.parse::<PolicySet>().map_err(Box::new)) {
        Ok(set) => set,
        Err(errors) => return Err(fail(cedar_policy::ParseErrors::iter(&errors).map(|e| fault(text, e)).collect())),
    };
    if let Some(template) = set.templates().next() {
        let message = format!("templates cannot be guardrails: {} has slots, which nothing fills", template.id());
        return Err(fail(vec![PolicyFault { line: 1, column: 1, message, help: None }]));
    }
    let result = deep(|| VALIDATOR.validate(&set, ValidationMode::Strict));
    let mut faults: Vec<PolicyFault> = result.validation_errors().map(|e| fault(text, e)).collect();
    if faults.is_empty() {
        // A guardrail that can never apply is a slip of the pen that nobody would notice. After an error it only repeats the error.
        let dead = result.validation_warnings().filter(|warning| {
            matches!(warning, ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_))
        });
        faults.extend(dead.map(|warning| fault(text, warning)));
        faults.dedup_by_key(|fault| (fault.line, fault.column));
    }
    if faults.is_empty() { Ok(set) } else { Err(fail(faults)) }
}

fn fault(text: &str, error: &impl Diagnostic) -> PolicyFault {
    let (line, column) = place(text, error.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset()));
    // The number that the parser gave the statement says nothing to whoever wrote it.
    let message = error.to_string();
    let message = match message.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((_, rest)) => rest.to_owned(),
        None => message,
    };
    PolicyFault { line, column, message, help: error.help().map(|help| help.to_string()) }
}

/// The line and the column of a byte.
fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    let counted = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    (counted(line), counted(column))
}
