//! Where statements end: at a `;` that stands outside quotes and comments.

/// What the text is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Sql,
    Quote(char),
    LineComment,
    BlockComment,
}

/// The statements of a text, without their `;`; those with nothing but blanks and comments are left out.
pub(crate) fn statements(text: &str) -> Vec<&str> {
    split(text).0
}

/// Whether what was typed can be run: a command, or SQL up to its `;`.
pub(super) fn is_complete(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || text.starts_with('\\') || is_exit(text) || split(text).1
}

/// Whether what was typed is a way to leave.
pub(super) fn is_exit(text: &str) -> bool {
    let word = text.trim().trim_end_matches(';').trim_end().to_ascii_lowercase();
    matches!(word.as_str(), "\\q" | "exit" | "quit")
}

/// The statements, and whether the last one was ended.
fn split(text: &str) -> (Vec<&str>, bool) {
    let mut statements = Vec::new();
    let mut inside = Inside::Sql;
    let mut start = 0;
    let mut says_something = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match (inside, c) {
            (Inside::Sql, ';') => {
                if says_something {
                    statements.push(text[start..at].trim());
                }
                (start, says_something) = (at + 1, false);
            }
            (Inside::Sql, '\'' | '"' | '`') => {
                inside = Inside::Quote(c);
                says_something = true;
            }
            (Inside::Sql, '-') if next == Some('-') => inside = Inside::LineComment,
            (Inside::Sql, '/') if next == Some('*') => {
                inside = Inside::BlockComment;
                chars.next();
            }
            (Inside::Sql, c) => says_something |= !c.is_whitespace(),
            // A doubled quote ends and begins anew, which comes to the same.
            (Inside::Quote(quote), c) if c == quote => inside = Inside::Sql,
            (Inside::LineComment, '\n') => inside = Inside::Sql,
            (Inside::BlockComment, '*') if next == Some('/') => {
                inside = Inside::Sql;
                chars.next();
            }
            _ => {}
        }
    }
    let ended = !says_something && matches!(inside, Inside::Sql | Inside::LineComment);
    if says_something {
        statements.push(text[start..].trim());
    }
    (statements, ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_end_at_semicolons_outside_quotes_and_comments() {
        let check = |text: &str, expect: &[&str]| assert_eq!(statements(text), expect, "{text:?}");
        check("select 1", &["select 1"]);
        check("select 1; select 2;", &["select 1", "select 2"]);
        check("select ';' as \"a;b\"; ;", &["select ';' as \"a;b\""]);
        check("select 'it''s;' ; select 2", &["select 'it''s;'", "select 2"]);
        check("select 1 -- not; here\n; /* nor; here */", &["select 1 -- not; here"]);
        check("-- only a comment", &[]);
    }

    #[test]
    fn a_line_is_complete_with_its_semicolon() {
        for text in ["", "\\d", "exit", "QUIT;", "select 1;", "select 1; -- done\n", "select ';';"] {
            assert!(is_complete(text), "{text:?}");
        }
        for text in ["select 1", "select 1\nexit", "exits", "select 'a;", "select 1 -- ;", "select /* ;", "select 1; select 2"] {
            assert!(!is_complete(text), "{text:?}");
        }
    }
}
