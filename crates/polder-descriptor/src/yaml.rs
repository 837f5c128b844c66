//! A YAML tree that knows where every key and value stands, and YAML that means the same to every reader.
//!
//! Scalars keep the text that is written: `no`, `1e3` and `1.10` mean what the reader of the field says, never what a
//! YAML version says. What makes YAML dangerous or ambiguous is a fault and not a panic: anchors and aliases (so that
//! no file can expand into more than it is), merge keys, duplicate keys, several documents, tags, great depth and size.

use std::collections::HashSet;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

use crate::fault::{Fault, Span};

/// The largest file that is read.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// How deep maps and lists may nest.
pub const MAX_DEPTH: usize = 64;

/// A value with where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands; for a map, its first key.
    pub span: Span,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A text, as written.
    Scalar(Scalar),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in the order written; no key occurs twice.
    Map(Vec<Entry>),
}

/// A text, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text without quotes.
    pub text: Box<str>,
    /// Whether it was written with quotes, or as a block: then it is a text whatever it looks like.
    pub quoted: bool,
    /// Whether it holds a `${NAME}` whose value is not known yet.
    pub open: bool,
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where the key stands.
    pub span: Span,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value of a key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|e| &*e.key == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// The text of a scalar.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// Whether nothing is written, or a plain `null` or `~`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => !scalar.quoted && matches!(&*scalar.text, "" | "~" | "null" | "Null" | "NULL"),
            _ => false,
        }
    }

    /// Whether any scalar in it fulfils a condition.
    pub(crate) fn any_text(&self, condition: &impl Fn(&str) -> bool) -> bool {
        match &self.value {
            Value::Scalar(scalar) => condition(&scalar.text),
            Value::List(items) => items.iter().any(|item| item.any_text(condition)),
            Value::Map(entries) => entries.iter().any(|entry| entry.value.any_text(condition)),
        }
    }

    /// The value as JSON; plain scalars by the core schema of YAML 1.2.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries.iter().map(|e| (e.key.to_string(), e.value.to_json())).collect(),
        }
    }

    /// What it is, in words, for a message that expected something else.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Map(_) => "a map".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Scalar(_) if self.is_null() => "nothing".to_owned(),
            Value::Scalar(scalar) => format!("{:?}", crate::fault::shorten(scalar.text.to_string())),
        }
    }

    /// The text to show as offending: the scalar, or the first key of a map.
    pub(crate) fn offending(&self) -> String {
        match &self.value {
            Value::Scalar(scalar) => scalar.text.to_string(),
            Value::List(_) => "[...]".to_owned(),
            Value::Map(entries) => entries.first().map_or_else(|| "{}".to_owned(), |e| e.key.to_string()),
        }
    }
}

impl Scalar {
    fn to_json(&self) -> serde_json::Value {
        let text = &*self.text;
        if self.quoted {
            return text.into();
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => serde_json::Value::Null,
            "true" | "True" | "TRUE" => true.into(),
            "false" | "False" | "FALSE" => false.into(),
            _ => {
                if let Ok(integer) = text.strip_prefix('+').unwrap_or(text).parse::<i64>() {
                    return integer.into();
                }
                let numeric = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
                match text.parse::<f64>() {
                    Ok(number) if numeric && number.is_finite() => number.into(),
                    _ => text.into(),
                }
            }
        }
    }
}

/// Writes a value as YAML: a text is that text again to every reader, of YAML 1.1 too, whatever is in it.
///
/// # Panics
/// Never for a value of JSON, all of which YAML holds.
#[must_use]
pub fn write(value: &serde_json::Value) -> String {
    // Blocks would be read more easily, and their edge cases are read differently.
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
    serde_saphyr::to_string_with_options(value, options).expect("YAML holds every value of JSON")
}

/// Reads a file: its tree, if it has one, and what is wrong with it as YAML.
#[must_use]
pub fn read(file: &Arc<str>, bytes: &[u8]) -> (Option<Node>, Vec<Fault>) {
    let text = match text(file, bytes) {
        Ok(text) => text,
        Err(fault) => return (None, vec![*fault]),
    };
    let mut builder = Builder { parser: Parser::new_from_str(text), text, file, faults: Vec::new() };
    let node = match builder.document() {
        Ok(node) => Some(node),
        Err(fault) => {
            builder.faults.push(*fault);
            None
        }
    };
    (node, builder.faults)
}

