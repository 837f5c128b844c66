//! The threads behind a read: one that opens files and cuts them into work, and those that do the work.
//!
//! Work is done in any order and told in the files' order: each piece of work has a small channel of its own, and the channels
//! stand in a queue. The first in the queue is always being worked on, so a full channel never waits for one behind it.

use std::io::ErrorKind;
use std::mem;
use std::sync::mpsc::{self as blocking, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow::array::RecordBatch;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};

use polder_model::job::FileFormat;

use crate::chunk::{Chunk, Chunks, Rows};
use crate::csv::{CsvColumns, Scan};
use crate::error::ReadError;
use crate::find::SourceFile;
use crate::input::{Input, unchanged};
use crate::parquet_file::ParquetFile;
use crate::read::Spec;
use crate::reject::Rejected;
use crate::rows::{Outlet, Parsed, RowParser, TextPiece};

/// Small enough for a few to stay in the processor's cache, large enough that what is done once a chunk does not count.
const CHUNK_BYTES: usize = 2 * 1024 * 1024;
/// How many batches of a chunk wait for their turn.
const WAITING_BATCHES: usize = 2;

/// What happens next, in the files' order.
pub(crate) enum Slot {
    /// A file begins.
    Begin(String),
    /// A part of it; `lines_before` lines stand between the part before and this one.
    Part { messages: Receiver<Message>, lines_before: u64 },
    /// It ends, after that many bytes; these fields of it were no column.
    Finish { bytes: u64, unknown: Vec<String> },
    /// It cannot be read.
    Failed(ReadError),
    /// All files were read. Without it the queue was cut off.
    End,
}

/// What comes of a part. Lines count from 1 within it.
pub(crate) enum Message {
    Rows(RecordBatch),
    Rejected(Vec<Rejected>),
    Done(Parsed),
    Failed(ReadError),
}

enum Work {
    Text(TextPiece),
    Group(Arc<ParquetFile>, usize),
}

/// Nobody listens any more, or a fault of a file.
enum Stop {
    Dropped,
    Failed(ReadError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Failed(error)
    }
}

/// The thread that opens files.
pub(crate) struct Producer {
    spec: Arc<Spec>,
    slots: Sender<Slot>,
    work: SyncSender<(Work, Sender<Message>)>,
    /// Chunks' memory that workers are done with.
    spare: blocking::Receiver<Vec<u8>>,
    runtime: Option<Handle>,
}

impl Producer {
    /// Starts the threads; they end by themselves.
    pub(crate) fn start(files: Vec<SourceFile>, spec: Spec, threads: usize, runtime: Option<Handle>) -> Receiver<Slot> {
        let spec = Arc::new(spec);
        let (slots, queue) = mpsc::channel(threads + 2);
        let (work, todo) = blocking::sync_channel(1);
        let (give_back, spare) = blocking::channel();
        let todo = Arc::new(Mutex::new(todo));
        for _ in 0..threads {
            let (spec, todo, give_back) = (Arc::clone(&spec), Arc::clone(&todo), give_back.clone());
            thread::spawn(move || work_off(&spec, &todo, &give_back));
        }
        let producer = Self { spec, slots, work, spare, runtime };
        thread::spawn(move || producer.run(&files));
        queue
    }

    fn run(&self, files: &[SourceFile]) {
        let outcome = files.iter().try_for_each(|file| self.file(file));
        // Whether anybody still listens no longer matters.
        let _ = match outcome {
            Ok(()) => self.slots.blocking_send(Slot::End),
            Err(Stop::Failed(error)) => self.slots.blocking_send(Slot::Failed(error)),
            Err(Stop::Dropped) => Ok(()),
        };
    }

    fn file(&self, file: &SourceFile) -> Result<(), Stop> {
        self.tell(Slot::Begin(file.name.clone()))?;
        let (bytes, unknown) = match self.spec.source.format {
            FileFormat::Parquet => self.parquet(file)?,
            FileFormat::Csv | FileFormat::Ndjson => self.text(file)?,
        };
        self.tell(Slot::Finish { bytes, unknown })
    }

    fn tell(&self, slot: Slot) -> Result<(), Stop> {
        self.slots.blocking_send(slot).map_err(|_| Stop::Dropped)
    }

    fn hand_out(&self, work: Work, lines_before: u64) -> Result<(), Stop> {
        let (answer, messages) = mpsc::channel(WAITING_BATCHES);
        self.tell(Slot::Part { messages, lines_before })?;
        self.work.send((work, answer)).map_err(|_| Stop::Dropped)
    }

