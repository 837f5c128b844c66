//! What a client of PostgreSQL sends on one connection, from its first byte to its last.

use bytes::BytesMut;
use polder_pgwire::frontend::{Malformed, Message, Opening, message, opening};

use crate::sessions::{MESSAGE_BYTES, Sessions, readies};
use crate::within;

/// What a connection may hold of a few kilobytes that were sent.
const HELD_BYTES: usize = 64 << 20;
/// A client's last message.
const TERMINATE: &[u8] = b"X\0\0\0\x04";

/// Starts what connections are served by.
pub fn prepare() {
    run(b"");
}

/// Takes the bytes of a connection.
///
/// # Panics
/// When they make the server say what is no message, not answer every round once, or hold too much, or read otherwise when they come
/// one by one.
pub fn run(sent: &[u8]) {
    within(HELD_BYTES, || {
        let read = Read::of(sent, sent.len().max(1));
        assert_eq!(read, Read::of(sent, 1), "bytes mean the same however they come");
        if !read.is_whole() {
            readies(&Sessions::get().serve(sent, true));
        } else if let Some(readies) = readies(&Sessions::get().serve(&[sent, TERMINATE].concat(), false)) {
            assert_eq!(readies, read.rounds(), "every round is answered once");
        }
    });
}

/// What bytes were read as.
#[derive(Debug, Default, PartialEq)]
struct Read {
    openings: Vec<Opening>,
    messages: Vec<Message>,
    malformed: Option<Malformed>,
    /// How many bytes of a message that is not all there.
    part: usize,
}

impl Read {
    /// Reads bytes that come so many at a time.
    fn of(sent: &[u8], at_once: usize) -> Self {
        let mut read = Self::default();
        let mut input = BytesMut::new();
        for part in sent.chunks(at_once) {
            input.extend_from_slice(part);
            loop {
                let before = input.len();
                match read.next(&mut input) {
                    Ok(true) => assert!(input.len() < before, "what is read is taken away"),
                    Ok(false) => break,
                    Err(malformed) => return Self { malformed: Some(malformed), ..read },
                }
            }
        }
        Self { part: input.len(), ..read }
    }

    /// Whether it is a session, and nothing of it is wrong or missing.
    fn is_whole(&self) -> bool {
        matches!(self.openings.last(), Some(Opening::Startup { .. })) && self.malformed.is_none() && self.part == 0
    }

    /// How many times a client that was let in is told that it may go on: at first, and after each round of messages.
    fn rounds(&self) -> usize {
        let said = self.messages.iter().skip(1).take_while(|message| **message != Message::Terminate);
        1 + said.filter(|message| matches!(message, Message::Query(_) | Message::Sync)).count()
    }

    /// Reads the next; whether all of it was there.
    fn next(&mut self, input: &mut BytesMut) -> Result<bool, Malformed> {
        let goes_on = !matches!(self.openings.last(), Some(Opening::Startup { .. } | Opening::Cancel { .. }));
        if goes_on {
            let opening = opening(input)?;
            let is_there = opening.is_some();
            self.openings.extend(opening);
            return Ok(is_there);
        }
        let message = message(input, MESSAGE_BYTES)?;
        let is_there = message.is_some();
        self.messages.extend(message);
        Ok(is_there)
    }
}
