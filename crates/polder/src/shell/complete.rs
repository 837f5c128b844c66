//! What Tab completes: names and columns that the caller may know, keywords, and the shell's own commands.

use std::collections::BTreeSet;

use polder_api::ObjectSummary;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use crate::render::plain;

const KEYWORDS: [&str; 42] = [
    "select",
    "from",
    "where",
    "group by",
    "order by",
    "having",
    "limit",
    "offset",
    "join",
    "left join",
    "right join",
    "full join",
    "cross join",
    "on",
    "using",
    "as",
    "and",
    "or",
    "not",
    "in",
    "is null",
    "is not null",
    "like",
    "between",
    "case",
    "when",
    "then",
    "else",
    "end",
    "distinct",
    "union all",
    "with",
    "count(*)",
    "sum(",
    "avg(",
    "min(",
    "max(",
    "cast(",
    "version as of",
    "timestamp as of",
    "explain",
    "desc",
];
const COMMANDS: [&str; 6] = ["\\d", "\\q", "\\timing", "\\?", "exit", "quit"];

/// What the line editor asks.
pub(super) struct SqlHelper {
    words: BTreeSet<String>,
}

impl SqlHelper {
    /// A helper that knows these objects and no others. A name that a terminal would take for more than text is not offered.
    pub(super) fn new(objects: &[ObjectSummary]) -> Self {
        let mut words: BTreeSet<String> = KEYWORDS.iter().chain(&COMMANDS).map(|word| (*word).to_owned()).collect();
        for object in objects {
            words.insert(object.name.to_string());
            let names = object.columns.iter().map(|column| &column.name);
            words.extend(names.filter(|name| name.chars().all(plain::is_plain)).cloned());
        }
        Self { words }
    }

    fn candidates(&self, prefix: &str) -> Vec<String> {
        if prefix.is_empty() {
            return Vec::new();
        }
        let lower = prefix.to_lowercase();
        self.words.iter().filter(|word| word.to_lowercase().starts_with(&lower)).cloned().collect()
    }
}

/// Where the word that ends at `position` begins.
fn word_start(line: &str, position: usize) -> usize {
    let breaks = |c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '\\' | '?'));
    line[..position].rfind(breaks).map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8))
}

impl Completer for SqlHelper {
    type Candidate = String;

    fn complete(&self, line: &str, position: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let start = word_start(line, position);
        Ok((start, self.candidates(&line[start..position])))
    }
}

impl Hinter for SqlHelper {
    type Hint = String;
}
impl Highlighter for SqlHelper {}
impl Validator for SqlHelper {}
impl Helper for SqlHelper {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_before_the_cursor_is_completed() {
        let helper = SqlHelper { words: ["finance.bronze.customer_v1", "full_name", "from"].map(str::to_owned).into() };
        let check = |line: &str, expect: &[&str]| {
            let start = word_start(line, line.len());
            assert_eq!(helper.candidates(&line[start..]), expect, "{line:?}");
        };
        check("select fu", &["full_name"]);
        check("select * from FINANCE.br", &["finance.bronze.customer_v1"]);
        check("select count(f", &["finance.bronze.customer_v1", "from", "full_name"]);
        check("select ", &[]);
        check("é(fr", &["from"]);
    }
}
