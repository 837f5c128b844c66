//! Numbers from text, exactly: a digit is never rounded away and a value never wraps.
//!
//! What is accepted: an optional sign, digits with an optional point, an optional exponent. `12.0` and `1.2e1` are whole
//! numbers, as nothing is lost; `12.5` is none. `float` and `double` take the nearest binary number, which is what these types
//! mean, but a number beyond their range is refused instead of becoming infinite.

/// Why a text is not a number of the type asked for.
pub(crate) type Reason = &'static str;

const NOT_A_NUMBER: Reason = "is not a number";
const NOT_WHOLE: Reason = "is not a whole number";
const OUT_OF_RANGE: Reason = "is out of range";
const SCALE: Reason = "has more digits after the point than fit";
const PRECISION: Reason = "has more digits than fit";

/// Reads a whole number of any width.
pub(crate) fn integer<T: TryFrom<i64>>(text: &str) -> Result<T, Reason> {
    let wide = match plain(text.as_bytes()) {
        Some(value) => value,
        None => {
            let exact = decimal(text, 38, 0).map_err(|reason| match reason {
                SCALE => NOT_WHOLE,
                PRECISION => OUT_OF_RANGE,
                other => other,
            })?;
            i64::try_from(exact).map_err(|_| OUT_OF_RANGE)?
        }
    };
    T::try_from(wide).map_err(|_| OUT_OF_RANGE)
}

/// The usual case: at most 18 digits and perhaps a minus.
#[inline]
fn plain(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// The powers of ten that a decimal can be scaled by.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut at = 1;
    while at < 39 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Reads a decimal as its unscaled value.
pub(crate) fn decimal(text: &str, precision: u8, scale: u8) -> Result<i128, Reason> {
    match plain_decimal(text.as_bytes(), scale) {
        Some(unscaled) if unscaled.abs() < POWERS[usize::from(precision)] => Ok(unscaled),
        _ => any_decimal(text, precision, scale),
    }
}

/// The usual case: at most 18 digits, of which no more after the point than fit, and no exponent.
fn plain_decimal(text: &[u8], scale: u8) -> Option<i128> {
    let (negative, unsigned) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if unsigned.is_empty() || unsigned.len() > 18 {
        return None;
    }
    let (mut value, mut point) = (0_i64, None);
    for (at, byte) in unsigned.iter().enumerate() {
        match byte {
            b'0'..=b'9' => value = value * 10 + i64::from(byte - b'0'),
            b'.' if point.is_none() && unsigned.len() > 1 => point = Some(at),
            _ => return None,
        }
    }
    let fraction = point.map_or(0, |at| unsigned.len() - 1 - at);
    let shift = usize::from(scale).checked_sub(fraction)?;
    let unscaled = i128::from(value).checked_mul(POWERS[shift])?;
    Some(if negative { -unscaled } else { unscaled })
}

fn any_decimal(text: &str, precision: u8, scale: u8) -> Result<i128, Reason> {
    let (negative, unsigned) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mantissa, exponent) = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = match memchr::memchr(b'.', mantissa) {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &[][..]),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(NOT_A_NUMBER);
    }
    let significant = fraction.len() - fraction.iter().rev().take_while(|byte| **byte == b'0').count();
    let digits = accumulate(accumulate(0, whole)?, &fraction[..significant])?;
    let shift = i64::from(scale) + exponent - i64::try_from(significant).map_err(|_| PRECISION)?;
    let unscaled = rescale(digits, shift)?;
    if unscaled >= POWERS[usize::from(precision)] {
        return Err(PRECISION);
    }
    Ok(if negative { -unscaled } else { unscaled })
}

fn exponent(text: &[u8]) -> Result<i64, Reason> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(NOT_A_NUMBER);
    }
    let size = digits.iter().fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(100_000));
    Ok(if negative { -size } else { size })
}

fn accumulate(start: i128, digits: &[u8]) -> Result<i128, Reason> {
    let mut value = start;
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return Err(NOT_A_NUMBER);
        }
        value = value.checked_mul(10).and_then(|v| v.checked_add(i128::from(digit))).ok_or(PRECISION)?;
    }
    Ok(value)
}

