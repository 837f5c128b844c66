//! Reads Parquet files, one row group at a time, and widens their columns to the sink's.
//!
//! Types are those of Parquet itself; what a writer noted about its own Arrow types is not looked at. A file whose columns cannot
//! hold the sink's values is refused as a whole, with both types; a row is refused where only its value does not fit. The old
//! 96-bit timestamps are read as instants of microseconds, which is what their writers keep in them.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType as ArrowType, Field, Schema, TimeUnit};
use arrow::error::ArrowError;
use arrow::json::LineDelimitedWriter;
use arrow::util::display::array_value_to_string;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::Type as PhysicalType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use tokio::runtime::Handle;

use polder_model::job::BadRows;

use crate::error::{Misfit, ReadError};
use crate::find::{Origin, SourceFile};
use crate::input::{need, unchanged};
use crate::read::Spec;
use crate::record::{NO_FOLDER, field_lookup};
use crate::reject::{Rejected, shown};
use crate::remote_chunks::RemoteChunks;
use crate::rows::{Outlet, Parsed};
use crate::widen::{fits, widen};

const BATCH_ROWS: usize = 8 * 1024;

/// A Parquet file whose columns fit the sink's.
pub(crate) struct ParquetFile {
    name: String,
    file: SourceFile,
    input: Chunked,
    metadata: ArrowReaderMetadata,
    projection: ProjectionMask,
    /// For each column of the sink, its place among those read.
    places: Vec<Option<usize>>,
    /// The file's columns that are none of the sink's.
    pub(crate) unknown: Vec<String>,
}

impl ParquetFile {
    pub(crate) fn open(file: &SourceFile, spec: &Spec, runtime: Option<&Handle>) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Parquet { file: file.name.clone(), source };
        let input = Chunked::open(file, runtime)?;
        let metadata = load(&input).map_err(failed)?;
        let lookup = field_lookup(&spec.columns, &spec.source.columns);
        let (mut roots, mut unknown) = (vec![None; spec.columns.len()], Vec::new());
        for (root, field) in metadata.schema().fields().iter().enumerate() {
            let Some(at) = lookup.get(&field.name().to_lowercase()) else {
                unknown.push(field.name().clone());
                continue;
            };
            let column = &spec.columns[*at];
            if roots[*at].replace(root).is_some() {
                return Err(ReadError::Column {
                    file: file.name.clone(),
                    column: column.name.clone(),
                    why: "stands in the file twice",
                });
            }
            if !fits(field.data_type(), &column.data_type) {
                return Err(ReadError::Type {
                    file: file.name.clone(),
                    column: column.name.clone(),
                    found: field.data_type().to_string(),
                    expected: column.data_type.clone(),
                });
            }
        }
        if let Some((column, _)) = spec.columns.iter().zip(&roots).find(|(column, root)| root.is_none() && !column.optional) {
            let why = "is required and the file does not have it";
            return Err(ReadError::Column { file: file.name.clone(), column: column.name.clone(), why });
        }
        let mut read: Vec<usize> = roots.iter().copied().flatten().collect();
        read.sort_unstable();
        let places = roots.iter().map(|root| root.and_then(|root| read.binary_search(&root).ok())).collect();
        let projection = ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), read);
        Ok(Self { name: file.name.clone(), file: file.clone(), input, metadata, projection, places, unknown })
    }

    pub(crate) fn groups(&self) -> usize {
        self.metadata.metadata().num_row_groups()
    }

    /// Reads one row group. Rows count from 1 within it.
    pub(crate) fn read_group(&self, group: usize, spec: &Spec, outlet: &mut impl Outlet) -> Result<Parsed, ReadError> {
        let failed = |source| ReadError::Parquet { file: self.name.clone(), source };
        let reader =
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.input.reopened().map_err(failed)?, self.metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(self.projection.clone())
                .with_batch_size(BATCH_ROWS)
                .build()
                .map_err(failed)?;
        let mut parsed = Parsed::default();
        for batch in reader {
            let batch = batch.map_err(|error| failed(error.into()))?;
            if !self.take(&batch, &mut parsed, spec, outlet)? {
                break;
            }
        }
        unchanged(&self.file)?;
        Ok(parsed)
    }

    fn take(&self, batch: &RecordBatch, parsed: &mut Parsed, spec: &Spec, outlet: &mut impl Outlet) -> Result<bool, ReadError> {
        let failed = |error: ArrowError| ReadError::Parquet { file: self.name.clone(), source: error.into() };
        let mut misfits: Vec<Option<Misfit>> = vec![None; batch.num_rows()];
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(spec.columns.len());
        for (at, column) in spec.columns.iter().enumerate() {
            let wanted = spec.schema.field(at).data_type();
            let Some(place) = self.places[at] else {
                columns.push(arrow::array::new_null_array(wanted, batch.num_rows()));
                continue;
            };
            let array = batch.column(place);
            let (widened, lost) = widen(array, wanted).map_err(failed)?;
            let mut refuse = |row: usize, misfit: Box<Misfit>| {
                misfits[row].get_or_insert_with(|| *misfit.within(&column.name, column.is_pii()));
            };
            for row in lost {
                let value = array_value_to_string(array, row).unwrap_or_default();
                refuse(row, Misfit::value(format!("does not fit {}", column.data_type), &value));
            }
            if !column.optional && array.null_count() > 0 {
                (0..array.len())
                    .filter(|row| array.is_null(*row))
                    .for_each(|row| refuse(row, Misfit::row("is required and missing")));
            }
            if spec.folders.contains(&at) {
                let empty = widened.as_string::<i32>().iter().enumerate().filter(|(_, text)| *text == Some(""));
                empty.for_each(|(row, _)| refuse(row, Misfit::row(NO_FOLDER)));
            }
            columns.push(widened);
        }
        let first = parsed.lines + 1;
        parsed.lines += batch.num_rows() as u64;
        let keep: BooleanArray = misfits.iter().map(|misfit| Some(misfit.is_none())).collect();
        let refused = self.refuse(batch, misfits, first, spec)?;
        // Rows that are refused may be null where the sink allows none: they go before the schema is asked.
        let loose: Vec<Field> = spec.schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let whole = RecordBatch::try_new_with_options(Arc::new(Schema::new(loose)), columns, &options).map_err(failed)?;
        let kept = if refused.is_empty() { whole } else { filter_record_batch(&whole, &keep).map_err(failed)? };
        let options = RecordBatchOptions::new().with_row_count(Some(kept.num_rows()));
        let (rows, kept) = (kept.num_rows(), kept.columns().to_vec());
        let fitted = RecordBatch::try_new_with_options(Arc::clone(&spec.schema), kept, &options).map_err(failed)?;
        parsed.rows += rows as u64;
        parsed.rejected += refused.len() as u64;
        Ok((rows == 0 || outlet.rows(fitted)) && (refused.is_empty() || outlet.rejected(refused)))
    }

    fn refuse(
        &self,
        batch: &RecordBatch,
        misfits: Vec<Option<Misfit>>,
        first: u64,
        spec: &Spec,
    ) -> Result<Vec<Rejected>, ReadError> {
        let mut refused = Vec::new();
        for (row, misfit) in misfits.into_iter().enumerate() {
            let Some(misfit) = misfit else { continue };
            let line = first + row as u64;
            if spec.bad_rows == BadRows::Fail {
                return Err(ReadError::Row { file: self.name.clone(), line, misfit });
            }
            let text =
                row_as_json(&batch.slice(row, 1)).unwrap_or_else(|error| format!("(cannot be shown: {error})").into_bytes());
            let row = shown(text.trim_ascii_end());
            refused.push(Rejected { file: self.name.clone(), line, reason: misfit.to_string(), row });
        }
        Ok(refused)
    }
}

