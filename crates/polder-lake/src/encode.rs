//! Rows into Parquet files, on a thread of its own, so that whoever makes the rows can go on making them.
//!
//! Memory is bounded: few batches wait, a row group ends at so many bytes, finished bytes leave in parts, and when many partitions
//! are open at once the largest is closed. Files are on the disk, under names that no log knows yet, when [`Encoder::finish`] returns.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use bytes::Bytes;
use datafusion::common::ScalarValue;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use deltalake_core::kernel::Add;
use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStore, ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::Source;
use crate::place::Place;
use crate::snapshot::{DataFile, Shape};
use crate::statistics;

/// Batches that wait for the encoder.
const QUEUE: usize = 4;
/// A row group ends at so many encoded bytes; a whole one is in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;
/// Bytes leave for the store in parts of this size.
const PART_BYTES: usize = 8 << 20;
/// Parts on their way at once.
const PARTS_ON_THE_WAY: usize = 3;
/// A file ends at about so many bytes.
const FILE_BYTES: usize = 512 << 20;
/// Bytes in memory over all open files, when a table has many partitions.
const OPEN_BYTES: usize = 96 << 20;
/// Open files, when a table has many partitions.
const OPEN_FILES: usize = 128;

/// What is written, and where to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) place: Place,
    pub(crate) shape: Arc<Shape>,
    /// All columns of the rows to come, in order: the table's, and for row-level changes one more.
    pub(crate) schema: SchemaRef,
    /// The folder in the table's folder: empty, or the one of row-level changes.
    pub(crate) folder: &'static str,
}

/// The sending end of the thread that encodes.
pub(crate) struct Encoder {
    queue: Option<mpsc::Sender<Message>>,
    thread: JoinHandle<Result<Vec<DataFile>, Source>>,
}

enum Message {
    Rows(RecordBatch),
    Finish,
}

impl Encoder {
    /// Starts a thread. When the encoder is dropped before it is finished, the files it wrote are deleted.
    pub(crate) fn start(target: Target) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE);
        let runtime = Handle::current();
        let thread = tokio::task::spawn_blocking(move || run(target, messages, runtime));
        Self { queue: Some(queue), thread }
    }

    /// Hands over rows in the target's schema; waits when many are waiting already.
    pub(crate) async fn write(&mut self, rows: RecordBatch) -> Result<(), Source> {
        self.send(Message::Rows(rows)).await
    }

    /// Waits until all rows are on the disk and returns their files.
    pub(crate) async fn finish(mut self) -> Result<Vec<DataFile>, Source> {
        self.send(Message::Finish).await?;
        self.thread.await?
    }

    async fn send(&mut self, message: Message) -> Result<(), Source> {
        let is_sent = match &self.queue {
            Some(queue) => queue.send(message).await.is_ok(),
            None => return Err("the writer has failed before".into()),
        };
        if is_sent {
            return Ok(());
        }
        // The thread hung up: it says why.
        self.queue = None;
        match (&mut self.thread).await? {
            Err(error) => Err(error),
            Ok(_) => Err("the writer ended before its rows did".into()),
        }
    }
}

fn run(target: Target, mut messages: mpsc::Receiver<Message>, runtime: Handle) -> Result<Vec<DataFile>, Source> {
    let mut files = Files::new(target, runtime)?;
    loop {
        let outcome = match messages.blocking_recv() {
            Some(Message::Rows(rows)) => files.write(&rows),
            Some(Message::Finish) => match files.close_all() {
                Ok(()) => return Ok(files.done),
                Err(error) => Err(error),
            },
            None => Err("the writer was dropped".into()),
        };
        if let Err(error) = outcome {
            files.delete();
            return Err(error);
        }
    }
}

/// Deletes files of a table that no log names.
pub(crate) async fn delete_files(place: &Place, paths: impl IntoIterator<Item = String>) {
    for path in paths {
        // What stays behind, vacuum finds.
        if let Err(error) = place.store.delete(&place.file(&path)).await {
            tracing::warn!(path, %error, "an uncommitted file could not be deleted");
        }
    }
}

/// The open and finished files of one write.
struct Files {
    target: Target,
    runtime: Handle,
    file_schema: SchemaRef,
    file_columns: Vec<usize>,
    partition_columns: Vec<usize>,
    converter: Option<RowConverter>,
    open: HashMap<Option<OwnedRow>, OpenFile>,
    done: Vec<DataFile>,
}

