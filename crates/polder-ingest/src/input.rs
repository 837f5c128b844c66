//! The bytes of a file: from disk or an object store, decompressed, and whole or not at all.
//!
//! A file that is shorter than when it was found, was changed meanwhile, or whose compression ends early is an error that names
//! the file and how far reading came; never a shorter file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes};
use flate2::bufread::MultiGzDecoder;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::{GetOptions, ObjectStore};
use tokio::runtime::Handle;

use crate::error::ReadError;
use crate::find::{Origin, SourceFile};

const BUFFER_BYTES: usize = 256 * 1024;

/// How a file is compressed, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    Plain,
    Gzip,
    Zstd,
}

impl Codec {
    pub(crate) fn of(name: &str) -> Self {
        let ends = |suffix: &str| {
            name.len() >= suffix.len() && name.as_bytes()[name.len() - suffix.len()..].eq_ignore_ascii_case(suffix.as_bytes())
        };
        match (ends(".gz"), ends(".zst")) {
            (true, _) => Self::Gzip,
            (_, true) => Self::Zstd,
            _ => Self::Plain,
        }
    }
}

/// A file being read.
pub(crate) struct Input {
    file: SourceFile,
    codec: Codec,
    stored_bytes: Arc<AtomicU64>,
    content: Box<dyn Read + Send>,
}

impl Input {
    /// Opens a file. Objects of a store need a runtime to be fetched on.
    pub(crate) fn open(file: &SourceFile, runtime: Option<&Handle>) -> Result<Self, ReadError> {
        let stored_bytes = Arc::new(AtomicU64::new(0));
        let codec = Codec::of(&file.name);
        let failed = |source| ReadError::Io { file: file.name.clone(), offset: 0, source };
        let stored: Box<dyn Read + Send> = match &file.origin {
            Origin::Local(path) => Box::new(File::open(path).map_err(failed)?),
            Origin::Remote { store, location, etag } => {
                let options = GetOptions { if_match: etag.clone(), ..GetOptions::default() };
                Box::new(RemoteRead::open(store, location, options, need(runtime).map_err(failed)?).map_err(failed)?)
            }
        };
        let counted = Counted { input: stored, bytes: Arc::clone(&stored_bytes) };
        let content: Box<dyn Read + Send> = match codec {
            Codec::Plain => Box::new(counted),
            Codec::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, counted))),
            Codec::Zstd => {
                let buffered = BufReader::with_capacity(BUFFER_BYTES, counted);
                Box::new(zstd::stream::read::Decoder::with_buffer(buffered).map_err(failed)?)
            }
        };
        let input = Self { file: file.clone(), codec, stored_bytes, content };
        // Both decompressors take no bytes at all for a whole file without content. No writer leaves such a one.
        if file.size == 0 && codec != Codec::Plain {
            return Err(input.failed(io::ErrorKind::UnexpectedEof.into()));
        }
        Ok(input)
    }

    /// Says what a failed read means for this file.
    pub(crate) fn failed(&self, source: io::Error) -> ReadError {
        let (file, offset) = (self.file.name.clone(), self.stored_bytes.load(Ordering::Relaxed));
        match self.codec {
            Codec::Plain => ReadError::Io { file, offset, source },
            Codec::Gzip => ReadError::Damaged { file, codec: "gzip", offset, source },
            Codec::Zstd => ReadError::Damaged { file, codec: "zstd", offset, source },
        }
    }

    /// Checks, at the end, that all of the file was read and that it is still the one that was found; returns its bytes.
    pub(crate) fn finish(self) -> Result<u64, ReadError> {
        let read = self.stored_bytes.load(Ordering::Relaxed);
        unchanged(&self.file)?;
        if read == self.file.size { Ok(read) } else { Err(ReadError::Changed { file: self.file.name }) }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

/// Checks that a local file has the size and time it was found with. An object store checks its entity tag itself.
pub(crate) fn unchanged(file: &SourceFile) -> Result<(), ReadError> {
    let Origin::Local(path) = &file.origin else { return Ok(()) };
    match modified_and_size(path) {
        Ok((modified, size)) if modified == file.modified && size == file.size => Ok(()),
        Ok(_) => Err(ReadError::Changed { file: file.name.clone() }),
        Err(source) => Err(ReadError::Io { file: file.name.clone(), offset: file.size, source }),
    }
}

pub(crate) fn modified_and_size(path: &Path) -> io::Result<(chrono::DateTime<chrono::Utc>, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.modified()?.into(), metadata.len()))
}

pub(crate) fn need(runtime: Option<&Handle>) -> io::Result<Handle> {
    runtime.cloned().ok_or_else(|| io::Error::other("an object store can only be read inside a tokio runtime"))
}

/// Counts what is read of a file as it is stored.
struct Counted<R> {
    input: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// An object's bytes, fetched as they are asked for. Lives on a thread of its own, outside the runtime.
struct RemoteRead {
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
    runtime: Handle,
}

impl RemoteRead {
    fn open(
        store: &Arc<dyn ObjectStore>,
        location: &object_store::path::Path,
        options: GetOptions,
        runtime: Handle,
    ) -> io::Result<Self> {
        let stream = runtime.block_on(store.get_opts(location, options))?.into_stream();
        Ok(Self { stream, piece: Bytes::new(), runtime })
    }
}

impl Read for RemoteRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.runtime.block_on(self.stream.next()) {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}
