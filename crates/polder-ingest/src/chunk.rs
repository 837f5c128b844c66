//! Cuts a stream of text into chunks that end where a row does, so that threads can parse them side by side.
//!
//! Never holds more than a chunk and the longest row allowed: of a line beyond that only the beginning is kept, to be refused.

use std::io::{self, Read};

use crate::csv::{Dialect, Scan};

/// How much of a line that is too long is kept to show.
const SHOWN_BYTES: usize = 8 * 1024;

/// What ends a row.
#[derive(Clone, Copy)]
pub(crate) enum Rows {
    /// A line break.
    Lines,
    /// A line break outside quotes.
    Csv(Dialect),
}

/// Text that begins and ends with a row.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    /// The bytes are the beginning of one line that is longer than a row may be.
    pub(crate) too_long: bool,
}

/// The chunks of one file.
pub(crate) struct Chunks<R> {
    input: R,
    rows: Rows,
    chunk_bytes: usize,
    row_bytes: usize,
    /// What was read beyond the last chunk.
    rest: Vec<u8>,
    ended: bool,
}

impl<R: Read> Chunks<R> {
    pub(crate) fn new(input: R, rows: Rows, chunk_bytes: usize, row_bytes: usize) -> Self {
        Self { input, rows, chunk_bytes, row_bytes, rest: Vec::new(), ended: false }
    }

    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    pub(crate) fn into_input(self) -> R {
        self.input
    }

    /// Reads the next chunk into `buffer`, whose memory is used again.
    pub(crate) fn next(&mut self, mut buffer: Vec<u8>) -> io::Result<Option<Chunk>> {
        buffer.clear();
        buffer.append(&mut self.rest);
        let mut scanned = 0;
        loop {
            if !self.ended {
                let wanted = self.chunk_bytes as u64;
                let read = self.input.by_ref().take(wanted).read_to_end(&mut buffer)?;
                self.ended = (read as u64) < wanted;
            }
            if self.ended {
                return Ok((!buffer.is_empty()).then_some(Chunk { bytes: buffer, too_long: false }));
            }
            scanned = self.last_row_end(&buffer, scanned);
            if scanned > 0 {
                self.rest.extend_from_slice(&buffer[scanned..]);
                buffer.truncate(scanned);
                return Ok(Some(Chunk { bytes: buffer, too_long: false }));
            }
            if buffer.len() > self.row_bytes && memchr::memchr(b'\n', &buffer).is_none() {
                self.pass_line()?;
                buffer.truncate(SHOWN_BYTES);
                return Ok(Some(Chunk { bytes: buffer, too_long: true }));
            }
        }
    }

    /// The end of the last row that is whole.
    fn last_row_end(&self, bytes: &[u8], from: usize) -> usize {
        let dialect = match self.rows {
            Rows::Csv(dialect) if memchr::memchr(dialect.quote, bytes).is_some() => dialect,
            _ => return memchr::memrchr(b'\n', bytes).map_or(from, |at| at + 1),
        };
        let mut end = from;
        loop {
            match dialect.record(bytes, end, false) {
                Scan::Record(_, next) | Scan::Broken(_, next, _) => end = next,
                Scan::More => return end,
            }
        }
    }

    /// Reads to the end of the line and keeps none of it.
    fn pass_line(&mut self) -> io::Result<()> {
        let mut piece = Vec::with_capacity(self.chunk_bytes);
        loop {
            piece.clear();
            let read = self.input.by_ref().take(self.chunk_bytes as u64).read_to_end(&mut piece)?;
            if let Some(at) = memchr::memchr(b'\n', &piece) {
                self.rest.extend_from_slice(&piece[at + 1..]);
                return Ok(());
            }
            if read == 0 {
                self.ended = true;
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, rows: Rows, expect: &[&str]) {
        let mut chunks = Chunks::new(text.as_bytes(), rows, 4, 10);
        let mut found = Vec::new();
        while let Some(chunk) = chunks.next(Vec::new()).unwrap() {
            found.push(format!("{}{}", if chunk.too_long { "!" } else { "" }, String::from_utf8(chunk.bytes).unwrap()));
        }
        assert_eq!(found, expect, "{text:?}");
    }

    #[test]
    fn chunks_end_with_a_row() {
        check("", Rows::Lines, &[]);
        check("a\nb\nc\nd", Rows::Lines, &["a\nb\n", "c\nd"]);
        check("abcdefgh\ni\n", Rows::Lines, &["abcdefgh\ni\n"]);
        let csv = Rows::Csv(Dialect { delimiter: b',', quote: b'"', row_bytes: 10 });
        check("\"a\n\"\nb\nc\n", csv, &["\"a\n\"\nb\n", "c\n"]);
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let long = "x".repeat(40);
        check(&format!("a\n{long}\nb\n"), Rows::Lines, &["a\n", "!xxxxxxxxxxxxxx", "b\n"]);
        check(&long, Rows::Lines, &["!xxxxxxxxxxxx"]);
    }
}
