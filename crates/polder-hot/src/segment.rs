//! A segment: rows that came together, in memory, in the order of their keys. Its file is the rows as an Arrow stream, then a checksum.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use arrow::row::{Row, Rows};
use polder_model::{TableName, fault};
use twox_hash::xxhash3_128::Hasher;

use crate::error::{Error, Result};
use crate::key::Key;
use crate::part::Part;

/// What a file ends with, after the checksum. Another number when the form is another.
const END: &[u8; 8] = b"polderH1";
/// The checksum's length.
const SUM: usize = 16;

/// What a segment was made of, as the name of its file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(String);

impl SegmentId {
    /// The id of what these texts tell apart.
    #[must_use]
    pub fn of<'t>(parts: impl IntoIterator<Item = &'t str>) -> Self {
        let mut hash = Hasher::new();
        for part in parts {
            hash.write(&(part.len() as u64).to_le_bytes());
            hash.write(part.as_bytes());
        }
        Self(format!("{:032x}", hash.finish_128()))
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Rows that came together, by key.
#[derive(Debug)]
pub struct Segment {
    batches: Vec<RecordBatch>,
    /// The number of each batch's first row.
    starts: Vec<u32>,
    keys: Rows,
    /// The numbers of the rows that have a key, in the order of their keys.
    order: Vec<u32>,
    rows: usize,
    /// The bytes of the batches, whose arrays share buffers.
    batch_bytes: usize,
}

impl Segment {
    /// Reads a segment's file; `None` where there is none.
    pub(crate) fn read(table: &TableName, path: &Path, key: &Key) -> Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Disk { doing: "read", path: path.to_owned(), source }),
        };
        let damaged = |why: String| Error::Damaged { path: path.to_owned(), why };
        let rows = whole(&bytes).map_err(|why| damaged(why.to_owned()))?;
        let read = |error: arrow::error::ArrowError| damaged(error.to_string());
        let batches = StreamReader::try_new(Cursor::new(rows), None).map_err(read)?;
        let batches = batches.collect::<std::result::Result<Vec<_>, _>>().map_err(read)?;
        Self::of(table, batches, key, rows.len()).map(Some)
    }

    fn of(table: &TableName, batches: Vec<RecordBatch>, key: &Key, batch_bytes: usize) -> Result<Self> {
        let unfit = |source| Error::Rows { table: table.clone(), source };
        let too_many = || unfit(arrow::error::ArrowError::InvalidArgumentError("a file has more than 2^32 rows".to_owned()));
        let (mut keys, mut order, mut starts, mut rows) = (key.none(), Vec::new(), Vec::with_capacity(batches.len()), 0_usize);
        for batch in &batches {
            let start = u32::try_from(rows).map_err(|_| too_many())?;
            rows += batch.num_rows();
            let end = u32::try_from(rows).map_err(|_| too_many())?;
            starts.push(start);
            key.append(&mut keys, batch).map_err(unfit)?;
            if key.are_whole(batch) {
                order.extend(start..end);
            } else {
                order.extend((start..end).filter(|number| key.is_whole(batch, (number - start) as usize)));
            }
        }
        // Rows are often written in the order of their keys, and sorting what is sorted costs one look at each.
        order.sort_by(|a, b| keys.row(*a as usize).cmp(&keys.row(*b as usize)));
        Ok(Self { batches, starts, keys, order, rows, batch_bytes })
    }

    /// The bytes that it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.batch_bytes + self.keys.size() + self.order.capacity() * size_of::<u32>()
    }

    pub(crate) const fn rows(&self) -> usize {
        self.rows
    }

    /// How many rows have no key, as a column of it has no value.
    pub(crate) fn without_key(&self) -> usize {
        self.rows - self.order.len()
    }

    /// The numbers of the rows of a key.
    pub(crate) fn find(&self, key: Row<'_>) -> &[u32] {
        let of = |number: &u32| self.keys.row(*number as usize);
        // Most segments have no row of a key, and their ends tell that of most of them.
        let (Some(first), Some(last)) = (self.order.first(), self.order.last()) else { return &[] };
        if key < of(first) || key > of(last) {
            return &[];
        }
        let from = self.order.partition_point(|number| of(number) < key);
        let found = self.order[from..].partition_point(|number| of(number) <= key);
        &self.order[from..from + found]
    }

    /// Where a row is: its batch, and its number in that.
    pub(crate) fn place(&self, number: u32) -> (usize, usize) {
        let batch = self.starts.partition_point(|start| *start <= number).saturating_sub(1);
        (batch, (number - self.starts.get(batch).copied().unwrap_or_default()) as usize)
    }

    pub(crate) fn batch(&self, at: usize) -> &RecordBatch {
        &self.batches[at]
    }
}

/// The bytes of a file without its end, if the end tells that they are as they were written.
fn whole(bytes: &[u8]) -> std::result::Result<&[u8], &'static str> {
    let rest = bytes.strip_suffix(END.as_slice()).ok_or("its end is missing")?;
    let (rows, sum) = rest.split_at_checked(rest.len().wrapping_sub(SUM)).ok_or("its checksum is missing")?;
    if Hasher::oneshot(rows).to_le_bytes() == sum { Ok(rows) } else { Err("its checksum is another") }
}

/// Writes a segment's file. Until [`SegmentWriter::finish`] nobody finds it; given up, it leaves nothing.
pub struct SegmentWriter {
    writer: StreamWriter<Summed>,
    table: TableName,
    part: Part,
    path: PathBuf,
}

impl SegmentWriter {
    pub(crate) fn begin(table: TableName, schema: &SchemaRef, folder: &Path, path: PathBuf) -> Result<Self> {
        fault::point("hot.segment.begin");
        let part = Part::create(folder);
        let (part, file) = part.map_err(|source| Error::Disk { doing: "make a file in", path: folder.to_owned(), source })?;
        let out = Summed { out: BufWriter::with_capacity(1 << 20, file), hash: Hasher::new(), bytes: 0 };
        let writer = StreamWriter::try_new(out, schema).map_err(|source| Error::Rows { table: table.clone(), source })?;
        Ok(Self { writer, table, part, path })
    }

    /// Writes rows.
    ///
    /// # Errors
    /// When they are not of the table's columns, or the disk is full.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|source| Error::Rows { table: self.table.clone(), source })
    }

    /// How many bytes of rows were written.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.writer.get_ref().bytes
    }

    /// Puts the file in its place, whole and on the disk.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn finish(self) -> Result<()> {
        let Self { mut writer, table, part, path } = self;
        writer.finish().map_err(|source| Error::Rows { table: table.clone(), source })?;
        let summed = writer.into_inner().map_err(|source| Error::Rows { table, source })?;
        let failed = |source| Error::Disk { doing: "write", path: part.path().to_owned(), source };
        // It is ours until it has its name.
        let _file = summed.end().map_err(failed)?;
        fault::point("hot.segment.written");
        fs::rename(part.path(), &path).map_err(|source| Error::Disk { doing: "rename", path, source })?;
        fault::point("hot.segment.renamed");
        Ok(())
    }
}

/// A file with the checksum of what was written to it.
struct Summed {
    out: BufWriter<File>,
    hash: Hasher,
    bytes: usize,
}

impl Summed {
    fn end(mut self) -> io::Result<File> {
        self.out.write_all(&self.hash.finish_128().to_le_bytes())?;
        self.out.write_all(END)?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(file)
    }
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.write(&bytes[..written]);
        self.bytes += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
