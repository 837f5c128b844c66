//! What `TIMESTAMP` is: microseconds, as tables hold them, and not DataFusion's nanoseconds, which end in 2262.
//!
//! Beside a timestamp of microseconds, whatever is compared with it becomes one, so that no column is turned into nanoseconds.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::ExprSchema;
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Cast, TryCast};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::sql::sqlparser::ast::{DataType as SqlType, TimezoneInfo};

/// Reads `TIMESTAMP` in SQL.
#[derive(Debug)]
pub(crate) struct Microseconds {
    /// The zone of a `TIMESTAMP WITH TIME ZONE`.
    pub(crate) zone: Option<Arc<str>>,
}

impl TypePlanner for Microseconds {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let SqlType::Timestamp(None, zoned) = sql_type else {
            return Ok(None);
        };
        let zone = match zoned {
            TimezoneInfo::Tz | TimezoneInfo::WithTimeZone => self.zone.clone(),
            TimezoneInfo::None | TimezoneInfo::WithoutTimeZone => None,
        };
        Ok(Some(Arc::new(Field::new("", DataType::Timestamp(TimeUnit::Microsecond, zone), true))))
    }
}

/// The type that a value becomes where it or a timestamp of microseconds in this zone is chosen.
pub(crate) fn beside(data_type: &DataType, zone: Option<&Arc<str>>) -> Option<DataType> {
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
        DataType::Date32 | DataType::Date64 if zone.is_none() => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        _ => None,
    }
}

/// The type that a value becomes where it is compared with a timestamp of microseconds in this zone.
pub(crate) fn compared(data_type: &DataType, zone: Option<&Arc<str>>) -> Option<DataType> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.cloned()))
        }
        // A day is one of the wall clock: where there is a zone, the comparison puts it there.
        DataType::Date32 | DataType::Date64 => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
        other => beside(other, zone),
    }
}

/// `AT TIME ZONE` as a cast to microseconds: DataFusion plans it, and it alone, as a cast to nanoseconds in a zone.
pub(crate) fn in_zone(expr: Expr) -> Expr {
    match expr {
        Expr::Cast(Cast { expr, field }) => match field.data_type() {
            DataType::Timestamp(TimeUnit::Nanosecond, Some(zone)) => {
                cast(*expr, DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone))))
            }
            _ => Expr::Cast(Cast { expr, field }),
        },
        other => other,
    }
}

/// A cast of a whole number to a timestamp takes it for seconds, as DataFusion has it for its own timestamps.
pub(crate) fn of_seconds(expr: Expr, schema: &dyn ExprSchema) -> Expr {
    let is_seconds = |inner: &Expr, to: &FieldRef| {
        matches!(to.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _))
            && inner.get_type(schema).is_ok_and(|from| from == DataType::Int64)
    };
    let seconds = |inner: Box<Expr>, to: &FieldRef| match to.data_type() {
        DataType::Timestamp(_, zone) => Box::new(cast(*inner, DataType::Timestamp(TimeUnit::Second, zone.clone()))),
        _ => inner,
    };
    match expr {
        Expr::Cast(Cast { expr, field }) if is_seconds(&expr, &field) => Expr::Cast(Cast { expr: seconds(expr, &field), field }),
        Expr::TryCast(TryCast { expr, field }) if is_seconds(&expr, &field) => {
            Expr::TryCast(TryCast { expr: seconds(expr, &field), field })
        }
        other => other,
    }
}
