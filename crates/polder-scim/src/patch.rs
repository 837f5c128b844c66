//! Changes of a resource (RFC 7644, section 3.5.2), with what Entra ID and Okta make of them: operations with capitals, values
//! without a path whose keys are paths, truth values as text, members removed by value.

mod apply;
mod target;

use serde_json::Value;

use crate::document::Document;
use crate::error::{ScimError, ScimType, echo};
use crate::kind::ResourceKind;
use target::Target;

/// The most operations that one request may hold.
const OPERATIONS_LIMIT: usize = 1000;

/// The operations of one request, to be carried out all or none.
#[derive(Debug)]
pub struct Patch {
    kind: ResourceKind,
    operations: Vec<Operation>,
}

#[derive(Debug)]
struct Operation {
    op: Op,
    /// None where the value's keys are the paths.
    target: Option<Target>,
    value: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Replace,
    Remove,
}

impl Patch {
    /// Reads the body of a PATCH.
    ///
    /// # Errors
    /// `invalidSyntax`, `invalidPath` or `noTarget` for what is no patch of such a resource.
    pub fn read(kind: ResourceKind, body: &Value) -> Result<Self, ScimError> {
        let Some(Value::Array(operations)) = field(body, "Operations") else {
            return Err(syntax("the body of a PATCH has a list of `Operations`"));
        };
        if operations.is_empty() || operations.len() > OPERATIONS_LIMIT {
            let found = operations.len();
            return Err(syntax(format!("a PATCH has from 1 to {OPERATIONS_LIMIT} operations, this one has {found}")));
        }
        let operations = operations.iter().map(|operation| Operation::read(kind, operation)).collect::<Result<_, _>>()?;
        Ok(Self { kind, operations })
    }

    /// Carries the operations out on a document, in order. The document is as it was when one of them fails.
    ///
    /// # Errors
    /// `mutability`, `noTarget` and `invalidValue`, and those of [`ResourceKind::read`] for what comes of it.
    pub fn apply(&self, document: &Document) -> Result<Document, ScimError> {
        let mut changed = document.clone();
        for operation in &self.operations {
            operation.apply(self.kind, &mut changed.0)?;
        }
        changed.check(self.kind)?;
        Ok(changed)
    }
}

impl Operation {
    fn read(kind: ResourceKind, operation: &Value) -> Result<Self, ScimError> {
        let op = match field(operation, "op").and_then(Value::as_str) {
            Some(op) if op.eq_ignore_ascii_case("add") => Op::Add,
            Some(op) if op.eq_ignore_ascii_case("replace") => Op::Replace,
            Some(op) if op.eq_ignore_ascii_case("remove") => Op::Remove,
            Some(op) => return Err(syntax(format!("an operation is add, replace or remove, not {}", echo(op)))),
            None => return Err(syntax("an operation has an `op`: add, replace or remove")),
        };
        let target = match field(operation, "path") {
            None | Some(Value::Null) => None,
            Some(Value::String(path)) => Some(Target::read(kind, path)?),
            Some(_) => return Err(ScimError::new(ScimType::InvalidPath, "a path is a text")),
        };
        let value = field(operation, "value").cloned().unwrap_or_default();
        match (op, &target, &value) {
            (Op::Remove, None, _) => Err(ScimError::new(ScimType::NoTarget, "a remove operation has a path")),
            (Op::Add | Op::Replace, None, value) if !value.is_object() => {
                Err(syntax("an operation without a path has an object as its value"))
            }
            _ => Ok(Self { op, target, value }),
        }
    }

    fn apply(&self, kind: ResourceKind, document: &mut serde_json::Map<String, Value>) -> Result<(), ScimError> {
        if let Some(target) = &self.target {
            return apply::apply(document, target, self.op, &self.value);
        }
        let Value::Object(fields) = &self.value else { return Ok(()) };
        for (path, value) in fields {
            // Here clients send the whole resource along: what is not theirs to write, and what is not known, is passed over.
            let Ok(target) = Target::read(kind, path) else { continue };
            if !target.is_read_only() {
                apply::apply(document, &target, self.op, value)?;
            }
        }
        Ok(())
    }
}

fn field<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn syntax(detail: impl Into<String>) -> ScimError {
    ScimError::new(ScimType::InvalidSyntax, detail)
}
