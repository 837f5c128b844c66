//! How many bytes values have, wherever they are: arrays that are slices of others, or were read together, share their buffers, whose
//! sizes say little of each.

use arrow::array::{Array, AsArray as _, OffsetSizeTrait, RecordBatch};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::DataType;

/// The bytes of one row of a batch.
#[must_use]
pub fn of_row(rows: &RecordBatch, row: usize) -> usize {
    rows.columns().iter().map(|column| of_value(column, row)).sum()
}

fn of_value(column: &dyn Array, row: usize) -> usize {
    match column.data_type().primitive_width() {
        Some(width) => width,
        None => of_values(column.slice(row, 1).as_ref()),
    }
}

/// The bytes of all values of an array. A value of a dictionary is counted as its key, as it is there once for many.
fn of_values(values: &dyn Array) -> usize {
    match values.data_type() {
        DataType::Utf8 => within(values.as_string::<i32>().offsets()).1,
        DataType::LargeUtf8 => within(values.as_string::<i64>().offsets()).1,
        DataType::Binary => within(values.as_binary::<i32>().offsets()).1,
        DataType::LargeBinary => within(values.as_binary::<i64>().offsets()).1,
        DataType::Utf8View => values.as_string_view().iter().flatten().map(str::len).sum(),
        DataType::BinaryView => values.as_binary_view().iter().flatten().map(<[u8]>::len).sum(),
        DataType::List(_) => of_part(values.as_list::<i32>().values(), within(values.as_list::<i32>().offsets())),
        DataType::LargeList(_) => of_part(values.as_list::<i64>().values(), within(values.as_list::<i64>().offsets())),
        DataType::Map(..) => of_part(values.as_map().entries(), within(values.as_map().offsets())),
        DataType::Struct(_) => values.as_struct().columns().iter().map(|column| of_values(column)).sum(),
        DataType::FixedSizeBinary(width) => values.len() * usize::try_from(*width).unwrap_or_default(),
        other => values.len() * other.primitive_width().unwrap_or(1),
    }
}

fn of_part(values: &dyn Array, (from, length): (usize, usize)) -> usize {
    of_values(values.slice(from, length).as_ref())
}

/// Where the values of an array begin among those that it shares, and how many there are.
fn within<O: OffsetSizeTrait>(offsets: &OffsetBuffer<O>) -> (usize, usize) {
    let (from, to) = (offsets.first().map_or(0, |at| at.as_usize()), offsets.last().map_or(0, |at| at.as_usize()));
    (from, to - from)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, ListArray, StringArray, StringViewArray, StructArray};
    use arrow::datatypes::{Field, Int32Type};

    use super::*;

    #[test]
    fn a_row_has_the_bytes_of_its_own_values() {
        let texts = StringArray::from(vec![Some("ab"), None, Some("abcdef")]);
        let lists =
            ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)]), None, Some(vec![Some(1), None, Some(3)])]);
        let field = Arc::new(Field::new("text", DataType::Utf8, true));
        let pairs = StructArray::from(vec![(field, Arc::new(texts.clone()) as ArrayRef)]);
        let views = StringViewArray::from(vec![Some("a"), None, Some("a text that is longer than a view")]);
        let columns: [(&str, ArrayRef); 5] = [
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3]))),
            ("text", Arc::new(texts)),
            ("list", Arc::new(lists)),
            ("pair", Arc::new(pairs)),
            ("view", Arc::new(views)),
        ];
        let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
        let bytes: Vec<usize> = (0..3).map(|row| of_row(&rows, row)).collect();
        assert_eq!(bytes, [8 + 2 + 4 + 2 + 1, 8, 8 + 6 + 12 + 6 + 33]);
        // A part of them has no more.
        assert_eq!(of_row(&rows.slice(2, 1), 0), bytes[2]);
    }
}
