//! Values that are bound to a prepared statement: rows of them, of which each is one answer.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use polder_engine::ScalarValue;
use tonic::Status;

use crate::ipc;
use crate::status::{internal, unreadable, unreadable_rows};

/// How many rows of values may be bound: each is a query of its own.
const MOST_ROWS: usize = 1_000;
/// How many bytes they may have: they go back and forth with every request.
const MOST_BYTES: usize = 1 << 20;

/// Rows of values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameters(RecordBatch);

impl Parameters {
    /// Takes what a client sends.
    pub(crate) async fn sent(
        data: impl Stream<Item = Result<FlightData, Status>> + Send + 'static,
    ) -> Result<Option<Self>, Status> {
        let mut batches = FlightRecordBatchStream::new_from_flight_data(data.map(|part| part.map_err(Into::into)));
        let mut all: Vec<RecordBatch> = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(unreadable_rows)?;
            rows += batch.num_rows();
            bytes += batch.get_array_memory_size();
            if rows > MOST_ROWS || bytes > MOST_BYTES {
                return Err(too_many());
            }
            all.push(batch);
        }
        let Some(schema) = batches.schema().cloned() else { return Ok(None) };
        let values = concat_batches(&schema, &all).map_err(|error| unreadable("the parameters", error))?;
        Ok((values.num_columns() > 0).then_some(Self(values)))
    }

    /// Reads what [`Self::write`] wrote, or somebody says that it did.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Status> {
        let values = ipc::read(bytes).map_err(|error| unreadable("the statement's parameters", error))?;
        if values.num_rows() > MOST_ROWS { Err(too_many()) } else { Ok(Self(values)) }
    }

    /// The values as bytes.
    pub(crate) fn write(&self) -> Result<Bytes, Status> {
        ipc::write(&self.0).map_err(internal)
    }

    /// The values, row by row.
    pub(crate) fn rows(&self) -> Result<Vec<Vec<ScalarValue>>, Status> {
        let row = |at| self.0.columns().iter().map(|column| ScalarValue::try_from_array(column, at)).collect();
        let rows = (0..self.0.num_rows()).map(row).collect::<Result<_, _>>();
        rows.map_err(|error| unreadable("the statement's parameters", error))
    }
}

impl Parameters {
    /// A row of values that are all missing: what a statement would give can be told by it, when no row is bound.
    pub(crate) fn nothing(&self) -> Result<Vec<ScalarValue>, Status> {
        let nulls =
            self.0.schema().fields().iter().map(|field| ScalarValue::try_from(field.data_type())).collect::<Result<_, _>>();
        nulls.map_err(|error| unreadable("the statement's parameters", error))
    }
}

fn too_many() -> Status {
    Status::invalid_argument(format!(
        "too many parameters: at most {MOST_ROWS} rows and {MOST_BYTES} bytes may be bound; join with a table instead"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow_flight::encode::FlightDataEncoderBuilder;
    use tonic::Code;

    use super::*;

    fn values(rows: usize) -> RecordBatch {
        let numbers = Int64Array::from_iter_values(0..i64::try_from(rows).unwrap());
        let words = StringArray::from_iter((0..rows).map(|row| (row % 2 == 0).then_some("even")));
        RecordBatch::try_from_iter([("0", Arc::new(numbers) as ArrayRef), ("1", Arc::new(words))]).unwrap()
    }

    async fn sent(batches: Vec<RecordBatch>) -> Result<Option<Parameters>, Status> {
        let data = FlightDataEncoderBuilder::new().build(futures::stream::iter(batches.into_iter().map(Ok)));
        Parameters::sent(data.map(|part| part.map_err(Into::into))).await
    }

    #[tokio::test]
    async fn values_come_back_as_they_were_sent_in_whatever_batches() {
        let bound = sent(vec![values(3), values(2)]).await.unwrap().unwrap();
        let again = Parameters::read(&bound.write().unwrap()).unwrap();
        assert_eq!(again, bound);
        let rows = again.rows().unwrap();
        assert_eq!(rows.len(), 5);
        assert_eq!(rows[4], [ScalarValue::Int64(Some(1)), ScalarValue::Utf8(None)]);
        assert_eq!(sent(vec![]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn more_than_may_be_bound_is_refused_wherever_it_comes_from() {
        assert_eq!(sent(vec![values(600), values(600)]).await.unwrap_err().code(), Code::InvalidArgument);
        let forged = Parameters(values(1_001)).write().unwrap();
        assert_eq!(Parameters::read(&forged).unwrap_err().code(), Code::InvalidArgument);
        for wrong in [&b""[..], b"no values", &forged[..forged.len() / 2]] {
            assert_eq!(Parameters::read(wrong).unwrap_err().code(), Code::InvalidArgument);
        }
    }
}
