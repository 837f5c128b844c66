//! CSV records and fields (RFC 4180), strictly: where a record ends, what its fields are, which column they fill.
//!
//! Readers that forgive a wrong quote change what the file says: text after a closing quote is glued to the field, and a quote
//! that never closes swallows the rows after it. Here such a record is refused as far as its own line, and reading goes on with
//! the next line: one wrong quote costs one row. An empty line is no row.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use polder_model::Column;
use polder_model::job::CsvOptions;

use crate::error::{Fit, Misfit};
use crate::record::{Record, field_lookup};

/// Why a record is given up before its end is seen.
pub(crate) const TOO_LONG: &str = "the row is longer than a row may be";

/// What the bytes of a CSV file mean.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: u8,
    pub(crate) row_bytes: usize,
}

impl Dialect {
    /// Checks that the declared characters can be told apart.
    pub(crate) fn new(options: &CsvOptions, row_bytes: usize) -> Result<Self, String> {
        let one_byte = |name: &str, c: char| match u8::try_from(c) {
            Ok(byte) if c.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(byte),
            _ => Err(format!("the {name} {c:?} is not one ASCII character other than a line break")),
        };
        let (delimiter, quote) = (one_byte("delimiter", options.delimiter)?, one_byte("quote", options.quote)?);
        if delimiter == quote {
            return Err(format!("delimiter and quote are both {:?}", options.quote));
        }
        Ok(Self { delimiter, quote, row_bytes })
    }

    /// Finds the end of the record that begins at `start`. `whole` says that no bytes follow.
    pub(crate) fn record(&self, bytes: &[u8], start: usize, whole: bool) -> Scan {
        let mut at = start;
        loop {
            let found = memchr::memchr2(self.quote, b'\n', &bytes[at..]).map(|offset| at + offset);
            if found.unwrap_or(bytes.len()) - start > self.row_bytes {
                return broken(bytes, start, whole, TOO_LONG);
            }
            let Some(found) = found else {
                return if whole { Scan::Record(start..bytes.len(), bytes.len()) } else { Scan::More };
            };
            if bytes[found] == b'\n' {
                return Scan::Record(start..found, found + 1);
            }
            let opens = found == start || bytes[found - 1] == self.delimiter;
            if !opens {
                at = found + 1; // the splitter refuses it; it does not hide a line break
                continue;
            }
            at = match self.closing(bytes, found + 1, start, whole) {
                Closing::At(at) => at,
                Closing::More => return Scan::More,
                Closing::Wrong(why) => return broken(bytes, start, whole, why),
            };
        }
    }

    /// Finds what follows the quote that closes a field.
    fn closing(&self, bytes: &[u8], from: usize, start: usize, whole: bool) -> Closing {
        let mut at = from;
        loop {
            let quote = memchr::memchr(self.quote, &bytes[at..]).map(|offset| at + offset);
            if quote.unwrap_or(bytes.len()) - start > self.row_bytes {
                return Closing::Wrong(TOO_LONG);
            }
            let Some(quote) = quote else {
                return if whole { Closing::Wrong("a quote is never closed") } else { Closing::More };
            };
            match (bytes.get(quote + 1), bytes.get(quote + 2)) {
                (Some(next), _) if *next == self.quote => at = quote + 2,
                (Some(next), _) if *next == self.delimiter || *next == b'\n' => return Closing::At(quote + 1),
                (Some(b'\r'), Some(b'\n')) => return Closing::At(quote + 1),
                (None, _) | (Some(b'\r'), None) if whole => return Closing::At(quote + 1),
                (None, _) | (Some(b'\r'), None) => return Closing::More,
                _ => return Closing::Wrong("text follows a closing quote"),
            }
        }
    }
}

/// Where a record ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan {
    /// The record, without its line break, and where the next begins.
    Record(Range<usize>, usize),
    /// A line that is no record, why, and where the next begins.
    Broken(Range<usize>, usize, &'static str),
    /// The bytes end before it does.
    More,
}

enum Closing {
    At(usize),
    More,
    Wrong(&'static str),
}

/// A broken record is given up as far as its first line break.
fn broken(bytes: &[u8], start: usize, whole: bool, why: &'static str) -> Scan {
    match memchr::memchr(b'\n', &bytes[start..]).map(|offset| start + offset) {
        Some(end) => Scan::Broken(start..end, end + 1, why),
        None if whole => Scan::Broken(start..bytes.len(), bytes.len(), why),
        None => Scan::More,
    }
}

/// Where a field's text is: in the record, or among the texts that had doubled quotes.
#[derive(Debug, Clone)]
struct Field {
    range: Range<usize>,
    quoted: bool,
    unescaped: bool,
}

/// Splits records into fields, reusing its memory.
#[derive(Default)]
pub(crate) struct Splitter {
    fields: Vec<Field>,
    unescaped: String,
}

impl Splitter {
    /// Splits a record without its line break.
    pub(crate) fn split(&mut self, record: &str, dialect: Dialect, field_bytes: usize) -> Fit {
        self.fields.clear();
        self.unescaped.clear();
        let bytes = record.as_bytes();
        let mut at = 0;
        loop {
            let end = if bytes.get(at) == Some(&dialect.quote) {
                self.quoted(record, at + 1, dialect)?
            } else {
                self.plain(bytes, at, dialect)?
            };
            if self.fields.last().is_some_and(|field| field.range.len() > field_bytes) {
                return Err(Misfit::row(format!("field {} is longer than {field_bytes} bytes", self.fields.len())));
            }
            if end == bytes.len() {
                return Ok(());
            }
            at = end + 1;
        }
    }

