//! Rows that were found in another way than by a query, as a permit shows them: the same conditions and masks, over what is at hand.

use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{filter_record_batch, prep_null_mask_filter};
use arrow::datatypes::{DataType, Schema};
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;

use polder_access::Permit;

use super::exec::{Output, shown, told};
use super::mask::MaskKey;
use super::{Rows, Source, masked_field, same_name};

/// Rows as they may be seen.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The visible ones, masked.
    pub rows: RecordBatch,
    /// Which of all rows these are; `None` when they are all.
    pub visible: Option<BooleanArray>,
}

/// Shows the rows that a permit shows, in the form in which it does.
pub(crate) fn show(
    state: &SessionState,
    key: &MaskKey,
    source: &Source,
    permit: &Permit,
    rows: &Rows,
    found: &RecordBatch,
) -> Result<Shown> {
    show_raw(state, key, permit, rows, found).map_err(|error| told(source, error))
}

fn show_raw(state: &SessionState, key: &MaskKey, permit: &Permit, rows: &Rows, found: &RecordBatch) -> Result<Shown> {
    let visible = match rows {
        Rows::All => None,
        Rows::None => Some(BooleanArray::from(vec![false; found.num_rows()])),
        Rows::Where(condition) => Some(fulfils(state, condition, found)?),
    };
    let found = match &visible {
        Some(visible) => filter_record_batch(found, visible)?,
        None => found.clone(),
    };
    if permit.column_rules().is_empty() {
        return Ok(Shown { rows: found, visible });
    }
    let mut fields = Vec::with_capacity(found.num_columns());
    let mut outputs = Vec::with_capacity(found.num_columns());
    for (from, field) in found.schema().fields().iter().enumerate() {
        let mask = permit.column_rules().iter().find(|rule| same_name(&rule.column, field.name())).map(|rule| rule.mask);
        fields.push(if mask.is_some() { Arc::new(masked_field(field)) } else { Arc::clone(field) });
        outputs.push(Output { from, mask, open: false });
    }
    Ok(Shown { rows: shown(&found, &Arc::new(Schema::new(fields)), &outputs, key)?, visible })
}

/// Which rows fulfil a condition. A row of which that is not known does not.
fn fulfils(state: &SessionState, condition: &Expr, found: &RecordBatch) -> Result<BooleanArray> {
    let schema = DFSchema::try_from(found.schema())?;
    let value = state.create_physical_expr(condition.clone(), &schema)?.evaluate(found)?.into_array(found.num_rows())?;
    match value.data_type() {
        DataType::Boolean => {
            let fulfilled = value.as_boolean();
            Ok(if fulfilled.null_count() > 0 { prep_null_mask_filter(fulfilled) } else { fulfilled.clone() })
        }
        DataType::Null => Ok(BooleanArray::from(vec![false; found.num_rows()])),
        other => Err(DataFusionError::Internal(format!("a row filter is of type {other}"))),
    }
}
