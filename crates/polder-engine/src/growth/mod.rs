//! Functions that make large values of small arguments: how much they make is computed first, and refused when it is too much.
//!
//! Memory for what an expression makes is claimed from nobody, so that `repeat('x', 2000000000)` would take it from all. Each such
//! function stands behind a [`Bounded`], which is that function in all else. How much it would make is in [`size`].

mod size;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::{ConfigEntry, ConfigExtension, ConfigOptions, ExtensionOptions};
use datafusion::common::{ScalarValue, not_impl_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::interval_arithmetic::Interval;
use datafusion::logical_expr::preimage::PreimageResult;
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ExpressionPlacement, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, StructFieldMapping,
};

use crate::error::{QueryError, QueryErrorKind};
use size::{Argument, Growth};

/// How many bytes one call may make of the rows at hand, and how many all constants of a statement may have together.
pub(crate) const MAX_BYTES: usize = 256 << 20;
/// Constants below this are not counted: all that a statement has room for are not too much.
const SMALL_BYTES: usize = 4 << 10;

/// Puts bounds around the functions that grow.
pub(crate) fn register(state: &mut SessionState) -> Result<()> {
    let functions: Vec<Arc<ScalarUDF>> = state.scalar_functions().values().cloned().collect();
    for bounded in functions.iter().filter_map(|function| bounded(function)) {
        state.register_udf(Arc::new(bounded))?;
    }
    Ok(())
}

/// Lets a new statement make constants.
pub(crate) fn begin(state: &mut SessionState) {
    state.config_mut().options_mut().extensions.insert(Constants::default());
}

/// Refuses to make so many bytes at once.
pub(crate) fn check(function: &str, bytes: usize) -> Result<()> {
    if bytes <= MAX_BYTES {
        return Ok(());
    }
    let megabytes = MAX_BYTES >> 20;
    let error =
        QueryError::new(QueryErrorKind::Memory, format!("{function} would make more than {megabytes} MB of values at once"))
            .with_hint("make shorter values, or of fewer rows");
    Err(DataFusionError::External(Box::new(error)))
}

/// How many bytes the texts of so many rows have.
pub(crate) fn text_bytes(value: &ColumnarValue, rows: usize) -> Result<usize> {
    let argument = Argument::of(value)?;
    Ok((0..rows).map(|row| argument.bytes(row)).fold(0, usize::saturating_add))
}

fn bounded(function: &ScalarUDF) -> Option<ScalarUDF> {
    let growth = Growth::of(function.name()).filter(|_| !function.inner().is::<Bounded>())?;
    Some(ScalarUDF::from(Bounded { inner: function.clone(), growth }))
}

/// How many bytes of constants a statement has made so far. Planning folds calls of constants into what they make, and keeps that.
#[derive(Debug, Clone, Default)]
struct Constants(Arc<AtomicUsize>);

impl ConfigExtension for Constants {
    const PREFIX: &'static str = "polder_constants";
}

/// Not to be set or shown.
impl ExtensionOptions for Constants {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }

    fn cloned(&self) -> Box<dyn ExtensionOptions> {
        Box::new(self.clone())
    }

    fn set(&mut self, _key: &str, _value: &str) -> Result<()> {
        not_impl_err!("constants are counted, not set")
    }

    fn entries(&self) -> Vec<ConfigEntry> {
        Vec::new()
    }
}

/// A function that makes no more than it may.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    inner: ScalarUDF,
    growth: Growth,
}

