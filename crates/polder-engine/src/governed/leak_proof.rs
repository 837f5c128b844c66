//! Which filters may be evaluated on rows and values the caller may not see.
//!
//! A filter is leak-proof when it can neither fail nor do anything but drop rows, whatever the values: a comparison of open
//! columns with literals or with each other, `IN` a list of literals, `LIKE` a literal, `IS NULL`, and `AND`, `OR`, `NOT` of
//! such. Arithmetic, functions and casts that can fail are not: their error would tell of a hidden row.

use arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Cast, Expr, Like, Operator};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::expressions as physical_expr;
use std::sync::Arc;

/// Whether a filter of the logical plan is leak-proof; `open` tells which columns it may be about.
pub(crate) fn logical(expr: &Expr, schema: &Schema, open: &dyn Fn(&str) -> bool) -> bool {
    let value = |expr: &Expr| logical_value(expr, schema, open);
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_logic(*op) => {
            logical(left, schema, open) && logical(right, schema, open)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => is_comparison(*op) && value(left) && value(right),
        Expr::Not(inner) => logical(inner, schema, open),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => value(inner),
        Expr::Between(Between { expr, low, high, .. }) => value(expr) && value(low) && value(high),
        Expr::InList(InList { expr, list, .. }) => value(expr) && list.iter().all(|item| matches!(item, Expr::Literal(..))),
        Expr::Like(Like { expr, pattern, .. }) => value(expr) && matches!(**pattern, Expr::Literal(..)),
        other => value(other),
    }
}

fn logical_value(expr: &Expr, schema: &Schema, open: &dyn Fn(&str) -> bool) -> bool {
    match expr {
        Expr::Column(column) => open(&column.name),
        Expr::Literal(..) => true,
        Expr::Cast(Cast { expr, field }) => match &**expr {
            Expr::Column(column) => {
                open(&column.name)
                    && schema.field_with_name(&column.name).is_ok_and(|stored| cannot_fail(stored.data_type(), field.data_type()))
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether a filter of the physical plan is leak-proof; `open` tells which columns, by place in `schema`, it may be about.
///
/// Dynamic filters are bounds and look-ups that a join, a sort or an aggregate makes of values above the barrier. They
/// change while the query runs, but only ever read their children.
pub(crate) fn physical(expr: &Arc<dyn PhysicalExpr>, schema: &Schema, open: &dyn Fn(usize) -> bool) -> bool {
    let value = |expr: &Arc<dyn PhysicalExpr>| physical_value(expr, schema, open);
    if let Some(dynamic) = expr.downcast_ref::<physical_expr::DynamicFilterPhysicalExpr>() {
        let children = dynamic.children();
        return !children.is_empty() && children.into_iter().all(value);
    }
    if let Some(binary) = expr.downcast_ref::<physical_expr::BinaryExpr>() {
        return if is_logic(*binary.op()) {
            physical(binary.left(), schema, open) && physical(binary.right(), schema, open)
        } else {
            is_comparison(*binary.op()) && value(binary.left()) && value(binary.right())
        };
    }
    if let Some(not) = expr.downcast_ref::<physical_expr::NotExpr>() {
        return physical(not.arg(), schema, open);
    }
    if let Some(null) = expr.downcast_ref::<physical_expr::IsNullExpr>() {
        return value(null.arg());
    }
    if let Some(not_null) = expr.downcast_ref::<physical_expr::IsNotNullExpr>() {
        return value(not_null.arg());
    }
    if let Some(list) = expr.downcast_ref::<physical_expr::InListExpr>() {
        return value(list.expr()) && list.list().iter().all(is_literal);
    }
    if let Some(like) = expr.downcast_ref::<physical_expr::LikeExpr>() {
        return value(like.expr()) && is_literal(like.pattern());
    }
    value(expr)
}

fn physical_value(expr: &Arc<dyn PhysicalExpr>, schema: &Schema, open: &dyn Fn(usize) -> bool) -> bool {
    if let Some(column) = expr.downcast_ref::<physical_expr::Column>() {
        return column.index() < schema.fields().len() && open(column.index());
    }
    if let Some(cast) = expr.downcast_ref::<physical_expr::CastExpr>() {
        return physical_value(cast.expr(), schema, open)
            && cast.expr().data_type(schema).is_ok_and(|from| cannot_fail(&from, cast.cast_type()));
    }
    is_literal(expr)
}

fn is_literal(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.is::<physical_expr::Literal>()
}

const fn is_logic(op: Operator) -> bool {
    matches!(op, Operator::And | Operator::Or)
}

/// Whether an operator compares two values.
pub(crate) const fn is_comparison(op: Operator) -> bool {
    use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom)
}

/// Whether every value of one type can be cast to another.
fn cannot_fail(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Decimal128, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, UInt8, UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    match (from, to) {
        (from, to) if from == to => true,
        (Utf8 | LargeUtf8 | Utf8View, Utf8View) | (Utf8, LargeUtf8) => true,
        (Int8, Int16 | Int32 | Int64) | (Int16, Int32 | Int64) | (Int32, Int64) => true,
        (UInt8, UInt16 | UInt32 | UInt64) | (UInt16, UInt32 | UInt64) | (UInt32, UInt64) => true,
        (UInt8, Int16 | Int32 | Int64) | (UInt16, Int32 | Int64) | (UInt32, Int64) => true,
        (Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 | Float32, Float64) => true,
        (Decimal128(p, s), Decimal128(q, t)) => {
            let whole = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
            t >= s && whole(*q, *t) >= whole(*p, *s)
        }
        _ => false,
    }
}
