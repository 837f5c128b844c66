//! `sum` that fails when its result does not fit: numbers are added in a wider decimal, and only the total must fit.
//!
//! That way the answer does not depend on the order of the rows, nor on how they are spread over partitions.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{ScalarValue, not_impl_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
};

pub(super) fn checked_sum() -> AggregateUDF {
    AggregateUDF::from(CheckedSum(Sum::new()))
}

/// DataFusion's `sum`, but over wider numbers where it could wrap around.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CheckedSum(Sum);

/// The types between which a sum goes.
#[derive(Debug, Clone)]
struct Types {
    /// What is added up.
    wide: DataType,
    /// What the total is held in meanwhile.
    total: DataType,
    /// What the total is given as.
    narrow: DataType,
}

impl Types {
    /// `None` when the sum itself is wide enough, or of a kind that is not checked. Sums of decimals have 38 digits at most, which
    /// nothing that is counted comes near; to add them up in 256 bits would cost more than all else that a query does.
    fn of(result: &DataType) -> Option<Self> {
        let (wide, total) = match result {
            DataType::Int64 => (DataType::Decimal128(19, 0), DataType::Decimal128(29, 0)),
            DataType::UInt64 => (DataType::Decimal128(20, 0), DataType::Decimal128(30, 0)),
            _ => return None,
        };
        Some(Self { wide, total, narrow: result.clone() })
    }

    fn widened(&self, values: &[ArrayRef]) -> Result<Vec<ArrayRef>> {
        values.iter().map(|values| cast(values, &self.wide)).collect()
    }

    fn narrowed(&self, total: &ArrayRef) -> Result<ArrayRef> {
        cast(total, &self.narrow).map_err(|_| DataFusionError::External(Box::new(super::overflow("sum"))))
    }

    fn total_field(&self, field: &FieldRef) -> FieldRef {
        Arc::new(Field::clone(field).with_data_type(self.total.clone()))
    }
}

/// A cast that fails rather than giving `NULL`.
fn cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    Ok(cast_with_options(values, to, &CastOptions { safe: false, ..CastOptions::default() })?)
}

impl CheckedSum {
    /// The arguments of the wide sum, if there is to be one.
    fn wide<'a>(args: &AccumulatorArgs<'a>) -> Option<(Types, AccumulatorArgs<'a>)> {
        let types = Types::of(args.return_field.data_type())?;
        let return_field = types.total_field(&args.return_field);
        let wide = AccumulatorArgs {
            return_field,
            schema: args.schema,
            ignore_nulls: args.ignore_nulls,
            order_bys: args.order_bys,
            is_reversed: args.is_reversed,
            name: args.name,
            is_distinct: args.is_distinct,
            exprs: args.exprs,
            expr_fields: args.expr_fields,
        };
        Some((types, wide))
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match Self::wide(&args) {
            Some((types, wide)) => Ok(Box::new(Widened { inner: self.0.accumulator(wide)?, types })),
            None => self.0.accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match Self::wide(&args) {
            // DataFusion's is of plain integers only, and wraps around.
            Some(_) if args.is_distinct => not_impl_err!("sum(DISTINCT ...) over a moving window frame"),
            Some((types, wide)) => Ok(Box::new(Widened { inner: self.0.create_sliding_accumulator(wide)?, types })),
            None => self.0.create_sliding_accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        match Types::of(args.return_type()) {
            Some(types) => self.0.state_fields(StateFieldsArgs { return_field: types.total_field(&args.return_field), ..args }),
            None => self.0.state_fields(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.0.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        match Self::wide(&args) {
            Some((types, wide)) => Ok(Box::new(WidenedGroups { inner: self.0.create_groups_accumulator(wide)?, types })),
            None => self.0.create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.0.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.0.order_sensitivity()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.0.set_monotonicity(data_type)
    }
}

/// One total, held in a wider type.
struct Widened {
    inner: Box<dyn Accumulator>,
    types: Types,
}

impl fmt::Debug for Widened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Widened({})", self.types.total)
    }
}

impl Accumulator for Widened {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.update_batch(&self.types.widened(values)?)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.inner.retract_batch(&self.types.widened(values)?)
    }

    fn supports_retract_batch(&self) -> bool {
        self.inner.supports_retract_batch()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.inner.merge_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.inner.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let total = self.inner.evaluate()?.to_array()?;
        ScalarValue::try_from_array(&self.types.narrowed(&total)?, 0)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.inner.size()
    }
}

/// A total for each group, held in a wider type.
struct WidenedGroups {
    inner: Box<dyn GroupsAccumulator>,
    types: Types,
}

impl GroupsAccumulator for WidenedGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.inner.update_batch(&self.types.widened(values)?, groups, filter, total_groups)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.inner.merge_batch(states, groups, total_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.inner.convert_to_state(&self.types.widened(values)?, filter)
    }

    fn state(&mut self, groups: EmitTo) -> Result<Vec<ArrayRef>> {
        self.inner.state(groups)
    }

    fn evaluate(&mut self, groups: EmitTo) -> Result<ArrayRef> {
        self.types.narrowed(&self.inner.evaluate(groups)?)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.inner.size()
    }
}