    fn parquet(&self, file: &SourceFile) -> Result<(u64, Vec<String>), Stop> {
        unchanged(file)?;
        let mut opened = ParquetFile::open(file, &self.spec, self.runtime.as_ref())?;
        let unknown = mem::take(&mut opened.unknown);
        let opened = Arc::new(opened);
        (0..opened.groups()).try_for_each(|group| self.hand_out(Work::Group(Arc::clone(&opened), group), 0))?;
        Ok((file.size, unknown))
    }

    fn text(&self, file: &SourceFile) -> Result<(u64, Vec<String>), Stop> {
        let input = Input::open(file, self.runtime.as_ref())?;
        let csv = self.spec.source.format == FileFormat::Csv;
        let rows = if csv { Rows::Csv(self.spec.dialect) } else { Rows::Lines };
        let mut chunks = Chunks::new(input, rows, CHUNK_BYTES, self.spec.limits.row_bytes);
        let mut columns = (csv && !self.spec.source.csv.header).then(|| Arc::new(CsvColumns::in_order(self.spec.columns.len())));
        let mut first = true;
        loop {
            let buffer = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(CHUNK_BYTES + CHUNK_BYTES / 4));
            let chunk = match chunks.next(buffer) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(chunks.input().failed(error).into()),
            };
            let (mut start, mut lines_before) = (0, 0);
            if mem::take(&mut first) {
                start = after_mark(file, &chunk)?;
                if csv && columns.is_none() {
                    let (found, next) = self.header(file, &chunk, start)?;
                    lines_before = memchr::memchr_iter(b'\n', &chunk.bytes[start..next]).count() as u64;
                    (columns, start) = (Some(Arc::new(found)), next);
                }
            }
            let piece = TextPiece { file: file.name.clone(), chunk, start, csv: columns.clone() };
            self.hand_out(Work::Text(piece), lines_before)?;
        }
        let bytes = chunks.into_input().finish()?;
        let unknown = columns.map_or_else(Vec::new, |columns| columns.unknown.clone());
        Ok((bytes, unknown))
    }

    /// Reads the header, and returns where the first row begins.
    fn header(&self, file: &SourceFile, chunk: &Chunk, start: usize) -> Result<(CsvColumns, usize), ReadError> {
        let wrong = |why: String| ReadError::Header { file: file.name.clone(), why };
        let scan = self.spec.dialect.record(&chunk.bytes, start, true);
        let (range, next) = match scan {
            Scan::Record(range, next) if !chunk.too_long => (range, next),
            Scan::Broken(_, _, why) => return Err(wrong(why.to_owned())),
            _ => return Err(wrong(crate::csv::TOO_LONG.to_owned())),
        };
        let line = chunk.bytes[range.clone()].strip_suffix(b"\r").unwrap_or(&chunk.bytes[range]);
        let line = std::str::from_utf8(line).map_err(|error| wrong(error.to_string()))?;
        let found = CsvColumns::from_header(line, self.spec.dialect, &self.spec.columns, &self.spec.source.columns);
        Ok((found.map_err(wrong)?, next))
    }
}

/// Where the text begins, after a byte order mark.
fn after_mark(file: &SourceFile, chunk: &Chunk) -> Result<usize, ReadError> {
    match chunk.bytes.as_slice() {
        [0xEF, 0xBB, 0xBF, ..] => Ok(3),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Err(ReadError::Encoding { file: file.name.clone(), found: "UTF-16" }),
        _ => Ok(0),
    }
}

/// Parses until there is no more work.
fn work_off(spec: &Spec, todo: &Mutex<blocking::Receiver<(Work, Sender<Message>)>>, give_back: &blocking::Sender<Vec<u8>>) {
    let mut parser = RowParser::new(spec);
    loop {
        let next = todo.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((work, answer)) = next else { return };
        let mut answer = Answer(answer);
        let outcome = match work {
            Work::Text(piece) => {
                let parsed = parser.parse(&piece, &mut answer);
                // The producer may have no further use for it.
                let _ = give_back.send(piece.chunk.bytes);
                parsed
            }
            Work::Group(file, group) => file.read_group(group, spec, &mut answer),
        };
        answer.send(match outcome {
            Ok(parsed) => Message::Done(parsed),
            Err(error) => Message::Failed(error),
        });
    }
}

struct Answer(Sender<Message>);

impl Answer {
    fn send(&self, message: Message) -> bool {
        self.0.blocking_send(message).is_ok()
    }
}

impl Outlet for Answer {
    fn rows(&mut self, batch: RecordBatch) -> bool {
        self.send(Message::Rows(batch))
    }

    fn rejected(&mut self, rows: Vec<Rejected>) -> bool {
        self.send(Message::Rejected(rows))
    }
}
