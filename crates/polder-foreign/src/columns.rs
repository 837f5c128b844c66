//! Declared columns: where each is among those that are there, and rows that have them.

use arrow::array::{Array as _, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;

use crate::unread::Unread;

/// What there is by the name of a declared column: as it is written, or else but for the case of its letters.
///
/// # Errors
/// A text for people when there is no such column, or several.
pub fn find<'t, T>(there: &'t [T], name: &str, name_of: impl Fn(&T) -> &str) -> Result<&'t T, String> {
    if let Some(exactly) = there.iter().find(|one| name_of(one) == name) {
        return Ok(exactly);
    }
    let mut alike = there.iter().filter(|one| name_of(one).eq_ignore_ascii_case(name));
    match (alike.next(), alike.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("the column {name} is declared and is not there")),
        (Some(_), Some(_)) => {
            Err(format!("the column {name} is there several times but for the case of its letters, and never as it is declared"))
        }
    }
}

/// So many rows with the declared columns. A column that is not optional has a value in each.
///
/// # Errors
/// When one has none, or the columns are not of the declared types.
pub fn declared(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch, Unread> {
    let lacking = schema.fields().iter().zip(&columns).find(|(field, column)| !field.is_nullable() && column.null_count() > 0);
    if let Some((field, _)) = lacking {
        let name = field.name();
        return Err(
            format!("the column {name} has rows without a value: declare it as optional in the connection's descriptor").into()
        );
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|_| "its rows do not have the declared columns".into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;

    #[test]
    fn a_column_that_is_there_twice_but_for_case_is_named_exactly() {
        let find = |there: &[&'static str], name: &str| find(there, name, |one| one).copied();
        assert_eq!(find(&["Id", "ID"], "ID"), Ok("ID"));
        assert_eq!(find(&["Id"], "id"), Ok("Id"));
        assert!(find(&["Id", "ID"], "id").unwrap_err().contains("several times"));
        assert!(find(&["Id", "ID"], "other").unwrap_err().contains("is not there"));
    }

    #[test]
    fn rows_are_as_they_are_declared_or_none() {
        let schema =
            Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)]));
        let rows = |ids: Vec<Option<i64>>, names: Vec<Option<&str>>| {
            let count = ids.len();
            declared(&schema, vec![Arc::new(Int64Array::from(ids)), Arc::new(StringArray::from(names))], count)
        };
        assert_eq!(rows(vec![Some(1)], vec![None]).unwrap().num_rows(), 1);
        assert!(rows(vec![None], vec![Some("a")]).unwrap_err().to_string().contains("the column id has rows without a value"));
        let swapped: Vec<ArrayRef> = vec![Arc::new(StringArray::from(vec!["a"])), Arc::new(Int64Array::from(vec![1]))];
        assert_eq!(declared(&schema, swapped, 1), Err("its rows do not have the declared columns".into()));
        assert_eq!(declared(&Arc::new(Schema::empty()), Vec::new(), 7).unwrap().num_rows(), 7);
    }
}
