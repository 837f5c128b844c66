//! Decimals as PostgreSQL writes them: all of their 38 digits, which the usual type for them cannot hold.

use std::error::Error;

use arrow::array::{Array as _, ArrayRef, AsArray as _};
use arrow::datatypes::Decimal128Type;
use bytes::{BufMut as _, BytesMut};
use pgwire::api::results::FieldFormat;

/// What a digit on the wire counts to.
const BASE: u128 = 10_000;
/// How many decimal digits are in one on the wire.
const DIGITS: u32 = 4;

const POSITIVE: i16 = 0;
const NEGATIVE: i16 = 0x4000;

/// Writes a value and its length.
pub(super) fn write(
    column: &ArrayRef,
    row: usize,
    scale: i8,
    format: FieldFormat,
    out: &mut BytesMut,
) -> Result<(), Box<dyn Error>> {
    if column.is_null(row) {
        out.put_i32(-1);
        return Ok(());
    }
    let decimals = column.as_primitive::<Decimal128Type>();
    let start = out.len();
    out.put_i32(0);
    match format {
        FieldFormat::Text => out.put_slice(decimals.value_as_string(row).as_bytes()),
        FieldFormat::Binary => binary(decimals.value(row), scale, out)?,
    }
    let length = i32::try_from(out.len() - start - 4)?;
    (&mut out[start..start + 4]).put_i32(length);
    Ok(())
}

/// A decimal as digits to the base of ten thousand, the weight of the first, the sign, and how many are behind the point.
fn binary(value: i128, scale: i8, out: &mut BytesMut) -> Result<(), Box<dyn Error>> {
    let mut left = value.unsigned_abs();
    let scale = match u32::try_from(scale) {
        Ok(scale) => scale,
        Err(_) => {
            left = left.checked_mul(10_u128.pow(scale.unsigned_abs().into())).ok_or("the decimal is too large")?;
            0
        }
    };
    // Digits on the wire do not cross the point.
    let behind = scale.div_ceil(DIGITS);
    let missing = behind * DIGITS - scale;
    let (mut whole, mut part) = (left / 10_u128.pow(scale), left % 10_u128.pow(scale));
    let mut digits = Vec::new();
    // The last digit on the wire is filled up by itself: all of them together would be too large.
    if behind > 0 {
        let own = 10_u128.pow(DIGITS - missing);
        digits.push(i16::try_from(part % own * 10_u128.pow(missing))?);
        part /= own;
    }
    for _ in 1..behind {
        digits.push(i16::try_from(part % BASE)?);
        part /= BASE;
    }
    while whole > 0 {
        digits.push(i16::try_from(whole % BASE)?);
        whole /= BASE;
    }
    digits.reverse();
    let mut weight = i16::try_from(digits.len())? - i16::try_from(behind)? - 1;
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..zeros);
    weight -= i16::try_from(zeros)?;
    while digits.last() == Some(&0) {
        digits.pop();
    }
    if digits.is_empty() {
        weight = 0;
    }
    out.put_i16(i16::try_from(digits.len())?);
    out.put_i16(weight);
    out.put_i16(if value < 0 { NEGATIVE } else { POSITIVE });
    out.put_i16(i16::try_from(scale)?);
    for digit in digits {
        out.put_i16(digit);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: i128, scale: i8) -> Vec<i16> {
        let mut out = BytesMut::new();
        binary(value, scale, &mut out).unwrap();
        out.chunks(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    #[test]
    fn decimals_are_digits_to_the_base_of_ten_thousand() {
        assert_eq!(written(0, 2), [0, 0, 0, 2]);
        assert_eq!(written(12345, 2), [2, 0, 0, 2, 123, 4500]);
        assert_eq!(written(-1, 4), [1, -1, NEGATIVE, 4, 1]);
        assert_eq!(written(1, 5), [1, -2, 0, 5, 1000]);
        assert_eq!(written(10_000, 0), [1, 1, 0, 0, 1]);
        assert_eq!(written(100_000_001, 0), [3, 2, 0, 0, 1, 0, 1]);
        assert_eq!(written(7, -2), [1, 0, 0, 0, 700]);
        let most = 10_i128.pow(38) - 1;
        assert_eq!(written(most, 0), [&[10, 9, 0, 0, 99][..], &[9999; 9]].concat());
        assert_eq!(written(most, 38)[..4], [10, -1, 0, 38]);
    }
}
