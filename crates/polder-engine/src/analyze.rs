//! What a query would give, found without data: names, types and lineage of its columns.

use std::collections::BTreeSet;

use arrow::datatypes::DataType as Arrow;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;

use polder_model::{Column, DataType};

use crate::error::{QueryError, QueryErrorKind};
use crate::lineage;
use crate::tables::TableParts;

/// A table as a query may name it.
#[derive(Debug, Clone)]
pub struct AnalyzeTable {
    /// An alias, or a full name with points.
    pub name: String,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Those of them that are measures, of a metric view.
    pub measures: Vec<String>,
}

/// A column of a table: the table's name as given to [`crate::Engine::analyze`], and the column's as the table declares it.
pub type BaseColumn = (String, String);

/// One column of a query's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// Its name.
    pub name: String,
    /// The type it would be stored as.
    pub data_type: DataType,
    /// Whether a value may be missing.
    pub nullable: bool,
    /// Whether it is an untyped `NULL` throughout, which fits a column of any type.
    pub always_null: bool,
    /// The columns whose values go into its values, through whatever expressions.
    pub derived_from: BTreeSet<BaseColumn>,
}

/// What a query would give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Analysis {
    /// The columns, in order.
    pub columns: Vec<OutputColumn>,
    /// The columns that decide which rows there are and how they are grouped and ordered, though their values may not be shown.
    pub influences: BTreeSet<BaseColumn>,
}

/// Analyzes a plan over [`AnalyzeTable`]s.
pub(crate) fn analyze(state: &SessionState, plan: &LogicalPlan, tables: &[AnalyzeTable]) -> Result<Analysis, QueryError> {
    // Coercion settles types, as the types of `UNION` and `CASE`; the lineage is read off the plan as written.
    let coerced = state.analyzer().execute_and_check(plan.clone(), state.config_options(), |_, _| {})?;
    let lineage = lineage::of(plan, &|name| {
        tables.iter().find(|table| TableParts::dotted(&table.name) == *name).map(|table| table.name.clone())
    });
    let mut columns = Vec::with_capacity(lineage.columns.len());
    for (field, derived_from) in coerced.schema().fields().iter().zip(lineage.columns) {
        let Some(data_type) = polder_arrow::from_arrow(field.data_type()) else {
            let message = format!("the column {:?} is of type {}, which a table cannot hold", field.name(), field.data_type());
            return Err(QueryError::new(QueryErrorKind::Type, message).with_hint("cast it to a type of a table"));
        };
        columns.push(OutputColumn {
            name: field.name().clone(),
            data_type,
            nullable: field.is_nullable(),
            always_null: *field.data_type() == Arrow::Null,
            derived_from,
        });
    }
    Ok(Analysis { columns, influences: lineage.influences })
}