impl Bounded {
    /// The function of arguments that are the same for every row.
    fn constant(&self, args: ScalarFunctionArgs, most: usize) -> Result<ColumnarValue> {
        check(self.name(), most.saturating_mul(args.number_rows))?;
        if args.number_rows > 1 || most <= SMALL_BYTES {
            return self.inner.invoke_with_args(args);
        }
        let constants = args.config_options.extensions.get::<Constants>().cloned().unwrap_or_default();
        let made = self.inner.invoke_with_args(args)?;
        let bytes = match &made {
            ColumnarValue::Scalar(scalar) => scalar.size(),
            ColumnarValue::Array(array) => array.get_array_memory_size(),
        };
        check(self.name(), constants.0.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes))?;
        Ok(made)
    }

    /// The function of some rows after others: what it may make at most is too much, but that need not be what it makes.
    fn in_parts(&self, args: &ScalarFunctionArgs, most: impl Fn(usize) -> usize) -> Result<ColumnarValue> {
        let mut parts: Vec<ArrayRef> = Vec::new();
        let (mut begin, mut made) = (0, 0_usize);
        while begin < args.number_rows {
            let mut room = MAX_BYTES;
            let fits = |row: &usize| match room.checked_sub(most(*row)) {
                Some(left) => {
                    room = left;
                    true
                }
                None => false,
            };
            let rows = (begin..args.number_rows).take_while(fits).count();
            if rows == 0 {
                check(self.name(), usize::MAX)?;
            }
            let part = self.inner.invoke_with_args(some_rows(args, begin, rows))?.into_array(rows)?;
            made = made.saturating_add(part.get_array_memory_size());
            check(self.name(), made)?;
            parts.push(part);
            begin += rows;
        }
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&parts)?))
    }
}

fn some_rows(args: &ScalarFunctionArgs, begin: usize, rows: usize) -> ScalarFunctionArgs {
    let some = |value: &ColumnarValue| match value {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(begin, rows)),
        constant => constant.clone(),
    };
    ScalarFunctionArgs { args: args.args.iter().map(some).collect(), number_rows: rows, ..args.clone() }
}

impl ScalarUDFImpl for Bounded {
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arguments: Vec<Argument> = args.args.iter().map(Argument::of).collect::<Result<_>>()?;
        let most = |row: usize| self.growth.most(&arguments, row);
        if arguments.iter().all(Argument::is_constant) {
            return self.constant(args, most(0));
        }
        let all = (0..args.number_rows).map(most).fold(0, usize::saturating_add);
        if all > MAX_BYTES && !self.growth.is_exact() {
            return self.in_parts(&args, most);
        }
        check(self.name(), all)?;
        self.inner.invoke_with_args(args)
    }

    /// What it is simplified to may be such a function again.
    fn simplify(&self, args: Vec<Expr>, info: &SimplifyContext) -> Result<ExprSimplifyResult> {
        Ok(match self.inner.simplify(args, info)? {
            ExprSimplifyResult::Simplified(Expr::ScalarFunction(mut call)) => {
                if let Some(bounded) = bounded(&call.func) {
                    call.func = Arc::new(bounded);
                }
                ExprSimplifyResult::Simplified(Expr::ScalarFunction(call))
            }
            other => other,
        })
    }

    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.inner.is_strict()
    }

    fn preimage(&self, args: &[Expr], literal: &Expr, info: &SimplifyContext) -> Result<PreimageResult> {
        self.inner.preimage(args, literal, info)
    }

    fn short_circuits(&self) -> bool {
        self.inner.short_circuits()
    }

    fn conditional_arguments<'a>(&self, args: &'a [Expr]) -> Option<(Vec<&'a Expr>, Vec<&'a Expr>)> {
        self.inner.inner().conditional_arguments(args)
    }

    fn evaluate_bounds(&self, inputs: &[&Interval]) -> Result<Interval> {
        self.inner.evaluate_bounds(inputs)
    }

    fn propagate_constraints(&self, interval: &Interval, inputs: &[&Interval]) -> Result<Option<Vec<Interval>>> {
        self.inner.propagate_constraints(interval, inputs)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.preserves_lex_ordering(inputs)
    }

    fn strictly_order_preserving(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.inner.strictly_order_preserving(inputs)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    fn struct_field_mapping(&self, args: &[Option<ScalarValue>]) -> Option<StructFieldMapping> {
        self.inner.struct_field_mapping(args)
    }

    fn with_updated_config(&self, options: &ConfigOptions) -> Option<ScalarUDF> {
        self.inner.inner().with_updated_config(options).map(|inner| bounded(&inner).unwrap_or(inner))
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.inner.documentation()
    }

    fn placement(&self, args: &[ExpressionPlacement]) -> ExpressionPlacement {
        self.inner.placement(args)
    }
}
