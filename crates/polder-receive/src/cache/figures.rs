//! What was fetched, and what did not have to be: counted by every process, and kept.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::FileCache;

/// What reading through a cache took since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CacheFigures {
    /// How many reads found their file kept.
    pub hits: u64,
    /// How many did not.
    pub misses: u64,
    /// How many bytes did not have to be fetched.
    pub saved_bytes: u64,
    /// How many bytes were.
    pub fetched_bytes: u64,
}

impl FileCache {
    /// The figures.
    #[must_use]
    pub fn figures(&self) -> CacheFigures {
        let read = fs::read(self.folder.join("figures.json")).ok();
        // Figures that cannot be read begin again: nothing depends on them.
        read.and_then(|read| serde_json::from_slice(&read).ok()).unwrap_or_default()
    }

    /// Counts what reading took.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn count(&self, more: CacheFigures) -> io::Result<()> {
        let _lock = self.lock()?;
        let before = self.figures();
        let after = CacheFigures {
            hits: before.hits.saturating_add(more.hits),
            misses: before.misses.saturating_add(more.misses),
            saved_bytes: before.saved_bytes.saturating_add(more.saved_bytes),
            fetched_bytes: before.fetched_bytes.saturating_add(more.fetched_bytes),
        };
        let part = self.folder.join(format!("{}.part", uuid::Uuid::new_v4()));
        fs::write(&part, serde_json::to_vec(&after)?)?;
        fs::rename(part, self.folder.join("figures.json"))
    }
}
