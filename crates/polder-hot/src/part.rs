//! Files that are being written. Whoever writes one has it locked for as long as the process lives, so that one that nobody has locked
//! was left by a process that was killed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

/// What such a file's name ends with.
pub(crate) const ENDING: &str = ".part";

/// A file that is being written, and removed when it did not get another name.
pub(crate) struct Part(PathBuf);

impl Part {
    /// Makes one in a folder. It is this process's until the file is closed.
    pub(crate) fn create(folder: &Path) -> io::Result<(Self, File)> {
        loop {
            let part = Self(folder.join(format!("{}{ENDING}", Uuid::new_v4().simple())));
            let file = File::create_new(&part.0)?;
            match file.try_lock() {
                // Somebody may have tidied up between the two.
                Ok(()) if part.0.exists() => return Ok((part, file)),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                // Where nothing can be locked nothing is taken for abandoned that is not old.
                Err(TryLockError::Error(_)) => return Ok((part, file)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Mostly it has another name by now.
        drop(fs::remove_file(&self.0));
    }
}

/// Removes one whose writer is gone, or, where that cannot be told, that is old.
pub(crate) fn remove_abandoned(path: &Path, is_old: bool) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let is_abandoned = match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => is_old,
    };
    is_abandoned && fs::remove_file(path).is_ok()
}
