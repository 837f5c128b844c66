//! Dates and timestamps from text (ISO 8601, RFC 3339), exactly.
//!
//! An instant may name its zone (`Z`, `UTC`, `+02:00`); without one it is read as UTC, as the type's values are. A wall clock
//! (`timestamp_ntz`) must not: dropping the zone would change what it means. Digits beyond microseconds must be zero; a leap
//! second, hour 24 and a date that does not exist are refused.

use chrono::{Datelike, NaiveDate};

use crate::value::Reason;

/// 1970-01-01 in days of the common era.
const EPOCH_DAYS: i32 = 719_163;
const MICROS: i64 = 1_000_000;

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
pub(crate) fn date(text: &str) -> Result<i32, Reason> {
    let bytes = text.as_bytes();
    match bytes {
        [_, _, _, _, b'-', _, _, b'-', _, _] => day(bytes),
        _ => Err("is not a date (YYYY-MM-DD)"),
    }
}

fn day(bytes: &[u8]) -> Result<i32, Reason> {
    let not_a_date = "is not a date (YYYY-MM-DD)";
    let year = two(bytes, 0).zip(two(bytes, 2)).map(|(high, low)| high * 100 + low).ok_or(not_a_date)?;
    let (month, day) = two(bytes, 5).zip(two(bytes, 8)).ok_or(not_a_date)?;
    let found = NaiveDate::from_ymd_opt(i32::try_from(year).map_err(|_| not_a_date)?, month, day);
    match found {
        Some(date) if year > 0 => Ok(date.num_days_from_ce() - EPOCH_DAYS),
        _ => Err("is a date that does not exist"),
    }
}

fn two(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.get(at..at + 2)? {
        [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Some(u32::from(a - b'0') * 10 + u32::from(b - b'0')),
        _ => None,
    }
}

/// Reads an instant as microseconds since 1970-01-01 UTC.
pub(crate) fn instant(text: &str) -> Result<i64, Reason> {
    let (micros, zone) = clock(text)?;
    Ok(micros - offset_seconds(zone)? * MICROS)
}

/// Reads a wall clock as microseconds since 1970-01-01 of the same clock.
pub(crate) fn wall_clock(text: &str) -> Result<i64, Reason> {
    match clock(text)? {
        (micros, b"") => Ok(micros),
        _ => Err("names a zone, which a timestamp_ntz cannot keep"),
    }
}

/// Reads `YYYY-MM-DD HH:MM[:SS[.ffffff]]` and returns what follows.
fn clock(text: &str) -> Result<(i64, &[u8]), Reason> {
    let not_a_time = "is not a timestamp (YYYY-MM-DD HH:MM:SS)";
    let bytes = text.as_bytes();
    let [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', _, _, b':', _, _, rest @ ..] = bytes else {
        return Err(not_a_time);
    };
    let days = day(&bytes[..10])?;
    let (hour, minute) = two(bytes, 11).zip(two(bytes, 14)).ok_or(not_a_time)?;
    let (second, rest) = match rest {
        [b':', ..] => (two(rest, 1).ok_or(not_a_time)?, &rest[3..]),
        _ => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return Err("is a time that does not exist");
    }
    let (micros, rest) = match rest {
        [b'.' | b',', digits @ ..] => fraction(digits)?,
        _ => (0, rest),
    };
    let seconds = i64::from(days) * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Ok((seconds * MICROS + micros, rest))
}

fn fraction(bytes: &[u8]) -> Result<(i64, &[u8]), Reason> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = bytes.split_at(length);
    if digits.is_empty() {
        return Err("is not a timestamp (YYYY-MM-DD HH:MM:SS)");
    }
    if digits.iter().skip(6).any(|digit| *digit != b'0') {
        return Err("has digits beyond microseconds");
    }
    let micros = (0..6).fold(0, |sum, at| sum * 10 + digits.get(at).map_or(0, |digit| i64::from(digit - b'0')));
    Ok((micros, rest))
}

fn offset_seconds(zone: &[u8]) -> Result<i64, Reason> {
    let unknown = "names a zone that is not Z, UTC or an offset such as +02:00";
    let (sign, hours, minutes) = match zone {
        b"" | b"Z" | b"z" | b"UTC" | b" UTC" => return Ok(0),
        [sign @ (b'+' | b'-'), _, _] => (sign, two(zone, 1), Some(0)),
        [sign @ (b'+' | b'-'), _, _, _, _] => (sign, two(zone, 1), two(zone, 3)),
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => (sign, two(zone, 1), two(zone, 4)),
        _ => return Err(unknown),
    };
    match (hours, minutes) {
        (Some(hours @ 0..=18), Some(minutes @ 0..=59)) => {
            let seconds = i64::from(hours * 3600 + minutes * 60);
            Ok(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => Err(unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_exist_or_are_refused() {
        assert_eq!(date("1970-01-01"), Ok(0));
        assert_eq!(date("1872-11-30"), Ok(-35_460));
        assert_eq!(date("2024-02-29"), Ok(19_782));
        for text in ["2023-02-29", "2024-13-01", "2024-00-10", "0000-01-01"] {
            assert_eq!(date(text), Err("is a date that does not exist"), "{text}");
        }
        for text in ["", "24-01-01", "2024-1-1", "2024/01/01", "2024-01-01T00:00", "+024-01-01", "２０２４"] {
            assert_eq!(date(text), Err("is not a date (YYYY-MM-DD)"), "{text}");
        }
    }

    #[test]
    fn instants_honour_their_zone() {
        let noon = 43_200 * MICROS;
        for text in ["1970-01-01T12:00:00Z", "1970-01-01 12:00", "1970-01-01 14:00:00+02:00", "1970-01-01T08:30:00.000-0330"] {
            assert_eq!(instant(text), Ok(noon), "{text}");
        }
        assert_eq!(instant("1969-12-31T23:59:59.999999Z"), Ok(-1));
        assert_eq!(instant("1970-01-01T00:00:00.0000010Z"), Ok(1));
        assert_eq!(instant("1970-01-01T00:00:00.0000001Z"), Err("has digits beyond microseconds"));
        assert_eq!(instant("1970-01-01T24:00:00Z"), Err("is a time that does not exist"));
        assert_eq!(instant("2016-12-31T23:59:60Z"), Err("is a time that does not exist"));
        assert!(instant("1970-01-01T12:00:00 Europe/Paris").is_err());
        assert!(instant("1970-01-01").is_err());
    }

    #[test]
    fn wall_clocks_refuse_a_zone() {
        assert_eq!(wall_clock("1970-01-01T00:00:01"), Ok(MICROS));
        assert!(wall_clock("1970-01-01T00:00:01Z").is_err());
    }
}
