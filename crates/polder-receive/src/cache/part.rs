//! A file that is being written.

use std::fs::{self, File};
use std::io::{self, Write as _};

use super::{FileCache, Held, Key};

/// A file on its way into the cache. One that is dropped leaves nothing.
pub(crate) struct Part {
    held: Held,
    written: u64,
    hasher: crc32fast::Hasher,
}

impl FileCache {
    /// Begins a file.
    pub(crate) fn begin(&self) -> io::Result<Part> {
        let path = self.folder.join(format!("{}.part", uuid::Uuid::new_v4()));
        // Held until the part is: nobody takes it for one that was left behind.
        let _lock = self.lock()?;
        let file = File::options().create_new(true).read(true).write(true).open(&path)?;
        file.lock_shared()?;
        Ok(Part { held: Held { path, file, temporary: true }, written: 0, hasher: crc32fast::Hasher::new() })
    }

    /// Keeps a file if there is room for it. Otherwise it is there for as long as it is held.
    pub(crate) fn keep(&self, key: &Key, part: Part) -> io::Result<Held> {
        let Part { mut held, written, hasher } = part;
        let _lock = self.lock()?;
        if written > self.max_bytes || !self.make_room(written)? {
            return Ok(held);
        }
        let path = self.path(key);
        let checksum = self.folder.join(format!("{}.part", uuid::Uuid::new_v4()));
        fs::write(&checksum, format!("{:08x}\n", hasher.finalize()))?;
        fs::rename(&checksum, path.with_extension("crc"))?;
        fs::rename(&held.path, &path)?;
        (held.path, held.temporary) = (path, false);
        self.sound.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(key.clone());
        Ok(held)
    }
}

impl Part {
    /// Adds bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.held.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes it has.
    pub(crate) const fn written(&self) -> u64 {
        self.written
    }
}
