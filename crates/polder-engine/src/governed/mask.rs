//! What stands in place of masked values.
//!
//! Every mask keeps the column's type, and a missing value stays missing. A mask that cannot stand for a type hides the
//! value altogether. These are not SQL functions: nobody can call them with values of their choice.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeStringArray, StringArray, StringViewArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::error::ArrowError;
use chrono::{DateTime, Datelike, NaiveDate};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use polder_model::Mask;
use polder_model::secret::Secret;

/// How many hexadecimal digits of a hash are shown.
const HASH_DIGITS: usize = 32;

/// The tenant's key, ready to hash with.
#[derive(Clone)]
pub(crate) struct MaskKey(Arc<Hmac<Sha256>>);

impl MaskKey {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(Arc::new(Hmac::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length")))
    }

    fn hash(&self, value: &str) -> String {
        let mut mac = (*self.0).clone();
        mac.update(value.as_bytes());
        let digest = mac.finalize().into_bytes();
        hex::encode(&digest[..HASH_DIGITS / 2])
    }
}

/// Puts a mask over an array.
pub(crate) fn masked(array: &ArrayRef, mask: Mask, key: &MaskKey) -> Result<ArrayRef, ArrowError> {
    if let DataType::Dictionary(_, value_type) = array.data_type() {
        // Partition columns come as dictionaries.
        let values = cast(array, value_type)?;
        return cast(&masked(&values, mask, key)?, array.data_type());
    }
    Ok(match mask {
        Mask::Null => hidden(array),
        Mask::Hash => text(array, |value| key.hash(value)),
        Mask::Redact => text(array, |_| "***".to_owned()),
        Mask::Partial => text(array, partial),
        Mask::Year => year(array),
    })
}

fn hidden(array: &ArrayRef) -> ArrayRef {
    new_null_array(array.data_type(), array.len())
}

fn text(array: &ArrayRef, mask: impl Fn(&str) -> String) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8 => Arc::new(array.as_string::<i32>().iter().map(|v| v.map(&mask)).collect::<StringArray>()),
        DataType::LargeUtf8 => Arc::new(array.as_string::<i64>().iter().map(|v| v.map(&mask)).collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(array.as_string_view().iter().map(|v| v.map(&mask)).collect::<StringViewArray>()),
        _ => hidden(array),
    }
}

/// The first character and the last two, the rest `*`; all `*` when five characters or fewer.
fn partial(value: &str) -> String {
    let length = value.chars().count();
    let shown = |at: usize| length > 5 && (at == 0 || at + 2 >= length);
    value.chars().enumerate().map(|(at, c)| if shown(at) { c } else { '*' }).collect()
}

fn year(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Date32 => Arc::new(array.as_primitive::<Date32Type>().unary_opt::<_, Date32Type>(|days| {
            let first = year_of_seconds(i64::from(days).checked_mul(DAY)?)?;
            i32::try_from(first / DAY).ok()
        })),
        DataType::Date64 => Arc::new(array.as_primitive::<Date64Type>().unary_opt::<_, Date64Type>(|v| year_of(v, 1_000))),
        DataType::Timestamp(unit, zone) => {
            let zone = zone.clone();
            match unit {
                TimeUnit::Second => Arc::new(
                    array
                        .as_primitive::<TimestampSecondType>()
                        .unary_opt::<_, TimestampSecondType>(|v| year_of(v, 1))
                        .with_timezone_opt(zone),
                ),
                TimeUnit::Millisecond => Arc::new(
                    array
                        .as_primitive::<TimestampMillisecondType>()
                        .unary_opt::<_, TimestampMillisecondType>(|v| year_of(v, 1_000))
                        .with_timezone_opt(zone),
                ),
                TimeUnit::Microsecond => Arc::new(
                    array
                        .as_primitive::<TimestampMicrosecondType>()
                        .unary_opt::<_, TimestampMicrosecondType>(|v| year_of(v, 1_000_000))
                        .with_timezone_opt(zone),
                ),
                TimeUnit::Nanosecond => Arc::new(
                    array
                        .as_primitive::<TimestampNanosecondType>()
                        .unary_opt::<_, TimestampNanosecondType>(|v| year_of(v, 1_000_000_000))
                        .with_timezone_opt(zone),
                ),
            }
        }
        _ => hidden(array),
    }
}

const DAY: i64 = 86_400;

/// The first moment of a value's year, in the value's own unit of `per_second` to a second.
fn year_of(value: i64, per_second: i64) -> Option<i64> {
    year_of_seconds(value.div_euclid(per_second))?.checked_mul(per_second)
}

fn year_of_seconds(seconds: i64) -> Option<i64> {
    let year = DateTime::from_timestamp(seconds, 0)?.year();
    Some(NaiveDate::from_ymd_opt(year, 1, 1)?.and_hms_opt(0, 0, 0)?.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, Int64Array};
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;

    fn check(data_type: &DataType, mask: Mask, values: &[Option<&str>], expect: &[&str]) {
        let text: ArrayRef = Arc::new(values.iter().copied().collect::<StringArray>());
        let array = cast(&text, data_type).unwrap();
        let masked = masked(&array, mask, &MaskKey::new(&Secret::new("key"))).unwrap();
        assert_eq!(masked.data_type(), data_type, "{mask:?}");
        let options = FormatOptions::default().with_null("-");
        let shown = ArrayFormatter::try_new(masked.as_ref(), &options).unwrap();
        let found: Vec<String> = (0..masked.len()).map(|at| shown.value(at).to_string()).collect();
        assert_eq!(found, expect, "{data_type} {mask:?}");
    }

    #[test]
    fn a_mask_keeps_type_and_missing_values() {
        let names = [Some("Ann Alder"), None, Some("Åsa"), Some("")];
        let dictionary = DataType::Dictionary(Box::new(DataType::UInt16), Box::new(DataType::Utf8));
        for text in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, dictionary] {
            check(&text, Mask::Null, &names, &["-", "-", "-", "-"]);
            check(&text, Mask::Redact, &names, &["***", "-", "***", "***"]);
            check(&text, Mask::Partial, &names, &["A******er", "-", "***", ""]);
        }
        let known = "5d5d139563c95b5967b9bd9a8c9b233a";
        let hashed = MaskKey::new(&Secret::new("key")).hash("");
        assert_eq!((hashed.as_str(), hashed.len()), (known, HASH_DIGITS));
        check(&DataType::Utf8, Mask::Hash, &[Some(""), None], &[known, "-"]);
    }

    #[test]
    fn a_year_is_its_first_moment_before_1970_too() {
        let times = [Some("2024-12-31T23:59:59"), None, Some("1969-07-20T20:17:40")];
        check(&DataType::Date32, Mask::Year, &[Some("2024-02-29"), Some("1969-07-20")], &["2024-01-01", "1969-01-01"]);
        for unit in [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond] {
            let expect = ["2024-01-01T00:00:00", "-", "1969-01-01T00:00:00"];
            check(&DataType::Timestamp(unit, None), Mask::Year, &times, &expect);
            let zoned = ["2024-01-01T00:00:00Z", "-", "1969-01-01T00:00:00Z"];
            check(&DataType::Timestamp(unit, Some("UTC".into())), Mask::Year, &times, &zoned);
        }
    }

    #[test]
    fn a_mask_that_does_not_fit_hides_the_value() {
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        for mask in [Mask::Hash, Mask::Redact, Mask::Partial, Mask::Year] {
            let masked = masked(&numbers, mask, &MaskKey::new(&Secret::new("key"))).unwrap();
            assert_eq!(masked.null_count(), 2, "{mask:?}");
        }
    }
}
