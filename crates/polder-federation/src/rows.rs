//! Rows of another database as batches of the declared types. A value that does not fit is an error that does not quote it.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, RecordBatch, StringBuilder};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::SchemaRef;
use polder_foreign::{Unread, declared};
use polder_model::{Column, DataType};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{Row, ValueRef};

/// How many bytes of texts a batch has before it is given on.
const MANY_BYTES: usize = 8 << 20;

/// Whole numbers up to here are floating-point numbers, too.
const EXACT: i64 = 1 << 53;

/// Rows until they make a batch.
pub(crate) struct Rows {
    columns: Arc<[Column]>,
    schema: SchemaRef,
    values: Vec<Values>,
    batch_size: usize,
    count: usize,
    bytes: usize,
}

/// The values of one column as they come.
enum Values {
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Double(Float64Builder),
    Binary(BinaryBuilder),
    Text(StringBuilder),
}

impl Rows {
    pub(crate) fn new(columns: Arc<[Column]>, schema: SchemaRef, batch_size: usize) -> Self {
        let values = columns.iter().map(|column| Values::of(&column.data_type)).collect();
        Self { columns, schema, values, batch_size: batch_size.max(1), count: 0, bytes: 0 }
    }

    /// Takes a row in.
    pub(crate) fn push(&mut self, row: &AnyRow) -> Result<(), Unread> {
        for (at, (values, column)) in self.values.iter_mut().zip(self.columns.iter()).enumerate() {
            let pushed = values.push(row, at, &column.data_type);
            let bytes = pushed.ok_or_else(|| unfit(column))?;
            self.bytes = self.bytes.saturating_add(bytes);
        }
        self.count += 1;
        Ok(())
    }

    /// Whether they make a batch.
    pub(crate) const fn are_enough(&self) -> bool {
        self.count >= self.batch_size || self.bytes >= MANY_BYTES
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The batch, and none after it.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, Unread> {
        let count = std::mem::take(&mut self.count);
        self.bytes = 0;
        let mut arrays = Vec::with_capacity(self.values.len());
        for (values, column) in self.values.iter_mut().zip(self.columns.iter()) {
            let strictly = CastOptions { safe: false, ..CastOptions::default() };
            let array = cast_with_options(&values.finish(), &polder_arrow::to_arrow(&column.data_type), &strictly);
            arrays.push(array.map_err(|_| unfit(column))?);
        }
        declared(&self.schema, arrays, count)
    }
}

fn unfit(column: &Column) -> Unread {
    format!("the column {} holds a value that is no {}, as which it is declared", column.name, column.data_type).into()
}

impl Values {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean(BooleanBuilder::new()),
            DataType::Byte | DataType::Short | DataType::Integer | DataType::Long => Self::Integer(Int64Builder::new()),
            DataType::Float | DataType::Double => Self::Double(Float64Builder::new()),
            DataType::Binary => Self::Binary(BinaryBuilder::new()),
            _ => Self::Text(StringBuilder::new()),
        }
    }

    /// Takes the value at a place in, and tells how many bytes its text has. `None`: it does not fit.
    fn push(&mut self, row: &AnyRow, at: usize, data_type: &DataType) -> Option<usize> {
        let value = row.try_get_raw(at).ok()?;
        let kind = value.type_info().kind();
        if value.is_null() {
            self.push_missing();
            return Some(0);
        }
        let integer = || row.try_get_unchecked::<i64, _>(at).ok();
        let double = || row.try_get_unchecked::<f64, _>(at).ok();
        let text = || row.try_get_unchecked::<&str, _>(at).ok();
        let is_integer = matches!(kind, AnyTypeInfoKind::SmallInt | AnyTypeInfoKind::Integer | AnyTypeInfoKind::BigInt);
        match self {
            Self::Boolean(values) => match (kind, is_integer) {
                (AnyTypeInfoKind::Bool, _) => values.append_value(row.try_get_unchecked::<bool, _>(at).ok()?),
                (_, true) => values.append_value(match integer()? {
                    0 => false,
                    1 => true,
                    _ => return None,
                }),
                _ => return None,
            },
            Self::Integer(values) => values.append_value(integer()?),
            Self::Double(values) if is_integer => {
                let value = integer().filter(|value| (-EXACT..=EXACT).contains(value))?;
                #[allow(clippy::cast_precision_loss)] // looked at on the line above
                values.append_value(value as f64);
            }
            Self::Double(values) => values.append_value(double()?),
            Self::Binary(values) => {
                let bytes = row.try_get_unchecked::<&[u8], _>(at).ok()?;
                values.append_value(bytes);
                return Some(bytes.len());
            }
            Self::Text(values) => {
                if let DataType::Decimal(_, scale) = data_type {
                    let number = match kind {
                        AnyTypeInfoKind::Text => text()?.to_owned(),
                        AnyTypeInfoKind::Real | AnyTypeInfoKind::Double => double()?.to_string(),
                        _ => integer()?.to_string(),
                    };
                    values.append_value(decimal(&number, *scale)?);
                    return Some(number.len());
                }
                let text = text()?;
                values.append_value(text);
                return Some(text.len());
            }
        }
        Some(8)
    }

    fn push_missing(&mut self) {
        match self {
            Self::Boolean(values) => values.append_null(),
            Self::Integer(values) => values.append_null(),
            Self::Double(values) => values.append_null(),
            Self::Binary(values) => values.append_null(),
            Self::Text(values) => values.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Boolean(values) => Arc::new(values.finish()),
            Self::Integer(values) => Arc::new(values.finish()),
            Self::Double(values) => Arc::new(values.finish()),
            Self::Binary(values) => Arc::new(values.finish()),
            Self::Text(values) => Arc::new(values.finish()),
        }
    }
}

/// A number in digits, if it has no more of them after the point than a decimal keeps: none is rounded away.
fn decimal(text: &str, scale: u8) -> Option<&str> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let kept = part.trim_end_matches('0').len() <= usize::from(scale);
    (!(whole.is_empty() && part.is_empty()) && plain(whole) && plain(part) && kept).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_never_rounded() {
        for (text, scale, fits) in [
            ("12.34", 2, true),
            ("-12.340000", 2, true),
            ("12.345", 2, false),
            ("7", 0, true),
            ("7.0", 0, true),
            ("NaN", 2, false),
            ("1e3", 2, false),
            ("", 2, false),
            ("-", 2, false),
            (".5", 2, true),
        ] {
            assert_eq!(decimal(text, scale).is_some(), fits, "{text} with {scale}");
        }
    }
}
