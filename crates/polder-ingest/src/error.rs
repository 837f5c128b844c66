//! What can go wrong while finding and reading files, and what a row that does not fit says.
//!
//! Never holds a value of a `pii` column: whoever builds a [`Misfit`] for one masks it.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use polder_model::DataType;

/// An error of somebody else's code, kept whole.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the files of a source could not be listed.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The pattern is not one.
    #[error("{pattern:?} names no files: {why}")]
    Pattern {
        /// As declared.
        pattern: String,
        /// What is wrong with it and what to write instead.
        why: String,
    },
    /// A match is a link that leads out of the mesh's folder.
    #[error("{path} leads out of the mesh's folder, to {target}: name files elsewhere by their absolute path", path = path.display(), target = target.display())]
    Outside {
        /// The match.
        path: PathBuf,
        /// Where it leads.
        target: PathBuf,
    },
    /// A match that is neither file nor folder, or whose name is not UTF-8.
    #[error("{path} cannot be loaded: {why}", path = path.display())]
    NotAFile {
        /// The match.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// A file or folder that cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// No store answers for the URL.
    #[error("cannot open the object store of {url}")]
    Store {
        /// The URL as declared.
        url: String,
        /// What the one who knows the stores says.
        source: Cause,
    },
    /// The store could not list its objects.
    #[error("cannot list {url}")]
    List {
        /// The URL as declared.
        url: String,
        /// What the store says.
        source: object_store::Error,
    },
}

/// Why a read failed. Nothing of a failed read may be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source's options contradict themselves or the files.
    #[error("cannot read {file}: {why}")]
    Options {
        /// The file or pattern.
        file: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The bytes did not come.
    #[error("cannot read {file} beyond byte {offset}")]
    Io {
        /// The file.
        file: String,
        /// How many bytes came.
        offset: u64,
        /// What the operating system or the store says.
        source: std::io::Error,
    },
    /// The bytes came and cannot be decompressed: truncated, damaged or something else.
    #[error("{file} is cut off, damaged or no {codec} file: reading it stops at byte {offset}")]
    Damaged {
        /// The file.
        file: String,
        /// `gzip` or `zstd`.
        codec: &'static str,
        /// How many compressed bytes were read.
        offset: u64,
        /// What the decompressor says.
        source: std::io::Error,
    },
    /// The file is not the one that was found.
    #[error("{file} was changed while it was being read: load it again once it is written")]
    Changed {
        /// The file.
        file: String,
    },
    /// The text is not UTF-8 from its first bytes on.
    #[error("{file} is {found}: write it as UTF-8")]
    Encoding {
        /// The file.
        file: String,
        /// What it seems to be.
        found: &'static str,
    },
    /// The first line of a CSV file does not name columns.
    #[error("{file}: the header cannot be used: {why}")]
    Header {
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A Parquet file's column cannot hold the sink's values, or twice the same.
    #[error("{file}: column {column} is {found} in the file and {expected} in the sink, which would lose values")]
    Type {
        /// The file.
        file: String,
        /// The sink's column.
        column: String,
        /// The file's type.
        found: String,
        /// The sink's type.
        expected: DataType,
    },
    /// A Parquet file without a column that the sink requires, or with it twice.
    #[error("{file}: column {column} {why}")]
    Column {
        /// The file.
        file: String,
        /// The sink's column.
        column: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A Parquet file that is none.
    #[error("cannot read {file} as Parquet")]
    Parquet {
        /// The file.
        file: String,
        /// What the reader says.
        source: parquet::errors::ParquetError,
    },
    /// A row does not fit and the job says that rows must.
    #[error("{file}, line {line}: {misfit}")]
    Row {
        /// The file.
        file: String,
        /// The line, or for Parquet the row, counted from 1.
        line: u64,
        /// What does not fit.
        misfit: Misfit,
    },
    /// A reading thread ended before its file did.
    #[error("reading {file} stopped half-way")]
    Stopped {
        /// The file.
        file: String,
    },
}

/// Why a row does not fit the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// The sink's column, with the path into it; empty when it is the whole row.
    pub column: String,
    /// What is wrong, without the value.
    pub reason: Cow<'static, str>,
    /// The value, shortened; `***` for a `pii` column.
    pub value: Option<String>,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.column.is_empty() {
            write!(f, "column {}: ", self.column)?;
        }
        f.write_str(&self.reason)?;
        match &self.value {
            Some(value) => write!(f, ": {value}"),
            None => Ok(()),
        }
    }
}

/// The outcome of taking in a value or a row. Boxed, as it is rare and the good case is hot.
pub(crate) type Fit<T = ()> = Result<T, Box<Misfit>>;

/// Longest part of a value that an error shows.
const VALUE_CHARS: usize = 64;

impl Misfit {
    #[cold]
    pub(crate) fn row(reason: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self { column: String::new(), reason: reason.into(), value: None })
    }

    #[cold]
    pub(crate) fn value(reason: impl Into<Cow<'static, str>>, value: &str) -> Box<Self> {
        let mut shown: String = value.chars().take(VALUE_CHARS).collect();
        if shown.len() < value.len() {
            shown.push_str("...");
        }
        Box::new(Self { column: String::new(), reason: reason.into(), value: Some(format!("{shown:?}")) })
    }

    /// Puts the column before the path, and masks the value of a `pii` column.
    #[cold]
    pub(crate) fn within(mut self: Box<Self>, name: &str, pii: bool) -> Box<Self> {
        let dot = if self.column.is_empty() || self.column.starts_with('[') { "" } else { "." };
        self.column = format!("{name}{dot}{}", self.column);
        if pii && self.value.is_some() {
            self.value = Some("***".to_owned());
        }
        self
    }
}