fn rescale(digits: i128, shift: i64) -> Result<i128, Reason> {
    if digits == 0 {
        return Ok(0);
    }
    let power = u32::try_from(shift.unsigned_abs()).ok().and_then(|by| 10_i128.checked_pow(by));
    match (power, shift >= 0) {
        (Some(power), true) => digits.checked_mul(power).ok_or(PRECISION),
        (None, true) => Err(PRECISION),
        (Some(power), false) if digits % power == 0 => Ok(digits / power),
        (_, false) => Err(SCALE),
    }
}

/// Reads a `double`.
pub(crate) fn double(text: &str) -> Result<f64, Reason> {
    match special(text) {
        Some(value) => Ok(value),
        None => {
            let value: f64 = numeric(text)?.parse().map_err(|_| NOT_A_NUMBER)?;
            if value.is_finite() { Ok(value) } else { Err(OUT_OF_RANGE) }
        }
    }
}

/// Reads a `float`: the 32-bit number nearest to the text itself, not to its `double`.
pub(crate) fn float(text: &str) -> Result<f32, Reason> {
    match special(text) {
        Some(value) if value.is_nan() => Ok(f32::NAN),
        Some(value) => Ok(if value > 0.0 { f32::INFINITY } else { f32::NEG_INFINITY }),
        None => {
            let value: f32 = numeric(text)?.parse().map_err(|_| NOT_A_NUMBER)?;
            if value.is_finite() { Ok(value) } else { Err(OUT_OF_RANGE) }
        }
    }
}

/// `NaN` and the infinities, written out: what Spark and most writers emit.
fn special(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// Keeps the words that Rust reads as numbers (`inf`, `nan`) out.
fn numeric(text: &str) -> Result<&str, Reason> {
    let digits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
    if text.bytes().all(digits) { Ok(text) } else { Err(NOT_A_NUMBER) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_or_refused() {
        let check = |text: &str, expect: Result<i128, Reason>| assert_eq!(decimal(text, 6, 2), expect, "{text}");
        check("1.5", Ok(150));
        check("-0.01", Ok(-1));
        check("+12", Ok(1200));
        check("9999.99", Ok(999_999));
        check("1.230000000000000000000000000000000000000000000000000000", Ok(123));
        check("12345e-2", Ok(12_345));
        check("0e99999999999", Ok(0));
        check("0.001", Err(SCALE));
        check("1e-400", Err(SCALE));
        check("10000", Err(PRECISION));
        check("1e38", Err(PRECISION));
        check("1e999999", Err(PRECISION));
        check("99999999999999999999999999999999999999999999", Err(PRECISION));
        check("-1", Ok(-100));
        check("1.", Ok(100));
        check(".5", Ok(50));
        for text in ["", "-", ".", "-.", "--1", "1.2.3", "1e", "e5", "0x1", " 1", "1_000", "١"] {
            check(text, Err(NOT_A_NUMBER));
        }
        assert_eq!(decimal(&"9".repeat(38), 38, 0), Ok(10_i128.pow(38) - 1));
    }

    #[test]
    fn whole_numbers_keep_their_width() {
        assert_eq!(integer::<i8>("-128"), Ok(-128));
        assert_eq!(integer::<i8>("128"), Err(OUT_OF_RANGE));
        assert_eq!(integer::<i64>("9223372036854775807"), Ok(i64::MAX));
        assert_eq!(integer::<i64>("9223372036854775808"), Err(OUT_OF_RANGE));
        assert_eq!(integer::<i64>("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer::<i32>("12.0"), Ok(12));
        assert_eq!(integer::<i32>("1.2e1"), Ok(12));
        assert_eq!(integer::<i32>("12.5"), Err(NOT_WHOLE));
        assert_eq!(integer::<i32>("twelve"), Err(NOT_A_NUMBER));
    }

    #[test]
    fn floats_never_become_infinite_by_themselves() {
        assert_eq!(double("1e308"), Ok(1e308));
        assert_eq!(double("1e309"), Err(OUT_OF_RANGE));
        assert_eq!(float("1e39"), Err(OUT_OF_RANGE));
        assert_eq!(double("-Infinity"), Ok(f64::NEG_INFINITY));
        assert!(float("NaN").is_ok_and(f32::is_nan));
        assert_eq!(double("inf"), Err(NOT_A_NUMBER));
        assert_eq!(double(""), Err(NOT_A_NUMBER));
    }
}
