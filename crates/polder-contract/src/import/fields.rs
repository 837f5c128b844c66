//! The fields of a map of a contract, each asked for by its key; what nobody asked for is told.

use std::collections::BTreeSet;

use polder_descriptor::yaml::{Entry, Node, Value};

/// Why most of what is left out is.
pub(super) const NO_PLACE: &str = "a descriptor has no place for it";

/// What is left out, and why.
#[derive(Debug, Default)]
pub(super) struct LeftOut {
    told: Vec<(u32, String)>,
}

impl LeftOut {
    pub(super) fn say(&mut self, at: &Node, path: &str, why: &str) {
        // Keys are anybody's words.
        let path: String = path.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect();
        self.told.push((at.span.line, format!("line {}: {path}: {why}", at.span.line)));
    }

    /// All of it, in the order of its lines.
    pub(super) fn told(mut self) -> Vec<String> {
        self.told.sort_by_key(|(line, _)| *line);
        self.told.into_iter().map(|(_, told)| told).collect()
    }
}

/// The fields of a map.
pub(super) struct Fields<'n> {
    entries: &'n [Entry],
    asked: BTreeSet<&'static str>,
    pub(super) path: String,
}

impl<'n> Fields<'n> {
    /// The fields of a map; `None` of anything else.
    pub(super) fn of(node: &'n Node, path: impl Into<String>) -> Option<Self> {
        match &node.value {
            Value::Map(entries) => Some(Self { entries, asked: BTreeSet::new(), path: path.into() }),
            _ => None,
        }
    }

    pub(super) fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.insert(key);
        self.entries.iter().find(|entry| &*entry.key == key).map(|entry| &entry.value).filter(|node| !node.is_null())
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.get(key).and_then(Node::text).map(str::to_owned)
    }

    pub(super) fn is_true(&mut self, key: &'static str) -> bool {
        self.get(key).and_then(Node::text) == Some("true")
    }

    /// A key's path from the contract's root.
    pub(super) fn at(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Tells what nobody asked for.
    pub(super) fn finish(self, left_out: &mut LeftOut) {
        for entry in self.entries {
            if !self.asked.contains(&*entry.key) && !super::says_nothing(&entry.value) {
                left_out.say(&entry.value, &self.at(&entry.key), NO_PLACE);
            }
        }
    }
}

/// The items of a list; none of anything else.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}
