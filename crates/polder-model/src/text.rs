//! Texts that people wrote: which characters do more than stand there, and how a name is lower-cased without becoming another.

use std::borrow::Cow;

/// Whether a character steers whatever shows it: a control character, an end of a line, or a mark that turns the direction of the
/// text around it (Unicode's bidirectional controls, the byte order mark and the deprecated formats beside them).
#[must_use]
pub fn steers(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{206f}' | '\u{feff}');
    c.is_control() || turns
}

/// Whether a character is not to be seen: a space or a joiner without width. Some scripts and emoji need it.
#[must_use]
pub const fn hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}')
}

/// A text that somebody sent, for a message: short, and without what steers what shows it.
#[must_use]
pub fn short(text: &str) -> String {
    text.chars().filter(|c| !steers(*c)).take(200).collect()
}

/// What libraries put between an error's text and the backtrace that they kept with it, as `RUST_BACKTRACE` asks of them: DataFusion
/// a heading, Delta's kernel the first frame on a line of its own.
const BEFORE_BACKTRACE: [&str; 2] = ["\n\nbacktrace: ", "\n   0: "];

/// An error's text without the backtrace that may be behind it: the innards of the process are for its log.
///
/// ```
/// use polder_model::text::without_backtrace;
/// assert_eq!(without_backtrace("no file\n   0: std::backtrace::capture\n   1: main"), "no file");
/// ```
#[must_use]
pub fn without_backtrace(text: &str) -> &str {
    let end = BEFORE_BACKTRACE.iter().filter_map(|mark| text.find(mark)).min();
    end.map_or(text, |end| text[..end].trim_end())
}

/// An error with its causes, in one text. What a cause says that stands there already is not said again.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = without_backtrace(&error.to_string()).to_owned();
    let mut cause = error.source();
    while let Some(source) = cause {
        let next = source.to_string();
        let next = without_backtrace(&next);
        if !text.ends_with(next) {
            text.push_str(": ");
            text.push_str(next);
        }
        cause = source.source();
    }
    text
}

/// The text with each character escaped that is not to be kept.
pub fn escaped(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&keep) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if keep(c) { shown.push(c) } else { shown.extend(c.escape_default()) }
    }
    Cow::Owned(shown)
}

/// The text in lower case, but for letters beyond ASCII that would become ASCII ones: the sign for kelvin is not the letter k, and
/// whoever goes by the one is not who is called by the other.
///
/// ```
/// use polder_model::text::lower_case;
/// assert_eq!(lower_case("ÜNAL \u{212a}"), "ünal \u{212a}");
/// ```
#[must_use]
pub fn lower_case(text: &str) -> String {
    let mut lower = String::with_capacity(text.len());
    for part in text.split_inclusive(becomes_ascii) {
        // Word by word, as the end of one may have a form of its own.
        let letters = part.strip_suffix(becomes_ascii).unwrap_or(part);
        lower.push_str(&letters.to_lowercase());
        lower.push_str(&part[letters.len()..]);
    }
    lower
}

fn becomes_ascii(letter: char) -> bool {
    !letter.is_ascii() && letter.to_lowercase().any(|lower| lower.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_letter_is_lower_cased_into_an_ascii_one() {
        assert_eq!(lower_case("A\u{212a}B\u{130}C"), "a\u{212a}b\u{130}c");
        // These two are all that there are.
        let all = (char::MIN..=char::MAX).filter(|letter| becomes_ascii(*letter));
        assert_eq!(all.collect::<String>(), "\u{130}\u{212a}");
    }

    #[test]
    fn no_text_of_an_error_has_a_backtrace() {
        #[derive(Debug, thiserror::Error)]
        #[error("{text}\n   0: polder::frame\n             at ./src/main.rs:1")]
        struct Kept {
            text: &'static str,
            #[source]
            cause: Option<Box<Kept>>,
        }
        let cause = Some(Box::new(Kept { text: "the disk is full", cause: None }));
        assert_eq!(with_causes(&Kept { text: "cannot write", cause }), "cannot write: the disk is full");
        assert_eq!(without_backtrace("type mismatch\n\nbacktrace:    0: a\n   1: b"), "type mismatch");
        assert_eq!(without_backtrace("a list:\n 0: zero"), "a list:\n 0: zero");
    }

    #[test]
    fn what_is_not_kept_is_shown_escaped() {
        let keep = |c: char| !steers(c);
        assert_eq!(escaped("naam: é, 数, 🦀", keep), "naam: é, 数, 🦀");
        assert_eq!(
            escaped("a\x1b[1m\n\u{202e}\u{61c}\u{2028}\u{feff}", keep),
            "a\\u{1b}[1m\\n\\u{202e}\\u{61c}\\u{2028}\\u{feff}"
        );
        assert!(hides('\u{200b}') && !steers('\u{200b}') && !hides('a'));
    }
}