    #[inline]
    fn plain(&mut self, bytes: &[u8], start: usize, dialect: Dialect) -> Fit<usize> {
        let end = match memchr::memchr2(dialect.delimiter, dialect.quote, &bytes[start..]) {
            Some(offset) if bytes[start + offset] == dialect.quote => {
                return Err(Misfit::row(format!(
                    "a quote stands inside field {}, which does not begin with one",
                    self.fields.len() + 1
                )));
            }
            Some(offset) => start + offset,
            None => bytes.len(),
        };
        self.fields.push(Field { range: start..end, quoted: false, unescaped: false });
        Ok(end)
    }

    fn quoted(&mut self, record: &str, start: usize, dialect: Dialect) -> Fit<usize> {
        let bytes = record.as_bytes();
        let (mut at, kept) = (start, self.unescaped.len());
        loop {
            let Some(quote) = memchr::memchr(dialect.quote, &bytes[at..]).map(|offset| at + offset) else {
                return Err(Misfit::row("a quote is never closed"));
            };
            match bytes.get(quote + 1) {
                Some(next) if *next == dialect.quote => {
                    self.unescaped.push_str(&record[at..=quote]);
                    at = quote + 2;
                }
                Some(next) if *next != dialect.delimiter => return Err(Misfit::row("text follows a closing quote")),
                _ => {
                    let unescaped = self.unescaped.len() > kept;
                    if unescaped {
                        self.unescaped.push_str(&record[at..quote]);
                    }
                    let range = if unescaped { kept..self.unescaped.len() } else { start..quote };
                    self.fields.push(Field { range, quoted: true, unescaped });
                    return Ok(quote + 1);
                }
            }
        }
    }

    fn len(&self) -> usize {
        self.fields.len()
    }

    fn text<'a>(&'a self, record: &'a str, field: &Field) -> &'a str {
        if field.unescaped { &self.unescaped[field.range.clone()] } else { &record[field.range.clone()] }
    }

    fn texts<'a>(&'a self, record: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().map(move |field| self.text(record, field))
    }
}

/// Which field of a file's records fills which column.
#[derive(Debug)]
pub(crate) struct CsvColumns {
    /// How many fields a record has.
    fields: usize,
    /// For each column its field.
    sources: Vec<Option<usize>>,
    /// Header names that are no column.
    pub(crate) unknown: Vec<String>,
}

impl CsvColumns {
    /// Without a header, fields come in the sink's order.
    pub(crate) fn in_order(columns: usize) -> Self {
        Self { fields: columns, sources: (0..columns).map(Some).collect(), unknown: Vec::new() }
    }

    /// With a header, its names say which field is whose.
    pub(crate) fn from_header(
        header: &str,
        dialect: Dialect,
        columns: &[Column],
        renamed: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let mut splitter = Splitter::default();
        splitter.split(header, dialect, usize::MAX).map_err(|misfit| misfit.to_string())?;
        let lookup: HashMap<String, usize> = field_lookup(columns, renamed);
        let mut found = Self { fields: splitter.len(), sources: vec![None; columns.len()], unknown: Vec::new() };
        for (at, name) in splitter.texts(header).enumerate() {
            let name = name.trim();
            match lookup.get(&name.to_lowercase()) {
                None => found.unknown.push(name.to_owned()),
                Some(column) if found.sources[*column].is_some() => return Err(format!("{name:?} stands in it twice")),
                Some(column) => found.sources[*column] = Some(at),
            }
        }
        match missing(columns, &found.sources, renamed).as_slice() {
            [] => Ok(found),
            missing => Err(found.lacking(missing)),
        }
    }

    /// Says which fields a header lacks, each with the name in it that may be meant.
    fn lacking(&self, missing: &[&str]) -> String {
        let field = |name: &&str| match nearest(name, &self.unknown) {
            Some(near) => format!("{name:?} (is it {near:?}?)"),
            None => format!("{name:?}"),
        };
        let missing: Vec<String> = missing.iter().map(field).collect();
        format!("it lacks {}, which the sink requires", missing.join(" and "))
    }
}

