//! The folder of one table's segments. Any number of processes may use it at once: files are written beside and renamed, and never
//! changed.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use arrow::datatypes::SchemaRef;
use polder_model::TableName;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::part;
use crate::segment::{Segment, SegmentId, SegmentWriter};

/// What a segment's file is called after its id.
const WHOLE: &str = ".rows";

/// How old a segment is that may be removed: another process may be a version behind.
const SETTLED: Duration = Duration::from_secs(600);

/// Where a table's segments are.
#[derive(Debug, Clone)]
pub struct HotFolder {
    table: TableName,
    path: PathBuf,
}

impl HotFolder {
    /// The folder of a table.
    #[must_use]
    pub const fn new(table: TableName, path: PathBuf) -> Self {
        Self { table, path }
    }

    /// Reads a segment; `None` where it was not made yet.
    ///
    /// # Errors
    /// [`Error::Damaged`] when its file is not as it was written, and faults of the disk.
    pub fn read(&self, id: &SegmentId, key: &Key) -> Result<Option<Segment>> {
        Segment::read(&self.table, &self.path.join(format!("{id}{WHOLE}")), key)
    }

    /// Begins to write a segment. One that is there under its id is replaced.
    ///
    /// # Errors
    /// When the disk cannot be written.
    pub fn write(&self, id: &SegmentId, schema: &SchemaRef) -> Result<SegmentWriter> {
        fs::create_dir_all(&self.path).map_err(|source| Error::Disk { doing: "make", path: self.path.clone(), source })?;
        SegmentWriter::begin(self.table.clone(), schema, &self.path, self.path.join(format!("{id}{WHOLE}")))
    }

    /// Removes the files of other segments than these, once they are old, and what killed writers left.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn keep(&self, ids: &BTreeSet<SegmentId>, now: SystemTime) -> Result<usize> {
        self.keep_since(ids, now.checked_sub(SETTLED).unwrap_or(SystemTime::UNIX_EPOCH))
    }

    fn keep_since(&self, ids: &BTreeSet<SegmentId>, since: SystemTime) -> Result<usize> {
        let wanted: BTreeSet<String> = ids.iter().map(|id| format!("{id}{WHOLE}")).collect();
        let listed = match fs::read_dir(&self.path) {
            Ok(listed) => listed,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(source) => return Err(Error::Disk { doing: "list", path: self.path.clone(), source }),
        };
        let mut removed = 0;
        for entry in listed.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_old = entry.metadata().and_then(|metadata| metadata.modified()).is_ok_and(|changed| changed <= since);
            let is_removed = match name.ends_with(part::ENDING) {
                true => part::remove_abandoned(&entry.path(), is_old),
                false => name.ends_with(WHOLE) && is_old && !wanted.contains(&name) && fs::remove_file(entry.path()).is_ok(),
            };
            removed += usize::from(is_removed);
        }
        Ok(removed)
    }

    /// Removes it with all that is in it: the table has no hot storage any more.
    ///
    /// # Errors
    /// Faults of the disk.
    pub fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Disk { doing: "remove", path: self.path.clone(), source })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_files_of_no_use_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let hot = HotFolder::new("finance.bronze.orders_v1".parse().unwrap(), folder.path().to_owned());
        let (kept, old) = (SegmentId::of(["kept"]), SegmentId::of(["old"]));
        let files = [format!("{kept}{WHOLE}"), format!("{old}{WHOLE}"), "x.part".to_owned(), "readme".to_owned()];
        for file in &files {
            fs::write(folder.path().join(file), "").unwrap();
        }
        let ids = BTreeSet::from([kept]);
        assert_eq!(hot.keep(&ids, SystemTime::now()).unwrap(), 1, "nobody writes the part, and others may read the segment");
        assert!(!folder.path().join("x.part").exists());
        assert_eq!(hot.keep_since(&ids, SystemTime::now()).unwrap(), 1);
        let mut left: Vec<String> =
            fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        assert_eq!(left, [files[0].clone(), files[3].clone()]);
        hot.remove().unwrap();
        hot.remove().unwrap();
        assert!(!folder.path().exists());
    }
}
