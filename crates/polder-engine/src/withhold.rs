//! Takes the values of rows out of the text of an error.
//!
//! Arrow and DataFusion quote text, or write numbers plainly. Both go, whether they are values or not.

/// What stands in place of a value.
const WITHHELD: char = '…';

/// The first line of a text without anything that may be a value.
pub(crate) fn values(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    numbers(&quoted(line))
}

/// Replaces quoted text: from a quotation mark to the last of its kind, as a value may hold some itself.
fn quoted(text: &str) -> String {
    let mut before = None;
    let opening = text.char_indices().find(|&(_, letter)| {
        // An apostrophe within a word opens nothing.
        let opens = matches!(letter, '\'' | '"' | '`') && !before.is_some_and(char::is_alphanumeric);
        before = Some(letter);
        opens
    });
    let Some((start, mark)) = opening else { return text.to_owned() };
    let rest = &text[start + mark.len_utf8()..];
    let after = rest.rfind(mark).map_or("", |end| &rest[end + mark.len_utf8()..]);
    format!("{}{WITHHELD}{}", &text[..start], quoted(after))
}

/// Replaces numbers that are words of their own, with a sign or what makes them a date or time.
fn numbers(text: &str) -> String {
    let mut clear = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    let mut before = ' ';
    while let Some(letter) = letters.next() {
        let signed = letter == '-' && letters.peek().is_some_and(char::is_ascii_digit);
        if !(letter.is_ascii_digit() || signed) || before.is_alphanumeric() || before == '_' {
            clear.push(letter);
            before = letter;
            continue;
        }
        while letters.next_if(|next| next.is_alphanumeric() || matches!(next, '.' | ':' | '-' | '+')).is_some() {}
        clear.push(WITHHELD);
        before = WITHHELD;
    }
    clear
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn no_value_is_left_in_a_text() {
        for (text, expect) in [
            ("Cannot cast string 'O'Brien 12' to value of Int32 type", "Cannot cast string … to value of Int32 type"),
            ("Can't cast value -300 to type Int8", "Can't cast value … to type Int8"),
            (
                "Error parsing timestamp from '2024-13-01': error parsing date",
                "Error parsing timestamp from …: error parsing date",
            ),
            (
                "123456.78 is too large to store in a Decimal128 of precision 5",
                "… is too large to store in a Decimal128 of precision …",
            ),
            ("'a' is not \"b\" nor `c`", "… is not … nor …"),
            ("value 'unfinished", "value …"),
            ("at 2024-01-02T03:04:05Z\nann@example.nl", "at …"),
            ("Divide by zero error", "Divide by zero error"),
        ] {
            assert_eq!(values(text), expect);
        }
    }
}
