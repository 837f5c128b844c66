//! Reads files into batches: one thread fetches and cuts, several parse, and a stream hands over in the files' order.
//!
//! Every channel is bounded, so a slow consumer slows the reading down instead of filling the memory; dropping the stream ends
//! the threads. An error ends the stream, and whoever stages the batches must then load none of them.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::Stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::Receiver;

use polder_model::job::{BadRows, FileFormat, FileSource};
use polder_model::{Column, DataType};

use crate::csv::Dialect;
use crate::error::ReadError;
use crate::find::SourceFile;
use crate::input::Codec;
use crate::produce::{Message, Producer, Slot};
use crate::reject::Rejected;
use crate::report::{FileReport, ReadReport};
use crate::rows::Parsed;

/// How large a field and a row may be. What is larger is refused as a row, before it fills the memory. Parquet files have
/// their own bounds and are not held to these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest field, 1 MiB unless told.
    pub field_bytes: usize,
    /// The longest row, 16 MiB unless told.
    pub row_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { field_bytes: 1024 * 1024, row_bytes: 16 * 1024 * 1024 }
    }
}

/// What to read files as.
#[derive(Debug, Clone)]
pub struct ReadSpec {
    /// The sink's columns.
    pub columns: Vec<Column>,
    /// Those of them whose values name folders.
    pub partition_columns: Vec<String>,
    /// How the files are written.
    pub source: FileSource,
    /// What happens to rows that do not fit.
    pub bad_rows: BadRows,
    /// How large fields and rows may be.
    pub limits: Limits,
    /// How many threads parse; as many as the machine has unless told.
    pub threads: usize,
}

impl ReadSpec {
    /// Reads with the limits and threads that suit most.
    #[must_use]
    pub fn new(columns: Vec<Column>, source: FileSource, bad_rows: BadRows) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Self { columns, partition_columns: Vec::new(), source, bad_rows, limits: Limits::default(), threads }
    }
}

/// The same, checked.
pub(crate) struct Spec {
    pub(crate) columns: Vec<Column>,
    /// The columns whose texts must not be empty: a folder has to be named by each.
    pub(crate) folders: Vec<usize>,
    pub(crate) source: FileSource,
    pub(crate) bad_rows: BadRows,
    pub(crate) limits: Limits,
    pub(crate) dialect: Dialect,
    pub(crate) schema: SchemaRef,
}

impl Spec {
    fn new(spec: ReadSpec) -> Result<Self, ReadError> {
        let wrong = |why: String| ReadError::Options { file: spec.source.files.clone(), why };
        let known: HashSet<String> = spec.columns.iter().map(|column| column.name.to_lowercase()).collect();
        if let Some(name) = spec.source.columns.keys().find(|name| !known.contains(&name.to_lowercase())) {
            return Err(wrong(format!("a field is declared for {name:?}, which is no column of the sink")));
        }
        if crate::record::field_lookup(&spec.columns, &spec.source.columns).len() < spec.columns.len() {
            return Err(wrong("two columns of the sink are to be filled from one field".to_owned()));
        }
        let dialect = Dialect::new(&spec.source.csv, spec.limits.row_bytes).map_err(wrong)?;
        let schema = polder_arrow::to_schema(&spec.columns);
        let names_folders = |column: &Column| {
            let is_partition = spec.partition_columns.iter().any(|name| name.eq_ignore_ascii_case(&column.name));
            is_partition && column.data_type == DataType::String && !column.optional
        };
        let folders = (0..spec.columns.len()).filter(|at| names_folders(&spec.columns[*at])).collect();
        Ok(Self {
            columns: spec.columns,
            folders,
            source: spec.source,
            bad_rows: spec.bad_rows,
            limits: spec.limits,
            dialect,
            schema,
        })
    }
}

/// A part of what was read.
#[derive(Debug)]
pub enum Piece {
    /// Rows that fit, in the sink's schema. Never empty.
    Rows(RecordBatch),
    /// Rows that do not. Only where the job lets them: else the read fails.
    Rejected(Vec<Rejected>),
}

