//! What clients write that the grammar of RFC 7644 does not have. Entra ID puts a comparison after brackets:
//! `emails[type eq "work"].value eq "ana@x.nl"` means `emails[(type eq "work") and value eq "ana@x.nl"]`.

use std::borrow::Cow;

/// The filter in the RFC's grammar, as far as it is in ours.
pub(super) fn written_out(text: &str) -> Cow<'_, str> {
    let mut written = String::with_capacity(text.len() + 16);
    let mut rest = text;
    let mut changed = false;
    while let Some(open) = find_unquoted(rest, '[') {
        let Some(close) = find_unquoted(&rest[open..], ']').map(|at| open + at) else { break };
        let (before, inner, after) = (&rest[..=open], &rest[open + 1..close], &rest[close + 1..]);
        written.push_str(before);
        rest = match after.strip_prefix('.').and_then(comparison) {
            Some(length) => {
                let (comparison, after) = after[1..].split_at(length);
                written.extend(["(", inner, ") and ", comparison, "]"]);
                changed = true;
                after
            }
            None => {
                written.extend([inner, "]"]);
                after
            }
        };
    }
    if changed { Cow::Owned(written + rest) } else { Cow::Borrowed(text) }
}

/// How much of the text is one comparison: a name, an operator and, but for `pr`, a value.
fn comparison(text: &str) -> Option<usize> {
    let (name, operator) = word(text, 0)?;
    let (operator_end, value) = word(text, operator)?;
    if name == 0 || text[operator..operator_end].eq_ignore_ascii_case("pr") {
        return (name > 0).then_some(operator_end);
    }
    let value_text = &text[value..];
    let length = match value_text.strip_prefix('"') {
        Some(quoted) => end_of_quoted(quoted)? + 1,
        None => value_text.find([' ', ')', ']']).unwrap_or(value_text.len()),
    };
    (length > 0).then_some(value + length)
}

/// Where the word that begins here ends, and where the next one begins.
fn word(text: &str, start: usize) -> Option<(usize, usize)> {
    let rest = text.get(start..)?;
    let end = start + rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-' | '$')).unwrap_or(rest.len());
    let space = text[end..].find(|c: char| c != ' ').unwrap_or(text.len() - end);
    (end > start).then_some((end, end + space))
}

/// Where the character is first, outside of quotes.
fn find_unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find([wanted, '"']).map(|offset| at + offset) {
        if text[found..].starts_with(wanted) {
            return Some(found);
        }
        at = found + 1 + end_of_quoted(&text[found + 1..])?;
    }
    None
}

/// Just after the quote that ends a quoted text, from just after the one that begins it.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if !escaped => return Some(at + 1),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}
