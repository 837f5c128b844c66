//! Variables: `${NAME}` in any value. Secrets, `${secret:NAME}`, stay references and never meet a value here.

use std::collections::BTreeMap;
use std::sync::Arc;

use polder_model::secret::SecretReference;

use crate::fault::{Fault, Span};
use crate::suggest;
use crate::yaml::{MAX_BYTES, Node, Scalar, Value};

/// Declared variables by name.
pub(crate) type Declared = BTreeMap<String, String>;

/// The keys below which a secret may be referred to: what connects to the outside.
const CONNECTIONS: [&str; 7] = ["providers", "connections", "database", "server", "password", "token", "clientSecret"];

/// How far declared variables may refer to one another.
const MAX_DEPTH: usize = 16;

/// Where variables get their values.
pub(crate) struct Variables<'a> {
    /// The environment's own, then the organization's.
    pub(crate) declared: [&'a Declared; 2],
    /// What is asked last: the process's environment, at the edge.
    pub(crate) outside: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a variable without a value stays as it is: when descriptors are read, no environment is chosen yet.
    pub(crate) lenient: bool,
}

/// How many bytes the variables of one file may still stand for. A variable may be made of others many times over, so that a few
/// short ones could stand for more than fits in memory.
struct Room {
    left: usize,
    told: bool,
}

/// Why a text cannot be resolved: the part that is wrong, where it begins (in characters), and what to say.
struct Problem {
    at: usize,
    part: String,
    code: &'static str,
    message: String,
    help: Option<String>,
}

/// A text as a descriptor writes it so that it means itself, and no variable, whatever is in it.
#[must_use]
pub fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// Whether a text has anything to resolve.
pub(crate) fn mentions(text: &str) -> bool {
    text.contains("${") || text.contains("$$")
}

