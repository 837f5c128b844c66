//! The tenant's keys: one small file each, beside the database and never in it, so that a copy of the state holds no secret.
//!
//! A key is made once. A file that is there but not a whole key is an error and is left alone: another key would quietly
//! change every value that was made with the first.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use polder_model::secret::Secret;

use crate::error::{Result, StoreError};
use crate::private;

/// Returns the key of this name, made first if it is not there.
pub(crate) fn key(folder: Option<&Path>, name: &str) -> Result<Secret> {
    let (folder, path) = place(folder, name)?;
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    make(folder, &path).map_err(|e| fault(path.clone(), "it cannot be made", Some(e)))?;
    // Read back: another process may have been first, and then its key is the one.
    let text = fs::read_to_string(&path).map_err(|e| fault(path.clone(), "it cannot be read", Some(e)))?;
    check(&path, text)
}

/// Returns the key of this name, which something was made with: it has to be there.
pub(crate) fn kept_key(folder: Option<&Path>, name: &str) -> Result<Secret> {
    let (_, path) = place(folder, name)?;
    let gone = "it is not there, and this database was written with it: name the folder that has it, or put back a copy of the \
                folder of keys; no other key was made";
    read(&path)?.ok_or_else(|| fault(path, gone, None))
}

/// Where the key of this name is.
fn place<'a>(folder: Option<&'a Path>, name: &str) -> Result<(&'a Path, PathBuf)> {
    let plain = !name.is_empty() && name.len() <= 60 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !plain {
        return Err(fault(PathBuf::from(name), "its name has other characters than letters, digits, '_' and '-'", None));
    }
    let Some(folder) = folder else {
        return Err(fault(
            PathBuf::from(name),
            "no folder is set for keys, and this database has none beside it: set one that only this user can read, the same for every server",
            None,
        ));
    };
    Ok((folder, folder.join(format!("{name}.key"))))
}

fn read(path: &Path) -> Result<Option<Secret>> {
    match fs::read_to_string(path) {
        Ok(text) => check(path, text).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(fault(path.to_owned(), "it cannot be read", Some(e))),
    }
}

/// Writes a whole key beside its place, then gives it its name, which fails if the name is taken.
fn make(folder: &Path, path: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    private::restrict(folder, 0o700)?;
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|e| io::Error::other(e.to_string()))?;
    let draft = folder.join(format!(".{}.draft", uuid::Uuid::new_v4()));
    let made = private::write_new(&draft, hex::encode(bytes).as_bytes()).and_then(|()| fs::hard_link(&draft, path));
    let removed = fs::remove_file(&draft);
    match made {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
        // On the disk before anything is made with it.
        Ok(()) => removed.and_then(|()| File::open(folder)?.sync_all()),
    }
}

fn check(path: &Path, text: String) -> Result<Secret> {
    let others_may_read = private::others_may_read(path).map_err(|e| fault(path.to_owned(), "it cannot be read", Some(e)))?;
    if others_may_read {
        return Err(fault(path.to_owned(), "others than its owner can read it: take that right away (chmod 600)", None));
    }
    let key = text.trim_end();
    if key.len() != 64 || !key.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(fault(path.to_owned(), "it does not hold a key of 64 hexadecimal digits: put back a copy of it", None));
    }
    Ok(Secret::new(key))
}

fn fault(path: PathBuf, why: &str, source: Option<io::Error>) -> StoreError {
    StoreError::Key { path, why: why.to_owned(), source: source.map(Into::into) }
}