impl Files {
    fn new(target: Target, runtime: Handle) -> Result<Self, Source> {
        let index = |name: &str| target.schema.index_of(name);
        let partition_columns =
            target.shape.partition_fields.iter().map(|field| index(field.name())).collect::<Result<Vec<_>, _>>()?;
        let file_columns: Vec<usize> = (0..target.schema.fields().len()).filter(|i| !partition_columns.contains(i)).collect();
        let converter = match partition_columns.is_empty() {
            true => None,
            false => {
                let types = partition_columns.iter().map(|&i| SortField::new(target.schema.field(i).data_type().clone()));
                Some(RowConverter::new(types.collect())?)
            }
        };
        // Descriptions belong to the log: in every file's schema they would only be read past.
        let fields: Vec<_> = target
            .schema
            .project(&file_columns)?
            .fields()
            .iter()
            .map(|f| f.as_ref().clone().with_metadata(HashMap::new()))
            .collect();
        let file_schema = Arc::new(Schema::new(fields));
        Ok(Self {
            target,
            runtime,
            file_schema,
            file_columns,
            partition_columns,
            converter,
            open: HashMap::new(),
            done: Vec::new(),
        })
    }

    fn write(&mut self, rows: &RecordBatch) -> Result<(), Source> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let Some(converter) = &self.converter else {
            return self.write_part(None, rows);
        };
        let keys: Vec<ArrayRef> = self.partition_columns.iter().map(|&i| Arc::clone(rows.column(i))).collect();
        let mut parts: HashMap<OwnedRow, Vec<u32>> = HashMap::new();
        for (number, key) in (0_u32..).zip(converter.convert_columns(&keys)?.iter()) {
            parts.entry(key.owned()).or_default().push(number);
        }
        for (key, numbers) in parts {
            let part = take_record_batch(rows, &UInt32Array::from(numbers))?;
            self.write_part(Some(key), &part)?;
        }
        self.close_largest()
    }

    fn write_part(&mut self, key: Option<OwnedRow>, rows: &RecordBatch) -> Result<(), Source> {
        if !self.open.contains_key(&key) {
            let first = self.partition_columns.iter().map(|&i| ScalarValue::try_from_array(rows.column(i), 0));
            let values = first.collect::<Result<Vec<_>, _>>()?;
            let names = self.target.shape.partition_fields.iter().map(|field| field.name().clone());
            let partition = names.zip(values.iter().map(statistics::text)).collect();
            self.open.insert(key.clone(), OpenFile::create(&self.target, &self.file_schema, partition)?);
        }
        let Some(file) = self.open.get_mut(&key) else {
            return Ok(());
        };
        let columns = self.file_columns.iter().map(|&i| Arc::clone(rows.column(i))).collect();
        let rows = RecordBatch::try_new(Arc::clone(&self.file_schema), columns)?;
        file.write(&rows, &self.runtime)?;
        if file.bytes_written() > FILE_BYTES { self.close(&key) } else { Ok(()) }
    }

    fn close_largest(&mut self) -> Result<(), Source> {
        while self.open.len() > OPEN_FILES || self.open.values().map(OpenFile::bytes_in_memory).sum::<usize>() > OPEN_BYTES {
            let largest = self.open.iter().max_by_key(|(_, file)| file.bytes_in_memory()).map(|(key, _)| key.clone());
            match largest {
                Some(key) => self.close(&key)?,
                None => break,
            }
        }
        Ok(())
    }

    fn close_all(&mut self) -> Result<(), Source> {
        let keys: Vec<_> = self.open.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.close(key))
    }

    fn close(&mut self, key: &Option<OwnedRow>) -> Result<(), Source> {
        let Some(file) = self.open.remove(key) else {
            return Ok(());
        };
        let closed = file.close(&self.runtime)?;
        let shape = &self.target.shape;
        // Row-level changes have a column that the table lacks, and nobody prunes by their statistics.
        if self.target.folder.is_empty() {
            let of_file = DFParquetMetadata::statistics_from_parquet_metadata(&closed.parquet, &shape.file_schema)?;
            let stats = Some(statistics::to_json(&of_file, &shape.file_schema));
            self.done.push(DataFile::with_statistics(Add { stats, ..closed.add }, shape, of_file));
        } else {
            self.done.push(DataFile::new(closed.add));
        }
        Ok(())
    }

    fn delete(&mut self) {
        for (_, mut file) in self.open.drain() {
            self.runtime.block_on(file.upload.abort());
        }
        let paths: Vec<String> = self.done.drain(..).map(|file| file.add.path).collect();
        self.runtime.block_on(delete_files(&self.target.place, paths));
    }
}

struct OpenFile {
    writer: ArrowWriter<Vec<u8>>,
    upload: Upload,
    add: Add,
}