impl Variables<'_> {
    /// Resolves every value of a tree in place.
    pub(crate) fn resolve(&self, file: &Arc<str>, node: &mut Node, faults: &mut Vec<Fault>) {
        self.walk(file, node, false, &mut Room { left: MAX_BYTES, told: false }, faults);
    }

    fn walk(&self, file: &Arc<str>, node: &mut Node, secrets: bool, room: &mut Room, faults: &mut Vec<Fault>) {
        let span = node.span;
        match &mut node.value {
            Value::Scalar(scalar) if mentions(&scalar.text) => {
                let resolved = self.text(&scalar.text, secrets, 0, room);
                settle(file, scalar, span, resolved, faults);
            }
            Value::Scalar(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| self.walk(file, item, secrets, room, faults)),
            Value::Map(entries) => {
                for entry in entries {
                    let secrets = secrets || CONNECTIONS.contains(&&*entry.key);
                    self.walk(file, &mut entry.value, secrets, room, faults);
                }
            }
        }
    }

    /// Resolves a text; `None` when a variable has no value and that is no fault yet.
    fn text(&self, text: &str, secrets: bool, depth: usize, room: &mut Room) -> Result<Option<String>, Problem> {
        let mut resolved = String::with_capacity(text.len());
        let mut rest = text;
        let mut open = false;
        while let Some(at) = rest.find('$') {
            resolved.push_str(&rest[..at]);
            let tail = &rest[at..];
            let begin = || text[..text.len() - tail.len()].chars().count();
            if let Some(after) = tail.strip_prefix("$$") {
                resolved.push('$');
                rest = after;
            } else if let Some(inner) = tail.strip_prefix("${") {
                let Some(end) = inner.find('}') else {
                    let message = "this variable has no closing brace".to_owned();
                    let help = Some("write ${NAME}, or $$ for a dollar sign".to_owned());
                    return Err(Problem { at: begin(), part: tail.to_owned(), code: "variable-syntax", message, help });
                };
                let whole = &tail[..end + 3];
                if secrets && inner.starts_with("secret:") && whole != text {
                    let message = "a secret stands for a whole value, and here is text beside it".to_owned();
                    let help = Some(format!("write {whole} alone, and put all of the value into the secret"));
                    return Err(Problem { at: begin(), part: whole.to_owned(), code: "secret-in-text", message, help });
                }
                match self.reference(&inner[..end], whole, secrets, depth, room) {
                    Ok(Some(value)) => resolved.push_str(&value),
                    Ok(None) => open = true,
                    Err(problem) => return Err(Problem { at: begin(), ..problem }),
                }
                rest = &inner[end + 1..];
            } else {
                resolved.push('$');
                rest = &tail[1..];
            }
        }
        resolved.push_str(rest);
        Ok((!open).then_some(resolved))
    }

    fn reference(
        &self,
        name: &str,
        whole: &str,
        secrets: bool,
        depth: usize,
        room: &mut Room,
    ) -> Result<Option<String>, Problem> {
        let problem =
            |code, message: String, help: Option<String>| Problem { at: 0, part: whole.to_owned(), code, message, help };
        if let Some(secret) = name.strip_prefix("secret:") {
            if let Err(wrong) = secret.parse::<SecretReference>() {
                let message = format!("{secret:?} refers to no secret: {wrong}");
                return Err(problem("variable-syntax", message, Some(wrong.help.to_owned())));
            }
            if !secrets {
                let message = format!("the secret {secret} may not be used here: it would end up in a plan and in the state");
                let help = Some(
                    "refer to a secret below 'providers', 'connections', a tenant's 'database' and 'server', and as a connection's 'password', 'token' and 'clientSecret' only".to_owned(),
                );
                return Err(problem("secret-not-allowed", message, help));
            }
            return Ok(Some(whole.to_owned()));
        }
        if !is_name(name) {
            let help = Some("write ${NAME}: letters, digits and '_'; write $$ for a dollar sign".to_owned());
            return Err(problem("variable-syntax", format!("{name:?} is not a variable's name"), help));
        }
        if depth > MAX_DEPTH {
            let message = format!("the variable {name} refers to itself");
            return Err(problem("variable-cycle", message, Some("give one of the variables a plain value".to_owned())));
        }
        let full = |room: &mut Room| {
            // Once for a file: whatever comes after has no room either.
            let message = format!("the variables of this file stand for more than {MAX_BYTES} bytes");
            let help = Some("give them shorter values, or split the file".to_owned());
            if std::mem::replace(&mut room.told, true) { Ok(None) } else { Err(problem("variables-too-large", message, help)) }
        };
        if let Some(value) = self.declared.iter().find_map(|declared| declared.get(name)) {
            if !room.take(value) {
                return full(room);
            }
            return self.text(value, false, depth + 1, room).map_err(|inner| Problem { part: whole.to_owned(), ..inner });
        }
        // A variable that is set to nothing has most likely not been set: a path must not silently lose its head.
        match (self.outside)(name).filter(|value| !value.is_empty()) {
            Some(value) if room.take(&value) => Ok(Some(value)),
            Some(_) => full(room),
            None if self.lenient => Ok(None),
            None => {
                let known = self.declared.iter().flat_map(|declared| declared.keys()).map(String::as_str);
                let near = suggest::nearest(name, known).map(|near| format!("did you mean ${{{near}}}? else "));
                let help = format!(
                    "{}set it in the environment of the process, or under 'variables' in polder.yaml",
                    near.unwrap_or_default()
                );
                Err(problem("unresolved-variable", format!("the variable {name} has no value"), Some(help)))
            }
        }
    }
}

/// Puts what a text was resolved to in its place, or says what is wrong with it.
fn settle(file: &Arc<str>, scalar: &mut Scalar, span: Span, resolved: Result<Option<String>, Problem>, faults: &mut Vec<Fault>) {
    match resolved {
        Ok(Some(text)) => scalar.text = text.into(),
        Ok(None) => scalar.open = true,
        Err(problem) => {
            scalar.open = true;
            // A text on one line is underlined where it is wrong, behind its quote if it has one.
            let written = scalar.text.chars().count() + 2 * usize::from(scalar.quoted);
            let shift = problem.at + usize::from(scalar.quoted);
            let (column, length) = if span.length as usize == written {
                (span.column + narrow(shift), narrow(problem.part.chars().count()))
            } else {
                (span.column, span.length)
            };
            let at = Span { column, length, ..span };
            let mut fault = Fault::error(file, at, problem.code, problem.part, problem.message);
            fault.help = problem.help;
            faults.push(fault);
        }
    }
}

impl Room {
    /// Whether a value still fits in.
    fn take(&mut self, value: &str) -> bool {
        let left = self.left.checked_sub(value.len());
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !text.as_bytes()[0].is_ascii_digit()
}

fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
