//! A folder of Parquet files as a table: read only, its columns as declared, its partitions in the folders' names.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::compute::can_cast_types;
use arrow::datatypes::Schema;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use deltalake_core::kernel::Add;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use parquet::arrow::parquet_to_arrow_schema;
use polder_model::resource::Table;

use crate::error::{Error, Result, Source};
use crate::place::Place;
use crate::schema::arrow_schema;
use crate::snapshot::{DataFile, Shape, Snapshot};

/// Footers read at once.
const FOOTERS: usize = 16;
/// How a missing partition value is written.
const MISSING: &str = "__HIVE_DEFAULT_PARTITION__";

/// Lists a folder and reads its files' footers.
pub(crate) async fn load(table: &Table, place: &Place) -> Result<Snapshot> {
    if place.local.as_ref().is_some_and(|folder| !folder.is_dir()) {
        return Err(Error::NotFound { table: table.name.clone(), location: place.to_string() });
    }
    let spelled = |name: &String| table.column(name).map_or_else(|| name.clone(), |column| column.name.clone());
    let partitions: Vec<String> = table.partition_columns.iter().map(spelled).collect();
    let shape = Arc::new(Shape::new(arrow_schema(&table.columns).as_ref().clone(), &partitions));
    let found = place.store.list(Some(&place.folder)).try_collect::<Vec<_>>().await;
    let mut found = found.map_err(|e| Error::store("list", place, e))?;
    found.retain(|meta| is_data(place, &meta.location));
    found.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    let files = stream::iter(found).map(|meta| read(table, place, &shape, meta)).buffered(FOOTERS);
    let files = files.try_collect::<Vec<_>>().await?;
    Ok(Snapshot { version: 0, shape, files: Arc::new(files), facts: None, library: None, transactions: BTreeMap::new() })
}

/// Whether a path is a data file: not hidden, nor in a folder that is.
fn is_data(place: &Place, path: &Path) -> bool {
    let Some(parts) = path.prefix_match(&place.folder) else {
        return false;
    };
    path.as_ref().ends_with(".parquet") && parts.into_iter().all(|part| !part.as_ref().starts_with(['_', '.']))
}

async fn read(table: &Table, place: &Place, shape: &Shape, meta: ObjectMeta) -> Result<Arc<DataFile>> {
    let relative: Vec<String> = match meta.location.prefix_match(&place.folder) {
        Some(parts) => parts.map(|part| part.as_ref().to_owned()).collect(),
        None => Vec::new(),
    };
    let path = relative.join("/");
    let failed = |source: Source| Error::file(&table.name, format!("{place}/{path}"), source);
    let footer = DFParquetMetadata::new(place.store.as_ref(), &meta).fetch_metadata().await.map_err(|e| failed(e.into()))?;
    let about = footer.file_metadata();
    let found = parquet_to_arrow_schema(about.schema_descr(), about.key_value_metadata()).map_err(|e| failed(e.into()))?;
    check(&found, &shape.file_schema).map_err(|what| failed(what.into()))?;
    let statistics =
        DFParquetMetadata::statistics_from_parquet_metadata(&footer, &shape.file_schema).map_err(|e| failed(e.into()))?;
    let add = Add {
        partition_values: partition_values(&relative, shape),
        size: i64::try_from(meta.size).unwrap_or(i64::MAX),
        modification_time: meta.last_modified.timestamp_millis(),
        data_change: true,
        path,
        ..Add::default()
    };
    Ok(Arc::new(DataFile::with_statistics(add, shape, statistics)))
}

/// Says in what a file differs from the table's declaration.
fn check(found: &Schema, declared: &Schema) -> Result<(), String> {
    for field in declared.fields() {
        match found.field_with_name(field.name()) {
            Ok(there) if !can_cast_types(there.data_type(), field.data_type()) => {
                return Err(format!("its column {} is {}, not {}", field.name(), there.data_type(), field.data_type()));
            }
            Err(_) if !field.is_nullable() => return Err(format!("it lacks the required column {}", field.name())),
            _ => {}
        }
    }
    Ok(())
}

/// The values in the names of the folders that a file is in.
fn partition_values(relative: &[String], shape: &Shape) -> HashMap<String, Option<String>> {
    let value = |name: &str| {
        let folder = relative.iter().filter_map(|part| part.split_once('=')).find(|(key, _)| key.eq_ignore_ascii_case(name));
        folder.map(|(_, value)| value).filter(|value| *value != MISSING).map(decoded)
    };
    shape.partition_fields.iter().map(|field| (field.name().clone(), value(field.name()))).collect()
}

/// Undoes the `%` and two digits of a folder's name.
fn decoded(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