struct ClosedFile {
    add: Add,
    parquet: ParquetMetaData,
}

impl OpenFile {
    fn create(target: &Target, schema: &SchemaRef, partition: Vec<(String, Option<String>)>) -> Result<Self, Source> {
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
            .set_created_by(concat!("polder ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties))?;
        let mut path = target.folder.to_owned();
        for (name, value) in &partition {
            path.push_str(&format!("{}={}/", folder_name(name), folder_name(value.as_deref().unwrap_or(MISSING))));
        }
        path.push_str(&format!("part-{}.snappy.parquet", uuid::Uuid::new_v4()));
        let upload = Upload::new(&target.place, &path);
        let add = Add { path, partition_values: partition.into_iter().collect(), data_change: true, ..Add::default() };
        Ok(Self { writer, upload, add })
    }

    fn write(&mut self, rows: &RecordBatch, runtime: &Handle) -> Result<(), Source> {
        self.writer.write(rows)?;
        while self.writer.inner().len() >= PART_BYTES {
            let rest = self.writer.inner_mut().split_off(PART_BYTES);
            let part = std::mem::replace(self.writer.inner_mut(), rest);
            runtime.block_on(self.upload.part(part.into()))?;
        }
        Ok(())
    }

    fn bytes_in_memory(&self) -> usize {
        self.writer.memory_size() + self.writer.inner().len()
    }

    fn bytes_written(&self) -> usize {
        self.writer.bytes_written()
    }

    fn close(mut self, runtime: &Handle) -> Result<ClosedFile, Source> {
        let parquet = self.writer.finish()?;
        let size = self.writer.bytes_written();
        let rest = std::mem::take(self.writer.inner_mut());
        runtime.block_on(self.upload.finish(rest.into()))?;
        let mut add = self.add;
        add.size = i64::try_from(size)?;
        add.modification_time = chrono::Utc::now().timestamp_millis();
        Ok(ClosedFile { add, parquet })
    }
}

/// Bytes on their way to the store: at once when they are few, else in parts.
struct Upload {
    store: Arc<dyn ObjectStore>,
    path: Path,
    parts: Option<Box<dyn MultipartUpload>>,
    on_the_way: tokio::task::JoinSet<object_store::Result<()>>,
}

impl Upload {
    fn new(place: &Place, path: &str) -> Self {
        let on_the_way = tokio::task::JoinSet::new();
        Self { store: Arc::clone(&place.store), path: place.file(path), parts: None, on_the_way }
    }

    async fn part(&mut self, bytes: Bytes) -> Result<(), Source> {
        while self.on_the_way.len() >= PARTS_ON_THE_WAY {
            self.arrived().await?;
        }
        if self.parts.is_none() {
            self.parts = Some(self.store.put_multipart(&self.path).await?);
        }
        if let Some(parts) = &mut self.parts {
            self.on_the_way.spawn(parts.put_part(PutPayload::from_bytes(bytes)));
        }
        Ok(())
    }

    async fn finish(&mut self, rest: Bytes) -> Result<(), Source> {
        if self.parts.is_none() {
            self.store.put(&self.path, PutPayload::from_bytes(rest)).await?;
            return Ok(());
        }
        self.part(rest).await?;
        while !self.on_the_way.is_empty() {
            self.arrived().await?;
        }
        if let Some(mut parts) = self.parts.take() {
            parts.complete().await?;
        }
        Ok(())
    }

    async fn abort(&mut self) {
        self.on_the_way.shutdown().await;
        if let Some(mut parts) = self.parts.take()
            && let Err(error) = parts.abort().await
        {
            tracing::warn!(path = %self.path, %error, "an unfinished file could not be taken back");
        }
    }

    async fn arrived(&mut self) -> Result<(), Source> {
        match self.on_the_way.join_next().await {
            Some(outcome) => Ok(outcome??),
            None => Ok(()),
        }
    }
}

/// The folder of rows whose partition value is missing, as Hive names it.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// A value as a part of a folder's name: anything that a path or URL could take for its own is `%` and two digits. Long values are
/// cut, for the log and not the name says what is in the folder.
fn folder_name(value: &str) -> String {
    let mut name = String::new();
    for byte in value.bytes().take(80) {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => name.push(byte as char),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_hold_nothing_that_a_path_means_something_by() {
        for (value, name) in [("NL", "NL"), ("a/b", "a%2Fb"), ("../x", "..%2Fx"), ("50%", "50%25"), ("é", "%C3%A9")] {
            assert_eq!(folder_name(value), name);
        }
        assert_eq!(folder_name(&"/".repeat(200)).len(), 240);
    }
}
