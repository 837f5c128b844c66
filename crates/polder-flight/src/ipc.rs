//! Rows as bytes that go to the client and back: one batch, as an Arrow stream.

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use bytes::Bytes;

/// Writes a batch.
pub(crate) fn write(rows: &RecordBatch) -> Result<Bytes, ArrowError> {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &rows.schema())?;
    writer.write(rows)?;
    writer.finish()?;
    drop(writer);
    Ok(bytes.into())
}

/// Reads what [`write`] wrote, or somebody says that it did.
pub(crate) fn read(bytes: &[u8]) -> Result<RecordBatch, ArrowError> {
    let mut reader = StreamReader::try_new(bytes, None)?;
    let Some(first) = reader.next() else { return Ok(RecordBatch::new_empty(reader.schema())) };
    let rows = first?;
    if reader.next().is_some() {
        return Err(ArrowError::IpcError("it is more than one batch".to_owned()));
    }
    Ok(rows)
}
