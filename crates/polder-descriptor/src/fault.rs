//! Faults: what is wrong with a descriptor, where, why, and what to write instead. Data only; rendering belongs to a face.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How bad a fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is planned or run while it stands.
    Error,
    /// Probably not what was meant; all goes on.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A place in a file: what to underline. Lines and columns count from 1, columns and lengths in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span {
    /// The line.
    pub line: u32,
    /// The first character.
    pub column: u32,
    /// How many characters.
    pub length: u32,
}

impl Span {
    /// The first character of a file, for what is wrong with the file as a whole.
    pub const START: Self = Self { line: 1, column: 1, length: 1 };
}

/// Something wrong with a descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The file, relative to the mesh's folder.
    pub file: Arc<str>,
    /// The line, counted from 1.
    pub line: u32,
    /// The column, in characters counted from 1.
    pub column: u32,
    /// How many characters to underline.
    pub length: u32,
    /// The text that is wrong.
    pub offending: String,
    /// Whether anything may go on.
    pub severity: Severity,
    /// What is wrong, as a word that programs can tell apart.
    pub code: Cow<'static, str>,
    /// What is wrong and why.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Fault {
    /// Returns an error.
    #[must_use]
    pub fn error(
        file: &Arc<str>,
        span: Span,
        code: &'static str,
        offending: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let (line, column, length) = (span.line.max(1), span.column.max(1), span.length.max(1));
        let (offending, message) = (shorten(offending.into()), message.into());
        Self {
            file: file.clone(),
            line,
            column,
            length,
            offending,
            severity: Severity::Error,
            code: code.into(),
            message,
            help: None,
        }
    }

    /// The same fault, only a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same fault, with what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Whether it is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Written `domains/finance/domain.yaml:3:1: error: message (help)`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}: {}", self.file, self.line, self.column, self.severity, self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// Puts faults in the order of files and lines, each once: environments repeat the faults of what they share.
pub(crate) fn sort(faults: &mut Vec<Fault>) {
    faults.sort_by(|a, b| {
        let key = |f: &Fault| (f.line, f.column, f.severity, f.code.clone());
        a.file.cmp(&b.file).then_with(|| key(a).cmp(&key(b))).then_with(|| a.message.cmp(&b.message))
    });
    faults.dedup();
}

/// Keeps a quoted text readable: what is wrong with a name of a megabyte shows in its first characters.
pub(crate) fn shorten(text: String) -> String {
    const LIMIT: usize = 80;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}
