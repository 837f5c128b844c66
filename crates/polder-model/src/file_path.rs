//! Paths of files in volumes: what they may be made of, checked once, so that whoever holds one need not look again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::text::{hides, short, steers};

/// The longest path, in bytes: stores take 1024, of which the volume's own folder needs some.
const LONGEST: usize = 800;
/// The longest part between two slashes, in bytes: what file systems take.
const LONGEST_PART: usize = 255;
/// Folders that are ours, or are taken for a table's by whoever reads the volume as one. Longer names that begin so are kept free, too.
const RESERVED: [&str; 2] = ["_polder", "_delta_log"];

/// The path of a file or folder from its volume's folder: names with slashes between them. It leads to nowhere else, is what it looks
/// like, and means the same at every store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FilePath(String);

/// Why a text is no path of a file in a volume.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is no path of a file in a volume: {why}")]
pub struct FilePathError {
    path: String,
    why: &'static str,
}

impl FilePath {
    /// Returns the path that a text is.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(text: impl Into<String>) -> Result<Self, FilePathError> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text)),
            Some(why) => Err(FilePathError { path: short(&text), why }),
        }
    }

    /// The path as a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is behind the last slash.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for FilePath {
    type Err = FilePathError;
    fn from_str(text: &str) -> Result<Self, FilePathError> {
        Self::new(text)
    }
}

impl TryFrom<String> for FilePath {
    type Error = FilePathError;
    fn try_from(text: String) -> Result<Self, FilePathError> {
        Self::new(text)
    }
}

impl From<FilePath> for String {
    fn from(path: FilePath) -> Self {
        path.0
    }
}

fn fault(path: &str) -> Option<&'static str> {
    if path.len() > LONGEST {
        return Some("it has more than 800 bytes");
    }
    if path.contains('\\') {
        return Some("it has a backslash");
    }
    if path.chars().any(|c| steers(c) || hides(c)) {
        return Some("it has a character that is not to be seen");
    }
    path.split('/').find_map(part_fault)
}

fn part_fault(part: &str) -> Option<&'static str> {
    let begins = |reserved: &&str| part.get(..reserved.len()).is_some_and(|start| start.eq_ignore_ascii_case(reserved));
    // Stores on a disk keep files that are being written under such names.
    let unfinished = || part.split_once('#').is_some_and(|(_, end)| !end.is_empty() && end.bytes().all(|b| b.is_ascii_digit()));
    match part {
        "" => Some("it is empty, begins or ends with a slash, or has two in a row"),
        "." | ".." => Some("it has a part that is '.' or '..'"),
        _ if part.len() > LONGEST_PART => Some("it has a name of more than 255 bytes"),
        _ if RESERVED.iter().any(begins) => Some("names that begin with _polder or _delta_log are kept free"),
        _ if unfinished() => Some("names that end in '#' and digits are those of unfinished files"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_names_with_slashes_between() {
        for path in
            ["a.csv", "in/2026/a b.csv", "naam é/数.txt", "%2e%2e/x", "a..b/...", "~/c:x", "x#y", "#", "_other/a", "a?b&c"]
        {
            assert_eq!(FilePath::new(path).map(String::from).as_deref(), Ok(path), "{path}");
        }
        assert_eq!(FilePath::new("in/a.csv").unwrap().name(), "a.csv");
    }

    #[test]
    fn what_leads_elsewhere_or_is_not_what_it_looks_like_is_none() {
        let long = "a/".repeat(401);
        let long_name = "a".repeat(256);
        for wrong in [
            "",
            "/",
            "/etc/passwd",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/..",
            "./a",
            "a/.",
            "a\\b",
            "..\\a",
            "a\0",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{feff}",
            "_delta_log/0.json",
            "a/_DELTA_LOG/0.json",
            "_polder/uploads/x",
            "_polderx",
            "a#1",
            "a/b#12",
            &long,
            &long_name,
        ] {
            assert!(FilePath::new(wrong).is_err(), "{wrong:?}");
            assert!(serde_json::from_value::<FilePath>(serde_json::json!(wrong)).is_err(), "{wrong:?}");
        }
    }
}
