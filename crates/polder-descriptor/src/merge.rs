//! Environment overrides: `environments: {prod: {...}}` of a descriptor laid over the rest of it.
//!
//! Maps merge, lists append or merge by `name`, scalars replace. Every value keeps the place it was written at.

use crate::yaml::{Entry, Node, Value};

/// The key that holds a descriptor's overrides.
pub(crate) const OVERRIDES: &str = "environments";

/// Returns the descriptor as it is in an environment, without its overrides.
pub(crate) fn in_environment(tree: &Node, environment: Option<&str>) -> Node {
    let mut base = Node { value: tree.value.clone(), span: tree.span };
    let Value::Map(entries) = &mut base.value else { return base };
    let Some(at) = entries.iter().position(|e| &*e.key == OVERRIDES) else { return base };
    let overrides = entries.remove(at).value;
    if let (Some(environment), Value::Map(by_environment)) = (environment, overrides.value)
        && let Some(entry) = by_environment.into_iter().find(|e| e.key.eq_ignore_ascii_case(environment))
        && matches!(entry.value.value, Value::Map(_))
    {
        merge(&mut base, entry.value);
    }
    base
}

/// Lays one value over another.
fn merge(under: &mut Node, over: Node) {
    match (&mut under.value, over.value) {
        (Value::Map(under), Value::Map(over)) => over.into_iter().for_each(|entry| merge_entry(under, entry)),
        (Value::List(under), Value::List(over)) => over.into_iter().for_each(|item| merge_item(under, item)),
        (_, value) => *under = Node { value, span: over.span },
    }
}

fn merge_entry(under: &mut Vec<Entry>, over: Entry) {
    match under.iter_mut().find(|e| e.key == over.key) {
        Some(entry) => merge(&mut entry.value, over.value),
        None => under.push(over),
    }
}

fn merge_item(under: &mut Vec<Node>, over: Node) {
    let name = over.get("name").and_then(Node::text);
    match name.and_then(|name| under.iter_mut().find(|item| item.get("name").and_then(Node::text) == Some(name))) {
        Some(item) => merge(item, over),
        None => under.push(over),
    }
}
