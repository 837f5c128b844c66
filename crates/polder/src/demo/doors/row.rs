//! A row of the gold table as far as it is compared: whose, and how much was spent.

use std::fmt;

use anyhow::{Context as _, ensure};
use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::compute::kernels::cast_utils::parse_decimal;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::render::units;

const ID: &str = "customer_id";
const SPENT: &str = "total_spent";
/// Of the column of amounts.
const PRECISION: u8 = 18;
const SCALE: i8 = 2;

/// A row of the gold table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Row {
    /// Whose.
    #[serde(rename = "customer_id")]
    pub(super) id: i64,
    /// How much was spent, in cents.
    #[serde(rename = "total_spent", deserialize_with = "number")]
    pub(super) cents: i128,
}

impl Row {
    /// The row of an amount that is a text.
    pub(super) fn new(id: i64, total_spent: &str) -> anyhow::Result<Self> {
        Ok(Self { id, cents: parse_decimal::<Decimal128Type>(total_spent, PRECISION, SCALE)? })
    }

    /// The rows of a batch.
    pub(super) fn of_batch(batch: &RecordBatch) -> anyhow::Result<Vec<Self>> {
        let column = |name: &str, wanted: DataType| -> anyhow::Result<ArrayRef> {
            let found = batch.column_by_name(name).with_context(|| format!("the rows have no column {name}"))?;
            ensure!(found.null_count() == 0, "rows lack their {name}");
            cast(found, &wanted).with_context(|| format!("the column {name} is of another type"))
        };
        let (ids, spent) = (column(ID, DataType::Int64)?, column(SPENT, DataType::Decimal128(PRECISION, SCALE))?);
        let ids = ids.as_primitive::<Int64Type>().values().iter();
        let spent = spent.as_primitive::<Decimal128Type>().values().iter();
        Ok(ids.zip(spent).map(|(id, cents)| Self { id: *id, cents: *cents }).collect())
    }

    /// The rows of a Parquet file.
    pub(super) fn of_parquet(file: Bytes) -> anyhow::Result<Vec<Self>> {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file)?;
        let columns = ProjectionMask::columns(reader.parquet_schema(), [ID, SPENT]);
        let mut rows = Vec::new();
        for batch in reader.with_projection(columns).build()? {
            rows.extend(Self::of_batch(&batch?)?);
        }
        Ok(rows)
    }
}

/// What rows come to: for programs a decimal number as a text, which keeps it exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dollars {
    cents: i128,
}

impl Dollars {
    pub(super) fn of(rows: &[Row]) -> Self {
        Self { cents: rows.iter().map(|row| row.cents).sum() }
    }

    fn parts(self) -> (&'static str, u128, u128) {
        let cents = self.cents.unsigned_abs();
        (if self.cents < 0 { "-" } else { "" }, cents / 100, cents % 100)
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, dollars, cents) = self.parts();
        write!(f, "{sign}{}.{cents:02}", units::count(u64::try_from(dollars).unwrap_or(u64::MAX)))
    }
}

impl Serialize for Dollars {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (sign, dollars, cents) = self.parts();
        serializer.collect_str(&format_args!("{sign}{dollars}.{cents:02}"))
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    parse_decimal::<Decimal128Type>(&number.to_string(), PRECISION, SCALE).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_the_same_in_every_form() {
        let json: Row = serde_json::from_str(r#"{"customer_id": 7, "total_spent": 4012345.5}"#).unwrap();
        assert_eq!(json, Row { id: 7, cents: 401_234_550 });
        assert_eq!(Row::new(7, "4012345.50").unwrap(), json);
        assert!(Row::new(7, "much").is_err());
    }

    #[test]
    fn a_sum_reads_well_and_is_exact() {
        let of = |cents: &[i128]| Dollars::of(&cents.iter().map(|cents| Row { id: 1, cents: *cents }).collect::<Vec<_>>());
        let sums = [of(&[]), of(&[401_234_550, 5]), of(&[-105])];
        assert_eq!(sums.map(|sum| sum.to_string()), ["0.00", "4,012,345.55", "-1.05"]);
        assert_eq!(serde_json::to_value(sums).unwrap(), serde_json::json!(["0.00", "4012345.55", "-1.05"]));
    }
}
