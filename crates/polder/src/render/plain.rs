//! Texts that come from elsewhere, as a terminal takes them for nothing but text.
//!
//! Names, comments, rows and errors are others' words: nothing in them moves the cursor, changes a colour, turns the direction of
//! writing or hides beside it. What would is shown escaped. Colours of ours are added to a text that is plain already.

use std::borrow::Cow;

use polder_model::text::{escaped, hides, steers};

/// The text in one line: its line ends are escaped too, so that it passes for no other line of what it stands in.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    escaped(text, is_plain)
}

/// The text with the lines that it has.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c == '\n' || is_plain(c))
}

/// The text with the lines that it has, all but the first indented: none of them passes for a line of ours.
pub(crate) fn hanging(text: &str) -> String {
    self::text(text.trim_end()).replace('\n', "\n    ")
}

/// A text that is pointed into: every character stays in its place, or another one does.
pub(crate) fn in_place(text: &str) -> String {
    let keep = |c: char| c == '\n' || c == '\t' || is_plain(c);
    // A file of Windows has one at the end of each line.
    let other = |c: char| if c == '\r' { ' ' } else { char::REPLACEMENT_CHARACTER };
    text.chars().map(|c| if keep(c) { c } else { other(c) }).collect()
}

/// Whether a terminal shows the character where it stands, and does nothing else.
pub(crate) fn is_plain(c: char) -> bool {
    !(steers(c) || hides(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_shown_escaped() {
        let check = |said: &str, expect: &str| assert_eq!(line(said), expect);
        check("naam: é, 数, 🦀, a\\b", "naam: é, 数, 🦀, a\\b");
        check("a\x1b]0;pwn\x07\x1b[31mRED\x1b[0m\r\nfake", "a\\u{1b}]0;pwn\\u{7}\\u{1b}[31mRED\\u{1b}[0m\\r\\nfake");
        check("a\tb\u{7f}\u{9b}31m\0", "a\\tb\\u{7f}\\u{9b}31m\\u{0}");
        check(
            "a\u{202e}b\u{2066}c\u{200b}d\u{200f}e\u{feff}f\u{2028}",
            "a\\u{202e}b\\u{2066}c\\u{200b}d\\u{200f}e\\u{feff}f\\u{2028}",
        );
    }

    #[test]
    fn lines_are_kept_where_they_belong() {
        assert_eq!(text("a\nb\r\n\x1b[1A"), "a\nb\\r\n\\u{1b}[1A");
        assert_eq!(hanging("a\n  hint: b\n"), "a\n      hint: b");
        assert_eq!(in_place("a\x1b[31m\tb\r\nc\u{202e}"), "a\u{fffd}[31m\tb \nc\u{fffd}");
    }
}
