//! Where something stands that a fault was found in outside this crate: a value of a descriptor, a place in a query.

use std::sync::Arc;

use polder_model::Origin;

use crate::fault::Span;
use crate::mesh::Mesh;
use crate::yaml::{self, Node, Value};

/// The keys of texts that are checked once all is known: SQL, and the globs of files.
const TEXT_KEYS: [&str; 4] = ["sql", "where", "files", "measure"];

impl Mesh {
    /// Where a value of a descriptor stands, and how long it is: `["columns", "email"]` is the item of `columns` named `email`.
    #[must_use]
    pub fn locate(&self, file: &str, path: &[&str]) -> Option<(Origin, u32)> {
        let (file, tree) = self.tree(file)?;
        let mut node = &tree;
        for step in path {
            node = match &node.value {
                Value::Map(_) => node.get(step)?,
                Value::List(items) => items.iter().find(|item| named(item, step))?,
                Value::Scalar(_) => return None,
            };
        }
        Some(at(file, node.get("name").unwrap_or(node).span))
    }

    /// Where a text stands that comes from a descriptor, and how long it is: the `sql` of a view or a check, the `where` of a row filter,
    /// a `measure`, the `files` of a job, or the query file beside a view or a job. `position` is a line and a column in the SQL, both counted from 1.
    ///
    /// `None` when the text is not there as it is, for it holds variables.
    #[must_use]
    pub fn locate_text(&self, file: &str, sql: &str, position: Option<(u32, u32)>) -> Option<(Origin, u32)> {
        let (descriptor, tree) = self.tree(file)?;
        if let Some(node) = find(&tree, sql) {
            let lines: Vec<&str> = self.source(file)?.lines().collect();
            return Some(at(descriptor, position.and_then(|position| within(node, sql, position, &lines)).unwrap_or(node.span)));
        }
        let folder = descriptor.rsplit_once('/').map_or("", |(folder, _)| folder);
        let beside = |path: &str| path.rsplit_once('/').map_or("", |(of, _)| of) == folder;
        let query = self.queries().filter(|(path, text)| beside(path) && *text == sql).map(|(path, _)| path).min()?;
        let (line, column) = position.unwrap_or((1, 1));
        Some(at(query, Span { line, column, length: 1 }))
    }

    fn tree(&self, file: &str) -> Option<(&Arc<str>, Node)> {
        let (file, text) = self.text(file)?;
        let (tree, _) = yaml::read(file, text.as_bytes());
        Some((file, tree?))
    }
}

fn at(file: &Arc<str>, Span { line, column, length }: Span) -> (Origin, u32) {
    (Origin { file: file.clone(), line, column }, length)
}

fn named(item: &Node, name: &str) -> bool {
    let own = item.get("name").map_or(item, |name| name);
    own.text().is_some_and(|text| text.eq_ignore_ascii_case(name))
}

/// The value of a key for SQL that is this text, wherever it stands: overrides have such keys too.
fn find<'n>(node: &'n Node, sql: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Scalar(_) => None,
        Value::List(items) => items.iter().find_map(|item| find(item, sql)),
        Value::Map(entries) => entries.iter().find_map(|entry| {
            let is_it = TEXT_KEYS.contains(&&*entry.key) && entry.value.text() == Some(sql);
            if is_it { Some(&entry.value) } else { find(&entry.value, sql) }
        }),
    }
}

/// The place in the file of a place in a text; `None` where the text is not in the file line by line, as when it is folded.
fn within(node: &Node, sql: &str, (line, column): (u32, u32), lines: &[&str]) -> Option<Span> {
    let said = sql.lines().nth(line.checked_sub(1)? as usize)?;
    let row = node.span.line + line - 1;
    let written = lines.get(row as usize - 1)?;
    let before = if line == 1 {
        // Behind its quote, if it has one.
        let begin = node.span.column - 1;
        [begin, begin + 1].into_iter().find(|skip| rest(written, *skip).starts_with(said))?
    } else {
        u32::try_from(written.strip_suffix(said)?.chars().count()).ok()?
    };
    Some(Span { line: row, column: before + column, length: 1 })
}

/// The text behind so many characters.
fn rest(text: &str, skip: u32) -> &str {
    text.char_indices().nth(skip as usize).map_or("", |(at, _)| &text[at..])
}
