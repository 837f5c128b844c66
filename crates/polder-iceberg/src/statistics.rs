//! What a log says of a file's columns: how many rows, least and largest values, how many are missing.

use serde_json::Value;

use crate::scalar::{Primitive, Scalar};
use crate::schema::Column;

/// Statistics of a file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Statistics(Value);

impl Statistics {
    /// Reads a log's own form. What cannot be read says nothing.
    pub(crate) fn read(text: Option<&str>) -> Self {
        Self(text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    /// How many rows the file has.
    pub(crate) fn rows(&self) -> Option<i64> {
        self.0.get("numRecords")?.as_i64().filter(|rows| *rows >= 0)
    }

    /// Between which values a column's are.
    pub(crate) fn bounds(&self, column: &Column) -> Option<(Scalar, Scalar)> {
        let value = |of: &str| Scalar::of_json(column.primitive, self.0.get(of)?.get(&column.physical)?);
        let (least, largest) = (value("minValues")?, value("maxValues")?);
        // Moments are cut to milliseconds.
        let largest = match largest {
            Scalar::Micros { micros, tz } => Scalar::Micros { micros: micros.saturating_add(999), tz },
            largest => largest,
        };
        matches!(column.primitive, Primitive::Float | Primitive::Double).then_some(()).map_or(Some((least, largest)), |()| None)
    }

    /// How many of a column's values are missing.
    pub(crate) fn missing(&self, column: &Column) -> Option<i64> {
        self.0.get("nullCount")?.get(&column.physical)?.as_i64()
    }
}
