//! Parts of an object, fetched in blocks and kept for a while.
//!
//! A Parquet reader asks for many small parts that lie close together; each would be a request of its own.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore};
use tokio::runtime::Handle;

const BLOCK_BYTES: u64 = 1024 * 1024;
/// How many blocks are kept: columns lie side by side, and each is read at a place of its own.
const KEPT_BLOCKS: usize = 64;

/// An object, as a file of random access.
pub(crate) struct RemoteChunks {
    store: Arc<dyn ObjectStore>,
    location: Path,
    etag: Option<String>,
    size: u64,
    runtime: Handle,
    kept: Mutex<VecDeque<(u64, Bytes)>>,
}

impl RemoteChunks {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, location: Path, etag: Option<String>, size: u64, runtime: Handle) -> Self {
        Self { store, location, etag, size, runtime, kept: Mutex::default() }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns exactly these bytes.
    pub(crate) fn bytes(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.size).ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut whole = BytesMut::with_capacity(length);
        let mut at = start;
        while at < end {
            let mut block = self.block(at / BLOCK_BYTES)?;
            block.advance(usize::try_from(at % BLOCK_BYTES).map_err(io::Error::other)?);
            block.truncate(usize::try_from(end - at).map_err(io::Error::other)?);
            at += block.len() as u64;
            whole.extend_from_slice(&block);
        }
        Ok(whole.freeze())
    }

    /// Returns a reader from there to the end.
    pub(crate) fn read_from(self: Arc<Self>, start: u64) -> impl Read + Send {
        RemoteReader { chunks: self, at: start }
    }

    fn block(&self, number: u64) -> io::Result<Bytes> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, block)) = kept.iter().find(|(known, _)| *known == number) {
            return Ok(block.clone());
        }
        drop(kept); // others need not wait for the network
        let start = number * BLOCK_BYTES;
        let block = self.fetch(start..self.size.min(start + BLOCK_BYTES))?;
        kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back((number, block.clone()));
        if kept.len() > KEPT_BLOCKS {
            kept.pop_front();
        }
        Ok(block)
    }

    fn fetch(&self, range: Range<u64>) -> io::Result<Bytes> {
        let length = range.end - range.start;
        let options = GetOptions { range: Some(GetRange::Bounded(range)), if_match: self.etag.clone(), ..GetOptions::default() };
        let get = async { self.store.get_opts(&self.location, options).await?.bytes().await };
        let block = self.runtime.block_on(get)?;
        if block.len() as u64 == length { Ok(block) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

struct RemoteReader {
    chunks: Arc<RemoteChunks>,
    at: u64,
}

impl Read for RemoteReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.chunks.size {
            return Ok(0);
        }
        let rest = BLOCK_BYTES - self.at % BLOCK_BYTES;
        let length = rest.min(self.chunks.size - self.at).min(buffer.len() as u64);
        let bytes = self.chunks.bytes(self.at, usize::try_from(length).map_err(io::Error::other)?)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += length;
        Ok(bytes.len())
    }
}
