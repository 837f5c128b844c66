//! Rows on their way out: each batch in the form that was asked for, as it comes.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt};
use polder_api::RowForm;
use polder_arrow::rows::{TextForm, TextWriter};
use polder_engine::{QueryError, QueryResult};
use polder_platform::query_error;

use crate::problem::Problem;

/// Computes up to the first batch, so that a query which fails at once is refused as such, and returns the bytes.
pub(crate) async fn begin(form: RowForm, result: QueryResult) -> Result<BoxStream<'static, io::Result<Bytes>>, Problem> {
    let QueryResult { schema, stream } = result;
    let mut batches = stream.map(|batch| batch.map_err(QueryError::from));
    let first = match batches.next().await {
        Some(Ok(batch)) => Some(batch),
        Some(Err(error)) => return Err(query_error(error).into()),
        None => None,
    };
    let mut writer = Writer::begin(form, &schema).map_err(Problem::internal)?;
    if let Some(batch) = first {
        writer.write(&batch).map_err(|error| Problem::unprocessable(error.to_string()))?;
    }
    Ok(written(writer, batches).boxed())
}

/// The bytes of rows that are there as a whole.
pub(crate) fn whole(form: RowForm, rows: &RecordBatch) -> Result<Bytes, Problem> {
    let mut writer = Writer::begin(form, rows.schema_ref()).map_err(Problem::internal)?;
    if rows.num_rows() > 0 {
        writer.write(rows).map_err(|error| Problem::unprocessable(error.to_string()))?;
    }
    writer.finish().map_err(Problem::internal)
}

/// The bytes of what was written so far, of each batch, and of the end.
fn written(
    writer: Writer,
    batches: impl Stream<Item = Result<RecordBatch, QueryError>> + Send + Unpin + 'static,
) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(Some((writer, batches)), |state| async move {
        let (mut writer, mut batches) = state?;
        let ready = writer.taken();
        if !ready.is_empty() {
            return Some((Ok(ready), Some((writer, batches))));
        }
        match batches.next().await {
            Some(Ok(batch)) => match writer.write(&batch) {
                Ok(()) => Some((Ok(writer.taken()), Some((writer, batches)))),
                Err(error) => Some((Err(io::Error::other(error)), None)),
            },
            // The status is on its way already: all that can be said is that this is not the end.
            Some(Err(error)) => {
                tracing::warn!(%error, "a query failed after its first rows");
                Some((Err(io::Error::other(error)), None))
            }
            None => Some((writer.finish().map_err(io::Error::other), None)),
        }
    })
}

/// What writes batches into memory.
struct Writer {
    written: Shared,
    form: Form,
}

enum Form {
    Arrow(Box<StreamWriter<Shared>>),
    Text(TextWriter<Shared>),
}

impl Writer {
    fn begin(form: RowForm, schema: &SchemaRef) -> Result<Self, ArrowError> {
        let written = Shared::default();
        let text = |form| TextWriter::begin(form, written.clone(), schema).map(Form::Text);
        let form = match form {
            RowForm::Arrow => Form::Arrow(Box::new(StreamWriter::try_new(written.clone(), schema)?)),
            RowForm::NdJson => text(TextForm::NdJson)?,
            RowForm::Json => text(TextForm::Json)?,
            RowForm::Csv => text(TextForm::Csv)?,
        };
        Ok(Self { written, form })
    }

    fn write(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        match &mut self.form {
            Form::Arrow(writer) => writer.write(batch),
            Form::Text(writer) => writer.write(batch),
        }
    }

    /// What was written and not taken yet.
    fn taken(&mut self) -> Bytes {
        self.written.take()
    }

    fn finish(self) -> Result<Bytes, ArrowError> {
        match self.form {
            Form::Arrow(mut writer) => writer.finish()?,
            Form::Text(writer) => drop(writer.finish()?),
        }
        Ok(self.written.take())
    }
}

/// Memory that is written to by one and emptied by another.
#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
