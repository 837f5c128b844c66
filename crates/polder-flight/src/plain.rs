//! Columns in the types that every driver knows: views of text and bytes become text and bytes, dictionaries their values.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use arrow::error::ArrowError;

/// The schema in plain types.
pub(crate) fn schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(field).collect();
    // Notes of the engine's and of files are nothing to clients.
    Arc::new(Schema::new(fields))
}

/// The batch in a schema that came of [`schema`].
pub(crate) fn batch(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
        if column.data_type() == field.data_type() { Ok(column.clone()) } else { cast(column, field.data_type()) }
    });
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns.collect::<Result<_, _>>()?, &options)
}

fn field(of: &FieldRef) -> FieldRef {
    Arc::new(Field::new(of.name(), plain(of.data_type()), of.is_nullable()))
}

fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        DataType::Dictionary(_, values) => plain(values),
        DataType::List(element) => DataType::List(field(element)),
        DataType::LargeList(element) => DataType::LargeList(field(element)),
        DataType::FixedSizeList(element, length) => DataType::FixedSizeList(field(element), *length),
        DataType::Map(entries, sorted) => DataType::Map(field(entries), *sorted),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(field).collect()),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, AsArray as _, DictionaryArray, ListArray, StringViewArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::datatypes::Int8Type;

    use super::*;

    #[test]
    fn views_and_dictionaries_become_their_values_however_deep() {
        let views = || Arc::new(StringViewArray::from(vec![Some("a text that is no short one"), None])) as ArrayRef;
        let element = Arc::new(Field::new("element", DataType::Utf8View, true));
        let lists = ListArray::new(element, OffsetBuffer::from_lengths([1, 1]), views(), None);
        let words: DictionaryArray<Int8Type> = ["x", "x"].into_iter().collect();
        let columns: Vec<(&str, ArrayRef)> = vec![("view", views()), ("lists", Arc::new(lists)), ("words", Arc::new(words))];
        let wide = RecordBatch::try_from_iter(columns).unwrap();
        let narrow = batch(&wide, &schema(&wide.schema())).unwrap();
        assert_eq!(narrow.column(0).as_string::<i32>().value(0), "a text that is no short one");
        assert!(narrow.column(0).is_null(1));
        assert_eq!(narrow.column(1).as_list::<i32>().values().as_string::<i32>().value(0), "a text that is no short one");
        assert_eq!(narrow.column(2).as_string::<i32>().value(1), "x");
    }

    #[test]
    fn a_batch_of_no_columns_keeps_its_rows() {
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(3));
        let empty = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
        assert_eq!(batch(&empty, &schema(&empty.schema())).unwrap().num_rows(), 3);
    }
}
