//! Rows as `COPY` writes them: a line of text, a line of CSV, or a binary tuple. They are made of the same values as other rows.

use bytes::{Buf as _, BufMut as _, BytesMut};
use pgwire::api::results::FieldInfo;

use crate::sql::copying::Form;

/// What a binary copy begins with: a signature, no flags, no more of a head.
pub(super) const BINARY_HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// What it ends with.
const BINARY_END: &[u8] = &[0xff, 0xff];

/// What is copied before the first row and after the last, given whether there were any rows.
pub(crate) fn begin(form: &Form, fields: &[FieldInfo]) -> Option<Vec<u8>> {
    let names = || fields.iter().map(FieldInfo::name).map(str::as_bytes).map(Some);
    let mut line = BytesMut::new();
    match form {
        Form::Text { delimiter, null, header: true } => text(*delimiter, null, names(), &mut line),
        Form::Csv { delimiter, null, header: true, quote, escape, .. } => {
            csv(*delimiter, null, *quote, *escape, false, names(), &mut line);
        }
        _ => return None,
    }
    Some(line.to_vec())
}

/// What is copied after the last row.
pub(crate) fn end(form: &Form, rows: u64) -> Option<Vec<u8>> {
    match form {
        Form::Binary if rows == 0 => Some([BINARY_HEAD, BINARY_END].concat()),
        Form::Binary => Some(BINARY_END.to_vec()),
        _ => None,
    }
}

/// Writes a row, given as the values of its message.
pub(super) fn row(form: &Form, count: &[u8], values: &[u8], out: &mut BytesMut) {
    match form {
        Form::Binary => {
            out.put_slice(count);
            out.put_slice(values);
        }
        Form::Text { delimiter, null, .. } => text(*delimiter, null, Values(values), out),
        Form::Csv { delimiter, null, quote, escape, force, .. } => {
            csv(*delimiter, null, *quote, *escape, *force, Values(values), out);
        }
    }
}

/// The values of a row's message, one after the other.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.0.try_get_i32().ok()?;
        let Ok(length) = usize::try_from(length) else { return Some(None) };
        let (value, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Some(value))
    }
}

fn text<'a>(delimiter: u8, null: &str, values: impl Iterator<Item = Option<&'a [u8]>>, out: &mut BytesMut) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.put_u8(delimiter);
        }
        let Some(value) = value else {
            out.put_slice(null.as_bytes());
            continue;
        };
        for byte in value {
            match byte {
                b'\n' => out.put_slice(b"\\n"),
                b'\r' => out.put_slice(b"\\r"),
                b'\t' => out.put_slice(b"\\t"),
                b'\\' => out.put_slice(b"\\\\"),
                byte if *byte == delimiter => out.put_slice(&[b'\\', *byte]),
                byte => out.put_u8(*byte),
            }
        }
    }
    out.put_u8(b'\n');
}

fn csv<'a>(
    delimiter: u8,
    null: &str,
    quote: u8,
    escape: u8,
    force: bool,
    values: impl Iterator<Item = Option<&'a [u8]>>,
    out: &mut BytesMut,
) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.put_u8(delimiter);
        }
        let Some(value) = value else {
            out.put_slice(null.as_bytes());
            continue;
        };
        // An empty text is not a missing one.
        let special = |byte: &u8| [delimiter, quote, escape, b'\n', b'\r'].contains(byte);
        if !force && value != null.as_bytes() && !value.iter().any(special) && value != b"\\." {
            out.put_slice(value);
            continue;
        }
        out.put_u8(quote);
        for byte in value {
            if *byte == quote || *byte == escape {
                out.put_u8(escape);
            }
            out.put_u8(*byte);
        }
        out.put_u8(quote);
    }
    out.put_u8(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(form: &Form, values: &[Option<&str>]) -> String {
        let mut message = BytesMut::new();
        for value in values {
            match value {
                Some(text) => {
                    message.put_i32(i32::try_from(text.len()).unwrap());
                    message.put_slice(text.as_bytes());
                }
                None => message.put_i32(-1),
            }
        }
        let mut out = BytesMut::new();
        row(form, &[0, 0], &message, &mut out);
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn what_is_missing_is_told_from_what_is_empty_and_no_value_ends_a_line() {
        let values = [Some("a\tb\nc\\"), None, Some(""), Some("x,\"y\"")];
        let text = Form::Text { delimiter: b'\t', null: "\\N".to_owned(), header: false };
        assert_eq!(copied(&text, &values), "a\\tb\\nc\\\\\t\\N\t\tx,\"y\"\n");
        let csv = Form::Csv { delimiter: b',', null: String::new(), header: false, quote: b'"', escape: b'"', force: false };
        assert_eq!(copied(&csv, &values), "\"a\tb\nc\\\",,\"\",\"x,\"\"y\"\"\"\n");
    }
}
