//! Files of a share on the local disk, for as long as there is room.
//!
//! ```text
//!   <key>.parquet   a file as the share gave it: written as <id>.part and renamed, never changed after
//!   <key>.crc       what it holds, as a checksum: written before it
//!   figures.json    what was fetched, and what did not have to be
//!   lock            held while figures are counted, room is made, or a part begins
//! ```
//!
//! Any number of processes may use a folder at once. Who reads or writes a file holds a shared lock on it, and only what nobody holds is
//! removed: the least recently used first. A process that is killed leaves at worst a part, which the next removes. A file is looked at
//! as a whole the first time that a process reads it: one that is damaged is fetched anew.

mod figures;
mod part;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

pub use figures::CacheFigures;
pub(crate) use part::Part;

/// The folder of one connection's files.
#[derive(Debug)]
pub struct FileCache {
    folder: PathBuf,
    max_bytes: u64,
    /// Those that this process has looked at as a whole.
    sound: Mutex<HashSet<Key>>,
    /// Those that are being fetched by this process.
    under_way: Mutex<HashMap<Key, Weak<tokio::sync::Mutex<()>>>>,
}

/// What a file is: its table, the share's name for it, and its size. Never its address, which is another one each time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(String);

/// A file on the local disk that stays there for as long as this is held.
#[derive(Debug)]
pub struct Held {
    path: PathBuf,
    /// Locked, so that nobody removes the file.
    file: File,
    /// Whether it is to go with this.
    temporary: bool,
}

impl Key {
    /// The key of what these parts name together.
    #[must_use]
    pub fn of(parts: &[&str], size: u64) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update(size.to_be_bytes());
        Self(hex::encode(hash.finalize()))
    }
}

impl Held {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.temporary {
            drop(fs::remove_file(&self.path));
        }
    }
}

impl FileCache {
    /// Opens a folder for so many bytes of files, made if it is not there, and removes what others left behind.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: PathBuf, max_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let cache = Self { folder, max_bytes, sound: Mutex::default(), under_way: Mutex::default() };
        let _lock = cache.lock()?;
        cache.sweep_parts()?;
        cache.make_room(0)?;
        Ok(cache)
    }

    /// A file that is kept, if it is there, is of this size, and holds what was written.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn find(&self, key: &Key, size: u64) -> io::Result<Option<Held>> {
        let path = self.path(key);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        if file.try_lock_shared().is_err() || !path.exists() {
            return Ok(None);
        }
        let known = |sound: &Mutex<HashSet<Key>>| sound.lock().unwrap_or_else(PoisonError::into_inner).contains(key);
        if file.metadata()?.len() != size || !(known(&self.sound) || self.is_sound(key, &mut file)?) {
            tracing::warn!(file = %path.display(), "a kept file of a share is damaged and is fetched anew");
            drop(file);
            self.forget(key)?;
            return Ok(None);
        }
        self.sound.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone());
        // It is the last to be removed now. Where that cannot be said, it is not.
        drop(file.set_modified(SystemTime::now()));
        Ok(Some(Held { path, file, temporary: false }))
    }

    fn is_sound(&self, key: &Key, file: &mut File) -> io::Result<bool> {
        let Ok(written) = fs::read_to_string(self.folder.join(format!("{}.crc", key.0))) else { return Ok(false) };
        let (mut hasher, mut buffer) = (crc32fast::Hasher::new(), vec![0_u8; 1 << 20]);
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(written.trim() == format!("{:08x}", hasher.finalize())),
                read => hasher.update(buffer.get(..read).unwrap_or_default()),
            }
        }
    }

    /// Removes a file, unless somebody reads it.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn forget(&self, key: &Key) -> io::Result<()> {
        self.remove(&self.path(key)).map(drop)
    }

    /// Waits until nobody else in this process fetches the file.
    pub(crate) async fn alone(&self, key: &Key) -> tokio::sync::OwnedMutexGuard<()> {
        let one = {
            let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            under_way.retain(|_, one| one.strong_count() > 0);
            let one = under_way.get(key).and_then(Weak::upgrade).unwrap_or_default();
            under_way.insert(key.clone(), Arc::downgrade(&one));
            one
        };
        one.lock_owned().await
    }

    /// How many files are kept, and how many bytes they have.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn extent(&self) -> io::Result<(u64, u64)> {
        let kept = self.kept()?;
        Ok((kept.len() as u64, kept.iter().map(|file| file.bytes).sum()))
    }

    /// How many bytes may be kept.
    #[must_use]
    pub const fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.folder.join(format!("{}.parquet", key.0))
    }

    fn lock(&self) -> io::Result<File> {
        let file = File::options().create(true).truncate(false).write(true).open(self.folder.join("lock"))?;
        file.lock()?;
        Ok(file)
    }

    fn kept(&self) -> io::Result<Vec<Kept>> {
        let mut kept = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "parquet")
                // It may have been removed since it was listed.
                && let Ok(metadata) = fs::metadata(&path)
            {
                kept.push(Kept { path, bytes: metadata.len(), used: metadata.modified()? });
            }
        }
        Ok(kept)
    }

    /// Removes files until there is room for so many bytes more. `false`: what is read now leaves no room.
    fn make_room(&self, bytes: u64) -> io::Result<bool> {
        let mut kept = self.kept()?;
        kept.sort_by_key(|file| file.used);
        let mut all: u64 = kept.iter().map(|file| file.bytes).sum();
        for file in kept {
            if all.saturating_add(bytes) <= self.max_bytes {
                break;
            }
            if self.remove(&file.path)? {
                all -= file.bytes;
            }
        }
        Ok(all.saturating_add(bytes) <= self.max_bytes)
    }

    /// Removes a file and its checksum. `false`: somebody reads it.
    fn remove(&self, path: &Path) -> io::Result<bool> {
        let Ok(file) = File::open(path) else { return Ok(true) };
        if file.try_lock().is_err() {
            return Ok(false);
        }
        // Whatever is there by its name later was not looked at.
        if let Some(key) = path.file_stem().and_then(|stem| stem.to_str()) {
            self.sound.lock().unwrap_or_else(PoisonError::into_inner).remove(&Key(key.to_owned()));
        }
        fs::remove_file(path).or_else(gone)?;
        fs::remove_file(path.with_extension("crc")).or_else(gone)?;
        Ok(true)
    }

    /// Removes parts that nobody writes or reads any more.
    fn sweep_parts(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "part")
                && File::open(&path).is_ok_and(|file| file.try_lock().is_ok())
            {
                fs::remove_file(&path).or_else(gone)?;
            }
        }
        Ok(())
    }
}

/// A file that is kept.
struct Kept {
    path: PathBuf,
    bytes: u64,
    used: SystemTime,
}

/// What is not there need not be removed.
fn gone(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
