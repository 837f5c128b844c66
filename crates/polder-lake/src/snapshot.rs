//! A table at one version: its columns and its files, immutable and shared.
//!
//! The Delta library replays the log once, when a table is opened. From there a snapshot moves on one entry at a time, so that a
//! commit costs the same however long the log is.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::physical_plan::parquet::transform_schema_to_view;
use deltalake_core::kernel::{Action, Add, LogicalFileView, Metadata, Protocol};
use deltalake_core::{DeltaTable, DeltaTableBuilder};

use crate::error::Source;
use crate::place::Place;
use crate::schema::to_arrow;
use crate::{protocol, statistics};

/// A data file of a table.
#[derive(Debug)]
pub(crate) struct DataFile {
    /// What the log says about it. Its path is relative to the table's folder.
    pub(crate) add: Add,
    statistics: OnceLock<Arc<Statistics>>,
}

impl DataFile {
    pub(crate) fn new(add: Add) -> Self {
        Self { add, statistics: OnceLock::new() }
    }

    /// Returns a file whose statistics are known better than a log can say. They are of the file's columns, without partitions.
    pub(crate) fn with_statistics(add: Add, shape: &Shape, of_file: Statistics) -> Self {
        let file = Self::new(add);
        let whole = statistics::with_partition(of_file, &file.partition_values(shape));
        let _ = file.statistics.set(Arc::new(whole));
        file
    }

    pub(crate) fn size(&self) -> u64 {
        u64::try_from(self.add.size).unwrap_or_default()
    }

    /// The statistics of the file's columns and the partition columns, in that order.
    pub(crate) fn statistics(&self, shape: &Shape) -> &Arc<Statistics> {
        self.statistics.get_or_init(|| {
            let of_file = statistics::from_json(self.add.stats.as_deref(), self.size(), &shape.file_schema);
            Arc::new(statistics::with_partition(of_file, &self.partition_values(shape)))
        })
    }

    pub(crate) fn rows(&self, shape: &Shape) -> Option<u64> {
        self.statistics(shape).num_rows.get_value().map(|rows| *rows as u64)
    }

    /// The values of the partition columns. A text that is no value of its column counts as missing.
    pub(crate) fn partition_values(&self, shape: &Shape) -> Vec<ScalarValue> {
        let value = |field: &FieldRef| {
            let text = self.add.partition_values.get(field.name()).and_then(Option::as_deref);
            let value = statistics::partition_value(text, field.data_type());
            value.or_else(|| statistics::partition_value(None, field.data_type())).unwrap_or(ScalarValue::Null)
        };
        shape.partition_fields.iter().map(value).collect()
    }
}

/// The columns of a table, in the several forms in which they are wanted.
#[derive(Debug)]
pub(crate) struct Shape {
    /// All columns as declared: text is `Utf8`, and a description is the field's `comment`.
    pub(crate) schema: SchemaRef,
    /// All columns as queries see them: text is `Utf8View`, as the engine's own Parquet reader has it.
    pub(crate) view_schema: SchemaRef,
    /// The columns that are in the files, as queries see them.
    pub(crate) file_schema: SchemaRef,
    /// The columns that are in the folders' names, as queries see them.
    pub(crate) partition_fields: Vec<FieldRef>,
    /// For each column its place among the files' columns followed by the partition columns.
    pub(crate) order: Vec<usize>,
}

impl Shape {
    pub(crate) fn new(schema: Schema, partition_columns: &[String]) -> Self {
        let bare = |field: &FieldRef| Arc::new(Field::new(field.name(), field.data_type().clone(), field.is_nullable()));
        let view_schema = transform_schema_to_view(&Schema::new(schema.fields().iter().map(bare).collect::<Vec<_>>()));
        let is_partition = |name: &str| partition_columns.iter().any(|column| column == name);
        let in_files = view_schema.fields().iter().filter(|field| !is_partition(field.name()));
        let file_schema = Schema::new(in_files.cloned().collect::<Vec<_>>());
        // In the order in which the log names them: that is the order of the folders.
        let partition_fields = partition_columns.iter().filter_map(|name| view_schema.field_with_name(name).ok());
        let partition_fields: Vec<FieldRef> = partition_fields.map(|field| Arc::new(field.clone())).collect();
        let place = |field: &FieldRef| {
            let in_folders = || partition_fields.iter().position(|p| p.name() == field.name()).unwrap_or_default();
            file_schema.index_of(field.name()).unwrap_or_else(|_| file_schema.fields().len() + in_folders())
        };
        let order = view_schema.fields().iter().map(place).collect();
        Self {
            schema: Arc::new(schema),
            file_schema: Arc::new(file_schema),
            order,
            partition_fields,
            view_schema: Arc::new(view_schema),
        }
    }
}

