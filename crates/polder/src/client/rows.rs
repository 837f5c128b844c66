//! Rows of a query as they come: an Arrow stream, read part by part.

use std::collections::VecDeque;

use arrow::array::RecordBatch;
use arrow::buffer::Buffer;
use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamDecoder;
use futures::StreamExt as _;
use polder_engine::QueryError;
use polder_server::local::Answer;

use crate::failure::{Exit, Failure};

/// Rows of a query.
pub(crate) struct Rows {
    schema: SchemaRef,
    decoder: StreamDecoder,
    answer: Answer,
    part: Buffer,
    ready: VecDeque<RecordBatch>,
}

impl Rows {
    /// Reads as far as the columns.
    pub(super) async fn begin(mut answer: Answer) -> anyhow::Result<Self> {
        let mut decoder = StreamDecoder::new();
        let mut ready = VecDeque::new();
        loop {
            let mut part = next(&mut answer).await?.ok_or_else(broken_off)?;
            while !part.is_empty() {
                ready.extend(decoder.decode(&mut part)?);
            }
            if let Some(schema) = decoder.schema() {
                return Ok(Self { schema, decoder, answer, part, ready });
            }
        }
    }

    /// The columns.
    pub(crate) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; none at the end.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            while !self.part.is_empty() {
                if let Some(batch) = self.decoder.decode(&mut self.part)? {
                    return Ok(Some(batch));
                }
            }
            match next(&mut self.answer).await? {
                Some(part) => self.part = part,
                // A stream says that it has ended: without that, it broke off.
                None => return self.decoder.finish().map(|()| None).map_err(|_| broken_off().into()),
            }
        }
    }
}

async fn next(answer: &mut Answer) -> anyhow::Result<Option<Buffer>> {
    match answer.next().await {
        None => Ok(None),
        Some(Ok(bytes)) => Ok(Some(Buffer::from(bytes))),
        Some(Err(error)) => Err(match error.downcast::<QueryError>() {
            Ok(error) => error.into(),
            Err(error) => anyhow::Error::new(broken_off().because(error)),
        }),
    }
}

fn broken_off() -> Failure {
    let message = "the rows broke off before their end: the query failed at the server, or the connection did";
    Failure::new(Exit::Failed, message, "ask again; the server's log says why when it was the query")
}
