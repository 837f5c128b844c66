//! Faults of descriptors: a picture of the place on a terminal, `file:line:column: error: ...` elsewhere.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::path::Path;

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode, SourceSpan};
use polder_descriptor::{Fault, Severity};

use crate::context::{self, Context};
use crate::render::plain;

/// The code of a secret in a place that is not for one.
const SECRET: &str = "secret-in-text";

/// Who reads the faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A person at a terminal, who sees a picture of each place.
    Person {
        /// Whether in colours.
        color: bool,
    },
    /// A program, which gets a line.
    Program,
}

/// Tells faults on stderr, if there are any.
pub(crate) fn tell(faults: &[Fault], context: &Context) {
    if !faults.is_empty() {
        let root = context.root().unwrap_or_default();
        context::say_exact(show(faults, &root, context.stderr_reader()).trim_end());
    }
}

/// The faults as text: all of them, in the order given, then a line that counts them.
pub(crate) fn show(faults: &[Fault], root: &Path, reader: Reader) -> String {
    let mut text = match reader {
        Reader::Person { color } => pictures(faults, root, color),
        Reader::Program => lines(faults),
    };
    text.push_str(&count(faults));
    text.push('\n');
    text
}

/// How many errors and warnings there are.
fn count(faults: &[Fault]) -> String {
    let errors = faults.iter().filter(|f| f.severity == Severity::Error).count();
    let warnings = faults.len() - errors;
    let plural = |n: usize, word: &str| format!("{n} {word}{}", if n == 1 { "" } else { "s" });
    match (errors, warnings) {
        (0, 0) => "no faults".to_owned(),
        (errors, 0) => plural(errors, "error"),
        (0, warnings) => plural(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", plural(errors, "error"), plural(warnings, "warning")),
    }
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// A line for each fault, as compilers write them, its help on a second one.
fn lines(faults: &[Fault]) -> String {
    let mut text = String::new();
    for fault in faults {
        let fault = plain_fault(fault);
        let Fault { file, line, column, severity, message, .. } = &fault;
        write!(text, "{file}:{line}:{column}: {}: {message}", word(*severity)).expect("a string takes any text");
        if !fault.offending.is_empty() && !message.contains(fault.offending.as_str()) {
            write!(text, " ({:?})", fault.offending).expect("a string takes any text");
        }
        text.push('\n');
        if let Some(help) = &fault.help {
            writeln!(text, "    help: {help}").expect("a string takes any text");
        }
    }
    text
}

/// The fault with others' words in it made plain.
fn plain_fault(fault: &Fault) -> Fault {
    Fault {
        file: plain::line(&fault.file).into(),
        message: plain::hanging(&fault.message),
        help: fault.help.as_deref().map(plain::hanging),
        code: plain::line(&fault.code).into_owned().into(),
        ..fault.clone()
    }
}

fn pictures(faults: &[Fault], root: &Path, color: bool) -> String {
    let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(110);
    let mut texts: HashMap<&str, Option<String>> = HashMap::new();
    let mut pictures = String::new();
    for fault in faults {
        let read = || std::fs::read_to_string(root.join(&*fault.file)).ok().as_deref().map(plain::in_place);
        let source = texts.entry(&fault.file).or_insert_with(read);
        let fault = plain_fault(fault);
        let picture = Picture::of(&fault, source.as_deref());
        // A secret that was written into a file is not shown from there: terminals are recorded, too.
        if fault.code == SECRET || handler.render_report(&mut pictures, &picture).is_err() {
            pictures.push_str(&lines(std::slice::from_ref(&fault)));
        }
        pictures.push('\n');
    }
    pictures
}

/// A fault in miette's words.
#[derive(Debug)]
struct Picture<'a> {
    fault: &'a Fault,
    source: Option<NamedSource<String>>,
    span: SourceSpan,
}

impl<'a> Picture<'a> {
    fn of(fault: &'a Fault, text: Option<&str>) -> Self {
        let span = text.map_or((0, 0), |text| bytes(text, fault.line as usize, fault.column as usize, fault.length as usize));
        let source = text.map(|text| NamedSource::new(&*fault.file, text.to_owned()));
        Self { fault, source, span: span.into() }
    }
}

/// The place as (first byte, bytes), given line and column counted from 1 in characters.
fn bytes(text: &str, line: usize, column: usize, length: usize) -> (usize, usize) {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let line = text[start..].lines().next().unwrap_or("");
    let at = |n: usize| line.char_indices().nth(n).map_or(line.len(), |(byte, _)| byte);
    let first = at(column.saturating_sub(1));
    let last = at(column.saturating_sub(1) + length.max(1));
    (start + first, last - first)
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl std::error::Error for Picture<'_> {}

impl Diagnostic for Picture<'_> {
    fn code<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        Some(Box::new(&self.fault.code))
    }
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.fault.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }
    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.fault.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as _)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = LabeledSpan::new_with_span(Some("here".to_owned()), self.span);
        Some(Box::new(std::iter::once(label)))
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use polder_descriptor::{Fault, Severity};

    use super::{Reader, bytes, show};

    #[test]
    fn a_file_steers_no_terminal_through_its_faults() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("polder.yaml"), "# \u{1b}]0;pwn\u{7}\r\nné\u{1b}[31mm: x\r\n").unwrap();
        let fault = Fault {
            file: "polder.yaml".into(),
            line: 2,
            column: 9,
            length: 1,
            offending: "\u{1b}[31mx".to_owned(),
            severity: Severity::Error,
            code: Cow::Borrowed("unknown"),
            message: "there is no \u{1b}[31mx\nhelp: none".to_owned(),
            help: Some("\u{202e}write y".to_owned()),
        };
        for reader in [Reader::Program, Reader::Person { color: false }] {
            let shown = show(std::slice::from_ref(&fault), folder.path(), reader);
            assert!(shown.chars().all(|c| c == '\n' || crate::render::plain::is_plain(c)), "{shown:?}");
            assert!(shown.contains(r"\u{202e}write y") && !shown.contains("\nhelp: none"), "{shown}");
        }
        let shown = show(&[fault], folder.path(), Reader::Person { color: false });
        assert!(shown.contains("né\u{fffd}[31mm: x"), "{shown}");
    }

    #[test]
    fn a_secret_in_a_file_is_told_of_without_its_line() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("polder.yaml"), "account_key: c2VjcmV0\n").unwrap();
        let fault = Fault {
            file: "polder.yaml".into(),
            line: 1,
            column: 14,
            length: 8,
            offending: "account_key".to_owned(),
            severity: Severity::Warning,
            code: Cow::Borrowed("secret-in-text"),
            message: "'account_key' is a secret".to_owned(),
            help: None,
        };
        let shown = show(&[fault], folder.path(), Reader::Person { color: false });
        assert!(shown.contains("polder.yaml:1:14") && !shown.contains("c2VjcmV0"), "{shown}");
    }

    #[test]
    fn places_are_found_in_texts_of_any_script() {
        let text = "naam: é\nönaam: x\n";
        let place = |line, column, length| {
            let (start, len) = bytes(text, line, column, length);
            &text[start..start + len]
        };
        assert_eq!(place(1, 7, 1), "é");
        assert_eq!(place(2, 1, 5), "önaam");
        assert_eq!(place(2, 99, 5), "");
        assert_eq!(place(99, 1, 5), "");
    }
}