/// Reads a file's bytes as text: UTF-8, not too much of it.
pub(crate) fn text<'b>(file: &Arc<str>, bytes: &'b [u8]) -> Result<&'b str, Box<Fault>> {
    if bytes.len() > MAX_BYTES {
        let message = format!("this file has {} bytes: at most {MAX_BYTES} are read", bytes.len());
        return Err(Box::new(Fault::error(file, Span::START, "too-large", "", message).help("split it into several files")));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = &bytes[..error.valid_up_to()];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        let wrong = format!("\\x{:02x}", bytes[error.valid_up_to()]);
        let message = format!("this file is not UTF-8: byte {wrong} at {} begins no character", error.valid_up_to());
        let span = Span { line: number(line), column: number(column), length: 1 };
        Box::new(Fault::error(file, span, "not-utf8", wrong, message).help("save the file as UTF-8"))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

type Built<T> = Result<T, Box<Fault>>;
type SpannedEvent<'i> = (Event<'i>, saphyr_parser::Span);

/// Builds the tree out of the parser's events, one document, depth first.
struct Builder<'i, 'f> {
    parser: Parser<'i, StrInput<'i>>,
    text: &'i str,
    file: &'f Arc<str>,
    faults: Vec<Fault>,
}

impl<'i> Builder<'i, '_> {
    fn document(&mut self) -> Built<Node> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Err(self.empty()),
                (event, span) => {
                    let node = self.node(event, span, 1)?;
                    if node.is_null() {
                        return Err(self.empty());
                    }
                    self.end()?;
                    return Ok(node);
                }
            }
        }
    }

    /// Nothing but the end may follow the document.
    fn end(&mut self) -> Built<()> {
        loop {
            match self.next()? {
                (Event::DocumentEnd | Event::Nothing, _) => {}
                (Event::StreamEnd, _) => return Ok(()),
                (_, span) => {
                    let message = "a second document begins here: a file holds one descriptor";
                    return Err(self.fault(point(span), "several-documents", "---", message, "move it to a file of its own"));
                }
            }
        }
    }

    fn empty(&self) -> Box<Fault> {
        self.fault(Span::START, "empty-file", "", "this file holds no descriptor", "write one, or remove the file")
    }

    fn next(&mut self) -> Built<SpannedEvent<'i>> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.malformed(&error)),
            None => Ok((Event::StreamEnd, saphyr_parser::Span::default())),
        }
    }

    fn node(&mut self, event: Event<'i>, span: saphyr_parser::Span, depth: usize) -> Built<Node> {
        if depth > MAX_DEPTH {
            let message = format!("maps and lists nest at most {MAX_DEPTH} deep");
            return Err(self.fault(point(span), "too-deep", "", &message, "make it flatter"));
        }
        let at = extent(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.no_anchor(anchor, at)?;
                let is_text = tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                if let (Some(tag), false) = (&tag, is_text) {
                    return Err(self.tag(&tag.to_string(), at));
                }
                let quoted = is_text || style != ScalarStyle::Plain;
                Ok(Node { value: Value::Scalar(Scalar { text: text.into(), quoted, open: false }), span: at })
            }
            Event::SequenceStart(anchor, tag) => {
                self.no_anchor(anchor, at)?;
                match tag {
                    Some(tag) => Err(self.tag(&tag.to_string(), at)),
                    None => self.list(at, depth),
                }
            }
            Event::MappingStart(anchor, tag) => {
                self.no_anchor(anchor, at)?;
                match tag {
                    Some(tag) => Err(self.tag(&tag.to_string(), at)),
                    None => self.map(at, depth),
                }
            }
            Event::Alias(_) => Err(self.alias(at)),
            // The parser ends every node it begins, so that no other event can stand for one.
            other => Err(self.fault(at, "malformed-yaml", "", &format!("this is not YAML: {other:?} is out of place"), "")),
        }
    }

    fn list(&mut self, span: Span, depth: usize) -> Built<Node> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Node { value: Value::List(items), span }),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, span: Span, depth: usize) -> Built<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashSet<Box<str>> = HashSet::new();
        loop {
            let (event, key_span) = match self.next()? {
                (Event::MappingEnd | Event::StreamEnd, _) => break,
                next => next,
            };
            let key = self.node(event, key_span, depth + 1)?;
            let Value::Scalar(Scalar { text, .. }) = key.value else {
                return Err(self.fault(
                    key.span,
                    "key-not-text",
                    "",
                    "a key is a text, not a map or a list",
                    "write a plain word",
                ));
            };
            if &*text == "<<" {
                let help = "write the keys out, or put what environments share above their overrides";
                return Err(self.fault(key.span, "merge-key", "<<", "merge keys are not read", help));
            }
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            let known =
                if entries.len() < 8 { entries.iter().any(|e| e.key == text) } else { !self.note(&entries, &mut seen, &text) };
            if known {
                self.duplicate(&entries, &text, key.span);
            } else {
                entries.push(Entry { key: text, span: key.span, value });
            }
        }
        let span = entries.first().map_or(span, |first| first.span);
        Ok(Node { value: Value::Map(entries), span })
    }

    /// Whether a key of a large map is new: small maps are compared key by key, large ones by hash.
    fn note(&self, entries: &[Entry], seen: &mut HashSet<Box<str>>, key: &str) -> bool {
        if seen.is_empty() {
            seen.extend(entries.iter().map(|e| e.key.clone()));
        }
        seen.insert(key.into())
    }

    fn duplicate(&mut self, entries: &[Entry], key: &str, span: Span) {
        let first = entries.iter().find(|e| &*e.key == key).map_or(0, |e| e.span.line);
        let message = format!("the key '{key}' stands here a second time: the first is on line {first}");
        self.faults.push(*self.fault(span, "duplicate-key", key, &message, "keep one of them"));
    }

    fn no_anchor(&self, anchor: usize, span: Span) -> Built<()> {
        if anchor == 0 { Ok(()) } else { Err(self.alias(span)) }
    }

    fn alias(&self, span: Span) -> Box<Fault> {
        let message = "anchors and aliases are not read: each value stands where it is used";
        self.fault(span, "alias", self.rest_of_line(span), message, "write the value out, or use a variable: ${NAME}")
    }

    fn tag(&self, tag: &str, span: Span) -> Box<Fault> {
        self.fault(span, "tag", tag, &format!("the tag {tag} is not read"), "remove it; quote a value that must be a text")
    }

    fn malformed(&self, error: &ScanError) -> Box<Fault> {
        let marker = *error.marker();
        let span = clamp(marker, self.text);
        let line = self.text.lines().nth(span.line as usize - 1).unwrap_or("");
        let indent = &line[..line.len() - line.trim_start().len()];
        let help = if indent.contains('\t') {
            "indent with spaces, not with tabs"
        } else if line.contains("${") {
            "quote a value that holds ${...} inside { } or [ ]"
        } else {
            "check the indentation and the quotes of this line and the one before it"
        };
        self.fault(span, "malformed-yaml", self.rest_of_line(span), &format!("this is not YAML: {}", error.info()), help)
    }

    fn rest_of_line(&self, span: Span) -> &'i str {
        let line = self.text.lines().nth((span.line as usize).saturating_sub(1)).unwrap_or("");
        let start = line.char_indices().nth((span.column as usize).saturating_sub(1)).map_or(line.len(), |(at, _)| at);
        &line[start..]
    }

    fn fault(&self, span: Span, code: &'static str, offending: &str, message: &str, help: &str) -> Box<Fault> {
        let fault = Fault::error(self.file, span, code, offending, message);
        Box::new(if help.is_empty() { fault } else { fault.help(help) })
    }
}

fn point(span: saphyr_parser::Span) -> Span {
    Span { line: number(span.start.line()), column: number(span.start.col() + 1), length: 1 }
}

/// What to underline of a value: all of it when it stands on one line, else its first character.
fn extent(span: saphyr_parser::Span) -> Span {
    let length = if span.start.line() == span.end.line() { span.len() } else { 1 };
    Span { length: number(length.max(1)), ..point(span) }
}

/// An error at the end of the text is shown at the last line that has something on it.
fn clamp(marker: Marker, text: &str) -> Span {
    let last = text.lines().count().max(1);
    if marker.line() <= last {
        return Span { line: number(marker.line().max(1)), column: number(marker.col() + 1), length: 1 };
    }
    let column = text.lines().last().map_or(0, |line| line.chars().count());
    Span { line: number(last), column: number(column + 1), length: 1 }
}

/// Counts of a file of at most [`MAX_BYTES`] always fit.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
