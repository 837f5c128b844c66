//! `+`, `-`, `*` and the sign over integers, and `||` over texts, as functions that fail when the result does not fit.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Datum};
use arrow::compute::kernels::concat_elements::concat_elements_dyn;
use arrow::compute::kernels::numeric::{add, mul, neg, sub};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ExprSchema, ScalarValue, internal_err};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use crate::growth;
use crate::sql::functions::columns_below;

/// Replaces every operator of a plan that could wrap around, or make a text of any size. To be run when types are settled.
#[derive(Debug)]
pub(crate) struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let rewritten = plan.transform_up_with_subqueries(|plan| {
            let schema = columns_below(&plan)?;
            // The name of a window says what it is ordered by in other words than the name of what orders it.
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(rewritten(expr, &schema)?.update_data(|expr| name.restore(expr)))
            })
        });
        Ok(rewritten?.data)
    }
}

/// An expression whose operators cannot wrap around. Its types must be settled.
pub(crate) fn checked(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    Ok(rewritten(expr, schema)?.data)
}

fn rewritten(expr: Expr, schema: &dyn ExprSchema) -> Result<Transformed<Expr>> {
    expr.transform_up(|expr| match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) if is_text(&left, &right, schema) => {
            Ok(Transformed::yes(CONCATENATE.call(vec![*left, *right])))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match operation(op) {
            Some(function) if is_integer(&left, schema) && is_integer(&right, schema) => {
                Ok(Transformed::yes(function.call(vec![*left, *right])))
            }
            _ => Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right }))),
        },
        Expr::Negative(inner) if is_integer(&inner, schema) => Ok(Transformed::yes(NEGATE.call(vec![*inner]))),
        other => Ok(Transformed::no(other)),
    })
}

fn operation(op: Operator) -> Option<&'static ScalarUDF> {
    match op {
        Operator::Plus => Some(&ADD),
        Operator::Minus => Some(&SUBTRACT),
        Operator::Multiply => Some(&MULTIPLY),
        _ => None,
    }
}

/// Whether an expression is an integer. What was rewritten already is: to ask for its type would take as long as it is deep.
fn is_integer(expr: &Expr, schema: &dyn ExprSchema) -> bool {
    match as_checked(expr) {
        Some((checked, _)) => !checked.is_concatenation(),
        None => expr.get_type(schema).is_ok_and(|data_type| data_type.is_integer()),
    }
}

/// Whether both are texts of one type. The left side of a chain was rewritten, and is of the type of what is joined to it.
fn is_text(left: &Expr, right: &Expr, schema: &dyn ExprSchema) -> bool {
    let of = |expr: &Expr| expr.get_type(schema).ok();
    let right = of(right).filter(DataType::is_string);
    right.is_some() && (as_checked(left).is_some_and(|(checked, _)| checked.is_concatenation()) || of(left) == right)
}

static ADD: LazyLock<ScalarUDF> = LazyLock::new(|| Checked::function("add", "+"));
static SUBTRACT: LazyLock<ScalarUDF> = LazyLock::new(|| Checked::function("subtract", "-"));
static MULTIPLY: LazyLock<ScalarUDF> = LazyLock::new(|| Checked::function("multiply", "*"));
static CONCATENATE: LazyLock<ScalarUDF> = LazyLock::new(|| Checked::function("concatenate", "||"));
static NEGATE: LazyLock<ScalarUDF> = LazyLock::new(|| Checked::function("negate", "-"));

/// One operator. Only the rewriting above makes it, so its operands are integers or texts of one type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    name: &'static str,
    symbol: &'static str,
    signature: Signature,
}

impl Checked {
    fn function(name: &'static str, symbol: &'static str) -> ScalarUDF {
        let arity = if name == "negate" { 1 } else { 2 };
        ScalarUDF::from(Self { name, symbol, signature: Signature::any(arity, Volatility::Immutable) })
    }

    fn is_concatenation(&self) -> bool {
        self.symbol == "||"
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let mut name = String::new();
        self.write_name(args, &mut name);
        Ok(name)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [first, ..] => Ok(first.clone()),
            [] => internal_err!("{} takes one or two operands", self.name),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name, self.return_type(&types)?, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = match args.args.as_slice() {
            [left, right] if self.is_concatenation() => return concatenated(left, right, args.number_rows),
            [operand] => apply(operand, operand, |operand, _| neg(operand.get().0)),
            [left, right] => apply(left, right, self.kernel()),
            _ => return internal_err!("{} takes one or two operands", self.name),
        };
        result.map_err(|error| super::told(self.symbol, &error))
    }
}

impl Checked {
    /// Writes the name of the operator's own column, so that nothing is renamed by the rewriting. A chain is written into one
    /// text, as names are asked for often.
    fn write_name(&self, args: &[Expr], name: &mut String) {
        if let [operand] = args {
            name.push_str("(- ");
            write_name(operand, name);
            name.push(')');
            return;
        }
        for (at, operand) in args.iter().enumerate() {
            if at > 0 {
                name.extend([" ", self.symbol, " "]);
            }
            write_name(operand, name);
        }
    }
}

/// Two texts, one behind the other, of each row.
fn concatenated(left: &ColumnarValue, right: &ColumnarValue, rows: usize) -> Result<ColumnarValue> {
    growth::check("||", growth::text_bytes(left, rows)?.saturating_add(growth::text_bytes(right, rows)?))?;
    let sides = ColumnarValue::values_to_arrays(&[left.clone(), right.clone()])?;
    let joined = concat_elements_dyn(&sides[0], &sides[1])?;
    match (left, right) {
        (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)) => {
            ScalarValue::try_from_array(&joined, 0).map(ColumnarValue::Scalar)
        }
        _ => Ok(ColumnarValue::Array(joined)),
    }
}

fn write_name(expr: &Expr, name: &mut String) {
    match as_checked(expr) {
        Some((checked, operands)) => checked.write_name(operands, name),
        None => name.push_str(&expr.schema_name().to_string()),
    }
}

fn as_checked(expr: &Expr) -> Option<(&Checked, &[Expr])> {
    match expr {
        Expr::ScalarFunction(function) => Some((function.func.inner().downcast_ref()?, &function.args)),
        _ => None,
    }
}

type Kernel = fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError>;

impl Checked {
    fn kernel(&self) -> Kernel {
        match self.name {
            "add" => add,
            "subtract" => sub,
            _ => mul,
        }
    }
}
