//! Rows on their way out: made on the workers' threads, a little ahead of the client, and never more than that.

mod copied;
mod encode;
mod numeric;
mod shape;
mod taken;
mod tuples;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use pgwire::api::results::FieldInfo;
use polder_engine::QueryError;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::Instrument as _;

pub(crate) use self::copied::{begin as copy_begin, end as copy_end};
use self::encode::Encoder;
pub(crate) use self::shape::{Formats, OID_ARRAY_KEY, Shape, modifier, pg_type_of, size};
pub(crate) use self::taken::{NULL as COPIED_NULL, Text as CopiedText};
pub(crate) use self::tuples::Tuples as CopiedTuples;
use crate::door::Place;
use crate::fault::{self, Fault};
use crate::sql::copying;

/// How many parts may wait for whoever reads them.
const AHEAD: usize = 2;
/// How much a part holds, unless one row is more.
const PART_BYTES: usize = 32 << 10;

/// In which form rows are wanted.
#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// As rows, each column as text or binary.
    Rows(Formats),
    /// As copied data.
    Copied(copying::Form),
}

/// Rows as messages, one after the other.
#[derive(Debug, Default)]
pub(crate) struct Part {
    bytes: Bytes,
    /// Where each ends.
    ends: Vec<usize>,
}

/// A statement that is answered: what its columns are, and its rows as they come. Dropped, it is worked on no more.
pub(crate) struct Rows {
    pub(crate) fields: Arc<Vec<FieldInfo>>,
    parts: mpsc::Receiver<Result<Part, Fault>>,
    task: Task,
    /// The part that is being handed out, and how many of its rows were.
    part: Part,
    row: usize,
    done: bool,
}

/// A task that ends with whoever waits for it.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Some rows as messages.
pub(crate) struct Handed {
    pub(crate) bytes: Bytes,
    pub(crate) rows: u64,
}

impl Rows {
    /// Begins to answer a statement on the workers' threads. `answer` plans it.
    pub(crate) async fn start<A>(
        workers: &Handle,
        answer: A,
        form: Form,
        options: pgwire::types::format::FormatOptions,
        place: Option<Place>,
    ) -> Result<Self, Fault>
    where
        A: Future<Output = Result<SendableRecordBatchStream, Fault>> + Send + 'static,
    {
        let (parts, receiver) = mpsc::channel(AHEAD);
        let (began, begun) = oneshot::channel();
        let work = async move {
            let _place = place;
            match answer.await.and_then(|stream| Encoder::new(&stream.schema(), form, options).map(|encoder| (stream, encoder))) {
                Ok((stream, encoder)) => {
                    if began.send(Ok(encoder.fields())).is_ok() {
                        encoded(stream, encoder, parts).await;
                    }
                }
                Err(fault) => drop(began.send(Err(fault))),
            }
        };
        let task = Task(workers.spawn(work.in_current_span()));
        let fields = match begun.await {
            Ok(fields) => fields?,
            Err(_) => return Err(broken(task).await),
        };
        Ok(Self { fields, parts: receiver, task, part: Part::default(), row: 0, done: false })
    }

    /// The next rows, of one part and at most so many; `None` after the last.
    pub(crate) async fn next(&mut self, most: Option<u64>) -> Result<Option<Handed>, Fault> {
        while self.row == self.part.ends.len() {
            if self.done {
                return Ok(None);
            }
            match self.parts.recv().await {
                Some(Ok(part)) => (self.part, self.row) = (part, 0),
                Some(Err(fault)) => {
                    self.done = true;
                    return Err(fault);
                }
                None => {
                    self.done = true;
                    if let Err(error) = (&mut self.task.0).await
                        && error.is_panic()
                    {
                        return Err(
                            Fault::new(fault::INTERNAL, "something went wrong here").hint("the log of the server says more")
                        );
                    }
                }
            }
        }
        let left = self.part.ends.len() - self.row;
        let rows = most.map_or(left, |most| left.min(usize::try_from(most).unwrap_or(usize::MAX)));
        let start = self.row.checked_sub(1).map_or(0, |before| self.part.ends[before]);
        let end = (self.row + rows).checked_sub(1).map_or(0, |last| self.part.ends[last]);
        self.row += rows;
        Ok(Some(Handed { bytes: self.part.bytes.slice(start..end.max(start)), rows: rows as u64 }))
    }
}

async fn broken(mut task: Task) -> Fault {
    match (&mut task.0).await {
        Err(error) if error.is_panic() => {
            Fault::new(fault::INTERNAL, "something went wrong here").hint("the log of the server says more")
        }
        _ => Fault::new(fault::SHUTDOWN, "the server is ending").hint("connect again later"),
    }
}

/// Sends a stream's rows as messages until it ends, fails, or nobody reads them.
async fn encoded(mut stream: SendableRecordBatchStream, mut encoder: Encoder, parts: mpsc::Sender<Result<Part, Fault>>) {
    loop {
        let batch = tokio::select! {
            biased;
            () = parts.closed() => return,
            batch = stream.next() => batch,
        };
        let batch = match batch {
            None => break,
            Some(Ok(batch)) => batch,
            Some(Err(error)) => {
                let _gone = parts.send(Err(Fault::from(&QueryError::from(error)))).await;
                return;
            }
        };
        let mut rows = match encoder.batch(batch) {
            Ok(rows) => rows,
            Err(fault) => {
                let _gone = parts.send(Err(fault)).await;
                return;
            }
        };
        loop {
            let part = part(&mut rows);
            let last = part.as_ref().is_ok_and(|part| part.ends.is_empty());
            let failed = part.is_err();
            if !last && parts.send(part).await.is_err() {
                return;
            }
            if failed {
                return;
            }
            if last {
                break;
            }
        }
    }
}

/// Writes a batch's rows as messages.
#[cfg(feature = "fuzzing")]
pub(crate) fn written(batch: arrow::array::RecordBatch, formats: Formats) -> Result<Bytes, Fault> {
    let mut encoder = Encoder::new(&batch.schema(), Form::Rows(formats), pgwire::types::format::FormatOptions::default())?;
    let mut rows = encoder.batch(batch)?;
    let mut bytes = BytesMut::new();
    while rows.write(&mut bytes)? {}
    Ok(bytes.freeze())
}

/// The next rows of a batch, as many as fit a part; empty after the last.
fn part(rows: &mut encode::BatchRows<'_>) -> Result<Part, Fault> {
    let mut bytes = BytesMut::with_capacity(PART_BYTES + PART_BYTES / 8);
    let mut ends = Vec::new();
    while bytes.len() < PART_BYTES && rows.write(&mut bytes)? {
        ends.push(bytes.len());
    }
    Ok(Part { bytes: bytes.freeze(), ends })
}