/// The fields of required columns that no field of the header fills, in the sink's order.
fn missing<'a>(columns: &'a [Column], sources: &[Option<usize>], renamed: &'a BTreeMap<String, String>) -> Vec<&'a str> {
    let field = |column: &'a Column| {
        let own = column.name.to_lowercase();
        let declared = renamed.iter().find(|(name, _)| name.to_lowercase() == own);
        declared.map_or(column.name.as_str(), |(_, field)| field.as_str())
    };
    let lacking = columns.iter().zip(sources).filter(|(column, source)| !column.optional && source.is_none());
    lacking.map(|(column, _)| field(column)).collect()
}

/// The name most like another, if one is alike at all.
fn nearest<'a>(wanted: &str, names: &'a [String]) -> Option<&'a str> {
    let wanted = wanted.to_lowercase();
    let alike = names.iter().map(|name| (strsim::normalized_damerau_levenshtein(&wanted, &name.to_lowercase()), name.as_str()));
    alike.filter(|(likeness, _)| *likeness >= 0.6).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// Fills columns from records.
pub(crate) struct CsvRows {
    splitter: Splitter,
    pub(crate) dialect: Dialect,
    nulls: Vec<String>,
    field_bytes: usize,
}

impl CsvRows {
    pub(crate) fn new(dialect: Dialect, nulls: &[String], field_bytes: usize) -> Self {
        Self { splitter: Splitter::default(), dialect, nulls: nulls.to_vec(), field_bytes }
    }

    /// Takes one record. In a string column a quoted text is itself, even when empty or among the texts that mean a missing
    /// value; in all other columns quotes make no difference and blanks around the value are none of it.
    pub(crate) fn push(&mut self, record: &mut Record, columns: &CsvColumns, line: &str) -> Fit {
        self.splitter.split(line, self.dialect, self.field_bytes)?;
        if self.splitter.len() != columns.fields {
            return Err(Misfit::row(format!("has {} fields instead of {}", self.splitter.len(), columns.fields)));
        }
        let (splitter, nulls) = (&self.splitter, &self.nulls);
        record.push_fields(self.field_bytes, |column, string| {
            let field = &splitter.fields[columns.sources[column]?];
            let text = splitter.text(line, field);
            if string && field.quoted {
                return Some(text);
            }
            let text = if string { text } else { text.trim_ascii() };
            let missing = text.is_empty() || nulls.iter().any(|null| null == text);
            (!missing).then_some(text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIALECT: Dialect = Dialect { delimiter: b',', quote: b'"', row_bytes: 1000 };

    #[test]
    fn records_end_where_no_quote_is_open() {
        let check = |text: &str, expect: &[Result<&str, &str>]| {
            let (mut at, mut found) = (0, Vec::new());
            while at < text.len() {
                match DIALECT.record(text.as_bytes(), at, true) {
                    Scan::Record(range, next) => {
                        found.push(Ok(&text[range]));
                        at = next;
                    }
                    Scan::Broken(range, next, _) => {
                        found.push(Err(&text[range]));
                        at = next;
                    }
                    Scan::More => panic!("more of a whole text"),
                }
            }
            assert_eq!(found, expect, "{text:?}");
        };
        check("a,b\nc,d", &[Ok("a,b"), Ok("c,d")]);
        check("a,\"b\nb\"\nc\n", &[Ok("a,\"b\nb\""), Ok("c")]);
        check("\"a\"\"\n\"\"\"\r\nc\n", &[Ok("\"a\"\"\n\"\"\"\r"), Ok("c")]);
        check("a\"\nb\n", &[Ok("a\""), Ok("b")]);
        check("\"a\nb\nc", &[Err("\"a"), Ok("b"), Ok("c")]);
        check("\"a\nb\"c\nd\n", &[Err("\"a"), Ok("b\"c"), Ok("d")]);
    }

    #[test]
    fn a_record_cut_short_asks_for_more() {
        for text in ["a,b", "\"a\nb", "\"a\"", "\"a\"\r", "\"a\"\""] {
            assert_eq!(DIALECT.record(text.as_bytes(), 0, false), Scan::More, "{text:?}");
        }
    }

    #[test]
    fn fields_are_split_strictly() {
        let check = |record: &str, expect: Result<&[&str], &str>| {
            let mut splitter = Splitter::default();
            let found = splitter.split(record, DIALECT, 8).map_err(|misfit| misfit.to_string());
            let texts: Vec<_> = splitter.texts(record).collect();
            assert_eq!(found.as_ref().map(|()| &texts[..]).map_err(String::as_str), expect, "{record}");
        };
        check("a,b", Ok(&["a", "b"]));
        check("", Ok(&[""]));
        check(",", Ok(&["", ""]));
        check("\"a,b\",\"\"", Ok(&["a,b", ""]));
        check("\"\"\"a\"\"\",\"b\"\"c\"", Ok(&["\"a\"", "b\"c"]));
        check("a\"b", Err("a quote stands inside field 1, which does not begin with one"));
        check("\"a\"b", Err("text follows a closing quote"));
        check("x,\"a", Err("a quote is never closed"));
        check("x,123456789", Err("field 2 is longer than 8 bytes"));
    }
}
