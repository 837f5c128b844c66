//! A hash of a file's content: what makes a file the same file.
//!
//! XXH3 of 128 bits, which is about as quick as reading the file from memory. It tells versions of a file apart; it is no
//! protection from somebody who makes two files with one hash on purpose.

use std::fs::File;
use std::io::{self, Read};
use std::thread;

use twox_hash::XxHash3_128;

/// The file is hashed in blocks of this size, several at a time, and then the blocks' hashes.
const BLOCK_BYTES: u64 = 8 * 1024 * 1024;
const MAX_THREADS: usize = 4;

/// Returns the fingerprint of the first `size` bytes of a file, which are all of it.
pub(crate) fn content_fingerprint(file: &File, size: u64) -> io::Result<String> {
    let blocks = size.div_ceil(BLOCK_BYTES).max(1);
    let available = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS) as u64;
    let threads = available.min(blocks);
    let hash_every = |first: u64| -> io::Result<Vec<(u64, u128)>> {
        let mut buffer = Vec::new();
        (first..blocks).step_by(threads as usize).map(|block| Ok((block, hash_block(file, block, size, &mut buffer)?))).collect()
    };
    let mut hashes = if threads == 1 {
        hash_every(0)?
    } else {
        thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|first| scope.spawn(move || hash_every(first))).collect();
            let joined =
                workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| Err(io::Error::other("hashing stopped"))));
            joined.collect::<io::Result<Vec<_>>>()
        })?
        .concat()
    };
    hashes.sort_unstable();
    let mut whole = XxHash3_128::new();
    whole.write(&size.to_le_bytes());
    hashes.iter().for_each(|(_, hash)| whole.write(&hash.to_le_bytes()));
    Ok(format!("xxh3:{:032x}", whole.finish_128()))
}

fn hash_block(file: &File, block: u64, size: u64, buffer: &mut Vec<u8>) -> io::Result<u128> {
    let start = block * BLOCK_BYTES;
    buffer.resize(256 * 1024, 0);
    let mut hash = XxHash3_128::new();
    let mut reader = Positioned { file, at: start }.take(BLOCK_BYTES.min(size - start));
    loop {
        match reader.read(buffer)? {
            0 => return Ok(hash.finish_128()),
            read => hash.write(&buffer[..read]),
        }
    }
}

/// Reads at its own position, so that threads can share the file.
struct Positioned<'a> {
    file: &'a File,
    at: u64,
}

impl Read for Positioned<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        #[cfg(unix)]
        let read = std::os::unix::fs::FileExt::read_at(self.file, buffer, self.at)?;
        #[cfg(windows)]
        let read = std::os::windows::fs::FileExt::seek_read(self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