/// What the log says about the table as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) metadata: Metadata,
    pub(crate) protocol: Protocol,
}

/// A table at one version.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    pub(crate) shape: Arc<Shape>,
    pub(crate) files: Arc<Vec<Arc<DataFile>>>,
    /// What the log says; `None` for a folder of Parquet files, which has no log.
    pub(crate) facts: Option<Arc<Facts>>,
    /// The table as the Delta library reads it, when its files must not be read as they are.
    pub(crate) library: Option<Arc<dyn TableProvider>>,
    /// Application transactions seen since the table was opened. Older ones are in the log.
    pub(crate) transactions: BTreeMap<String, i64>,
}

impl Snapshot {
    /// Replays the log up to a version, or to its end.
    pub(crate) async fn load(place: &Place, version: Option<u64>) -> Result<(Self, DeltaTable), Source> {
        let mut builder = DeltaTableBuilder::from_url(place.delta_url.clone())?
            .with_storage_backend(Arc::clone(&place.store), place.delta_url.clone());
        if let Some(version) = version {
            builder = builder.with_version(version);
        }
        let table = builder.load().await?;
        let state = table.snapshot()?;
        let facts = Facts { metadata: state.metadata().clone(), protocol: state.protocol().clone() };
        let files = state.log_data().iter().map(|view| Arc::new(DataFile::new(to_add(&view)))).collect();
        let mut snapshot = Self {
            version: state.version(),
            shape: Arc::new(shape_of(&facts.metadata)?),
            files: Arc::new(files),
            facts: Some(Arc::new(facts)),
            library: None,
            transactions: BTreeMap::new(),
        };
        if !snapshot.is_plain() {
            snapshot.library = Some(table.table_provider().await?);
        }
        Ok((snapshot, table))
    }

    /// Returns the table after one more entry.
    pub(crate) fn after(&self, version: u64, actions: &[Action]) -> Result<Self, Source> {
        let mut next = self.clone();
        next.version = version;
        next.library = None;
        let mut added = Vec::new();
        let mut removed = HashSet::new();
        for action in actions {
            match action {
                Action::Add(add) => added.push(Arc::new(DataFile::new(add.clone()))),
                Action::Remove(remove) => {
                    removed.insert(remove.path.as_str());
                }
                Action::Txn(done) => {
                    next.transactions.insert(done.app_id.clone(), done.version);
                }
                Action::Metadata(metadata) => next.set_facts(Some(metadata), None)?,
                Action::Protocol(protocol) => next.set_facts(None, Some(protocol))?,
                Action::Cdc(_) | Action::CommitInfo(_) | Action::DomainMetadata(_) => {}
            }
        }
        next.change_files(&removed, added);
        Ok(next)
    }

    /// Takes files out and puts files in, those that are in already once.
    pub(crate) fn change_files(&mut self, removed: &HashSet<&str>, added: Vec<Arc<DataFile>>) {
        if removed.is_empty() && added.is_empty() {
            return;
        }
        let files = Arc::make_mut(&mut self.files);
        if !removed.is_empty() {
            files.retain(|file| !removed.contains(file.add.path.as_str()));
        }
        files.extend(added);
    }

    /// Whether the engine's own reader can read every file as it is. If not, the Delta library's must.
    pub(crate) fn is_plain(&self) -> bool {
        let maps_columns = self.facts.as_ref().is_some_and(|facts| protocol::maps_columns(&facts.metadata));
        !maps_columns && self.files.iter().all(|file| file.add.deletion_vector.is_none())
    }

    fn set_facts(&mut self, metadata: Option<&Metadata>, protocol: Option<&Protocol>) -> Result<(), Source> {
        let Some(facts) = &mut self.facts else {
            return Ok(());
        };
        let facts = Arc::make_mut(facts);
        if let Some(metadata) = metadata {
            self.shape = Arc::new(shape_of(metadata)?);
            facts.metadata = metadata.clone();
            // Statistics are kept in the form of the columns that were.
            let fresh = self.files.iter().map(|file| Arc::new(DataFile::new(file.add.clone())));
            self.files = Arc::new(fresh.collect());
        }
        if let Some(protocol) = protocol {
            facts.protocol = protocol.clone();
        }
        Ok(())
    }
}

fn shape_of(metadata: &Metadata) -> Result<Shape, Source> {
    let schema = to_arrow(&metadata.parse_schema()?)?;
    Ok(Shape::new(schema, metadata.partition_columns()))
}

fn to_add(view: &LogicalFileView) -> Add {
    let partition_values: HashMap<String, Option<String>> = view.partition_values_map();
    Add {
        path: view.path().into_owned(),
        partition_values,
        size: view.size(),
        modification_time: view.modification_time(),
        data_change: true,
        stats: view.stats(),
        deletion_vector: view.deletion_vector_descriptor(),
        ..Add::default()
    }
}
