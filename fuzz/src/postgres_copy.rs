//! Rows that clients of PostgreSQL copy in, as text and binary, in pieces that end anywhere.
//!
//! The first byte chooses the form, the second where the data is cut in two. The rest is the data.

use arrow::datatypes::{DataType, TimeUnit};
use polder_pgwire::fuzzing::{Copied, copied};

use crate::within;

/// What rows of less than two kilobytes may be held in.
const HELD_BYTES: usize = 16 << 20;

/// Nothing is needed.
pub fn prepare() {}

/// Takes rows.
///
/// # Panics
/// When the same data in other pieces makes other rows.
pub fn run(sent: &[u8]) {
    let [form, cut, data @ ..] = sent else { return };
    let form = match form % 3 {
        0 => Copied::Text { delimiter: b'\t', null: "\\N" },
        1 => Copied::Text { delimiter: b',', null: "" },
        _ => Copied::Binary(types()),
    };
    within(HELD_BYTES, || {
        let (one, other) = data.split_at(usize::from(*cut) * data.len() / 256);
        assert_eq!(copied(&form, &[data]), copied(&form, &[one, other]), "rows are the same in whatever pieces they come");
    });
}

fn types() -> Vec<DataType> {
    vec![
        DataType::Int64,
        DataType::Utf8,
        DataType::Decimal128(12, 2),
        DataType::Date32,
        DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        DataType::Binary,
    ]
}
