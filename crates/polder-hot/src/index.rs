//! A table's rows at one version, found by key.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use polder_access::{Action, Permit};
use polder_model::{Securable, TableName};

use crate::error::{Error, Result};
use crate::key::Key;
use crate::segment::{Segment, SegmentId};

/// A table's rows at one version.
#[derive(Debug)]
pub struct HotIndex {
    table: TableName,
    version: u64,
    schema: SchemaRef,
    key: Key,
    segments: Vec<Arc<Segment>>,
    /// The place of each among them.
    by_id: HashMap<SegmentId, usize>,
}

/// How much one look-up answers at most.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// How many rows.
    pub rows: usize,
    /// How many bytes they have, one that several keys find counted for each.
    pub bytes: usize,
}

/// The batches that rows are in, and where each row is among them: a batch and a row of it.
struct Sources {
    batches: Vec<RecordBatch>,
    rows: Vec<(usize, usize)>,
}

/// Rows that were found, as they are stored.
#[derive(Debug, Clone)]
pub struct Found {
    /// The rows, in the order of the keys.
    pub rows: RecordBatch,
    /// How many of them each key has.
    pub counts: Vec<usize>,
}

impl HotIndex {
    /// The rows of segments, all of a table at a version and with its columns.
    #[must_use]
    pub fn new(table: TableName, version: u64, schema: SchemaRef, key: Key, segments: Vec<(SegmentId, Arc<Segment>)>) -> Self {
        let (ids, segments): (Vec<_>, Vec<_>) = segments.into_iter().unzip();
        let by_id = ids.into_iter().enumerate().map(|(at, id)| (id, at)).collect();
        Self { table, version, schema, key, segments, by_id }
    }

    /// A segment that is among them.
    #[must_use]
    pub fn segment(&self, id: &SegmentId) -> Option<Arc<Segment>> {
        self.by_id.get(id).map(|at| Arc::clone(&self.segments[*at]))
    }

    /// How many segments there are.
    #[must_use]
    pub const fn parts(&self) -> usize {
        self.segments.len()
    }

    /// The version that the rows are of.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// The table's columns, all of them.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The key that rows are found by.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.segments.iter().map(|segment| segment.rows()).sum()
    }

    /// How many of them no look-up finds, as a column of their key has no value.
    #[must_use]
    pub fn without_key(&self) -> usize {
        self.segments.iter().map(|segment| segment.without_key()).sum()
    }

    /// The bytes that it takes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.segments.iter().map(|segment| segment.bytes()).sum()
    }

    /// The rows of keys, which come a column each, with the columns at these places; `None` when they are more than `most`.
    ///
    /// # Errors
    /// When the permit is not to read this table, or keys are not of the key's types.
    pub fn find(&self, permit: &Permit, keys: &[ArrayRef], columns: &[usize], most: Most) -> Result<Option<Found>> {
        self.demand(permit)?;
        let unfit = |source| Error::Rows { table: self.table.clone(), source };
        let keys = self.key.asked(keys).map_err(unfit)?;
        let mut places: Vec<(usize, usize, usize)> = Vec::with_capacity(keys.num_rows());
        let mut counts = Vec::with_capacity(keys.num_rows());
        for key in &keys {
            let before = places.len();
            for (at, segment) in self.segments.iter().enumerate() {
                let numbers = segment.find(key);
                if places.len() + numbers.len() > most.rows {
                    return Ok(None);
                }
                places.extend(numbers.iter().map(|number| {
                    let (batch, row) = segment.place(*number);
                    (at, batch, row)
                }));
            }
            counts.push(places.len() - before);
        }
        // Nothing is copied for one row.
        if let [one] = places[..] {
            let (segment, batch, row) = one;
            let rows = self.segments[segment].batch(batch).slice(row, 1).project(columns).map_err(unfit)?;
            return Ok(Some(Found { rows, counts }));
        }
        let Sources { batches, rows: indices } = self.sources(&places, columns).map_err(unfit)?;
        let bytes: usize = indices.iter().map(|(batch, row)| polder_arrow::size::of_row(&batches[*batch], *row)).sum();
        if bytes > most.bytes {
            return Ok(None);
        }
        let rows = if indices.is_empty() {
            RecordBatch::new_empty(self.schema.clone()).project(columns)
        } else {
            interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &indices)
        };
        Ok(Some(Found { rows: rows.map_err(unfit)?, counts }))
    }

    /// Where rows are, with the columns that are wanted.
    fn sources(&self, places: &[(usize, usize, usize)], columns: &[usize]) -> std::result::Result<Sources, ArrowError> {
        let mut sources: Vec<(usize, usize)> = places.iter().map(|(segment, batch, _)| (*segment, *batch)).collect();
        sources.sort_unstable();
        sources.dedup();
        let batches = sources.iter().map(|(segment, batch)| self.segments[*segment].batch(*batch).project(columns));
        let batches = batches.collect::<std::result::Result<Vec<_>, _>>()?;
        let index = |(segment, batch, row): &(usize, usize, usize)| (sources.partition_point(|s| s < &(*segment, *batch)), *row);
        Ok(Sources { batches, rows: places.iter().map(index).collect() })
    }

    fn demand(&self, permit: &Permit) -> Result<()> {
        let is_this = matches!(permit.securable(), Securable::Table(name) if *name == self.table);
        if is_this && permit.action() == Action::Read {
            return Ok(());
        }
        Err(Error::Permit { table: self.table.clone(), action: permit.action(), securable: permit.securable().clone() })
    }
}