fn row_as_json(row: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut writer = LineDelimitedWriter::new(Vec::new());
    writer.write(row)?;
    writer.finish()?;
    Ok(writer.into_inner())
}

/// Reads the footer, with 96-bit timestamps as microseconds: in nanoseconds, years after 2262 would wrap.
fn load(input: &Chunked) -> Result<ArrowReaderMetadata, ParquetError> {
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let plain = ArrowReaderMetadata::load(input, options.clone())?;
    let descriptor = plain.metadata().file_metadata().schema_descr();
    let old: Vec<usize> = (0..descriptor.num_columns())
        .filter(|leaf| {
            descriptor.column(*leaf).physical_type() == PhysicalType::INT96 && descriptor.column(*leaf).path().parts().len() == 1
        })
        .map(|leaf| descriptor.get_column_root_idx(leaf))
        .collect();
    if old.is_empty() {
        return Ok(plain);
    }
    let micros = ArrowType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let field = |(at, field): (usize, &Arc<Field>)| {
        if old.contains(&at) { field.as_ref().clone().with_data_type(micros.clone()) } else { field.as_ref().clone() }
    };
    let schema = Schema::new(plain.schema().fields().iter().enumerate().map(field).collect::<Vec<_>>());
    ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options.with_schema(Arc::new(schema)))
}

/// A file's bytes, wherever they are.
enum Chunked {
    Local(PathBuf, Arc<File>),
    Remote(Arc<RemoteChunks>),
}

impl Chunked {
    fn open(file: &SourceFile, runtime: Option<&Handle>) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { file: file.name.clone(), offset: 0, source };
        Ok(match &file.origin {
            Origin::Local(path) => Self::Local(path.clone(), Arc::new(File::open(path).map_err(failed)?)),
            Origin::Remote { store, location, etag } => {
                let runtime = need(runtime).map_err(failed)?;
                Self::Remote(Arc::new(RemoteChunks::new(Arc::clone(store), location.clone(), etag.clone(), file.size, runtime)))
            }
        })
    }

    /// The same bytes with a position of their own: handles of one opened file move each other's.
    fn reopened(&self) -> Result<Self, ParquetError> {
        Ok(match self {
            Self::Local(path, _) => Self::Local(path.clone(), Arc::new(File::open(path)?)),
            Self::Remote(chunks) => Self::Remote(Arc::clone(chunks)),
        })
    }
}

impl Length for Chunked {
    fn len(&self) -> u64 {
        match self {
            Self::Local(_, file) => file.len(),
            Self::Remote(chunks) => chunks.size(),
        }
    }
}

impl ChunkReader for Chunked {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(match self {
            Self::Local(_, file) => Box::new(file.get_read(start)?),
            Self::Remote(chunks) => Box::new(Arc::clone(chunks).read_from(start)),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        match self {
            Self::Local(_, file) => file.get_bytes(start, length),
            Self::Remote(chunks) => Ok(chunks.bytes(start, length)?),
        }
    }
}
