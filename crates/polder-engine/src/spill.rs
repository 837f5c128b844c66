//! The folder an engine spills to: its own while it lives, and removed by a later engine when it was killed.
//!
//! ```text
//! spill/
//!   claims.lock       held while an engine claims its folder and removes those of the dead
//!   <id>.lock         held while the engine <id> lives; the operating system lets go of it however the process ends
//!   <id>/             what it spilled
//! ```

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{QueryError, QueryErrorKind};

const CLAIMS: &str = "claims.lock";
const LOCK: &str = "lock";

/// How many folders this process has claimed.
static CLAIMED: AtomicU64 = AtomicU64::new(0);

/// A folder to spill to, claimed by one engine.
#[derive(Debug)]
pub(crate) struct SpillFolder {
    path: PathBuf,
    lock_path: PathBuf,
    lock: Option<File>,
}

impl SpillFolder {
    /// Makes a folder in `parent`, and removes the folders there whose engines are gone.
    pub(crate) fn claim(parent: &Path) -> Result<Self, QueryError> {
        Self::claim_in(parent).map_err(|error| {
            let message = format!("cannot make a folder to spill to in {}: {error}", parent.display());
            QueryError::new(QueryErrorKind::Execution, message).with_hint("make it a folder that may be written to")
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn claim_in(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        // Without it a folder could be taken for a dead engine's between being made and being locked.
        let claims = File::create(parent.join(CLAIMS))?;
        claims.lock()?;
        sweep(parent);
        let started = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let number = CLAIMED.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}-{started}-{number}", std::process::id());
        let (path, lock_path) = (parent.join(&id), parent.join(&id).with_extension(LOCK));
        let lock = File::create_new(&lock_path)?;
        lock.try_lock()?;
        fs::create_dir(&path)?;
        Ok(Self { path, lock_path, lock: Some(lock) })
    }
}

impl Drop for SpillFolder {
    /// What cannot be removed now, the next engine removes.
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.path).is_ok() {
            drop(self.lock.take());
            let _ = fs::remove_file(&self.lock_path);
        }
    }
}

/// Removes what dead engines left. What cannot be removed is in nobody's way: it stays for the next time.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    for lock_path in entries.filter(|path| path.extension() == Some(OsStr::new(LOCK)) && !path.ends_with(CLAIMS)) {
        if let Err(error) = remove_if_dead(&lock_path) {
            tracing::warn!(path = %lock_path.display(), %error, "what a killed query spilled could not be removed");
        }
    }
}

fn remove_if_dead(lock_path: &Path) -> io::Result<()> {
    let lock = File::open(lock_path)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    match fs::remove_dir_all(lock_path.with_extension("")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::remove_file(lock_path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(parent: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(parent).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_the_dead_left_is_removed_and_what_the_living_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let parent = parent.path();
        let living = SpillFolder::claim(parent).unwrap();
        fs::write(living.path().join("used"), "rows").unwrap();
        fs::create_dir(parent.join("1-2-3")).unwrap();
        fs::write(parent.join("1-2-3/left"), "rows").unwrap();
        fs::write(parent.join("1-2-3.lock"), "").unwrap();
        fs::write(parent.join("somebody's own"), "").unwrap();
        let second = SpillFolder::claim(parent).unwrap();
        assert!(living.path().join("used").is_file() && second.path().is_dir());
        assert!(!parent.join("1-2-3").exists() && !parent.join("1-2-3.lock").exists());
        drop((living, second));
        assert_eq!(names(parent), [CLAIMS, "somebody's own"]);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_an_error_that_names_it() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = SpillFolder::claim(&file).unwrap_err();
        assert!(error.message.contains(&file.display().to_string()), "{error}");
    }
}
