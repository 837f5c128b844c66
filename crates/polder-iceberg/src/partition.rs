//! Partitions: a field of the specification for each partition column, by its own value.

use serde_json::{Value, json};

use crate::error::Error;
use crate::scalar::Scalar;
use crate::schema::{Column, Schema};
use crate::table::DataFile;

/// The first id of a partition field.
const FIRST_ID: i32 = 1000;

/// The columns by which files are apart.
#[derive(Debug)]
pub(crate) struct Partitions(pub(crate) Vec<Column>);

impl Partitions {
    pub(crate) fn new(schema: &Schema, names: &[String]) -> Result<Self, Error> {
        let found = |name: &String| schema.column(name, true).cloned();
        let columns: Option<Vec<Column>> = names.iter().map(found).collect();
        let columns = columns.ok_or_else(|| Error::Log("a partition column is not in the schema".to_owned()))?;
        if columns.len() > 16 {
            return Err(Error::Unsupported("more than 16 partition columns".to_owned()));
        }
        Ok(Self(columns))
    }

    /// The id of a column's partition field.
    pub(crate) fn id(place: usize) -> i32 {
        i32::try_from(place).map_or(i32::MAX, |place| FIRST_ID + place)
    }

    /// The largest id of a partition field; the one before the first where there is none.
    pub(crate) fn last_id(&self) -> i32 {
        Self::id(self.0.len()) - 1
    }

    /// The values of a file: `None` for one that is missing, which a log writes as nothing or as an empty text.
    pub(crate) fn values(&self, file: &DataFile) -> Result<Vec<Option<Scalar>>, Error> {
        let value = |column: &Column| {
            let text = file.partition_values.get(&column.physical).and_then(Option::as_deref);
            let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
            let value = Scalar::of_text(column.primitive, text);
            value.map(Some).ok_or_else(|| Error::Log(format!("{text:?} is no value of partition column {}", column.name)))
        };
        self.0.iter().map(value).collect()
    }

    /// The specification for files that lack the values of a set of columns: a plan has no way to say that a value is missing. The
    /// set is its id, so that 0 is the one of all columns.
    pub(crate) fn spec(&self, lacking: usize) -> Value {
        let has = |(place, _): &(usize, &Column)| lacking & (1 << place) == 0;
        let field = |(place, column): (usize, &Column)| {
            let id = Self::id(place);
            json!({ "source-id": column.id, "field-id": id, "name": column.name, "transform": "identity" })
        };
        let fields: Vec<Value> = self.0.iter().enumerate().filter(has).map(field).collect();
        json!({ "spec-id": lacking, "fields": fields })
    }
}

/// Which values are missing.
pub(crate) fn lacking(values: &[Option<Scalar>]) -> usize {
    values.iter().enumerate().filter(|(_, value)| value.is_none()).map(|(place, _)| 1 << place).sum()
}
