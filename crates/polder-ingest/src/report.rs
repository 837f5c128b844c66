//! What a read did, file by file.

use std::collections::BTreeMap;

/// What was read of one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileReport {
    /// The file, by its name in the source.
    pub name: String,
    /// Rows that fit.
    pub rows: u64,
    /// Rows that did not.
    pub rejected: u64,
    /// Bytes read of the file as it is stored.
    pub bytes_read: u64,
    /// Fields that are no column of the sink, each with the number of rows that had it. Their values were not loaded.
    pub ignored_fields: BTreeMap<String, u64>,
}

/// What a read did. Complete once the stream has ended without an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadReport {
    /// Each file, in the order read.
    pub files: Vec<FileReport>,
}

impl ReadReport {
    /// Returns the rows that fit, of all files.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Returns the rows that did not fit, of all files.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.files.iter().map(|file| file.rejected).sum()
    }

    /// Returns the bytes read, as stored.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.files.iter().map(|file| file.bytes_read).sum()
    }
}
