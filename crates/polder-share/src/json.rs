//! JSON in ASCII alone. A client that is told the text is UTF-8 may take other line breaks of Unicode for ends of lines.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;

/// Writes a value on one line, with everything beyond ASCII escaped, and ends the line.
pub(crate) fn line(value: &impl Serialize, into: &mut Vec<u8>) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut *into, Ascii))?;
    into.push(b'\n');
    Ok(())
}

struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(|c: char| !c.is_ascii() || c == '\u{7f}') {
            let (plain, beyond) = rest.split_at(at);
            writer.write_all(plain.as_bytes())?;
            let mut characters = beyond.chars();
            for unit in characters.next().map(|c| c.encode_utf16(&mut [0; 2]).to_vec()).unwrap_or_default() {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = characters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn a_line_is_ascii_and_means_the_same() {
        let value = json!({"naïef": "a\u{2028}b\u{85}c\u{b}\n\"\\ 数 🦀 \u{7f}"});
        let mut bytes = Vec::new();
        super::line(&value, &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_ascii() && text.ends_with("}\n") && text.trim_end().lines().count() == 1, "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