/// Starts reading the files. The threads stop when the stream is dropped. Objects of a store are fetched on the runtime this is
/// called in.
pub fn read(files: Vec<SourceFile>, spec: ReadSpec) -> Result<Reading, ReadError> {
    let threads = spec.threads.max(1);
    let spec = Spec::new(spec)?;
    if let Some(file) =
        files.iter().find(|file| spec.source.format == FileFormat::Parquet && Codec::of(&file.name) != Codec::Plain)
    {
        let why = "Parquet files are compressed inside: decompress it".to_owned();
        return Err(ReadError::Options { file: file.name.clone(), why });
    }
    let schema = Arc::clone(&spec.schema);
    let slots = Producer::start(files, spec, threads, Handle::try_current().ok());
    Ok(Reading { slots, part: None, lines: 0, report: ReadReport::default(), schema, ended: false })
}

/// Files being read: a stream of pieces in the files' order, with a report at the end.
pub struct Reading {
    slots: Receiver<Slot>,
    part: Option<Receiver<Message>>,
    /// Lines of the current file before the current part.
    lines: u64,
    report: ReadReport,
    schema: SchemaRef,
    ended: bool,
}

impl Reading {
    /// Returns the schema of every batch.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// Returns what was read so far; complete once the stream has ended without an error.
    #[must_use]
    pub fn report(&self) -> &ReadReport {
        &self.report
    }

    fn file(&mut self) -> &mut FileReport {
        if self.report.files.is_empty() {
            self.report.files.push(FileReport::default());
        }
        self.report.files.last_mut().expect("a report was just added")
    }

    fn fail(&mut self, mut error: ReadError) -> Poll<Option<Result<Piece, ReadError>>> {
        if let ReadError::Row { line, .. } = &mut error {
            *line += self.lines;
        }
        self.ended = true;
        self.slots.close();
        self.part = None;
        Poll::Ready(Some(Err(error)))
    }

    fn stopped(&mut self) -> Poll<Option<Result<Piece, ReadError>>> {
        let file = self.file().name.clone();
        self.fail(ReadError::Stopped { file })
    }

    fn part_done(&mut self, parsed: Parsed) {
        self.lines += parsed.lines;
        let file = self.file();
        file.rows += parsed.rows;
        file.rejected += parsed.rejected;
        for (field, rows) in parsed.ignored {
            *file.ignored_fields.entry(field).or_default() += rows;
        }
    }

    fn file_done(&mut self, bytes: u64, unknown: Vec<String>) {
        let file = self.file();
        file.bytes_read = bytes;
        let rows = file.rows + file.rejected;
        file.ignored_fields.extend(unknown.into_iter().map(|field| (field, rows)));
        if !file.ignored_fields.is_empty() {
            let fields: Vec<_> = file.ignored_fields.keys().collect();
            tracing::warn!(file = file.name, ?fields, "fields that are no column of the sink were not loaded");
        }
    }
}

impl Stream for Reading {
    type Item = Result<Piece, ReadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while !this.ended {
            if let Some(part) = &mut this.part {
                match ready!(part.poll_recv(context)) {
                    Some(Message::Rows(batch)) => return Poll::Ready(Some(Ok(Piece::Rows(batch)))),
                    Some(Message::Rejected(mut rows)) => {
                        rows.iter_mut().for_each(|row| row.line += this.lines);
                        return Poll::Ready(Some(Ok(Piece::Rejected(rows))));
                    }
                    Some(Message::Done(parsed)) => {
                        this.part = None;
                        this.part_done(parsed);
                    }
                    Some(Message::Failed(error)) => return this.fail(error),
                    // Its thread ended without a word: whatever it had not handed over is not there.
                    None => return this.stopped(),
                }
                continue;
            }
            match ready!(this.slots.poll_recv(context)) {
                Some(Slot::Begin(name)) => {
                    this.lines = 0;
                    this.report.files.push(FileReport { name, ..FileReport::default() });
                }
                Some(Slot::Part { messages, lines_before }) => {
                    this.lines += lines_before;
                    this.part = Some(messages);
                }
                Some(Slot::Finish { bytes, unknown }) => this.file_done(bytes, unknown),
                Some(Slot::Failed(error)) => return this.fail(error),
                Some(Slot::End) => this.ended = true,
                None => return this.stopped(),
            }
        }
        Poll::Ready(None)
    }
}
