//! Looking rows up by key, under the rights of whoever asks: the permit of the metastore as it is now, and the engine's own masks and
//! conditions over the rows that were found.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use polder_access::{Action, Decision, Permit};
use polder_engine::{Shown, TableParts};
use polder_hot::Most;
use polder_model::{Column, DatasetId, Resource, Securable, TableName};

use super::Kept;
use crate::audit::AuditTrail;
use crate::data::{self, DataState};
use crate::error::{Doing, Error, ErrorKind};
use crate::platform::Platform;
use crate::sight::of_permit;

/// How much one look-up answers: of more, the ordinary way knows better what to do.
const MOST: Most = Most { rows: 10_000, bytes: 64 << 20 };

/// A table that the caller may read, whose rows are held at its newest version.
pub struct HotData {
    platform: Platform,
    trail: AuditTrail,
    kept: Arc<Kept>,
    permit: Permit,
    /// Its name.
    pub name: TableName,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns that rows are looked up by.
    pub key_columns: Vec<String>,
    /// The state of the table, as every other way of reading it tells that.
    pub state: DataState,
}

/// Rows that were looked up, as the caller may see them.
#[derive(Debug, Clone)]
pub struct LookedUp {
    /// The rows in the order of the keys, with the columns that were asked for.
    pub rows: RecordBatch,
    /// How many of them each key has.
    pub counts: Vec<usize>,
}

impl Platform {
    /// A dataset whose rows can be looked up here and now; `None` where they have to be read in the ordinary way: nothing is held of the
    /// newest version, the caller may not read it, or sees its key under a mask, which is what keys are compared with then.
    ///
    /// # Errors
    /// When the metastore cannot be read, or the caller is nobody here.
    pub async fn hot_data(&self, dataset: &DatasetId) -> Result<Option<HotData>, Error> {
        let metastore = self.metastore_as_asked().await?;
        let Some(Resource::Table(table)) = metastore.dataset(dataset) else { return Ok(None) };
        let Some(declared) = &table.hot_storage else { return Ok(None) };
        let Some(kept) = self.hot_now(&metastore, table).await else { return Ok(None) };
        let caller = self.caller(&metastore)?;
        let securable = Securable::Table(table.name.clone());
        let decision = metastore.authorizer().authorize(&caller, Action::Read, &securable);
        let trail = self.trail("look up by key");
        trail.decided(&caller, Action::Read, &securable, &decision);
        // The ordinary way says what is denied, and puts that on record.
        let Decision::Allowed(permit) = decision else { return Ok(None) };
        let is_masked = |column: &String| permit.column_rules().iter().any(|rule| rule.column.eq_ignore_ascii_case(column));
        let is_held = |column: &Column| kept.index.schema().index_of(&column.name).is_ok();
        if declared.key_columns.iter().any(is_masked) || !table.columns.iter().all(is_held) {
            return Ok(None);
        }
        let seen = (self.identity.name(), &of_permit(&permit));
        let state = data::state(kept.table_id.as_deref(), kept.index.version(), metastore.versions(), seen);
        Ok(Some(HotData {
            platform: self.clone(),
            trail,
            permit,
            name: table.name.clone(),
            columns: table.columns.clone(),
            key_columns: declared.key_columns.clone(),
            state,
            kept,
        }))
    }
}

impl HotData {
    /// The types of the values by which rows are looked up.
    #[must_use]
    pub fn key_types(&self) -> &[DataType] {
        self.kept.index.key().types()
    }

    /// Looks rows up by keys, which come a column each. `None` when the keys have more rows than one look-up answers.
    ///
    /// # Errors
    /// When the look-up cannot be put on record, or a row filter does not hold.
    pub async fn look_up(&self, keys: &[ArrayRef], columns: &[String]) -> Result<Option<LookedUp>, Error> {
        self.platform.record(&self.trail).await?;
        self.found(keys, columns)
    }

    fn found(&self, keys: &[ArrayRef], columns: &[String]) -> Result<Option<LookedUp>, Error> {
        let failed = || format!("cannot look up rows of {}", self.name);
        // Conditions may be on any column that the table declares.
        let read: Vec<&str> = match self.permit.row_conditions() {
            Some(_) => self.columns.iter().map(|column| column.name.as_str()).collect(),
            None => columns.iter().map(String::as_str).collect(),
        };
        let places = read.iter().map(|name| self.kept.index.schema().index_of(name)).collect::<Result<Vec<_>, _>>();
        let places = places.doing(ErrorKind::Failed, failed())?;
        let found = self.kept.index.find(&self.permit, keys, &places, MOST).doing(ErrorKind::Failed, failed())?;
        let Some(mut found) = found else { return Ok(None) };
        let parts = TableParts::new([self.name.catalog.as_str(), self.name.schema.as_str(), self.name.object.as_str()]);
        let shown = self.platform.engine.show(&parts, &self.permit, &found.rows).map_err(crate::query::query_error)?;
        let Shown { mut rows, visible } = shown;
        if let Some(visible) = visible {
            let mut at = 0;
            for count in &mut found.counts {
                let end = at + *count;
                *count = (at..end).filter(|row| visible.is_valid(*row) && visible.value(*row)).count();
                at = end;
            }
        }
        if read.iter().ne(columns) {
            let wanted = columns.iter().map(|name| rows.schema_ref().index_of(name)).collect::<Result<Vec<_>, _>>();
            rows = wanted.and_then(|wanted| rows.project(&wanted)).doing(ErrorKind::Failed, failed())?;
        }
        Ok(Some(LookedUp { rows, counts: found.counts }))
    }

    /// Rows in the types that a query answers with, for forms that tell types.
    ///
    /// # Errors
    /// When a type cannot become the other.
    pub fn as_answered(&self, rows: &RecordBatch) -> Result<RecordBatch, Error> {
        let schema = rows.schema();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (field, column) in schema.fields().iter().zip(rows.columns()) {
            let wanted = self.kept.answered_as.field_with_name(field.name()).map_or(field.data_type(), Field::data_type);
            columns.push(cast(column, wanted).doing(ErrorKind::Failed, "cannot answer rows in their types")?);
            fields.push(field.as_ref().clone().with_data_type(wanted.clone()));
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).doing(ErrorKind::Failed, "cannot answer rows in their types")
    }
}
