//! A cursor over one JSON text: strict in its grammar (RFC 8259), bounded in depth and field size.
//!
//! Owns tokens only; what they mean for a column is `column.rs`'s. It exists beside the JSON readers of Arrow and serde because
//! a load must see what those pass over in silence (duplicate keys, unknown fields, digits that a `double` drops), in the same
//! pass that fills the columns.

use std::borrow::Cow;

use crate::error::{Fit, Misfit};

/// How deep a value that nobody asked for may nest.
const MAX_DEPTH: usize = 128;

/// A place in a JSON text.
pub(crate) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    field_bytes: usize,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(text: &'a str, field_bytes: usize) -> Self {
        Self { text, at: 0, field_bytes }
    }

    /// The next byte that is not white space; 0, which begins nothing, at the end.
    #[inline]
    pub(crate) fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b' ' | b'\t' | b'\r' | b'\n') => self.at += 1,
                Some(byte) => return *byte,
                None => return 0,
            }
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, token: u8) -> bool {
        let found = self.peek() == token;
        self.at += usize::from(found);
        found
    }

    #[inline]
    pub(crate) fn expect(&mut self, token: u8) -> Fit {
        if self.take(token) { Ok(()) } else { Err(self.unexpected(&format!("'{}'", char::from(token)))) }
    }

    /// Takes a literal text that stands exactly here, as a key known from the row before does.
    #[inline]
    pub(crate) fn take_exactly(&mut self, literal: &[u8]) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(literal);
        self.at += if found { literal.len() } else { 0 };
        found
    }

    pub(crate) fn word(&mut self, word: &'static str) -> Fit {
        if self.take_exactly(word.as_bytes()) { Ok(()) } else { Err(self.unexpected(word)) }
    }

    pub(crate) fn end(&mut self) -> Fit {
        if self.peek() == 0 && self.at == self.text.len() { Ok(()) } else { Err(self.unexpected("nothing more")) }
    }

    #[cold]
    pub(crate) fn unexpected(&self, expected: &str) -> Box<Misfit> {
        let found = match self.text[self.at..].chars().next() {
            None => "the end".to_owned(),
            Some(c) if c.is_ascii_punctuation() => format!("'{c}'"),
            Some(_) => "something else".to_owned(),
        };
        Misfit::row(format!("expected {expected} at byte {}, found {found}", self.at + 1))
    }

    /// Takes a string, without its quotes and escapes.
    #[inline]
    pub(crate) fn string(&mut self) -> Fit<Cow<'a, str>> {
        self.expect(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at += plain_length(&bytes[start..]);
        if self.at - start > self.field_bytes {
            return Err(self.too_long());
        }
        if bytes.get(self.at) == Some(&b'"') {
            let plain = &self.text[start..self.at];
            self.at += 1;
            return Ok(Cow::Borrowed(plain));
        }
        self.escaped(start).map(Cow::Owned)
    }

    #[cold]
    fn too_long(&self) -> Box<Misfit> {
        Misfit::row(format!("is longer than {} bytes", self.field_bytes))
    }

    /// The rest of a string that holds escapes.
    fn escaped(&mut self, start: usize) -> Fit<String> {
        let bytes = self.text.as_bytes();
        let mut value = self.text[start..self.at].to_owned();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => {
                    self.at += 1;
                    value.push(self.escape()?);
                }
                Some(_) => return Err(self.unexpected("a control character written as an escape")),
                None => return Err(Misfit::row("a string never ends")),
            }
            let plain = plain_length(&bytes[self.at..]);
            value.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            if value.len() > self.field_bytes {
                return Err(self.too_long());
            }
        }
    }

    fn escape(&mut self) -> Fit<char> {
        let byte = self.text.as_bytes().get(self.at).copied().unwrap_or(0);
        let plain = match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.code_point();
            }
            _ => return Err(self.unexpected("an escape")),
        };
        self.at += 1;
        Ok(plain)
    }

    fn code_point(&mut self) -> Fit<char> {
        let first = self.hexadecimal()?;
        let code = match first {
            0xD800..=0xDBFF if self.take_exactly(b"\\u") => match self.hexadecimal()? {
                second @ 0xDC00..=0xDFFF => 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00),
                _ => first,
            },
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| Misfit::row("half of a surrogate pair is not a character"))
    }

    fn hexadecimal(&mut self) -> Fit<u32> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(code) => {
                self.at += 4;
                Ok(code)
            }
            None => Err(self.unexpected("four hexadecimal digits")),
        }
    }

    /// Takes a number as it is written.
    #[inline]
    pub(crate) fn number(&mut self) -> Fit<&'a str> {
        self.peek();
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
        let whole = digits(bytes, at);
        let mut sound = whole > 0 && (whole == 1 || bytes[at] != b'0');
        at += whole;
        if bytes.get(at) == Some(&b'.') {
            let fraction = digits(bytes, at + 1);
            sound &= fraction > 0;
            at += 1 + fraction;
        }
        if let Some(b'e' | b'E') = bytes.get(at) {
            at += 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let exponent = digits(bytes, at);
            sound &= exponent > 0;
            at += exponent;
        }
        if !sound {
            return Err(self.unexpected("a number"));
        }
        if at - start > self.field_bytes {
            return Err(self.too_long());
        }
        self.at = at;
        Ok(&self.text[start..at])
    }

    /// Passes over a value that nobody asked for, checking it all the same: a row is JSON as a whole or it is not.
    pub(crate) fn skip(&mut self) -> Fit {
        let mut open: Vec<u8> = Vec::new();
        loop {
            match self.peek() {
                token @ (b'{' | b'[') => {
                    self.at += 1;
                    let close = token + 2; // in ASCII, `}` and `]` stand two after their opening
                    if open.len() == MAX_DEPTH {
                        return Err(Misfit::row(format!("nests deeper than {MAX_DEPTH}")));
                    }
                    if !self.take(close) {
                        open.push(close);
                        if close == b'}' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                _ => self.scalar()?,
            }
            while let Some(close) = open.last().copied() {
                if self.take(b',') {
                    if close == b'}' {
                        self.key()?;
                    }
                    break;
                }
                self.expect(close)?;
                open.pop();
            }
            if open.is_empty() {
                return Ok(());
            }
        }
    }

    fn key(&mut self) -> Fit {
        self.string()?;
        self.expect(b':')
    }

    fn scalar(&mut self) -> Fit {
        match self.peek() {
            b'"' => self.string().map(drop),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number().map(drop),
            _ => Err(self.unexpected("a value")),
        }
    }
}

fn digits(bytes: &[u8], from: usize) -> usize {
    bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// How many bytes stand before the first quote, backslash or control character: eight at a time.
#[inline]
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // The lowest bit set is exact; bits above it may not be, and are not looked at.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let mut length = 0;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut eight = [0; 8];
        eight.copy_from_slice(chunk);
        let word = u64::from_le_bytes(eight);
        let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let stop = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\'))) | control;
        if stop != 0 {
            return length + stop.trailing_zeros() as usize / 8;
        }
        length += 8;
    }
    length + chunks.remainder().iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_as_rfc_8259_writes_them() {
        let check = |text: &str, expect: Option<&str>| {
            assert_eq!(Cursor::new(text, 100).string().ok().as_deref(), expect, "{text}");
        };
        check(r#""""#, Some(""));
        check(r#""plain text, longer than eight""#, Some("plain text, longer than eight"));
        check(r#""a\"b\\\/\b\f\n\r\t""#, Some("a\"b\\/\u{8}\u{c}\n\r\t"));
        check(r#""\u00e9\ud83d\ude00é""#, Some("é😀é"));
        for text in [
            r#""\ud83d""#,
            r#""\ud83d\u0041""#,
            r#""\ude00""#,
            r#""\x""#,
            r#""\u12""#,
            r#""\u+123""#,
            "\"a\nb\"",
            "\"open",
            "\"open\\",
            "x",
        ] {
            check(text, None);
        }
        check(&format!("\"{}\"", "x".repeat(101)), None);
        check(&format!("\"\\n{}\"", "x".repeat(100)), None);
    }

    #[test]
    fn skipped_values_are_checked() {
        let check = |text: &str, expect: bool| {
            let mut cursor = Cursor::new(text, 100);
            assert_eq!(cursor.skip().and_then(|()| cursor.end()).is_ok(), expect, "{text}");
        };
        for text in ["1", "-0.5e+3", "null", "[]", "{}", r#" [1, {"a": [true, false]}, "x"] "#, r#"{"a":{},"b":[[]]}"#] {
            check(text, true);
        }
        for text in
            ["", "01", "1.", ".5", "+1", "1e", "[1,]", "{,}", "[1 2]", r#"{"a"}"#, r#"{"a":1,}"#, "[}", "nul", "1 1", "NaN"]
        {
            check(text, false);
        }
        check(&format!("{}{}", "[".repeat(128), "]".repeat(128)), true);
        check(&"[".repeat(100_000), false);
    }
}
